"""What is known of speech: encoders of windows, loudness and pauses."""

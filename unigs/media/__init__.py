"""Reading and writing video, audio and label videos."""

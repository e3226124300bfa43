"""From a video file to the features that training reads, one module per stage."""

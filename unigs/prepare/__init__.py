"""From a video file to the features that training reads, one package per results folder."""

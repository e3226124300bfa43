"""MediaPipe's networks run by LiteRT, with nothing of MediaPipe installed."""

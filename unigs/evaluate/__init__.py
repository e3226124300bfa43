"""Honest measurements on the held-out frames."""

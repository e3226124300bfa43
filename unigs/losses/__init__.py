"""Differences of two pictures, for training and evaluation alike."""

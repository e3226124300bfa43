"""Rotations, cameras and similarity transforms, each once."""

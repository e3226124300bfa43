"""Cameras and the rasteriser."""

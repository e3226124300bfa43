"""Cameras and the rasterizer."""

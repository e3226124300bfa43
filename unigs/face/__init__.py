"""Faces: landmark names, detectors, tracking, action units, lips."""

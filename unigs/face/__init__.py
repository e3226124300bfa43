"""What is known of faces: landmark names, detectors, action units, lips."""

"""A portrait as .ply files of 3D Gaussian splatting."""

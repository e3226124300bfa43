"""Compiled kernels of the tri-plane encoding and of the deformation network."""

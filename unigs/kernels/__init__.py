"""Numba kernels of the CPU path, each with a torch twin for CUDA and for the tests."""

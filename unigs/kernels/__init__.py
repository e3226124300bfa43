"""Compiled CPU kernels that several packages share."""

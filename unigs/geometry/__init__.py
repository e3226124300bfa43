"""Rotations, cameras, rigid motion and similarity transforms, in torch and in NumPy."""

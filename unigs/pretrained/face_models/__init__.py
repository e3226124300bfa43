"""3D morphable models of faces: the files that their makers publish, read without running code."""

"""Timings of the parts that decide how long training and playback take.

`python -m benchmarks` runs all of them, `python -m benchmarks.kernels` and
`python -m benchmarks.raster` one. Each prints a table and writes a JSON file.
"""

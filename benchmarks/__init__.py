"""Timings of the parts that decide how long training and playback take.

`python -m benchmarks` runs all of them, with one thread and with all, in about ten minutes;
`python -m benchmarks.raster` (`kernels`, `playback`, `training`) one. Each prints its tables and
writes a JSON file to benchmarks/results, named after the processor.
"""

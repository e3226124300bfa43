"""Timings of the parts that decide how long training and playback take.

`python -m benchmarks` runs all of them, with one thread and with all, in about ten minutes;
`python -m benchmarks.raster` (`kernels`, `playback`, `training`) one. Each prints its tables and
writes a JSON file to benchmarks/results, named after the processor.
"""

import os

# Before torch is loaded: its idle threads sleep instead of spinning, or those of an opponent would
# take processor time from the candidate whose turn is next.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

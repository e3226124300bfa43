"""Run every benchmark with its default length; flags are handed to all of them."""

import sys

from benchmarks import kernels, playback, raster, speech, training

for benchmark in (raster, kernels, playback, training, speech):
    benchmark.main(arguments=sys.argv[1:])

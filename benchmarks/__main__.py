"""Run every benchmark with its default length; flags are handed to all of them."""

import sys

from benchmarks import kernels, raster

kernels.main(sys.argv[1:])
raster.main(sys.argv[1:])

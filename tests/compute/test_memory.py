"""Freed memory stays with the process."""

import os
import platform
import subprocess
import sys

import pytest

ROUNDS, MEGABYTES = 20, 40
SCRIPT = f"""
import resource, sys
import numpy as np
from unigs.compute.memory import keep_freed_memory

def touched():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt * resource.getpagesize()

if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones({MEGABYTES} << 17)
before = touched()
for _ in range({ROUNDS}):
    np.ones({MEGABYTES} << 17)
print((touched() - before) / 2**20)
"""


def fresh_megabytes(how):
    """Megabytes that the kernel handed out anew while blocks were taken and freed in turns."""
    command = [sys.executable, "-c", SCRIPT, how]
    environment = {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"}  # pages of the size that is counted
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told")
def test_a_freed_block_is_not_cleared_again():
    assert fresh_megabytes("leave") > ROUNDS * MEGABYTES / 2
    assert fresh_megabytes("keep") < MEGABYTES / 2

"""Steps and played frames of one checkout, done as often as they are asked for.

`benchmarks.commits` starts one such process for each commit, with the commit's folder as
PYTHONPATH: whatever is imported here, the benchmarks' subject too, is the commit's.
"""

import sys
import time
from collections.abc import Callable

import torch

from benchmarks.playback import FRAMES, with_player
from benchmarks.subjects import dynamic_task, moving_portrait, static_task, subject
from benchmarks.training import Stepper
from unigs.compute.threads import set_threads
from unigs.playback.play import Playback


def works(count: int, size: int) -> dict[str, Callable[[], object]]:
    """What is timed: a step of either stage, and a clip of ten frames.

    Args:
        count: Gaussians.
        size: width and height in pixels.
    """
    dataset = subject(size)
    playback = Playback(moving_portrait(dataset, count))
    clip = dataset.performance[:FRAMES]
    return {
        "dynamic": Stepper(dynamic_task(dataset, count)),
        "static": Stepper(static_task(dataset, count)),
        "playback": lambda: with_player(playback, clip),
    }


def main(count: int, size: int, threads: int) -> None:
    """Read a name of a work per line, do the work, say its wall and CPU time in seconds."""
    set_threads(threads)
    torch.set_num_threads(1)
    known = works(count, size)
    for work in known.values():  # kernels are compiled, caches filled
        work()
    print("ready", flush=True)
    for line in sys.stdin:
        start, start_cpu = time.perf_counter(), time.process_time()
        known[line.strip()]()
        print(time.perf_counter() - start, time.process_time() - start_cpu, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

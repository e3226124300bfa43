"""A small thread pool that runs compiled kernels over index ranges.

Kernels are numba functions compiled with ``nogil=True`` whose first two arguments are a range
``[start, stop)``. They are called from ordinary Python threads: numba's own parallel loops bring
a threading layer that aborts on concurrent calls or on forked loaders, and cost seconds to
compile. Ranges are cut at fixed multiples, and every range writes only its own elements, so a
result never depends on the number of threads.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice, pairwise

from unigs.stage.errors import UserError

ALIGN = 64
"""Ranges start at multiples of this: compilers vectorize loops in blocks and round the remainder
differently, so a cut inside a block would change last bits with the number of threads."""

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_threads: int | None = None
_inside = threading.local()


def default_threads() -> int:
    """Threads to use unless told otherwise: ``UNIGS_THREADS``, else the cores of this process."""
    wanted = os.environ.get("UNIGS_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise UserError(
                f"the environment variable UNIGS_THREADS is {wanted!r}: set it to a whole number "
                "of threads from 1 upwards, or unset it to use all cores"
            )
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def get_threads() -> int:
    """Number of threads that kernels run on (the calling one included)."""
    return _threads if _threads is not None else set_threads(default_threads())


def set_threads(count: int) -> int:
    """Set the number of threads for all kernels and return it."""
    global _pool, _threads
    if count < 1:
        raise ValueError(f"the number of threads must be at least 1, got {count}")
    with _lock:
        if count != _threads:
            old, _pool = _pool, None
            _threads = count
            if count > 1:
                _pool = ThreadPoolExecutor(count - 1, thread_name_prefix="unigs")
            if old is not None:
                old.shutdown(wait=False)
    return count


def _forget_pool() -> None:
    """In a forked child the pool's threads do not exist: start anew on first use."""
    global _pool, _threads, _lock
    _pool, _threads, _lock = None, None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def parallel_for(kernel: Callable[..., None], n: int, *args, min_chunk: int = 2048) -> None:
    """Run ``kernel(start, stop, *args)`` over ``[0, n)``, one range per thread.

    Args:
        kernel: compiled without the GIL; writes only the elements of its own range.
        n: number of elements.
        *args: passed on to the kernel.
        min_chunk: with fewer than two chunks of this size the kernel runs in the calling thread;
            1 for elements that are large tasks themselves.
    """
    if n <= 0:
        return
    threads = get_threads()
    if threads == 1 or n < 2 * min_chunk or getattr(_inside, "busy", False):
        kernel(0, n, *args)
        return
    align = min(ALIGN, min_chunk)
    blocks = -(-n // align)
    cuts = [min(n, blocks * k // threads * align) for k in range(threads)] + [n]
    parallel_ranges(kernel, cuts, *args)


def parallel_ranges(kernel: Callable[..., None], cuts: Sequence[int], *args) -> None:
    """Run ``kernel(cuts[k], cuts[k + 1], *args)`` for all k; idle threads take the next range.

    More ranges than threads balance uneven work. An exception of a kernel is raised here after
    all threads have stopped.
    """
    ranges = [(a, b) for a, b in pairwise(cuts) if a < b]
    threads = min(get_threads(), len(ranges))
    pool = _pool
    if threads <= 1 or pool is None or getattr(_inside, "busy", False):
        for a, b in ranges:
            kernel(a, b, *args)
        return
    queue = iter(ranges)  # next() on a list iterator is atomic under the GIL

    def work() -> None:
        _inside.busy = True  # a kernel that calls back must not wait for this pool's own threads
        try:
            for a, b in queue:
                kernel(a, b, *args)
        finally:
            _inside.busy = False

    futures = [pool.submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for future in futures:
            if not future.cancel():  # a thread that did not start in time is not waited for
                future.result()


def side_by_side(workers: Sequence[Callable], tasks: Iterable) -> Iterator:
    """Do tasks on several threads, one whole task on each, and give the results in order.

    A task keeps its thread to itself: kernels that it calls run on that thread alone, without
    waiting for others in every step. A task that is left over has all threads.

    Args:
        workers: functions of a task, each called by one thread at a time.
        tasks: their arguments.
    """
    tasks = iter(tasks)
    while some := list(islice(tasks, len(workers))):
        pool = _pool
        if len(some) == 1 or pool is None or getattr(_inside, "busy", False):
            yield from (workers[0](task) for task in some)
            continue
        pairs = list(zip(workers, some, strict=False))
        futures = [pool.submit(_alone, *pair) for pair in pairs[1:]]
        try:
            yield _alone(*pairs[0])
        finally:
            wait(futures)
        yield from (future.result() for future in futures)


def _alone(work: Callable, task: object) -> object:
    """The task's result; its kernels run on this thread alone."""
    _inside.busy = True
    try:
        return work(task)
    finally:
        _inside.busy = False

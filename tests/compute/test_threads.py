"""The thread pool: every index once, errors come out, nothing deadlocks."""

import os
import threading
import time

import pytest

from unigs.compute import threads
from unigs.stage.errors import UserError


@pytest.fixture(params=[1, 2, 3])
def count(request, restored_threads):
    """Run with this many threads."""
    return threads.set_threads(request.param)


@pytest.mark.parametrize(("n", "min_chunk"), [(0, 1), (1, 1), (7, 1), (1000, 64), (5000, 2048)])
def test_every_index_is_visited_once(count, n, min_chunk):
    visits = [0] * n

    def kernel(start, stop, step):
        for i in range(start, stop):
            visits[i] += step

    threads.parallel_for(kernel, n, 1, min_chunk=min_chunk)
    assert visits == [1] * n


def test_ranges_start_at_multiples_that_do_not_depend_on_the_threads(count):
    starts = []
    threads.parallel_for(lambda start, stop: starts.append(start), 10_007, min_chunk=100)
    assert all(start % threads.ALIGN == 0 for start in starts)
    assert len(starts) == count


def test_empty_ranges_are_left_out(count):
    seen = []
    threads.parallel_ranges(lambda a, b: seen.append((a, b)), [0, 3, 3, 5])
    assert sorted(seen) == [(0, 3), (3, 5)]


@pytest.mark.usefixtures("restored_threads")
def test_work_is_done_by_several_threads():
    threads.set_threads(2)
    names = set()

    def kernel(start, stop):
        names.add(threading.current_thread().name)
        time.sleep(0.05)

    threads.parallel_ranges(kernel, [0, 1, 2])
    assert len(names) == 2


def test_an_error_in_any_range_is_raised(count):
    def kernel(start, stop):
        if start <= 70 < stop:
            raise ZeroDivisionError("in a kernel")

    with pytest.raises(ZeroDivisionError):
        threads.parallel_ranges(kernel, [0, 30, 60, 90])


def test_a_kernel_may_call_back(count):
    visits = []

    def inner(start, stop):
        visits.extend(range(start, stop))

    def outer(start, stop):
        threads.parallel_for(inner, 4, min_chunk=1)

    threads.parallel_ranges(outer, list(range(9)))
    assert sorted(visits) == sorted(list(range(4)) * 8)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_gets_threads_of_its_own(count):
    threads.parallel_ranges(lambda a, b: None, [0, 1, 2])
    child = os.fork()
    if child == 0:
        seen = []
        threads.set_threads(2)
        threads.parallel_ranges(lambda a, b: seen.append(a), [0, 1, 2])
        os._exit(0 if sorted(seen) == [0, 1] else 1)
    for _ in range(200):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert os.waitstatus_to_exitcode(status) == 0


def test_the_environment_sets_the_default(monkeypatch):
    monkeypatch.setenv("UNIGS_THREADS", "3")
    assert threads.default_threads() == 3
    monkeypatch.setenv("UNIGS_THREADS", "many")
    with pytest.raises(UserError, match="UNIGS_THREADS"):
        threads.default_threads()
    monkeypatch.delenv("UNIGS_THREADS")
    assert 1 <= threads.default_threads() <= os.cpu_count()
    with pytest.raises(ValueError, match="at least 1"):
        threads.set_threads(0)


def test_tasks_side_by_side_keep_their_order_and_their_threads(count):
    """Each task's kernels stay on its thread; a worker has one task at a time."""
    busy, shared = [0] * count, []

    def worker(k):
        def work(task):
            busy[k] += 1
            assert busy[k] == 1
            time.sleep(0.002 * (task % 3))
            names = set()
            threads.parallel_for(
                lambda *_: names.add(threading.current_thread().name), 9, min_chunk=1
            )
            busy[k] -= 1
            shared.append(len(names))
            return task * task

        return work

    found = list(threads.side_by_side([worker(k) for k in range(count)], range(3 * count)))
    assert found == [task * task for task in range(3 * count)]
    assert set(shared) == {1}


def test_an_error_in_a_task_is_raised_after_the_results_before_it(count):
    def work(task):
        return 1 // (2 - task)

    results = threads.side_by_side([work] * count, range(5))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    done = []
    threads.parallel_for(lambda a, b: done.append((a, b)), 10, min_chunk=10)
    assert done == [(0, 10)]  # the pool is free again


def test_tasks_are_taken_when_they_are_needed(count):
    taken = []
    tasks = (taken.append(k) or k for k in range(100))
    next(threads.side_by_side([abs] * count, tasks))
    assert len(taken) == count

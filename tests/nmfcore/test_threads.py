"""Is shared work complete, in order and never waiting, and are BLAS's threads left as they were?"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest

from nmfcore import StopRule, solve
from nmfcore.core import threads
from nmfcore.core.threads import one_blas_thread, share
from nmfcore.kernels import available, engines

LIMITS = """
import threading
from threadpoolctl import threadpool_info, threadpool_limits
from nmfcore import threads

def limits():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

def check():
    with threads.one_blas_thread():
        seen.append(limits())
        with threadpool_limits(2, "blas"):
            with threads.one_blas_thread():
                seen.append(limits())
        with threads.one_blas_thread():
            seen.append(limits())
    seen.append(limits())

with threadpool_limits(2, "blas"):
    before, seen = limits(), []
    check()
    other = threading.Thread(target=check)
    other.start()
    other.join()
assert all(set(now) <= {1} for now in [*seen[:3], *seen[4:7]]), seen
assert seen[3] == seen[7] == before, seen
"""


def test_blas_threads_are_limited_from_every_thread_whoever_meddles_and_restored_after_nested_use():
    """In a process of its own: the tests of this one leave threads behind that set limits, too."""
    done = subprocess.run([sys.executable, "-c", LIMITS], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


SAME = """
import threading
import numpy as np
from threadpoolctl import threadpool_limits
from nmfcore import StopRule, solve

rng = np.random.default_rng(3)
X = rng.random((300, 4)) @ rng.random((4, 200)) + 0.2 * rng.random((300, 200))

def fit():
    found.append(solve(X, 4, stop=StopRule(tol=0, max_iter=20)).W.tobytes())

found = []
with threadpool_limits(2, "blas"):
    fit()
    others = [threading.Thread(target=fit) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
assert len(set(found)) == 1, "the same fit came out differently in another thread"
"""


def test_a_fit_is_the_same_to_the_last_bit_in_whatever_thread():
    done = subprocess.run([sys.executable, "-c", SAME], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_shared_work_comes_back_in_order_and_its_errors_come_through(monkeypatch):
    monkeypatch.setattr(threads, "processors", lambda: 2)
    spans = [(i, i + 1) for i in range(9)]
    assert threads.share(lambda begin, end: begin * 10 + end, spans) == [i * 10 + i + 1 for i in range(9)]

    def fails(begin, end):
        if begin == 3:
            raise ZeroDivisionError("part 3")

    with pytest.raises(ZeroDivisionError, match="part 3"):
        threads.share(fails, spans)


def test_shared_work_waits_for_no_thread_that_is_busy_elsewhere(monkeypatch):
    monkeypatch.setattr(threads, "processors", lambda: 2)
    monkeypatch.setattr(threads, "_pool", lambda: pool)
    leave = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(leave.wait, 30)
        assert threads.share(lambda begin, end: begin, [(0, 1), (1, 2), (2, 3)]) == [0, 1, 2]
        leave.set()


@pytest.mark.parametrize("shape", [(0,), (7,), (0, 3), (7, 0), (9, 3), (3, 9)])
def test_values_in_single_precision_equal_numpys_own(shape, monkeypatch):
    monkeypatch.setattr(threads, "CONVERTED", 6)
    monkeypatch.setattr(threads, "processors", lambda: 2)
    values = np.random.default_rng(0).random(shape)
    single = threads.in_single(values)
    assert single.dtype == np.float32
    assert single.flags.c_contiguous
    np.testing.assert_array_equal(single, values.astype(np.float32))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_forked_while_another_thread_fits_has_its_own_locks():
    """It waited for ever for a lock whose holder does not exist in the child (3 of 60 forks during a fit)."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with threads._blas.lock, available._warming.lock:
            held.set()
            done.wait(60)

    share(lambda begin, end: None, [(0, 1), (1, 2)])  # the pool exists
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    child = os.fork()
    if not child:
        with one_blas_thread(), engines.plain_meanwhile():
            share(lambda begin, end: None, [(0, 1), (1, 2), (2, 3)])
        os._exit(7)
    done.set()
    holder.join()
    for _ in range(600):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.parametrize("way", ["spawn", "forkserver", "loky"])
def test_processes_that_begin_empty_give_the_same_result_while_another_thread_fits(way):
    X = np.random.default_rng(0).random((30, 20))
    stop = StopRule(tol=0, max_iter=5)
    ended = threading.Event()

    def busy():
        while not ended.is_set():
            solve(X, 4, stop=stop)

    other = threading.Thread(target=busy)
    other.start()
    try:
        if way == "loky":
            (there,) = joblib.Parallel(n_jobs=2)([joblib.delayed(solve)(X, 3, stop=stop)])
        elif way in multiprocessing.get_all_start_methods():
            with multiprocessing.get_context(way).Pool(1) as pool:
                there = pool.apply(solve, (X, 3), {"stop": stop})
        else:
            pytest.skip(f"no {way} here")
    finally:
        ended.set()
        other.join()
    assert np.array_equal(there.W, solve(X, 3, stop=stop).W)

"""Is shared work complete, in order and never waiting, and are BLAS's threads left as they were?"""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nmfcore import threads

LIMITS = """
from threadpoolctl import threadpool_info, threadpool_limits
from nmfcore import threads

def limits():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

threadpool_limits(2, "blas")
before = limits()
with threads.one_blas_thread():
    assert set(limits()) <= {1}, limits()
    threadpool_limits(2, "blas")
    with threads.one_blas_thread():
        assert set(limits()) <= {1}, limits()
    assert set(limits()) <= {1}, limits()
assert limits() == before, limits()
"""


def test_blas_threads_are_limited_whoever_meddles_and_restored_after_nested_use():
    """In a process of its own: the tests of this one leave threads behind that set limits, too."""
    done = subprocess.run([sys.executable, "-c", LIMITS], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_shared_work_comes_back_in_order_and_its_errors_come_through(monkeypatch):
    monkeypatch.setattr(threads, "_processors", lambda: 2)
    spans = [(i, i + 1) for i in range(9)]
    assert threads.share(lambda begin, end: begin * 10 + end, spans) == [i * 10 + i + 1 for i in range(9)]

    def fails(begin, end):
        if begin == 3:
            raise ZeroDivisionError("part 3")

    with pytest.raises(ZeroDivisionError, match="part 3"):
        threads.share(fails, spans)


def test_shared_work_waits_for_no_thread_that_is_busy_elsewhere(monkeypatch):
    monkeypatch.setattr(threads, "_processors", lambda: 2)
    monkeypatch.setattr(threads, "_pool", lambda: pool)
    leave = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(leave.wait, 30)
        assert threads.share(lambda begin, end: begin, [(0, 1), (1, 2), (2, 3)]) == [0, 1, 2]
        leave.set()


@pytest.mark.parametrize("shape", [(0,), (7,), (0, 3), (7, 0), (9, 3), (3, 9)])
def test_values_in_single_precision_equal_numpys_own(shape, monkeypatch):
    monkeypatch.setattr(threads, "CONVERTED", 6)
    monkeypatch.setattr(threads, "_processors", lambda: 2)
    values = np.random.default_rng(0).random(shape)
    single = threads.in_single(values)
    assert single.dtype == np.float32
    assert single.flags.c_contiguous
    np.testing.assert_array_equal(single, values.astype(np.float32))

"""Is shared work complete, in order and never waiting, and are BLAS's threads left as they were?"""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nmfcore import threads


def test_blas_threads_are_restored_after_nested_use():
    from threadpoolctl import threadpool_info

    def limits():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = limits()
    with threads.one_blas_thread():
        with threads.one_blas_thread():
            assert set(limits()) <= {1}
        assert set(limits()) <= {1}
    assert limits() == before


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

"""Are the kept iterates the run's own, and is their memory what was said before?"""

from __future__ import annotations

import numpy as np
import pytest

from nmfcore.core.factorization import Factors
from nmfcore.core.recording import Recording
from nmfcore.core.spec import StopRule
from nmfcore.run import prepare, solve


def run(iterations, recording=None, scale=1.0):
    X = np.random.default_rng(1).random((14, 9)) * scale
    stop = StopRule(tol=0.0, max_iter=iterations, max_seconds=None)
    return X, {"solver": "mu", "init": "random", "seed": 3, "stop": stop}, recording


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_a_frame_is_the_iterate_of_a_run_that_ends_there(scale):
    recording = Recording(12)
    X, options, _ = run(30, scale=scale)
    whole = prepare(X, 3, **options, recording=recording)
    for _ in whole:
        pass
    assert [f.iteration for f in recording.frames][:3] == [0, 1, 2]
    assert recording.frames[-1].iteration == 30
    for frame in recording.frames[1::4]:
        alone = solve(X, 3, **options | {"stop": StopRule(tol=0.0, max_iter=frame.iteration, max_seconds=None)})
        np.testing.assert_allclose(frame.W, alone.W, rtol=1e-6)  # stored as float32
        np.testing.assert_allclose(frame.H, alone.H, rtol=1e-6)
        assert frame.relative_error == alone.relative_error


def test_recording_changes_nothing_about_the_run():
    X, options, _ = run(25)
    recorded = prepare(X, 3, **options, recording=Recording(5))
    for _ in recorded:
        pass
    plain = solve(X, 3, **options)
    assert np.array_equal(recorded.result().W, plain.W)
    assert np.array_equal(recorded.result().H, plain.H)


def test_the_first_iterations_are_all_kept_and_later_ones_ever_more_sparsely():
    recording = Recording(60)
    factors = Factors(np.ones((2, 1)), np.ones((1, 2)))
    for iteration in range(301):
        recording.take(iteration, 0.5, factors)
    kept = [f.iteration for f in recording.frames]
    assert len(kept) == 60
    assert kept[:15] == list(range(15))
    assert kept[-1] == 300
    gaps = np.diff(np.log1p(kept))
    assert gaps[15:].max() < 0.15  # nowhere a leap


def test_the_memory_is_known_before():
    recording = Recording(6)
    X, options, _ = run(40)
    for _ in prepare(X, 3, **options, recording=recording):
        held = sum(f.W.nbytes + f.H.nbytes for f in recording.frames)
        assert held <= Recording.bytes_for(X.shape, 3, 6)
    assert held > 0.8 * Recording.bytes_for(X.shape, 3, 6)
    assert all(f.W.dtype == np.float32 for f in recording.frames)


def test_an_iterate_recorded_twice_is_kept_once():
    recording = Recording(4)
    for error in (0.5, 0.4):
        recording.take(7, error, Factors(np.ones((2, 1)), np.ones((1, 2))))
    assert [(f.iteration, f.relative_error) for f in recording.frames] == [(7, 0.4)]


def test_too_short_a_recording_is_refused():
    with pytest.raises(ValueError, match="at least 3"):
        Recording(2)

"""Whose turn is it, how long does one wait, which results stay? Rules of the job service, held against plain models of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.work.failures import failure
from dashboard.work.job import DoesNotFit, Job, Status
from dashboard.work.ledger import Bounds, names
from dashboard.work.results import Results
from dashboard.work.turns import SHORT_SECONDS, fairest, is_short, seconds_until
from nmfcore.core.checks import ProblemError

SECONDS = st.sampled_from([0.0, 0.1, 1.0, SHORT_SECONDS, 3.0, 60.0])


def job(session="a", expects=0.0, status=Status.QUEUED, fraction=None, started=None):
    return Job(
        object(), session=session, expects=expects, status=status, fraction=fraction, started=started, _clock=lambda: 100.0
    )


def running(session="a", expects=0.0, ran=0.0, fraction=None):
    return job(session, expects, Status.RUNNING, fraction, started=100.0 - ran)


JOBS = st.lists(st.builds(job, st.sampled_from("abc"), SECONDS), max_size=8)
RUNNING = st.lists(st.builds(running, st.sampled_from("abc"), SECONDS), max_size=3)


@pytest.mark.parametrize(("expects", "short"), [(0.0, False), (1e-3, True), (SHORT_SECONDS, True), (SHORT_SECONDS + 0.01, False)])
def test_work_of_unknown_length_is_not_short(expects, short):
    assert is_short(job(expects=expects)) is short


@given(RUNNING, JOBS, st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_no_job_that_came_later_and_has_the_same_right_is_taken_first(at_work, queue, workers):
    long = {who: sum(one.session == who and not is_short(one) for one in at_work) for who in "abc"}
    for kind in ("long", "short"):
        taken = fairest(kind, at_work + queue, queue, workers)
        may = [one for one in queue if is_short(one) or (kind == "long" and long[one.session] < max(1, workers - 1))]
        assert (taken is None) == (not may)
        if taken is None:
            continue
        assert taken in may
        right = {id(one): 0 if is_short(one) else long[one.session] for one in may}
        least = min(right.values())
        assert right[id(taken)] == least
        assert taken is next(one for one in may if right[id(one)] == least)


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_the_long_work_of_one_person_leaves_a_thread_to_the_others(workers):
    greedy = [running("a", 60.0) for _ in range(workers - 1)]
    assert fairest("long", greedy, [job("a", 60.0)], workers) is None
    other = job("b", 60.0)
    assert fairest("long", greedy, [job("a", 60.0), other], workers) is other


def simulated(at_work, ahead, workers):
    """Seconds until the one after `ahead` starts, minute by minute in small steps."""
    left = [one.remaining for one in at_work]
    waiting = [one.expects for one in ahead]
    for tick in itertools.count():
        left = [seconds for seconds in left if seconds > 1e-9]
        while waiting and len(left) < workers:
            left.append(waiting.pop(0))
        if not waiting and len(left) < workers:
            return tick * 0.5
        left = [seconds - 0.5 for seconds in left]


LONG = st.sampled_from([0.5, 1.0, 4.5, 10.0])


@given(st.lists(st.builds(running, expects=LONG), max_size=3), st.lists(st.builds(job, expects=LONG), max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_wait_is_what_a_simulation_gives(at_work, ahead):
    mine = job()
    assert seconds_until(mine, at_work, [*ahead, mine], workers=3) == pytest.approx(simulated(at_work, ahead, 3))


def test_nobody_can_say_where_one_length_is_unknown():
    mine, unknown = job(), job(expects=0.0)
    assert seconds_until(mine, [], [unknown, mine], 1) is None
    assert seconds_until(mine, [running()], [mine], 1) is None
    assert seconds_until(job(), [], [mine], 1) == 0.0  # it does not wait


@given(st.floats(0.01, 1.0), st.floats(0.1, 1e4))
@settings(max_examples=40, deadline=None)
def test_what_is_left_follows_from_the_share_that_is_done(fraction, ran):
    """Half done after ten seconds: ten more; the share counts, whatever was expected."""
    left = running(expects=5.0, ran=ran, fraction=fraction).remaining
    assert (left + ran) * fraction == pytest.approx(ran, rel=1e-6)


# -- results -------------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.sampled_from("pg"), st.integers(0, 6), st.integers(1, 60)), max_size=40),
    st.integers(1, 5), st.integers(1, 150),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_what_was_used_longest_ago_goes_first_and_the_newest_stays(events, keep, keep_bytes):
    """A list, oldest first, is the model."""
    store, model = Results(keep, keep_bytes), []
    for what, key, size in events:
        held = next((entry for entry in model if entry[0] == key), None)
        if what == "p":
            store.put(key, ("result", key, size), size)
            model = [*(entry for entry in model if entry[0] != key), (key, size)]
            while len(model) > 1 and (len(model) > keep or sum(size for _, size in model) > keep_bytes):
                model = model[1:]
        else:
            found = store.get(key)
            assert found == (None if held is None else ("result", *held))
            if held is not None:
                model = [*(entry for entry in model if entry[0] != key), held]
        assert {key for key in range(7) if key in store} == {key for key, _ in model}
    assert store.held(lambda key: key % 2 == 0) == sum(size for key, size in model if key % 2 == 0)
    store.drop(lambda key: key > 2)
    assert all(key not in store for key in range(3, 7))


@pytest.mark.parametrize(
    ("key", "own"),
    [
        ("fit@s1", True),
        (("import", "s1", 3), True),
        (("fit", ("data", "x@s1")), True),
        ("fit@s2", False),
        (("fit", 1, None), False),
    ],
)
def test_a_key_is_a_sessions_own_where_its_id_stands_anywhere_in_it(key, own):
    assert names(key, "s1") is own


def test_more_of_everything_can_be_taken_on():
    assert Bounds(workers=7).workers == 7
    with pytest.raises(TypeError):
        Bounds(wokers=7)


# -- failures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "explained", "words"),
    [
        (ProblemError("X has 3 negative entries."), True, "X has 3 negative entries."),
        (DoesNotFit("This would take about 9 MB."), True, "This would take about 9 MB."),
        (MemoryError(), True, "The server's memory ran out"),
        (ValueError("operands could not be broadcast"), False, "Something went wrong (ValueError)"),
        (SystemExit(3), False, "Something went wrong (SystemExit)"),
    ],
)
def test_a_person_reads_only_what_was_written_for_a_person(error, explained, words):
    told = failure(error, lane="fit", reserved=0)
    assert (told.explained, words in told.message) == (explained, True)
    assert explained or told.id in told.message


def test_a_failure_keeps_no_frame_of_what_led_to_it():
    def deep():
        held = np.zeros(3)
        try:
            raise KeyError(held.sum())
        except KeyError as inner:
            raise RuntimeError("outer") from inner

    with pytest.raises(RuntimeError) as caught:
        deep()
    told = failure(caught.value, "", 0)
    assert told.error.__traceback__ is None
    assert told.error.__cause__.__traceback__ is None

"""Bins of dates, years and numbers; a topic's words in each; dynamic topics in data where the change is planted."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from scipy.optimize import nnls

from nmfcore import ProblemError, StopRule
from nmfcore.data.model.facts import Fact
from nmfcore.methods.dynamic import dynamic_topics
from nmfcore.methods.over_time import Bins, bins, units_of, usual_unit, words_by_bin

DAYS = pd.date_range("1998-11-27", "2003-02-03", periods=400)
DATES = Fact("when", "date", DAYS.to_numpy().astype("datetime64[s]"))


@pytest.mark.parametrize(("unit", "frequency"), [("day", "D"), ("week", "W"), ("month", "M"), ("quarter", "Q"), ("year", "Y")])
def test_bins_of_dates_are_pandas_periods(unit, frequency):
    found = bins(DATES, unit)
    periods = DAYS.to_period(frequency)
    assert len(found.names) == len(pd.period_range(periods.min(), periods.max(), freq=frequency))
    counts = pd.Series(periods).value_counts()
    assert found.counts.sum() == 400
    for i in (0, 57, 399):
        assert found.counts[found.index[i]] == counts[periods[i]]
        name = found.names[found.index[i]]
        expected = {
            "week": str(periods[i].start_time.date()), "quarter": f"{periods[i].year} Q{periods[i].quarter}",
        }.get(unit, str(periods[i]))  # fmt: skip
        assert name == expected


def test_decades_and_years_of_numbers():
    years = Fact("year", "number", np.array([1979.0, 1980, 1989, 1990, np.nan, 2015]))
    assert units_of(years) == ["year", "5 years", "decade", "century", "two halves"]
    halves = bins(years, "two halves")
    assert halves.names == ("1979 to 1980", "1989 to 2015")
    assert halves.index.tolist() == [0, 0, 1, 1, -1, 1]
    found = bins(years, "decade")
    assert found.names == ("1970s", "1980s", "1990s", "2000s", "2010s")
    assert found.index.tolist() == [0, 1, 1, 2, -1, 4]
    assert found.counts.tolist() == [1, 2, 1, 0, 1]
    assert bins(years, "5 years").names[0] == "1975–1979"
    assert usual_unit(years) == "year"


@pytest.mark.parametrize(("each", "usual"), [(1, "year"), (2, "quarter"), (5, "month")])
def test_bins_that_are_chosen_by_themselves_hold_items_to_say_something_of(each, usual):
    """Of orders two a month, months have intervals as wide as the page; in quarters something can be said."""
    months = np.arange("2015-01", "2020-01", dtype="datetime64[M]").astype("datetime64[s]")
    when = np.repeat(months, each) if each > 1 else months[::2]
    assert usual_unit(Fact("ordered", "date", when)) == usual
    few = Fact("ordered", "date", months[::20])
    assert usual_unit(few) == "month"  # nothing can be said of any: as fine as can be read


def test_other_numbers_get_bins_of_1_2_or_5():
    ages = Fact("age", "number", np.array([0.0, 12.5, 99.0]))
    found = bins(ages)
    assert len(found.names) <= 60
    width = float(found.unit)
    assert width / 10 ** np.floor(np.log10(width)) in (1, 2, 5)
    assert found.index[1] == int(12.5 // width)


def test_what_has_no_order_is_refused():
    with pytest.raises(ProblemError, match="neither a date nor a number"):
        bins(Fact("who", "text", ("a", "b")))
    with pytest.raises(ProblemError, match="Of no item"):
        bins(Fact("when", "date", np.array(["NaT"], "datetime64[s]")))
    with pytest.raises(ProblemError, match="Possible: "):
        bins(DATES, "hour")


def test_a_topics_words_in_a_bin_are_the_least_squares_with_w_held():
    rng = np.random.default_rng(0)
    W, X = rng.random((30, 3)), rng.random((30, 7))
    found = Bins("year", ("a", "b", "c"), np.repeat([0, 1, -1], 10).astype(np.int32))
    words = words_by_bin(sp.csr_array(X), W, found, 1)
    H = np.column_stack([nnls(W[:10], X[:10, j])[0] for j in range(7)])
    assert_allclose(words[0], H[1] / H[1].sum(), atol=1e-9)
    assert np.isnan(words[2]).all()
    assert np.isnan(words_by_bin(X, W, found, 1, least=11)).all()


# -- dynamic topics ----------------------------------------------------------------------------------------------------------


def drifting(windows=8, items=60, seed=0):
    """Four topics: one stays, one appears in the middle, one fades, one changes half of its words half way."""
    rng = np.random.default_rng(seed)
    T = np.zeros((4, 80))
    for k in range(4):
        T[k, 20 * k : 20 * k + 10] = np.linspace(2.0, 1.0, 10)
    later = T.copy()
    later[3, 65:70], later[3, 70:75] = 0.0, T[3, 65:70]
    X, index, truth = [], [], []
    for t in range(windows):
        strength = np.array([1.0, 1.0 if t >= windows // 2 else 0.0, 1.0 if t < windows // 2 else 0.0, 1.0])
        W = rng.gamma(0.3, 1.0, (items, 4)) * strength
        X.append(W @ (T if t < windows // 2 else later) + 0.01 * rng.random((items, 80)))
        index += [t] * items
        truth.append(strength > 0)
    return np.vstack(X), np.array(index), T, later, np.array(truth)


def test_planted_drift_is_found():
    X, index, T, later, truth = drifting()
    found = dynamic_topics(
        sp.csr_array(X), index, [str(t) for t in range(8)], window_rank=3, rank=4, stop=StopRule(tol=1e-7, max_iter=500)
    )
    unit = T / np.linalg.norm(T, axis=1, keepdims=True)
    for k in range(3):
        cosines = found.words @ unit[k]
        j = int(np.argmax(cosines))
        assert cosines[j] >= 0.95
        assert np.array_equal(found.present()[j] > 0, truth[:, k])
    changing = int(np.argmax(found.words @ (T[3] + later[3])))
    assert len(found.members(changing)) == 8  # one topic through its change of words
    first, last = found.members(changing)[0].words, found.members(changing)[-1].words
    assert first @ unit[3] >= 0.95
    assert last @ (later[3] / np.linalg.norm(later[3])) >= 0.95


def test_the_second_layer_is_the_papers():
    """First words of each window topic, stacked, factorized; the largest weight says where a window topic belongs."""
    X, index, *_ = drifting(windows=4)
    found = dynamic_topics(X, index, list("abcd"), window_rank=3, rank=3, depth=5)
    assert len(found.topics) == 12
    assert {topic.window for topic in found.topics} == {0, 1, 2, 3}
    placed = found.belongs >= 0
    assert np.array_equal(found.belongs[placed], found.weights[placed].argmax(axis=1))
    assert_allclose(found.weights[placed].sum(axis=1), 1.0)
    assert not found.weights[~placed].any()  # none of its first words is in a dynamic topic
    assert placed.sum() >= 9
    outside = np.ones(80, bool)
    for topic in found.topics:
        outside[np.argsort(-topic.words)[:5]] = False
        assert (index[topic.items] == topic.window).all()
    assert not found.words[:, outside].any()


def test_thin_windows_are_left_out_by_name_and_too_few_are_refused():
    X, index, *_ = drifting(windows=4)
    index = np.where(index == 2, -1, index)
    index[np.flatnonzero(index == -1)[:2]] = 2
    told = []
    found = dynamic_topics(X, index, list("abcd"), window_rank=3, rank=2, report=lambda done, of: told.append((done, of)))
    assert found.left_out == (2,)
    assert found.sizes.tolist() == [60, 60, 2, 60]
    assert told[-1] == (3, 4)
    with pytest.raises(ProblemError, match="too few for 30"):
        dynamic_topics(X, index, list("abcd"), window_rank=3, rank=30)

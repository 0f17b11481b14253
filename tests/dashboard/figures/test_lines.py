"""Do the lines of a heatmap keep their order, their names and their axes, at any size?"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.figures import clusters, lines
from dashboard.figures.binning import bands
from nmfcore.core.factorization import Axis
from nmfcore.topics import ordering
from nmfcore.topics.clusters import Score

AXIS = Axis("films", "film")


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_whatever_the_order_every_line_is_drawn_once(n, seed):
    W = np.random.default_rng(seed).random((n, 3))
    for order in ("strongest", "input", np.random.default_rng(seed).permutation(n)):
        assert sorted(lines.ordered(W, order).indices.tolist()) == list(range(n))


def test_an_unknown_order_is_refused_by_name():
    with pytest.raises(ValueError, match="Unknown order 'loudest'"):
        lines.ordered(np.ones((2, 1)), "loudest")


@given(st.integers(1, 300), st.integers(1, 40))
def test_lines_have_names_that_differ(n, most):
    by = bands(np.arange(n), most, ())
    names = lines.line_names(by, AXIS)
    assert len(names) == len(by.starts) == len(set(names))


@given(st.integers(2, 120), st.integers(1, 12), st.floats(40, 900))
def test_names_of_groups_never_touch(n, groups, room):
    order = ordering.label_order(np.arange(n) % groups, names=tuple(f"g{k}" for k in range(groups)))
    by = bands(order.indices, 60, order.boundaries)
    names = lines.line_names(by, AXIS, order)
    ticks, labels, _ = lines.group_ticks(by, names, order, room)
    places = [names.index(tick) for tick in ticks]
    assert len(ticks) == len(labels)
    assert places == sorted(places)
    pitch = room / max(len(by.starts), 1)
    assert all((b - a + 1) * pitch >= lines.NAME_GAP - 1e-6 for a, b in itertools.pairwise(places))


@pytest.mark.parametrize("r", [1, 2, 7, 40, 200, 1500])
@pytest.mark.parametrize("room", [60.0, 400.0])
def test_an_axis_of_numbers_names_as_many_as_fit_and_the_first(r, room):
    axis = lines.number_axis([str(k + 1) for k in range(r)], "topic", "light", room)
    kept = list(axis["tickvals"])
    assert kept
    assert len(set(kept)) == len(kept)
    assert len(kept) * 8 <= max(room, 8 * 3) * 1.6
    assert all(1 <= int(name) <= r for name in kept)


@given(st.lists(st.text("abcdefgh ", min_size=1, max_size=30), min_size=1, max_size=80), st.floats(50, 1200))
def test_labels_below_a_picture_have_room_each(labels, room):
    axis, depth = lines.column_axis(labels, "", room, "light")
    shown = axis["ticktext"]
    upright = axis.get("tickangle") == -90
    assert depth > 0
    assert len(shown) >= 1
    if len(shown) > 1:
        assert room / len(shown) >= (lines.UPRIGHT_PITCH / 2 if upright else 4)


def test_without_labels_the_axis_says_nothing():
    axis, _ = lines.column_axis(None, "words", 300.0, "light")
    assert axis["showticklabels"] is False


@pytest.mark.parametrize("down", [False, True])
def test_the_axis_leaves_no_room_around_the_cells(down):
    axis = lines.tight({"autorange": "reversed", "type": "category"}, 5, down=down)
    assert axis["range"] == ([4.5, -0.5] if down else [-0.5, 4.5])
    assert "autorange" not in axis


@given(st.lists(st.floats(0, 1e6), max_size=200))
def test_colours_end_below_the_largest_only_where_a_few_peaks_hide_the_rest(values):
    _, clip = lines.clipped(np.array(values))
    if clip is not None:
        assert max(values) > lines.WORTH_CLIPPING * clip > 0


def test_sentences_are_joined_and_nothing_stays_nothing():
    assert lines.joined(None, "One.", None, "Two.") == "One. Two."
    assert lines.joined(None, None) is None


@pytest.mark.parametrize("points", [[], [{}], [{"customdata": None}], [{"customdata": [1, 2]}]])
def test_a_box_without_handles_holds_nothing(points):
    assert lines.box(points) is None


def test_the_chance_of_a_score_is_written_beyond_its_spread():
    """The line from the 5th to the 95th percentile ran through the number."""
    found = [Score("NMI", 0.4, 0.05, 0.3, "of a kind", 0.01), Score("ARI", 0.2, -0.01, 0.02, "another", -0.05)]
    figure = clusters.agreement(found, shuffles=10).figure
    numbers = next(trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text")
    spread = next(trace for trace in figure.data if trace.type == "scatter" and trace.mode == "markers")
    ends = [x + more for x, more in zip(spread.x, spread.error_x.array, strict=True)]
    assert list(numbers.x) == pytest.approx(ends)
    assert "0.050" in numbers.text[0]

"""Does every figure depend on what it is given, and on nothing else?"""

from __future__ import annotations

import copy
import json

import numpy as np
import pandas as pd
import pytest

from tests.dashboard.figures import test_figures as figures

NAMES = sorted(figures.EVERY)
COLOURS = {"color", "bgcolor", "bordercolor", "colorscale", "fillcolor", "gridcolor", "linecolor", "zerolinecolor",
           "plot_bgcolor", "activecolor", "paper_bgcolor", "tickcolor", "outlinecolor"}  # fmt: skip


def plain(picture):
    return json.loads(picture.figure.to_json())


def without_colours(value):
    """A figure's JSON without what a theme may change: colours, also those inside of texts."""
    if isinstance(value, dict):
        return {key: without_colours(inner) for key, inner in value.items() if key not in COLOURS}
    if isinstance(value, list):
        return [without_colours(inner) for inner in value]
    return "#" if isinstance(value, str) and "#" in value else value


@pytest.mark.parametrize("name", NAMES)
def test_the_same_numbers_give_the_same_figure(name):
    one, two = (figures.EVERY[name](theme="light") for _ in range(2))
    assert plain(one) == plain(two)
    assert (one.alt, one.note) == (two.alt, two.note)


@pytest.mark.parametrize("name", NAMES)
def test_a_theme_changes_colours_and_nothing_else(name):
    light, dark = (figures.EVERY[name](theme=theme) for theme in ("light", "dark"))
    assert without_colours(plain(light)) == without_colours(plain(dark))
    assert (light.alt, light.note) == (dark.alt, dark.note)
    pd.testing.assert_frame_equal(light.table(), dark.table())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_is_not_changed(name):
    given = {key: copy.deepcopy(getattr(figures, key)) for key in ("W", "H", "SIGNED", "PICTURES")}
    figures.EVERY[name](theme="light").table()
    for key, before in given.items():
        np.testing.assert_array_equal(getattr(figures, key), before)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_says_its_finding_in_a_sentence_and_has_its_height(name):
    picture = figures.EVERY[name](theme="light")
    assert picture.alt[:1] == picture.alt[:1].upper()
    assert picture.alt.rstrip().endswith((".", "!", "?", "…"))
    assert picture.figure.layout.height > 20
    assert picture.note is None or picture.note.rstrip().endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_the_table_has_one_name_for_each_column_and_holds_finite_or_missing_numbers(name):
    table = figures.EVERY[name](theme="light").table()
    assert all(str(column).strip() for column in table.columns)
    numbers = table.select_dtypes("number").to_numpy(float)
    assert not np.isinf(numbers).any()

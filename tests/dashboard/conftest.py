"""Makes the helpers of test_views.py importable by the other page tests, and gives a busy machine the time it needs."""

import copy
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A page waits 0.4 s for a small fit before it shows progress, and a workbench fits by itself what took under 5 s.

    On a loaded machine a test would look too early, and wait for a fit that nobody has asked for.
    """
    monkeypatch.setattr("dashboard.session.tab.PATIENCE", 30.0)
    monkeypatch.setattr("dashboard.widgets.bench_panel.QUICK", 300.0)


@pytest.fixture(autouse=True)
def checked_figures(monkeypatch):
    """Plotly checks every property of the figures that a test draws, and they are those that are drawn without the check."""
    from dashboard.figures import theme

    unchecked = theme.built

    def built(drawn, *, checked=True):
        figure = unchecked(copy.deepcopy(drawn), checked=True)
        assert said(unchecked(drawn)) == said(figure)
        return figure

    def said(figure):
        return without_empty(json.loads(figure.to_json()))

    def without_empty(value):
        """An empty list or None in a figure says nothing, and the check leaves it out."""
        if isinstance(value, dict):
            return {name: without_empty(one) for name, one in value.items() if one not in ([], None)}
        return [without_empty(one) for one in value] if isinstance(value, list) else value

    monkeypatch.setattr(theme, "built", built)

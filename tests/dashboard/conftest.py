"""Makes the helpers of test_views.py importable by the other page tests, and gives a busy machine the time it needs."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A page waits 0.4 s for a small fit before it shows progress; on a loaded machine a test would then look too early."""
    monkeypatch.setattr("dashboard.session.tab.PATIENCE", 30.0)

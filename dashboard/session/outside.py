"""What of this tab is shown outside of the page that is open: in the panel beside it and in the notices above it?

A part of a page may be redrawn alone as long as none of it has changed (widgets/alone.py).
"""

from __future__ import annotations

from typing import Any

from dashboard.session.tab import state


def outside() -> tuple[Any, ...]:
    """What the panel and the notices show, to be compared with an earlier answer."""
    me = state()
    run = me.shown.run
    return (
        run.key if run is not None else None,
        run.measured if run is not None else None,
        me.shown.asked,
        tuple(me.shown.kept),
        me.wanted.spec,
        me.wanted.live,
        tuple(me.under_way.keys),
        me.chosen.data.identity if me.chosen.data is not None else None,
        me.notice,
        tuple(me.news),
    )

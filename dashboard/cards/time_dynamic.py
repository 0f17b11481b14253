"""Dynamic topics: one NMF for each window of time, one over the windows' topics."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards.time_shares import Timeline
from dashboard.text.plain import clean, markdown
from dashboard.text.words import Nouns, about, count
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.work.lenses import Windows, dynamic_key, dynamic_seconds, dynamic_work
from nmfcore.methods.dynamic import Dynamic
from nmfcore.topics.terms import best

ASKED = "time-dynamic-asked"
WORDS = 8


def draw(shown: TopicsShown, line: Timeline) -> None:
    """How many topics, the cost, Find; then the dynamic topics with their window topics."""
    run = shown.run
    if run.dataset.mask is not None or run.spec.loss != "frobenius":
        with card.plain("For least squares on complete data"):
            st.markdown("Both layers are least squares; this run has missing entries or another loss.")
        return
    windows, called = int((line.bins.counts > 0).sum()), Nouns.of(run.dataset)
    noun = called.part
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        session.control("time-window-rank", min(run.rank, 8))
        each = st.number_input(f"{noun.capitalize()}s in each window", 2, 40, key="time-window-rank", width=170)
        session.control("time-dynamic-rank", min(run.rank, 10))
        over = st.number_input(f"Dynamic {noun}s", 2, 60, key="time-dynamic-rank", width=170)
        cost = dynamic_seconds(run)
        takes = about(cost) if cost is not None else "an unknown time"
        asked = Windows(line.fact.name, line.bins.unit, int(each), int(over))
        st.button(
            "Find", key="time-dynamic-find", type="primary", on_click=session.set_control, args=(ASKED, asked),
            help=f"{count(windows, 'window')}; takes {takes}",
        )  # fmt: skip
        st.markdown(f":small[:gray[{count(windows, 'window')}, {takes}]]", width="content")
    wanted = session.control_value(ASKED, None)
    if wanted is None or (wanted.fact, wanted.unit) != (line.fact.name, line.bins.unit):
        st.markdown(
            f":small[Each window gets {noun}s of its own; {noun}s over the windows join those that share their first "
            f"{called.columns}. A dynamic {noun} may appear, fade, and change its {called.columns}.]"
        )
        return
    key = dynamic_key(shown.seen().place, wanted, run.spec.seed)
    found: Dynamic | None = bench.compute(
        key,
        dynamic_work(run, line.bins, wanted, run.spec.seed),
        label=f"Dynamic {noun}s",
        lane="lens-dynamic",
        expects=cost or 0.0,
    )
    if found is not None:
        _draw(shown, found)


def _draw(shown: TopicsShown, found: Dynamic) -> None:
    axis, rows, called = shown.run.dataset.axes.columns, shown.run.dataset.axes.rows, Nouns.of(shown.run.dataset)
    noun, first = called.part, f"first {called.columns}"
    present = found.present()
    lines = []
    for k, words in enumerate(found.words):
        windows = [found.windows[w] for w in range(len(found.windows)) if present[k, w]]
        lines.append(
            {
                f"dynamic {noun}": k + 1, first: ", ".join(axis.take(best(words, WORDS))), "windows": len(windows),
                "from": windows[0] if windows else "", "to": windows[-1] if windows else "",
                "in each window": [int(one) for one in present[k]],
            }
        )  # fmt: skip
    left = (
        f" Left out, too few {markdown(rows.name)}: {', '.join(markdown(found.windows[w], 20) for w in found.left_out[:8])}."
        if found.left_out
        else ""
    )
    bench.table(
        "over_time", "dynamic", f"{len(found.words)} dynamic {noun}s over {len(found.windows)} windows", pd.DataFrame(lines),
        say=f"The bars: how many of each window's {noun}s belong to it.{left}",
        column_config={"in each window": st.column_config.BarChartColumn(y_min=0, width="medium")},
    )  # fmt: skip
    key = f"time-dynamic-open-{len(found.words)}"
    bench.within(key, range(len(found.words)))
    k = st.selectbox(
        f"Dynamic {noun}", range(len(found.words)), key=key, width=420,
        format_func=lambda j: f"{j + 1} · {clean(', '.join(axis.take(best(found.words[j], 3))), 60)}",
    )  # fmt: skip
    members = [
        {
            "window": found.windows[topic.window], f"{noun} there": topic.component + 1,
            f"its {first}": ", ".join(axis.take(best(topic.words, WORDS))),
            f"its {markdown(rows.name)}": ", ".join(clean(rows.label(int(i)), 40) for i in topic.items[:3]),
        }
        for topic in found.members(int(k))
    ]  # fmt: skip
    bench.table("over_time", "members", f"The window {noun}s of dynamic {noun} {int(k) + 1}", pd.DataFrame(members))

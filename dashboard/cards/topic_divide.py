"""A topic taken apart: NMF of its own part, its children under it; and all topics as a tree of likeness."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.tree import likeness_tree as tree_chart
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.work.divide import division_key, division_work
from nmfcore import topics
from nmfcore.methods.divide import Division, likeness_tree

INTO = "divide-into"
FEWEST, MOST = 2, 12
WORDS, ITEMS = 8, 3


def draw(shown: TopicsShown) -> None:
    """The topics with those that are divided opened; and the tree."""
    run, noun = shown.run, part(shown.run.dataset)
    if run.dataset.mask is not None:
        with card.plain("Not for data with missing entries"):
            st.markdown("A topic's own part of an entry that was not measured is not defined.")
        return
    apart = shown.apart()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        bench.linked("divide-topic", "topic", list(range(run.rank)), first=1)
        k = int(
            st.selectbox(
                noun.capitalize(), range(run.rank), key="divide-topic", width=380,
                format_func=lambda j: f"{j + 1} · {clean(shown.components[j], 50)}",
            )
        )  # fmt: skip
        bench.linked(INTO, "into", list(range(FEWEST, MOST + 1)), 3)
        into = int(st.number_input("Divide it into", FEWEST, MOST, key=INTO, step=1, width=140))
    key = division_key(run, k, into)
    found: Division | None = bench.compute(key, division_work(run, k, into), label=f"Dividing {noun} {k + 1}", lane="lens")
    if found is not None:
        _children(apart, found)
    tree = run.derived("likeness tree", lambda: likeness_tree(run.factorization.H))
    drawn = tree_chart(tree, list(shown.components), noun=noun, theme=session.theme())
    card.picture(
        "topics", "tree", f"All {noun}s, joined by likeness", drawn,
        say=f"Lines meet where the {noun}s they join differ by so much; average linkage.",
    )  # fmt: skip


def _children(shown: TopicsShown, found: Division) -> None:
    """The parent's share, split into the children's and the rest; the words and items of each child."""
    run, noun = shown.run, part(shown.run.dataset)
    rows, columns = run.dataset.axes.rows, run.dataset.axes.columns
    share = shown.topics[found.topic].share
    order = np.argsort(-found.shares, kind="stable")
    words = topics.top_terms(found.fit.H, columns, count=WORDS, hidden=shown.hidden)
    items = topics.top_items(found.fit.W, rows, count=ITEMS)
    lines = [
        {
            "child": f"{found.topic + 1}.{place + 1}",
            f"% of the {noun}": 100 * float(found.shares[c]),
            "% of what is explained": 100 * share * float(found.shares[c]),
            f"first {markdown(columns.name)}": ", ".join(words[c].terms),
            f"its {markdown(rows.name)}": ", ".join(clean(one, 40) for one in items[c].items),
        }
        for place, c in enumerate(order)
    ]
    said = (
        f"{noun.capitalize()} {found.topic + 1} is {percent(share)} of what is explained and stands in "
        f"{count(len(found.items), markdown(rows.singular), markdown(rows.name))}. Its children explain "
        f"{percent(1.0 - found.rest)} of its own part of the data; the rest, {percent(found.rest)}, belongs to none of them."
    )
    columns_ = {
        f"% of the {noun}": st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100, width="small"),
        "% of what is explained": st.column_config.NumberColumn(format="%.1f %%", width="small"),
    }
    title = f"{found.topic + 1} · {markdown(clean(shown.components[found.topic], 60))}, divided into {len(order)}"
    bench.table("topics", "divided", title, pd.DataFrame(lines), say=said, column_config=columns_)

"""Two groups as two collections: each is fitted alone, and their topics are matched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.text.plain import clean, markdown
from dashboard.text.words import Nouns, count, part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench
from dashboard.work.lenses import Corpora, Corpus, corpora_key, corpora_work
from nmfcore.methods.corpora import Pair

ASKED = "groups-corpora-asked"
WORDS = 6  # that are listed of each kind


def draw(shown: TopicsShown, one: Corpus, other: Corpus) -> None:
    """One button; then the topics of both, side by side."""
    run, noun = shown.run, part(shown.run.dataset)
    names = " and ".join(f"**{markdown(corpus.name, 40)}**" for corpus in (one, other))
    if min(len(one.rows), len(other.rows)) < 2:
        return
    key = corpora_key(run, one, other)
    if session.control_value(ASKED, None) != key:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                f"Fit each alone, match their {noun}s", key="groups-corpora", icon=":material/compare_arrows:",
                on_click=session.set_control, args=(ASKED, key),
                help="Two new factorizations; the run on screen stays as it is",
            )  # fmt: skip
            st.markdown(f":small[{names} as two collections, each with {noun}s of its own.]", width="content")
        return
    made: Corpora | None = bench.compute(key, corpora_work(run, one, other), label="Two collections", lane="lens-corpora")
    if made is not None:
        _table(shown, made, one, other)


def _table(shown: TopicsShown, made: Corpora, one: Corpus, other: Corpus) -> None:
    run, called = shown.run, Nouns.of(shown.run.dataset)
    rows, noun = run.dataset.axes.rows, called.part
    first, second = clean(one.name, 40), clean(other.name, 40)
    frame = pair_table(
        made.pairs,
        f"{noun} of {first}",
        f"{noun} of {second}",
        (f"{called.columns} of both", f"only {first}", f"only {second}"),
    )
    sizes = " and ".join(count(len(corpus.rows), markdown(rows.singular), markdown(rows.name)) for corpus in (one, other))
    bench.table(
        "groups", "corpora", f"The {noun}s of {markdown(first)} and of {markdown(second)}, each fitted alone", frame,
        say=f"{sizes}; matched one to one by the cosine of their {called.columns}, the most alike first.", height="content",
        column_config={"cosine": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1, width="small")},
    )  # fmt: skip
    if run.dataset.mask is None:
        with st.container(horizontal=True, gap="small"):
            for at, corpus in enumerate((one, other)):
                st.button(
                    f"Open the run of {markdown(corpus.name, 30)}", key=f"groups-corpus-{at}", type="tertiary",
                    on_click=session.fit_these, args=(run, corpus.rows, corpus.name),
                    help="It is then on screen; Compare matches it",
                )  # fmt: skip


def pair_table(pairs: Sequence[Pair], first: str, second: str, columns: tuple[str, str, str]) -> pd.DataFrame:
    """Matched topics, a line each; columns : what their common words are called, and those of one alone"""
    listed = lambda words: clean(", ".join(words[:WORDS]), 120)  # noqa: E731
    return pd.DataFrame(
        {
            first: [np.nan if pair.first is None else pair.first + 1 for pair in pairs],
            second: [np.nan if pair.second is None else pair.second + 1 for pair in pairs],
            "cosine": [pair.cosine for pair in pairs],
            columns[0]: [listed(pair.both) for pair in pairs],
            columns[1]: [listed(pair.one) for pair in pairs],
            columns[2]: [listed(pair.other) for pair in pairs],
        }
    ).astype({first: "Int64", second: "Int64"})

"""What can metagenes be told? Marker genes, pasted or from a file of sets; genes that are nowhere; metagenes that stay."""

from __future__ import annotations

import streamlit as st

from dashboard.cards import told
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count
from dashboard.widgets import bench
from dashboard.work.expression import Table
from dashboard.work.told import Told
from nmfcore.core.checks import ProblemError
from nmfcore.guide import Edit, Forbid, Pin, Seed
from nmfcore.methods import markers

PAGE = "expression"
VERBS = {"seed": "A metagene from marker genes", "forbid": "Never these genes", "pin": "Leave a metagene as it is"}
LONGEST = 200_000  # characters of a pasted list
MOST_NAMED = 5  # genes that are not there, by name


def form(table: Table, now: Told) -> Edit | None:
    """What can be asked for, of the metagenes as they are now."""
    bench.within("markers-verb", list(VERBS))
    verb = st.pills("What is known", list(VERBS), format_func=VERBS.__getitem__, key="markers-verb", required=True) or "seed"
    if verb == "pin":
        ids = list(now.model.ids)
        bench.within("markers-pin", ids)
        return Pin(int(st.selectbox("Metagene", ids, format_func=lambda k: f"metagene {k + 1}", key="markers-pin", width=200)))
    names = listed()
    rows, missing = markers.present(names, table.genes)
    used = markers.leading(table.X, rows)
    said = found(table, names, rows, missing)
    if verb == "seed" and len(rows) > len(used):
        said += f" The {len(used)} that vary most between the samples have to be among its first ten."
    if said:
        st.markdown(f":small[{markdown(said, 400)}]")
    if verb == "forbid":
        return Forbid(tuple(rows)) if rows else None
    how = told.how_control(PAGE)
    return Seed(used, how=how) if rows else None


def found(table: Table, names: tuple[str, ...], rows: list[int], missing: list[str]) -> str:
    """How many of the named genes there are, and which are not."""
    if names and not rows:
        return f"None of these {len(names):,} is a gene of this data, whose genes are called for example {example(table)}."
    if not names:
        return ""
    more = f"; not: {', '.join(missing[:MOST_NAMED])}{', …' if len(missing) > MOST_NAMED else ''}" if missing else ""
    return f"{len(rows):,} of {len(names):,} are in this data{more}."


def listed() -> tuple[str, ...]:
    """The genes that are named: pasted, or a set of a file."""
    left, right = st.columns(2)
    with left:
        text = st.text_area(
            "Genes", key="markers-text", max_chars=LONGEST, height=120,
            placeholder="Paste them, divided by commas or lines",
        )  # fmt: skip
    with right:
        file = st.file_uploader("or a file of gene sets (GMT)", type=["gmt", "txt"], key="markers-file")
        if file is not None:
            try:
                sets = markers.gene_sets(file.getvalue().decode("utf-8", errors="replace"))
            except ProblemError as wrong:
                st.markdown(f":small[:orange[{markdown(wrong, 300)}]]")
                return ()
            bench.within("markers-set", list(sets))
            name = st.selectbox(
                f"{count(len(sets), 'set')}", list(sets), key="markers-set",
                format_func=lambda name: f"{clean(name, 50)} ({len(sets[name]):,})" if name in sets else clean(name, 50),
            )  # fmt: skip
            return sets[name]
    return markers.pasted(text or "")


def example(table: Table) -> str:
    """Two names of genes."""
    return ", ".join(clean(table.genes.label(i), 30) for i in range(min(2, len(table.X))))

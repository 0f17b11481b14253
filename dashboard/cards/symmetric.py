"""The cards of the page on symmetric topics: three numbered steps, typed keywords, and the comparison with the joint NMF."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import keyword_wishes, told
from dashboard.figures.components import numbered
from dashboard.figures.heatmaps import items_by_topic
from dashboard.figures.items import mixture
from dashboard.figures.labelled import Ends, Labelled, matrix
from dashboard.figures.loss import Against, loss_curve
from dashboard.figures.word_list import STYLE, word_list
from dashboard.figures.words import Words
from dashboard.figures.workbench import similarities, symmetric_fit
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.words import SHORT_REASONS, above, count, percent, seconds, spelled
from dashboard.widgets import bench, card
from dashboard.widgets.bench import Away
from dashboard.widgets.bench_panel import Bench, Panel, Task, said
from dashboard.widgets.header import Figure
from dashboard.work import symmetric as bench_data
from dashboard.work.job import Job
from dashboard.work.symmetric import Choice, Steps
from dashboard.work.told import Told
from nmfcore.core.guidance import Guidance
from nmfcore.data.model.dataset import Dataset
from nmfcore.methods import symmetric_topics as symmetric
from nmfcore.topics.terms import find_terms, top_terms

PAGE = "symmetric"
WEIGHTINGS = {"binary": "present or not", "idf": "IDF: rare counts more", "as given": "as given"}
NORMALISATIONS = {"cosine": "cosine", "jaccard": "Jaccard", "ppmi": "positive PMI", "max": "by the largest"}
NARROW = {"topic": st.column_config.NumberColumn(width=45)}
WORDS = 8  # keywords on a topic's card
BAR = 76  # px of the colour bar that is left out where numbers stand in the cells


BENCH = Bench(PAGE, "movies", bench_data.refusal, "topic", "topics", ("weighting", "normalisation", "diagonal", "rank", "seed"))


def wanted(panel: Panel, dataset: Dataset) -> Choice:
    """What the panel says: the choices of steps 1 and 2."""
    top = min(*dataset.shape, 40)
    with panel.controls():
        rank = panel.rank("topics", 2, top, min(10, top))
        usual = "as given" if dataset.kind == "documents" else "binary"
        weighting = _named("Weights of X", "weighting", "weights", WEIGHTINGS, symmetric.WEIGHTINGS, usual)
        normalisation = _named("Normalisation of C", "normalisation", "norm", NORMALISATIONS, symmetric.NORMALISATIONS, "cosine")
        with st.expander("Advanced"):
            bench.linked(BENCH.key("diagonal"), "diagonal", [True, False])
            diagonal = st.toggle(
                "Keep the diagonal",
                key=BENCH.key("diagonal"),
                persist_state="session",
                help="The similarity of a keyword with itself. Left in, S has to explain it too; left out, zeros stand there.",
            )
            seed = panel.seed()
    return Choice(weighting, normalisation, bool(diagonal), rank, seed)


def _named(label: str, name: str, linked: str, titles: Mapping[str, str], meanings: Mapping[str, str], usual: str) -> str:
    """One of a few ways, each with its formula under the mouse; `linked` is what the address calls it."""
    bench.linked(BENCH.key(name), linked, list(titles), usual)
    return str(
        st.selectbox(
            label,
            list(titles),
            format_func=titles.__getitem__,
            key=BENCH.key(name),
            persist_state="session",
            help="  \n".join(f"**{titles[key]}**: {text}." for key, text in meanings.items()),
        )
    )


def task(dataset: Dataset, choice: Choice) -> Task[Choice]:
    """The three steps of a choice."""
    more = [NORMALISATIONS[choice.normalisation]] + ([] if choice.diagonal else ["no diagonal"])
    return Task(
        (PAGE, "steps", dataset.identity, choice),
        bench_data.steps_work(dataset, choice),
        f"S with {choice.rank} topics",
        said(BENCH, choice.rank, choice.seed, *more),
        lambda steps: steps.run,
    )


def live(job: Job) -> None:
    """The curve of the symmetric problem while it is fitted."""
    points = list(job.progress)
    if len(points) > 1:
        drawn = loss_curve(
            [p.iteration for p in points], [p.relative_error for p in points], theme=session.theme(), height=240, live=True
        )
        card.chart(f"{PAGE}-live", drawn, live=True)


def told_topics(dataset: Dataset, steps: Steps) -> Told | None:
    """The topics under what they are told; None while that is being computed."""
    return told.draw(bench_data.subject(steps, dataset.identity, dataset.fingerprint), steps, partial(keyword_wishes.form, steps))


def heading(dataset: Dataset, steps: Steps, wishes: Guidance) -> None:
    """The finding, what it rests on, four numbers, and what can be taken away; wishes : what the topics were told."""
    choice = steps.choice
    rows, columns = dataset.axes.rows, dataset.axes.columns
    items = count(dataset.shape[0], markdown(rows.singular), markdown(rows.name))
    title = f"{spelled(steps.rank)} topics from {markdown(columns.name)} alone, then {items} described"
    line = (
        f"{markdown(dataset.title)} · X {WEIGHTINGS[choice.weighting]} · C by {NORMALISATIONS[choice.normalisation]}, "
        f"diagonal {'kept' if choice.diagonal else 'left out'} · symmetric coordinate descent, random start, seed {choice.seed}"
        + (f" · {count(len(wishes), 'wish', 'wishes')}" if wishes else "")
    )
    method = "Symmetric NMF: Ding, He & Simon 2005; Kuang, Ding & Park 2012. Projection: exact non-negative least squares."
    bench.heading(
        PAGE,
        title,
        line,
        figures(steps, dataset),
        method,
        Away(lambda: tables(steps), bench_data.script(steps, dataset.key, wishes)),
    )


def figures(steps: Steps, dataset: Dataset) -> list[Figure]:
    """The errors of steps 2 and 3, the share of S in all numbers, and the iterations."""
    in_items, in_keywords = symmetric.parameter_shares(*dataset.shape, steps.rank)
    end = steps.run.history[-1]
    return [
        Figure(
            "Error of C",
            f"{steps.run.relative_error:.4f}",
            f"{above(steps.run.relative_error, steps.floor)} above the floor",
            "‖C − SSᵀ‖ / ‖C‖. The floor is the best SSᵀ of this rank with negative entries allowed.",
        ),
        Figure(
            "Error of X with S fixed",
            f"{steps.item_error:.4f}",
            f"{steps.item_error - steps.item_floor:.4f} above the SVD floor",
            "‖X − VSᵀ‖ / ‖X‖ with V ≥ 0 exact and S as step 2 left it.",
        ),
        Figure(
            "Numbers in S",
            percent(in_keywords),
            f"{percent(in_items)} are in V, one row an item",
            "n / (m + n) of the r (m + n) parameters. S does not grow when items are added.",
        ),
        Figure(
            "Iterations",
            f"{end.iteration:,}",
            f"{SHORT_REASONS[steps.run.stopped]}, {seconds(end.seconds)}",
            steps.run.stopped.sentence + ".",
        ),
    ]


# -- step 1 and 2 ----------------------------------------------------------------------------------------------------------


def step_one(steps: Steps) -> None:
    """C and what the choices do to it."""
    columns, choice = steps.axes.columns, steps.choice
    formula = symmetric.NORMALISATIONS[choice.normalisation]
    st.subheader(f"1 · Which {markdown(columns.name)} come together: C = XᵀX", anchor=False)
    say = f"C by {NORMALISATIONS[choice.normalisation]}: {markdown(formula, 120)}. "
    say += f"Similar {markdown(columns.name)} stand together (leaf order)."
    if choice.weighting == "idf" and not steps.table.weighting_matters:
        say += " This normalisation undoes a weight per keyword: IDF changes X and step 3, but not C."
    left, right = st.columns([3, 2])
    with left:
        drawn = similarities(
            steps.table.C,
            steps.order,
            axis=columns,
            quantity="similarity",
            name=f"similarity of {columns.name}",
            theme=session.theme(),
            width=520,
        )
        card.picture(
            PAGE,
            "C",
            f"C, {count(len(steps.order), markdown(columns.singular), markdown(columns.name))} on each side",
            drawn,
            say=say,
        )
    with right:
        bench.table(
            PAGE,
            "pairs",
            "Most alike",
            pairs(steps),
            height=470,
            column_config={"C": st.column_config.NumberColumn(format="%.3f")},
        )


def pairs(steps: Steps, count: int = 40) -> pd.DataFrame:
    """The pairs of different keywords with the largest C."""
    upper = np.triu(steps.table.C, 1)
    order = np.argsort(-upper, axis=None, kind="stable")[:count]
    i, j = np.unravel_index(order, upper.shape)
    name = steps.axes.columns.singular
    return pd.DataFrame({name: steps.axes.columns.take(i), f"and {name}": steps.axes.columns.take(j), "C": upper[i, j]})


def step_two(steps: Steps) -> None:
    """S: its curve, its topics, and C against SSᵀ."""
    st.subheader("2 · Topics of keywords: min ‖C − SSᵀ‖, S ≥ 0", anchor=False)
    left, right = st.columns([2, 5])
    history = steps.run.history
    with left:
        drawn = loss_curve(
            history.iterations,
            history.relative_errors,
            Against(baseline=steps.floor, baseline_name="best SSᵀ with signs"),
            theme=session.theme(),
            height=350,
        )
        card.picture(PAGE, "loss", "Error of C", drawn)
    with right:
        drawn = symmetric_fit(steps.table.C, steps.S, axis=steps.axes.columns, theme=session.theme(), height=390, width=640)
        card.picture(PAGE, "fit", "C, its model SSᵀ, and what is left", drawn)
    found = top_terms(steps.S.T, steps.axes.columns, count=WORDS)
    items_with = steps.table.items_with
    st.html(STYLE)
    with st.grid("auto", min_column_width=220):
        for k, top in enumerate(found):
            with st.container(border=True, gap="xsmall"):
                st.markdown(f"**{k + 1} · {markdown(steps.names[k], 40)}**")
                words = Words(
                    top.terms,
                    top.weights,
                    k,
                    totals=items_with[top.indices],
                    totals_name=f"{clean(steps.axes.rows.name)} with it",
                    everywhere=steps.S[top.indices],
                    unit="weight in S",
                )
                st.html(word_list(words, theme=session.theme()))
    st.markdown(f":small[{reading(PAGE, 'topics')}]")


# -- step 3 ----------------------------------------------------------------------------------------------------------------


def step_three(steps: Steps) -> None:
    """V: the items, why they are where they are, and new ones."""
    rows = steps.axes.rows
    st.subheader(f"3 · {markdown(rows.name.capitalize())} described with S fixed: min ‖X − VSᵀ‖, V ≥ 0", anchor=False)
    left, right = st.columns([2, 3])
    with left:
        drawn = items_by_topic(steps.strength, axis=rows, component="topic", theme=session.theme(), height=420)
        card.picture(PAGE, "V", f"V: {markdown(rows.name)} by topic", drawn)
    with right:
        title = f"{markdown(rows.name.capitalize())} of each topic"
        leaders = bench_data.items_table(steps)
        bench.table(
            PAGE,
            "items",
            title,
            leaders,
            height="content",
            column_order=[leaders.columns[0], leaders.columns[2]],
            column_config=NARROW,
        )
    st.markdown(f"**Why does a {markdown(rows.singular)} have its topics?** Evidence x S of each of its keywords.")
    first = bench_data.first_items(steps.axes, steps.V)
    items = range(len(steps.V))
    for place, (column, usual) in enumerate(zip(st.columns(len(first)), first, strict=True)):
        with column:
            key = f"{PAGE}-why-{place}"
            bench.within(key, items, usual)
            item = st.selectbox(
                f"{markdown(rows.singular.capitalize())} {place + 1}",
                items,
                format_func=lambda i: clean(rows.label(i)),
                key=key,
                persist_state="session",
                label_visibility="collapsed",
            )
            why(steps, f"why-{place}", rows.label(item), bench_data.row_of(steps.table, item), steps.V[item])
    typed(steps)


def why(steps: Steps, name: str, label: str, x: np.ndarray, v: np.ndarray) -> None:
    """One item: its topics and the keywords that speak for each."""
    found, evidence, words = bench_data.reasons(x, v, steps)
    if not found:
        with card.plain(markdown(label, 40)):
            st.markdown("It belongs to no topic: none of its keywords has weight in S.")
        return
    said = " · ".join(f"{percent(topic.share)} topic {topic.topic + 1}" for topic in found)
    drawn = matrix(
        Labelled(
            evidence,
            words,
            [str(topic.topic + 1) for topic in found],
            "evidence x S",
            column_title="topic",
            alt=f"{clean(label, 60)}: {said}.",
        ),
        ends=Ends(0.0),
        theme=session.theme(),
        width=290 + BAR,
        height=60 + 26 * len(words),
    )
    drawn.figure.data[0].showscale = False  # the numbers stand in the cells
    drawn.figure.layout.margin.r = 8
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{markdown(label, 40)}**  \n:small[{said}]")
        card.chart(f"{PAGE}-{name}", drawn)


def typed(steps: Steps) -> None:
    """A new item out of typed keywords, projected while typing."""
    axis = steps.axes.columns
    if axis.labels is None:
        return
    with card.plain(f"A new {markdown(steps.axes.rows.singular)}: type its {markdown(axis.name)}"):
        known = [word for word in ("shark", "beach", "police officer") if word in axis.labels]
        session.control(f"{PAGE}-typed", ", ".join(known or axis.take(range(2))))
        text = st.text_input(
            f"{markdown(axis.name.capitalize())}, divided by commas",
            key=f"{PAGE}-typed",
            live=True,
            max_chars=500,
            persist_state="session",
        )
        new = symmetric.project_item(text.split(",")[:100], steps.table, steps.S)
        for word in new.unknown:
            near = ", ".join(markdown(term, 40) for term in axis.take(find_terms(axis, word, count=5)))
            st.markdown(
                f":small[Not among the {markdown(axis.name)}: {markdown(word, 40)}."
                f"{' Did you mean ' + near + '?' if near else ''}]"
            )
        if not new.known:
            st.markdown(f"None of the {markdown(axis.name)} is known yet.")
            return
        left, right = st.columns([3, 2])
        strength = symmetric.topic_strength(new.topics[None, :], steps.S)[0]
        with left:
            card.chart(
                f"{PAGE}-new", mixture(strength, numbered(len(strength), steps.names), item="the new item", theme=session.theme())
            )
        with right:
            why(steps, "why-new", ", ".join(new.known), new.x, new.topics)


def tables(steps: Steps) -> dict[str, pd.DataFrame]:
    """S, V and the leading keywords as tables."""
    names = [f"topic {k + 1}" for k in range(steps.rank)]
    S, V = pd.DataFrame(steps.S, columns=names), pd.DataFrame(steps.V, columns=names)
    S.insert(0, steps.axes.columns.singular, steps.axes.columns.take(range(len(S))), allow_duplicates=True)
    V.insert(0, steps.axes.rows.singular, steps.axes.rows.take(range(len(V))), allow_duplicates=True)
    return {
        "S": S,
        "V": V,
        "keywords": bench_data.keyword_table(steps),
        "items": bench_data.items_table(steps),
        "pairs": pairs(steps),
    }

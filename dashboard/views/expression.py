"""Expression: metagenes, groups of samples and how sure they are, misplaced samples by name, and the genes of each metagene."""

import streamlit as st

from dashboard.cards import expression as cards
from dashboard.cards.expression import PAGE
from dashboard.widgets import bench
from dashboard.work import expression as bench_data


def draw() -> None:
    head = st.container()
    dataset = bench.source(PAGE, "leukemia", bench_data.refusal)
    if dataset is None:
        head.title("Expression", anchor=False)
        return
    rows, rank, runs, seed = cards.asked(dataset)
    table = bench_data.of_dataset(dataset, rows)
    known = cards.known_classes(table)
    top = st.container()
    place = st.container()
    with place:
        st.subheader("How sure are the groups? Many starts, ranks 2 to 5", anchor=False)
        key = (PAGE, "survey", table.key, runs, seed)
        reports = bench.compute(
            key,
            bench_data.survey_work(table, runs, seed),
            label=f"{runs} starts at ranks 2 to 5",
            lane=f"{bench.LANE}-survey",
            live=cards.live,
        )
        if reports is not None:
            cards.survey(table, reports, known, rank)
    report = next((one for one in reports or () if one.rank == rank), None)
    with top:
        if report is not None:
            result = report.best
        else:
            result = bench.compute(
                (PAGE, "fit", table.key, rank, seed), bench_data.fit_work(table, rank, seed), label=f"Rank {rank}"
            )
        if result is None:
            head.title("Expression", anchor=False)
            return
        shown = bench_data.view(table, result, known)
        cards.samples(table, shown, known)
        left, right = st.columns([2, 3])
        with left:
            cards.classes(table, shown)
            cards.raw(table, shown)
        with right:
            cards.genes(table, shown)
    with head:
        cards.heading(dataset, table, shown, known, report, runs, rows, seed)


draw()

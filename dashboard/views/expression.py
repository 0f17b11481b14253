"""Expression: metagenes, groups of samples and how sure they are, misplaced samples by name, and the genes of each metagene."""

import streamlit as st

from dashboard.cards import expression as cards
from dashboard.widgets.bench import Look
from dashboard.widgets.bench_panel import Panel
from dashboard.work import expression as bench_data


def draw() -> None:
    panel = Panel(cards.BENCH)
    head = st.container()
    dataset = panel.data()
    if dataset is None:
        head.title("Expression", anchor=False)
        return
    table = bench_data.of_dataset(dataset, cards.turned(panel, dataset))
    wanted = cards.wanted(panel)
    choice = panel.choice(table.key, wanted)
    known = cards.known_classes(table)
    top, place = st.container(), st.container()
    with place:
        st.subheader("How sure are the groups? Many starts, ranks 2 to 5", anchor=False)
        reports = cards.surveyed(table, choice)
        if reports is not None:
            cards.survey(table, reports, known, choice.rank)
    report = next((one for one in reports or () if one.rank == choice.rank), None)
    best = Look(cards.survey_key(table, choice), result=report.best) if report is not None else None
    with top:
        fitted = panel.fit(table.key, wanted, lambda one: cards.task(table, one), known=best)
        if fitted is None:
            head.title("Expression", anchor=False)
            return
        pictures = st.container()  # above the card that changes them
        told = cards.told_metagenes(table, fitted, choice, report is not None, reports is not None)
        if told is None:
            head.title("Expression", anchor=False)
            return
        shown = bench_data.view(table, told.shown, known)
        with pictures:
            cards.pictures(table, shown, known)
    with head:
        best_of = report if report is not None and report.best is fitted else None
        cards.heading(table, shown, known, best_of, choice, told.model.guidance)


draw()

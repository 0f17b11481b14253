"""Rank: which one? A survey over ranks in the background, the verdict as a range with reasons, and how topics split."""

import streamlit as st

from dashboard import session
from dashboard.figures.survey import criteria, river
from dashboard.text.plain import markdown
from dashboard.text.words import count, part
from dashboard.widgets import bench, card, filter_bar, header, notices
from dashboard.work.fitted import FittedRun
from dashboard.work.surveys import Asked, survey_key, survey_work
from nmfcore import topics
from nmfcore.evaluate import rank as ranks
from nmfcore.evaluate.rank import Survey

LANE = "rank"
FEWEST = 3  # rows and columns of data whose ranks can be compared


def controls(run: FittedRun) -> Asked:
    """Which ranks, and how many starts."""
    most = max(3, min(40, min(run.dataset.shape) - 1))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        session.control("survey-from", min(2, most))
        low = st.number_input("Ranks from", 1, most, key="survey-from", step=1, persist_state="session", width=120)
        session.control("survey-to", min(max(10, run.rank + 4), most))
        high = st.number_input("to", 1, most, key="survey-to", step=1, persist_state="session", width=120)
        session.control("survey-step", 1 if most < 20 else 2)
        step = st.number_input("every", 1, 10, key="survey-step", step=1, persist_state="session", width=120)
        session.control("survey-starts", 5)
        starts = st.number_input(
            "Starts per rank", 2, 30, key="survey-starts", step=1, persist_state="session", width=140,
            help="Random starts; their spread is what a single run hides.",
        )  # fmt: skip
    low, high = sorted((int(low), int(high)))
    return Asked(run, tuple(range(low, high + 1, int(step))), int(starts))


def result(run: FittedRun, survey: Survey) -> None:
    """Criteria, verdict, reasons, river."""
    points = survey.points()
    if len(points) < 1:
        return
    found = survey.verdict()
    theme, noun = session.theme(), part(run.dataset)
    left, right = st.columns([5, 3])
    with left:
        card.picture("rank", "criteria", "Criteria over ranks", criteria(points, found, present=run.rank, theme=theme))
    with right, card.plain("Verdict"):
        st.markdown(f"**{markdown(found.sentence, 200)}**")
        for warning in found.warnings:
            st.markdown(f":orange[:material/warning:] {markdown(warning, 300)}")
        st.markdown("\n".join(f"- {markdown(r.sentence, 300)}" for r in found.reasons))
        for note in survey.notes:
            st.markdown(f":small[{markdown(note, 300)}]")
    with_topics = {p.rank: topics.names(p.best.H, run.dataset.axes.columns) for p in points if p.best is not None}
    if len(with_topics) > 1:
        drawn = river(ranks.river(points), with_topics, theme=theme)
        card.picture("rank", "river", f"How {noun}s continue and split from rank to rank", drawn)


def impossible(run: FittedRun) -> bool:
    """Say why this data has no survey; whether it has none."""
    if run.empty:
        notices.all_zero("There is no rank to find: every model of nothing is exact, and errors are undefined.")
        return True
    if run.dataset.mask is not None:
        with card.plain("Not for data with missing entries"):
            st.markdown("The survey compares fits of complete data. For ratings, the recommender's held-out error answers this.")
        return True
    if min(run.dataset.shape) < FEWEST:
        with card.plain("Too small for a survey"):
            st.markdown(f"A survey compares ranks from 1 to 3 at least; it needs {FEWEST} rows and {FEWEST} columns.")
        return True
    return False


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Rank", None)
        notices.nothing_yet()
        return
    kept = session.control_value("survey-shown", None)
    survey = session.jobs().result(kept.key) if kept is not None and kept.run.dataset is run.dataset else None
    title = "Which rank?"
    if survey is not None and survey.points():
        title = f"{survey.verdict().title} by this survey"
    header.draw(title, run)
    filter_bar.whole(run)
    if impossible(run):
        return
    asked = controls(run)
    total = Survey(run.dataset.X, asked.plan).total
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Survey {count(len(asked.ranks), 'rank')} ({total:,} fits)",
            key="survey-start",
            icon=":material/query_stats:",
            on_click=session.set_control,
            args=("survey-shown", asked),
        )
        if survey is not None and not survey.finished:
            st.button("Resume", key="survey-resume", on_click=bench.again, args=(kept.key,))
    if kept is None or kept.run.dataset is not run.dataset:
        st.markdown(
            "One run's error always falls with the rank, so its elbow proves little. The survey fits several starts of every "
            "rank and measures what a higher rank buys: error against the SVD's, error on held-out data, agreement between "
            "starts, coherence, and the gain over shuffled data. It runs in the background; looking elsewhere does not stop it."
        )
        return
    done = bench.compute(survey_key(kept), survey_work(kept, session.jobs()), label="Survey over ranks", lane=LANE)
    if done is not None:
        result(run, done)


draw()

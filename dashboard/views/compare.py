"""Compare: two kept runs topic by topic, or several solvers from one start in a race."""

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import group_corpora, item_facts
from dashboard.figures.race import race as race_chart
from dashboard.figures.topics import similarity_matrix
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, error, part, spelled
from dashboard.widgets import bench, card, filter_bar, header, notices, scale
from dashboard.widgets.alone import alone
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import solver_refusals
from dashboard.work.races import race_key, race_work
from nmfcore.evaluate.compare import Comparison, Race, arrivals, compare, curve
from nmfcore.methods.corpora import matched
from nmfcore.solvers import SOLVERS
from nmfcore.topics.similarity import cosine_rows

LANE = "race"
FAVOURITES = ("hals", "mu", "pg", "gd")  # in the race unless somebody chooses others
VIEWS = {"runs": "Two runs", "race": "A race of solvers"}
AXES = {"iterations": "Iterations", "seconds": "Seconds"}
WITHIN = 1e-4  # of the lowest error in a race: who came this near, and when


def name(run: FittedRun) -> str:
    """One kept run in the picker."""
    spec = run.spec
    return f"rank {run.rank}, {spec.solver}, {spec.init} start, seed {spec.seed}: {error(run.error)}"


def two_runs(here: FittedRun) -> None:
    others = [run for run in session.kept_runs() if run.key != here.key and same_columns(run, here)]
    if not others:
        with card.plain("Nothing to compare with yet"):
            st.markdown(
                "Fit the same data again with another seed, rank or solver: every run is kept (up to eight), and two of them "
                "can be compared here. Another seed with the random start shows how much of a result is luck."
            )
            st.button("Fit again from a random start", key="another-seed", icon=":material/casino:", on_click=session.fit_another)
        return
    choices = {run.key: name(run) + ("" if same_items(run, here) else f" · {other_items(run)}") for run in others}
    bench.within("compare-with", list(choices), list(choices)[-1])
    st.markdown(f":small[On screen: {markdown(name(here), 120)}]")
    other_key = st.selectbox("Compare it with", list(choices), format_func=choices.__getitem__, key="compare-with", width=420)
    other = next(run for run in others if run.key == other_key)
    if not same_items(here, other):
        with_other_items(here, other)
        return
    convention, axes = scale.current(), here.dataset.axes
    found = here.derived(
        ("compared", other.key, convention),
        lambda: compare(here.factorization, other.factorization, axes.columns, convention=convention),
    )
    st.markdown(f"**{markdown(found.sentence, 200)}** :small[Scale: {markdown(scale.words(), 80)}.]")
    changes(here, other, found)
    left, right = st.columns(2)
    with left:
        cosines = here.derived(("cosines", other.key), lambda: cosine_rows(here.factorization.H, other.factorization.H))
        names = [str(k + 1) for k in other.ids]
        drawn = similarity_matrix(cosines, component=part(here.dataset), other=names, theme=session.theme())
        card.picture("compare", "cosines", "Topics of this run (rows) and of the other (columns)", drawn)
    with right:
        axis = over("Curves over", "axis", "iterations")
        curves = [curve(label, run.factorization) for label, run in (("on screen", here), ("the other", other))]
        drawn = race_chart([(c.name, getattr(c, axis), c.errors) for c in curves], axis=axis, theme=session.theme(), height=320)
        card.picture("compare", "curves", "Both loss curves", drawn)
    moves(here, other, found)


def same_items(one: FittedRun, other: FittedRun) -> bool:
    """Whether two runs are on the very same data."""
    return one.dataset.shape == other.dataset.shape and one.dataset.fingerprint == other.dataset.fingerprint


def same_columns(one: FittedRun, other: FittedRun) -> bool:
    """Whether two runs are over the same columns, whatever their items."""
    mine, theirs = (run.dataset.axes.columns for run in (one, other))
    named = mine.labels is not None and theirs.labels is not None and list(mine.labels) == list(theirs.labels)
    return same_items(one, other) or (named and mine.name == theirs.name)


def other_items(run: FittedRun) -> str:
    """Which items a run is of."""
    rows, last = run.dataset.axes.rows, run.dataset.steps[-1] if run.dataset.steps else {}
    return f"{count(run.dataset.shape[0], rows.singular, rows.name)} {clean(last.get('called', ''), 40)}".strip()


def with_other_items(here: FittedRun, other: FittedRun) -> None:
    """Two runs on different items over the same columns: their topics matched by their words."""
    noun, axis = part(here.dataset), here.dataset.axes.columns
    pairs = here.derived(("pairs", other.key), lambda: matched(here.factorization.H, other.factorization.H, axis))
    columns = (f"{clean(axis.name)} of both", "only here", "only there")
    frame = group_corpora.pair_table(pairs, f"{noun} here", f"{noun} there", columns)
    where = (markdown(other_items(run), 80) for run in (here, other))
    bench.table("compare", "pairs", "Matched topics", frame, say=f"Here: {next(where)}; there: {next(where)}.", height="content")
    cosines = here.derived(("cosines", other.key), lambda: cosine_rows(here.factorization.H, other.factorization.H))
    drawn = similarity_matrix(cosines, component=noun, other=[str(k + 1) for k in other.ids], theme=session.theme())
    card.picture("compare", "cosines", "Topics of this run (rows) and of the other (columns)", drawn)


def changes(here: FittedRun, other: FittedRun, found: Comparison) -> None:
    first, second = (session.topics_of(run).components for run in (here, other))
    rows = [
        {
            "this run": "" if t.first is None else f"{here.ids[t.first] + 1} · {clean(first[t.first], 40)}",
            "other run": "" if t.second is None else f"{other.ids[t.second] + 1} · {clean(second[t.second], 40)}",
            "cosine": t.cosine,
            "words lost": clean(", ".join(t.lost[:5]), 80),
            "words gained": clean(", ".join(t.gained[:5]), 80),
            "in both": t.items,
            "left": t.left,
            "joined": t.joined,
        }
        for t in found.topics
    ]
    bench.table("compare", "topics", "Matched topics", pd.DataFrame(rows), height="content")


def moves(here: FittedRun, other: FittedRun, found: Comparison) -> None:
    rows = here.dataset.axes.rows

    first, second = (item_facts.components(run) for run in (here, other))
    listed = pd.DataFrame(
        [
            {
                clean(rows.singular): clean(rows.label(m.item)),
                "this run": first[m.first],
                "other run": second[m.second],
            }
            for m in found.moves
        ],
        columns=[clean(rows.singular), "this run", "other run"],
    )
    title = f"{count(len(found.moves), markdown(rows.singular), markdown(rows.name))} of {found.items:,} move"
    bench.table("compare", "moves", title, listed)


def the_race(run: FittedRun) -> None:
    """Several solvers from the same start."""
    chosen, limit = racers(run)
    if not chosen:
        st.markdown("Choose at least one solver.")
        return
    asked = ("raced", run.key, tuple(chosen), limit)
    st.button(
        "Start the race", key="race-start", icon=":material/sports_score:", on_click=session.set_control, args=("raced", asked)
    )
    if session.control_value("raced", None) != asked:
        return
    work, expects = race_work(run, chosen, limit), limit * len(chosen)
    race = bench.compute(race_key(run, chosen, limit), work, label="Race", lane=LANE, expects=expects)
    if race is not None:
        race_curves(run, race)
        arrived(race)


def racers(run: FittedRun) -> tuple[list[str], float]:
    """Who takes part, and for how long: those that can do what this run did."""
    refused = run.derived("refusals", lambda: solver_refusals(run.dataset))
    able = [key for key, kind in SOLVERS.items() if key not in refused and kind.supports.has_loss(run.spec.loss)]
    if run.spec.penalty:
        able = [key for key in able if SOLVERS[key].supports.penalty]
    session.control("racers", [key for key in FAVOURITES if key in able])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Solvers", able, format_func=lambda key: SOLVERS[key].title, key="racers", persist_state="session",
            max_selections=8, width=560,
        )  # fmt: skip
        session.control("race-seconds", 5.0)
        limit = st.number_input(
            "Seconds each, at most", 0.5, 60.0, key="race-seconds", step=1.0, persist_state="session", width=170
        )
    st.markdown(
        f":small[Rank {run.rank}, {markdown(run.spec.init)} start, seed {run.spec.seed}: all solvers get the very same W and H, "
        "and take turns so that they are equally far in time.]"
    )
    return chosen, float(limit)


def race_curves(run: FittedRun, race: Race) -> None:
    """All curves in one picture."""
    with st.container(horizontal=True):
        axis = over("Over", "race-axis", "seconds")
        log = st.segmented_control("Error axis", ["linear", "logarithmic"], default="linear", key="race-log", required=True)
    drawn = race_chart(
        [(SOLVERS[c.name].title, getattr(c, axis), c.errors) for c in race.curves()],
        floor=run.floor_line, rank=run.rank, axis=axis, log=log == "logarithmic", theme=session.theme(),
    )  # fmt: skip
    say = f"No floor is drawn: {run.no_floor}." if run.no_floor else ""
    card.picture("compare", "race", "Same start, several solvers", drawn, say=say)


def arrived(race: Race) -> None:
    """When each solver came near the lowest error of the race, and how it ended."""
    curves, results = race.curves(), race.results()
    near = min(float(c.errors[-1]) for c in curves if len(c.errors)) * (1.0 + WITHIN)
    rows = []
    for arrival in arrivals(curves, near):
        result = results[arrival.name]
        rows.append(
            {
                "solver": SOLVERS[arrival.name].title,
                "error at the end": result.relative_error,
                "iterations": result.history[-1].iteration,
                "seconds": result.history[-1].seconds,
                f"seconds to {near:.4f}": arrival.seconds,
                "KKT residual (start = 1)": result.history[-1].kkt,
                "why it stopped": result.stopped.sentence,
            }
        )
    say = f"The column of seconds: within {WITHIN:g} (relative) of the lowest error of this race."
    bench.table("compare", "arrivals", "Who was there first", pd.DataFrame(rows), height="content", say=say)


def over(label: str, key: str, usual: str) -> str:
    """What runs along the horizontal axis."""
    return str(
        st.segmented_control(
            label, list(AXES), format_func=AXES.__getitem__, default=usual, key=key, required=True, bind="query-params"
        )
    )


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Compare", None)
        notices.nothing_yet()
        return
    kept = sum(other.dataset.fingerprint == run.dataset.fingerprint for other in session.kept_runs())
    header.draw(f"{spelled(kept)} kept {'run' if kept == 1 else 'runs'} of {markdown(run.dataset.title, 60)}", run)
    filter_bar.whole(run)
    if run.empty:
        notices.all_zero("There is nothing to compare: no run has topics, and their errors are undefined.")
        return
    body(run)


@alone
def body(run: FittedRun) -> None:
    """Both views of the page; their controls redraw them without the panel beside it."""
    view = st.segmented_control(
        "Compare", list(VIEWS), format_func=VIEWS.__getitem__, default="runs", key="compare", required=True, bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    {"runs": two_runs, "race": the_race}[view](run)


draw()

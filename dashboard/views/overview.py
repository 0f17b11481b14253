"""Overview: the run on screen at a glance. A lecture can be held from this page alone."""

import streamlit as st

from dashboard import session
from dashboard.cards import course_line, topic_cards, watch
from dashboard.figures.heatmaps import items_by_topic
from dashboard.figures.loss import Against, loss_curve
from dashboard.text.plain import markdown
from dashboard.text.words import SHORT_REASONS, above, count, part, percent, seconds, spelled
from dashboard.widgets import card, filter_bar, header, notices, stability
from dashboard.widgets.header import Figure
from dashboard.work.fitted import FittedRun


def figures(run: FittedRun) -> list[Figure]:
    """Attainable share, error above the floor, iterations and stability."""
    result = run.factorization
    end = result.history[-1]
    return [
        *explained(run),
        Figure(
            "Iterations",
            f"{end.iteration:,}",
            f"{SHORT_REASONS[result.stopped]}, {seconds(end.seconds)}",
            result.stopped.sentence + ".",
        ),
        stability.figure(run),
    ]


def explained(run: FittedRun) -> list[Figure]:
    """The share of the energy that the model explains and its error; against the SVD where that is a floor."""
    if run.empty:
        nothing = ("undefined", "every entry is 0", "A share or an error of nothing has no meaning.")
        return [Figure("Explained energy", *nothing), Figure("Relative error", *nothing)]
    error = run.factorization.relative_error
    said, share = f"{error:.4f}", percent(1.0 - min(error, 1.0) ** 2)
    if run.bounded:
        return against_svd(run)
    if run.dataset.mask is None:
        return [
            Figure("Explained energy", share, "of all entries", "1 − e²; the attainable share needs the floor."),
            Figure("Relative error", said, "floor not measured", f"{run.unmeasured} See NMF and SVD."),
        ]
    return [
        Figure(
            "Explained energy",
            share,
            "of the given entries",
            "1 − e², over the given entries only. The SVD takes missing ones for 0, so it is no floor under this model.",
        ),
        Figure(
            "Relative error",
            said,
            "over the given entries only",
            "‖M∘(X − WH)‖ / ‖M∘X‖ in the Frobenius norm; 0 is exact. No floor is known for data with missing entries.",
        ),
    ]


def against_svd(run: FittedRun) -> list[Figure]:
    """The same two where the SVD is a floor under the model."""
    error = run.factorization.relative_error
    return [
        Figure(
            "Attainable explained",
            percent(run.attainable),
            f"of what any rank-{run.rank} model can",
            "(1 − e²) / (1 − e_SVD²): the explained energy of this NMF as a share of the SVD's at the same rank.",
        ),
        Figure(
            "Relative error",
            f"{error:.4f}",
            f"{above(error, run.floor)} above the SVD floor",
            "‖X − WH‖ / ‖X‖ in the Frobenius norm; 0 is exact. The SVD's error is the floor under every NMF of the same rank.",
        ),
    ]


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Overview", None)
        notices.nothing_yet()
        return
    view = session.topics_of(run)
    m, _ = run.dataset.shape
    rows = run.dataset.axes.rows
    items = count(m, markdown(rows.singular), markdown(rows.name))
    title = f"{spelled(run.rank)} {part(run.dataset)}{'s' if run.rank > 1 else ''} in {items}"
    header.draw(title, run, figures(run))
    filter_bar.whole(run)
    course_line.draw()
    stability.control(run)
    history = run.factorization.history
    left, right = st.columns(2)
    with left:
        drawn = loss_curve(
            history.iterations,
            run.errors,
            Against(run.floor_line, run.rank),
            theme=view.theme,
            height=300,
        )
        card.picture("overview", "loss", "Loss while fitting", drawn)
        watch.links("run", "seeds", "words")
    with right:
        W, theme = view.as_fitted().W, view.theme
        drawn = run.derived(
            ("W", "overview", view.scale, theme),
            lambda: items_by_topic(
                W, axis=rows, component=part(run.dataset), labels=view.as_fitted().labels, theme=theme, height=300
            ),
        )
        card.picture(
            "overview", "items", f"{markdown(rows.name.capitalize())} by {part(run.dataset)} (W), strongest first", drawn
        )
    topic_cards.draw(view.as_fitted(), page="overview", words=8)


draw()

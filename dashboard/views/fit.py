"""Fit: the loss curve while the solver runs, why it stopped, and exactly what was run."""

import streamlit as st

from dashboard import session
from dashboard.cards import run_spec, watch
from dashboard.figures.loss import Against, kkt_curve, loss_curve
from dashboard.text.plain import markdown
from dashboard.text.words import SHORT_REASONS, count, error, seconds
from dashboard.widgets import card, filter_bar, header, notices, panel
from dashboard.widgets.alone import alone
from dashboard.work.fitted import FittedRun
from dashboard.work.job import Status
from nmfcore.kernels import engines

AXES = {"iterations": "Iterations", "seconds": "Seconds"}
WERE_PREPARED = "plain NumPy, since the compiled kernels were still being prepared when it began; another fit uses them"
SCALES = {"linear": "Linear", "log": "Logarithmic"}


@st.fragment(run_every=panel.HEARTBEAT)
def live() -> None:
    """The curve of the job under way; the sidebar notices its end and redraws the page."""
    job = session.fit_job()
    if job is None or job.final:
        return
    with st.container(border=True):
        panel.progress(job)
        points = list(job.progress)
        if job.status is Status.RUNNING and len(points) > 1:
            drawn = loss_curve(
                [p.iteration for p in points], [p.relative_error for p in points], theme=session.theme(), height=340, live=True
            )
            card.chart("fit-live", drawn, live=True)
        st.button("Stop and keep the best so far", on_click=session.stop, icon=":material/stop_circle:", key="stop-here")


def controls() -> tuple[str, str]:
    with st.container(horizontal=True):
        axis = st.segmented_control(
            "Horizontal axis",
            list(AXES),
            format_func=AXES.__getitem__,
            default="iterations",
            key="axis",
            required=True,
            bind="query-params",
        )
        scale = st.segmented_control(
            "Error axis",
            list(SCALES),
            format_func=SCALES.__getitem__,
            default="linear",
            key="errors",
            required=True,
            bind="query-params",
        )
    return axis, scale


@alone
def curves(run: FittedRun) -> None:
    axis, scale = controls()
    history = run.factorization.history
    earlier = [
        (
            f"rank {other.rank}, {other.spec.solver}",
            getattr(other.factorization.history, axis),
            other.errors,
        )
        for other in session.kept_runs()
        if other.key != run.key and other.dataset is run.dataset
    ]
    drawn = loss_curve(
        getattr(history, axis),
        run.errors,
        Against(run.floor_line, run.rank, run.baseline, earlier=earlier),
        axis=axis,
        log=scale == "log",
        theme=session.theme(),
        height=380,
    )
    say = f"No floor is drawn: {run.no_floor}." if run.no_floor else ""
    card.picture("fit", "loss", "Relative error", drawn, say=say)
    watch.links("run", "seeds")
    card.picture(
        "fit",
        "kkt",
        "Distance from a stationary point",
        kkt_curve(history.iterations, history.column("kkt"), theme=session.theme()),
    )


def state(run: FittedRun, busy: bool) -> None:
    result = run.factorization
    with card.plain("What happened"):
        end = result.history[-1]
        st.markdown(f"{result.stopped.sentence}. {count(end.iteration, 'iteration')} in {seconds(end.seconds)}.")
        for warning in result.warnings:
            st.markdown(f":orange[:material/warning:] {markdown(warning, 400)}")
        if result.stopped.can_continue and not run.spec.guidance:
            stop = session.continued(run)
            st.button(
                "Continue",
                on_click=session.continue_fit,
                icon=":material/play_arrow:",
                key="continue",
                disabled=busy,
                help=f"Goes on to {stop.max_iter:,} iterations at most, tolerance {stop.tol:.0e}.",
            )
        loops = WERE_PREPARED if run.plain and not engines.preparing() else engines.in_use()
        st.markdown(f":small[Inner loops: {markdown(loops, 200)}.]")
    run_spec.draw(run)


def draw() -> None:
    run, job = session.shown_run(), session.fit_job()
    busy = job is not None and not job.final
    if run is None:
        header.draw("Fit", None)
        live() if busy else notices.nothing_yet()
        return
    header.draw(f"Relative error {error(run.error)}, {SHORT_REASONS[run.factorization.stopped]}", run)
    filter_bar.whole(run)
    if busy:
        live()
    left, right = st.columns([5, 2])
    with left:
        curves(run)
    with right:
        state(run, busy)


draw()

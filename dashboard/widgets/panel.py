"""The instrument panel: data, rank, solver, Fit or Stop, progress, last run, kept runs; a workbench has a panel of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard import links, session
from dashboard.figures.loss import sparkline
from dashboard.text import settings
from dashboard.text.plain import markdown
from dashboard.text.words import SHORT_REASONS, about, count, error, part, preparation, seconds, shape, start_title, wished
from dashboard.widgets import rank
from dashboard.work.fitted import FittedRun
from dashboard.work.job import Job, Status
from nmfcore.core.factorization import Factorization
from nmfcore.core.parameters import Parameter, parameters
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.starts import INITS

NORMS = {"l1": "the sum of {}", "l2": "half the sum of squares of {}"}
LONGEST_NAME = 29  # characters of a solver's name that the list has room for
HEARTBEAT = 0.5  # seconds between looks at a running job
LOSS_TITLES = {
    "frobenius": "Frobenius",
    "kullback-leibler": "Kullback-Leibler (generalised)",
    "itakura-saito": "Itakura-Saito",
    session.OTHER_BETA: "another β-divergence",
}


def draw() -> None:
    """The whole panel."""
    with st.sidebar:
        _data()
        _controls()
        _progress_or_last()
        _kept()


def _data() -> None:
    data = session.chosen_data()
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{markdown(session.chosen_title())}**")
        if data is not None:
            wanted = session.wanted()
            wishes = f" · {count(len(wanted.guidance), 'wish', 'wishes')}" if wanted.guidance else ""
            exactly = "  \n".join(
                f"{markdown(name, 40)}: {markdown(value, 300)}" for name, value in settings.of_data(wanted).items()
            )
            st.markdown(f":small[:gray[{shape(data)}]]  \n:small[:gray[{markdown(preparation(wanted))}{wishes}]]", help=exactly)
        else:
            st.markdown(":small[:gray[not loaded yet]]")
        st.page_link(session.page("data"), label="Change data", icon=":material/swap_horiz:", width="stretch")


def _controls() -> None:
    solver, refused = session.wanted().solver, session.refusals()
    with st.container(border=True, gap="small"):
        _rank()
        st.selectbox(
            "Solver",
            session.solvers(),
            format_func=lambda key: _called(key) + (" · not here" if refused.get(key) else ""),
            help=f"{SOLVERS[solver].title}. How W and H are found; all minimise the same loss.",
            **session.wired("solver"),
        )
        if refused.get(solver):
            st.markdown(f":small[:orange[{markdown(refused[solver], 300)}]]")
        with st.expander("Advanced"):
            _advanced(solver)
        if session.quick():
            meaning = "This data is small enough to fit at once."
            st.toggle("Fit as I change", help=meaning, **session.wired("live"))
        job = session.fit_job()
        if job is not None and not job.final:
            st.button("Stop", on_click=session.stop, width="stretch", icon=":material/stop_circle:", key="stop")
        else:
            impossible = bool(refused.get(solver))
            st.button("Fit", on_click=session.fit, type="primary", width="stretch", key="fit", disabled=impossible)
        if job is None or job.final:
            _expected()
        if job is None and session.pending():
            st.markdown(f":small[:gray[Shown: {session.difference()}]]")


def _called(solver: str) -> str:
    """A solver's name as the list has room for it; what it adds in brackets stands in the help."""
    title = SOLVERS[solver].title
    return title if len(title) <= LONGEST_NAME else title.partition(" (")[0]


def _expected() -> None:
    """How long the fit will take, before it starts."""
    said = session.expected()
    if said is not None:
        meaning = (
            "Within a factor of two in about nine cases of ten on data like the catalog's. Runs on the same data count: "
            "their pace and their iterations."
        )
        took = f"{about(said.seconds)}, {count(said.iterations, 'iteration')}"
        st.markdown(f":small[:gray[Expected: {took}]]", help=f"{said.how.capitalize()}. {meaning}")


def _rank() -> None:
    most, now = session.most_rank() or rank.SLIDER_TOP, session.wanted().rank
    meaning = "How many components: columns of W, rows of H."
    rank.draw("Rank", 1, most, now, session.wired("rank"), session.wired("rank", "rank-field"), meaning)
    run = session.shown_run()
    if run is not None and run.rank != run.spec.rank and not session.pending():
        st.markdown(f":small[:gray[Shown: {count(run.rank, part(run.dataset))}, {wished(run.spec, run.rank)}.]]")


def _advanced(solver: str) -> None:
    kind: Any = SOLVERS[solver]
    for parameter in parameters(kind).values():
        _parameter(solver, parameter)
    st.selectbox("Loss", session.losses(solver), format_func=LOSS_TITLES.__getitem__, **session.wired("loss"))
    if session.said("loss") == session.OTHER_BETA:
        meaning = "2 Frobenius, 1 Kullback-Leibler, 0 Itakura-Saito."
        st.number_input("β", step=0.1, help=meaning, **session.wired("beta"))
    meaning = "Where W and H begin. The end depends on it: NMF has many local optima."
    st.selectbox("Start", list(INITS), format_func=start_title, help=meaning, **session.wired("init"))
    _number("seed", "Seed", "The same seed gives the same result.", step=1)
    _penalties(kind)
    _stop_rule()


def _penalties(kind: Any) -> None:
    """What a large factor costs, and whether one factor is sought; where the solver can, or a link asks for it."""
    wanted = session.wanted()
    if kind.supports.penalty or wanted.penalty:
        with st.grid(2, min_column_width=60, gap="xsmall"):
            for name, of in links.PENALTIES.items():
                norm, factor = of.split("_")
                meaning = f"Adds this weight times {NORMS[norm].format(factor)} to the loss. 0 for none."
                _number(name, f"{norm.upper()} of {factor}", meaning, format="%g", step=0.1)
    if kind.supports.requires_symmetric or wanted.symmetric:
        st.toggle("One factor: X = SSᵀ", help="For data that is its own mirror image.", **session.wired("sym"))


def _stop_rule() -> None:
    """When a run ends."""
    meaning = "Averaged over five iterations. 0 switches this rule off."
    _number("tol", "Stop when the error falls by less than (per iteration, relative)", meaning, format="%.1e", step=1e-5)
    meaning = "How far W and H are from where no small change helps, relative to the start. 0 switches this rule off."
    _number("kkt", "Stop when the KKT residual is below", meaning, format="%g", step=1e-4)
    _number("iterations", "Iterations at most", "", step=50)
    _number("seconds", "Seconds at most", "Empty for no limit.", step=10.0, value=None, placeholder="no limit")


def _number(name: str, title: str, meaning: str, **options: Any) -> None:
    """The control of a number that an address names, too: the bounds are the same."""
    held = links.NUMBERS[name]
    least, most = (_whole(held.least), _whole(held.most)) if held.kind is int else (held.least, held.most)
    st.number_input(title, least, most, help=meaning or None, **options, **session.wired(name))


def _parameter(solver: str, parameter: Parameter) -> None:
    """The control of one solver parameter: its bounds and what it means are the solver's own."""
    title = parameter.name.replace("_", " ").capitalize()
    common = {"help": parameter.meaning or None, **session.wired(session.parameter_key(solver, parameter.name))}
    if parameter.kind is bool:
        st.toggle(title, **common)
    elif parameter.kind is str:
        st.selectbox(title, parameter.choices or [str(session.said(common["key"]))], **common)
    elif parameter.kind is int:
        st.number_input(title, _whole(parameter.least), _whole(parameter.most), step=1, **common)
    else:
        st.number_input(title, parameter.least, parameter.most, format="%g", step=parameter.default / 2 or 0.1, **common)


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _progress_or_last() -> None:
    if session.waiting():  # not "is a job running": one that ended since `begin` looked has to be taken over too
        _watch()
        return
    run = session.shown_run()
    if run is not None:
        with st.container(border=True, gap="xsmall"):
            last(run.factorization, run.errors)
            job = session.fitted_by()
            if job is not None and job.final and job.expects:
                took = f"{seconds(job.seconds)} with its start and the floor"
                st.markdown(f":small[:gray[{took}; expected: {seconds(job.expects)}.]]")


def elsewhere() -> None:
    """Beside the panel of a workbench: the progress of the run of the other pages, while there is one."""
    if session.waiting():
        with st.sidebar:
            _watch()


@st.fragment(run_every=HEARTBEAT)
def _watch() -> None:
    """Progress that follows the person to every page; also what keeps the job alive while somebody looks."""
    if session.ended():
        st.rerun()
    with st.container(border=True, gap="xsmall"):
        for job in (session.load_job(), session.fit_job()):
            if job is not None and not job.final:
                progress(job)


def progress(job: Job) -> None:
    """One job: what it is, how far, how long."""
    if job.status is Status.QUEUED:
        wait = session.jobs().wait_seconds(job)
        takes = f", {about(wait)}" if wait else ""
        st.markdown(f"**{markdown(job.label)}**  \n:small[:gray[Waiting for its turn, place {session.jobs().place(job)}{takes}]]")
        return
    st.markdown(f"**{markdown(job.label)}**")
    st.progress(job.fraction or 0.0)
    latest = job.latest
    if latest is None:
        st.markdown(f":small[:gray[{markdown(job.message or 'Starting', 200)} · {seconds(job.seconds)}]]")
    else:
        doing = "" if job.message == "Fitting" else f" · {markdown(job.message.lower(), 60)}"
        where = f"iteration {latest.iteration:,} · {seconds(job.seconds)} · relative error {latest.relative_error:.4f}"
        st.markdown(f":small[:gray[{where}{doing}]]")


def last(result: Factorization, errors: np.ndarray | None = None) -> None:
    """How the last fit ended, and its curve.

    errors : (k,) of its history, where some are undefined
    """
    end = result.history[-1]
    st.markdown("**Last run**")
    st.markdown(f":small[:gray[{count(end.iteration, 'iteration')}, {seconds(end.seconds)}, {SHORT_REASONS[result.stopped]}]]")
    drawn = sparkline(result.history.relative_errors if errors is None else errors, theme=session.theme())
    st.plotly_chart(drawn.figure, key=f"sparkline-{session.theme()}", config={"staticPlot": True}, alt=drawn.alt)


def _kept() -> None:
    kept = session.kept_runs()[::-1]
    if len(kept) < 2:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown("**Kept runs**")
        titles = dict.fromkeys(run.dataset.title for run in kept)
        for title in titles:
            st.markdown(f":small[:gray[{markdown(title, 60)}]]")
            _chips([run for run in kept if run.dataset.title == title])


def _chips(kept: list[FittedRun]) -> None:
    """Kept runs of one data set."""
    shown = session.shown_run()
    with st.container(horizontal=True, gap="xsmall"):
        for run in kept:
            wishes = f" · {count(len(run.spec.guidance), 'wish', 'wishes')}" if run.spec.guidance else ""
            solver = SOLVERS[run.spec.solver].title
            here = shown is not None and run.key == shown.key
            st.button(
                f"{run.rank} · {solver.partition(' (')[0]} · {error(run.error, 3)}{wishes}",
                key=f"kept-{run.key}",
                on_click=session.show,
                args=(run.key,),
                type="primary" if here else "secondary",
                disabled=here,
                help=f"{markdown(run.dataset.title)}: rank {run.rank}, {solver}, relative error {error(run.error)}",
            )

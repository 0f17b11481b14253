"""The instrument panel: data, rank, solver, Fit or Stop, progress, last run, kept runs. The same in the sidebar of every page."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import Any

import streamlit as st

from dashboard import links, session
from dashboard.figures.loss import sparkline
from dashboard.text.plain import markdown
from dashboard.text.words import SHORT_REASONS, count, preparation, seconds, shape, start_title
from dashboard.work.fitting import LIVE_SECONDS, FittedRun, estimate
from dashboard.work.jobs import Job, Status
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.protocol import Solver
from nmfcore.solvers.starts import INITS

SLIDER_TOP = 40  # beyond this a slider of this width cannot be set exactly; the number field goes on to 200
HEARTBEAT = 0.5  # seconds between looks at a running job
OTHER_BETA = "beta=..."
LOSS_TITLES = {
    "frobenius": "Frobenius",
    "kullback-leibler": "Kullback-Leibler (generalised)",
    "itakura-saito": "Itakura-Saito",
    OTHER_BETA: "another β-divergence",
}


def draw() -> None:
    """The whole panel."""
    with st.sidebar:
        _data()
        _controls()
        _progress_or_last()
        _kept()


def _data() -> None:
    me = session.state()
    with st.container(border=True, gap="xsmall"):
        if me.data is not None:
            st.markdown(f"**{markdown(me.data.title)}**")
            st.markdown(f":small[:gray[{shape(me.data)} · {markdown(preparation(me.choice))}]]")
        else:
            st.markdown(f"**{markdown(session.chosen_title())}**")
            st.markdown(":small[:gray[not loaded yet]]")
        st.page_link(session.page("data"), label="Change data", icon=":material/swap_horiz:", width="stretch")


def _controls() -> None:
    me = session.state()
    with st.container(border=True, gap="small"):
        most = min(*me.data.shape, links.MOST_RANK) if me.data is not None and me.data.X is not None else SLIDER_TOP
        rank = min(int(session.control("rank", me.choice.rank)), max(most, 1))
        session.set_control("rank", rank)
        if most > 1:
            top = max(min(SLIDER_TOP, most), rank)
            st.slider("Rank", 1, top, key="rank", help="How many components: columns of W, rows of H.", persist_state="session")
        session.control("solver", me.choice.solver)
        problem = session.refusals()
        st.selectbox(
            "Solver",
            session.solvers(),
            format_func=lambda key: SOLVERS[key].title + (" (not for this data)" if problem.get(key) else ""),
            key="solver",
            help="How W and H are found; all minimise the same loss.",
            persist_state="session",
        )
        key = session.control_value("solver", me.choice.solver)
        if problem.get(key):
            st.markdown(f":small[:orange[{markdown(problem[key], 300)}]]")
        _advanced(SOLVERS[key])
        live = _live_switch()
        job = session.fit_job()
        if job is not None and not job.final:
            st.button("Stop", on_click=session.stop, width="stretch", icon=":material/stop_circle:", key="stop")
        else:
            st.button("Fit", on_click=session.fit, type="primary", width="stretch", key="fit", disabled=bool(problem.get(key)))
        if live and session.pending() and (job is None or job.final) and not problem.get(key):
            session.fit()
            session.adopt()
        if me.run is not None and session.pending() and session.fit_job() is None:
            st.markdown(f":small[:gray[Shown: {session.difference()}]]")


def _advanced(solver: type[Solver]) -> None:
    me = session.state()
    with st.expander("Advanced"):
        for field in fields(solver):
            _parameter(solver, field.name, field.default, me.choice.solver_options.get(field.name, field.default))
        losses = [name for name in LOSS_TITLES if name in solver.supports.losses]
        if session.control("loss", me.choice.loss) not in losses:
            session.set_control("loss", losses[0])
        st.selectbox("Loss", losses, format_func=LOSS_TITLES.__getitem__, key="loss", persist_state="session")
        if session.control_value("loss", "") == OTHER_BETA:
            session.control("beta", 1.5)
            st.number_input(
                "β",
                -2.0,
                5.0,
                key="beta",
                step=0.1,
                persist_state="session",
                help="2 Frobenius, 1 Kullback-Leibler, 0 Itakura-Saito.",
            )
        session.control("init", me.choice.init)
        st.selectbox(
            "Start",
            list(INITS),
            format_func=start_title,
            key="init",
            persist_state="session",
            help="Where W and H begin. The end depends on it: NMF has many local optima.",
        )
        session.control("seed", me.choice.seed)
        st.number_input(
            "Seed", 0, 2**32 - 1, key="seed", step=1, persist_state="session", help="The same seed gives the same result."
        )
        session.control("tol", me.choice.stop.tol)
        st.number_input(
            "Stop when the error falls by less than (per iteration, relative)",
            0.0,
            0.1,
            key="tol",
            format="%.1e",
            step=1e-5,
            persist_state="session",
            help="Averaged over five iterations. 0 switches this rule off.",
        )
        session.control("iterations", me.choice.stop.max_iter)
        st.number_input("Iterations at most", 1, links.MOST_ITERATIONS, key="iterations", step=50, persist_state="session")
        session.control("seconds", me.choice.stop.max_seconds or 60.0)
        st.number_input("Seconds at most", 1.0, links.MOST_SECONDS, key="seconds", step=10.0, persist_state="session")


def _parameter(solver: type[Solver], name: str, usual: object, value: object) -> None:
    """The control of one solver parameter; what it means, and the choices of a word, come from the solver's own docstring."""
    key, title = f"par_{solver.key}_{name}", name.replace("_", " ").capitalize()
    meaning = parameter_help(solver, name)
    session.control(key, value)
    common: dict[str, Any] = {"key": key, "help": meaning or None, "persist_state": "session"}
    if isinstance(usual, bool):
        st.toggle(title, **common)
    elif isinstance(usual, int):
        st.number_input(title, 0, 1_000_000, step=1, **common)
    elif isinstance(usual, float):
        st.number_input(title, 0.0, 1e12, format="%g", step=usual / 2 or 0.1, **common)
    else:
        st.selectbox(title, re.findall(r'"([\w-]+)"', meaning) or [str(usual)], **common)


def parameter_help(solver: type[Solver], name: str) -> str:
    """What the solver's docstring says of a parameter: the text after "name : " up to the next blank line or parameter."""
    text = inspect.getdoc(solver) or ""
    found = re.search(rf"^{name} : (.+?)(?=^\w+ : |\n\n|\Z)", text, re.M | re.S)
    return " ".join(found[1].split()) if found else ""


def _live_switch() -> bool:
    """Offered where a whole fit is so short that moving the rank slider in front of a class can change the topics live."""
    me = session.state()
    expected = estimate(session.wanted(), me.data, me.run)
    if (
        expected is None
        or expected >= LIVE_SECONDS
        or (me.data is not None and me.run is not None and me.data is not me.run.dataset)
    ):
        return False
    session.control("live", True)
    return bool(
        st.toggle("Fit as I change", key="live", persist_state="session", help="This data is small enough to fit at once.")
    )


def _progress_or_last() -> None:
    if session.waiting():  # not "is a job running": one that ended since `begin` looked has to be taken over too
        _watch()
        return
    run = session.shown()
    if run is not None:
        with st.container(border=True, gap="xsmall"):
            _last(run)


@st.fragment(run_every=HEARTBEAT)
def _watch() -> None:
    """Progress that follows the person to every page; also what keeps the job alive while somebody looks."""
    if session.adopt():
        st.rerun()
    with st.container(border=True, gap="xsmall"):
        for job in (session.load_job(), session.fit_job()):
            if job is not None and not job.final:
                progress(job)


def progress(job: Job) -> None:
    """One job: what it is, how far, how long."""
    if job.status is Status.QUEUED:
        wait = session.jobs().wait_seconds(job)
        about = f", about {seconds(wait)}" if wait else ""
        st.markdown(f"**{markdown(job.label)}**  \n:small[:gray[Waiting for its turn, place {session.jobs().place(job)}{about}]]")
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


def _last(run: FittedRun) -> None:
    end = run.factorization.history[-1]
    st.markdown("**Last run**")
    st.markdown(
        f":small[:gray[{count(end.iteration, 'iteration')}, {seconds(end.seconds)}, {SHORT_REASONS[run.factorization.stopped]}]]"
    )
    drawn = sparkline(run.factorization.history.relative_errors, theme=session.theme())
    st.plotly_chart(drawn.figure, key=f"sparkline-{session.theme()}", config={"staticPlot": True}, alt=drawn.alt)


def _kept() -> None:
    me = session.state()
    if len(me.kept) < 2:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown("**Kept runs**")
        with st.container(horizontal=True, gap="xsmall"):
            for key, run in reversed(me.kept.items()):
                label = f"{run.rank} · {run.spec.solver} · {run.factorization.relative_error:.3f}"
                here = me.run is not None and key == me.run.key
                st.button(
                    label,
                    key=f"kept-{key}",
                    on_click=session.show,
                    args=(key,),
                    type="primary" if here else "secondary",
                    disabled=here,
                    help=f"{markdown(run.dataset.title)}: rank, solver, relative error",
                )

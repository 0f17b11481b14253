"""How stable is the run on screen? Measured on request: the same data from other random starts, topics matched one to one."""

from __future__ import annotations

import streamlit as st

from dashboard import session
from dashboard.text.plain import markdown
from dashboard.text.words import about, percent
from dashboard.widgets import bench
from dashboard.widgets.header import Figure
from dashboard.work.estimates import estimate
from dashboard.work.fitted import FittedRun
from dashboard.work.stability import STARTS, stability_key, stability_work
from nmfcore.evaluate.stability import Stability

LANE = "stability"
DEFINITION = (
    f"{STARTS} fits from other random starts; every topic is matched with its most similar partner there (Hungarian method, "
    "cosine of the rows of H). 1: found every time. A low loss does not imply it."
)


def measured(run: FittedRun) -> Stability | None:
    """The stability of this run on the scale that is shown, if somebody has measured it."""
    found: dict[str, Stability] | None = session.jobs().result(stability_key(run))
    return found[session.convention()] if found is not None else None


def figure(run: FittedRun) -> Figure:
    """The key figure: the mean over the topics, or that nobody has measured it and what it would cost."""
    found = measured(run)
    if found is None:
        cost = estimate(run.spec, run.dataset, [run])
        takes = f", {about(STARTS * cost)}" if cost else ""
        return Figure("Topic stability", "not measured", f"{STARTS} starts{takes}", DEFINITION)
    moving = f"{percent(found.share_moving)} of {markdown(run.dataset.axes.rows.name)} change topic"
    return Figure("Topic stability", f"{float(found.topics.mean()):.2f}", moving, DEFINITION)


def control(run: FittedRun) -> None:
    """The button that measures, its progress, and Stop; nothing once it is measured."""
    if run.rank < 2 or measured(run) is not None:
        return
    asked = f"stability-{run.key}"
    if not session.control_value(asked, False):
        st.button(
            f"Measure stability ({STARTS} starts)",
            key=f"measure-{run.key}",
            icon=":material/speed:",
            on_click=session.set_control,
            args=(asked, True),
        )
        return
    if bench.compute(stability_key(run), stability_work(run), label="Topic stability", lane=LANE) is not None:
        st.rerun()

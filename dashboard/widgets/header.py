"""The top of a page: a title that states a finding, the run's identity, key figures, and the way to share or take it away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import session
from dashboard.fitting import FittedRun
from dashboard.widgets import scale
from dashboard.words import identity


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
            st.markdown(f":gray[{identity(run, scale.words())}]")
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
        st.code(session.address(), language=None, wrap_lines=True)


def export(run: FittedRun) -> None:
    """W, H and the specification as files."""
    from dashboard.downloads import factors_csv, factors_npz

    with st.popover("Export", icon=":material/download:"):
        st.markdown(f"W and H in the scale shown ({scale.words()}), with labels and the run's specification.")
        W, H = scale.apply(run)
        name = f"nmf-{run.spec.data}-rank{run.rank}"
        st.download_button(
            "NumPy archive (.npz)",
            data=lambda: factors_npz(run, W, H),
            file_name=f"{name}.npz",
            mime="application/octet-stream",
            on_click="ignore",
            key="export-npz",
        )
        st.download_button(
            "Spreadsheet tables (.zip of CSV)",
            data=lambda: factors_csv(run, W, H),
            file_name=f"{name}.zip",
            mime="application/zip",
            on_click="ignore",
            key="export-csv",
        )
        st.download_button(
            "Specification (.json)",
            data=lambda: run.spec.to_json(),
            file_name=f"{name}.json",
            mime="application/json",
            on_click="ignore",
            key="export-json",
        )

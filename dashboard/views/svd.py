"""NMF and SVD: the best model of each rank beside the non-negative one."""

import functools

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.bridge import nmf_beside_svd
from dashboard.figures.svd import error_over_rank, gram_matrices, singular_values
from dashboard.figures.svd import principal_angles as angle_chart
from dashboard.figures.words import Words
from dashboard.text.explanations import reading
from dashboard.text.plain import clean
from dashboard.text.words import part, percent
from dashboard.widgets import bench, card, filter_bar, header, notices
from dashboard.widgets.alone import alone
from dashboard.work.fitted import FittedRun
from dashboard.work.floor import floor_wanted, floor_work
from nmfcore import topics
from nmfcore.evaluate.svd import bridge, orthogonality, principal_angles, reconstruction_error, sides
from nmfcore.topics.similarity import cosine_rows

WORDS = 8
DIRECT_CELLS = 2_000_000  # cells up to which X - U S V^T is formed, in blocks, while the page waits


def _title(run: FittedRun) -> str:
    if run.empty:
        return "Every entry is 0: there is nothing to explain"
    if not run.bounded:
        return "The SVD takes missing entries for 0, so it is no floor here"
    return f"This NMF explains {percent(run.attainable)} of what any rank-{run.rank} model can"


def floors(run: FittedRun) -> None:
    """Errors of NMF over those of the SVD, and the singular values that these are made of."""
    left, right = st.columns(2)
    with left:
        same = [other for other in session.kept_runs() if other.dataset is run.dataset]
        drawn = error_over_rank(
            run.svd.floor(),
            [other.rank for other in same if run.bounded],  # errors over the given entries only are another quantity
            [other.factorization.relative_error for other in same if run.bounded],
            present=run.rank,
            no_floor=run.no_floor,
            theme=session.theme(),
        )
        card.picture("svd", "floor", "Error over rank", drawn)
    with right:
        drawn = singular_values(run.svd.spectrum, run.svd.squared_norm, present=run.rank, theme=session.theme())
        card.picture("svd", "values", f"Singular values ({run.svd.label})", drawn)


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("NMF and SVD", None)
        notices.nothing_yet()
        return
    if not run.measured and not run.empty:
        unmeasured(run)
        return
    header.draw(_title(run), run)
    filter_bar.whole(run)
    if run.empty:
        notices.all_zero("All singular values are 0, every direction is as good as another, and relative errors are undefined.")
        return
    floors(run)
    component(run)
    left, right = st.columns([3, 2])
    with left:
        r = min(run.rank, run.svd.rank)
        V = run.svd.Vt[:r]
        drawn = gram_matrices(V @ V.T, cosine_rows(run.factorization.H), theme=session.theme())
        card.picture("svd", "orthogonality", "VᵀV beside HHᵀ (rows of unit length)", drawn)
    with right:
        checks(run)
    left, right = st.columns([2, 3])
    with left:
        angles = run.derived("angles", lambda: principal_angles(run.factorization.H, run.svd.Vt[: run.rank]))
        drawn = angle_chart(angles, theme=session.theme(), height=300)
        card.picture("svd", "angles", "Angles between the two subspaces", drawn)
    with right:
        start(run)


def start(run: FittedRun) -> None:
    """The NNDSVD bridge: how a non-negative start is made from singular vectors of both signs."""
    made = run.derived("bridge", lambda: bridge(run.svd, min(run.rank, run.svd.rank)))
    columns = run.dataset.axes.columns
    words = run.derived("bridge words", lambda: topics.names(made.H, columns))
    table = pd.DataFrame(
        {
            "singular value": run.svd.singular_values[: len(made.side)],
            "kept half": ["positive" if side > 0 else "negative" for side in made.side],
            "positive half": made.positive,
            "negative half": made.negative,
            "kept": made.kept,
            "its words": [clean(name, 60) for name in words],
        }
    )
    table.insert(0, "number", range(1, len(table) + 1))
    bench.table(
        "svd", "bridge", "From the SVD to a start (NNDSVD)", table, height=300,
        column_config={
            name: st.column_config.NumberColumn(format="%.3f") for name in ("singular value", "positive half", "negative half")
        } | {"kept": st.column_config.NumberColumn(format="percent")},
    )  # fmt: skip


def unmeasured(run: FittedRun) -> None:
    """The page of a run that came without its SVD: why, and the button that measures it."""
    header.draw("The floor under this NMF was not measured", run)
    filter_bar.whole(run)
    asked = f"floor-{run.key}"
    if session.control_value(asked, False):
        if bench.compute(floor_wanted(run), floor_work(run, session.jobs()), label="The SVD of this data", lane="floor"):
            st.rerun()
        return
    with card.plain(clean(run.unmeasured) or "It was not measured."):
        st.markdown("The SVD takes a while on large data. The fit is complete without it; it is kept for every run on this data.")
        ask = functools.partial(session.set_control, asked, True)
        st.button("Measure it now", key="measure-floor", icon=":material/straighten:", on_click=ask)


@alone
def component(run: FittedRun) -> None:
    """One component's words beside one singular vector's."""
    noun = part(run.dataset)
    k = st.segmented_control(
        f"{noun.capitalize()} and singular vector",
        range(min(run.rank, run.svd.rank)),
        format_func=lambda k: str(run.ids[k] + 1),
        default=0,
        key="vector",
        required=True,
        bind="query-params",
    )
    k = min(int(k), run.rank - 1)
    leading = session.topics_of(run).as_fitted().top(2 * WORDS, 1.0)[k]
    both = run.derived(("sides", WORDS), lambda: sides(run.svd.Vt[: run.rank], run.dataset.axes.columns, count=WORDS))[k]
    drawn = nmf_beside_svd(
        Words(leading.terms, leading.weights, run.ids[k], noun=noun),
        [*both.positive.features, *reversed(both.negative.features)],
        np.concatenate([both.positive.loadings, both.negative.loadings[::-1]]),
        vector=k,
        theme=session.theme(),
    )
    card.picture(
        "svd", "loadings", f"{noun.capitalize()} {run.ids[k] + 1} of the NMF and singular vector {k + 1}", drawn,
        say=f"{percent(both.positive.share)} of the singular vector's squared length is on its positive side.",
    )  # fmt: skip


def checks(run: FittedRun) -> None:
    """Orthonormality and reconstruction as numbers."""
    with card.plain("Checked on this data"):
        ortho = run.derived("orthogonality", lambda: orthogonality(run.svd.U))
        m, n = run.dataset.shape
        terms = f"{run.svd.rank:,} of {min(m, n):,} singular values"
        said = f"‖UᵀU − I‖ = {ortho.columns:.1e}  \n‖U Uᵀ − I‖ = {ortho.rows:.4g}  \n{ortho.sentence}"
        st.markdown(said, help=reading("svd", "checks"))
        if m * n <= DIRECT_CELLS:
            error = run.derived("reconstruction", lambda: reconstruction_error(run.dataset.X, run.svd))
            st.markdown(f"‖X − UΣVᵀ‖ / ‖X‖ = {error:.2e}, entry by entry, with {terms}.")
        rest = float(run.svd.floor([run.svd.rank])[0])
        st.markdown(
            f"√(1 − Σσ² / ‖X‖²) = {rest:.2e} with {terms} ({run.svd.label}): what those terms leave unexplained. "
            "With all of them it is 0 up to rounding."
        )


draw()

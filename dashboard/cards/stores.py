"""The cards of the page on data beyond memory: what was run, topics, items by pages, block means, the floor, a sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import links, session
from dashboard.cards import store_away, store_topics
from dashboard.figures.items import mixture
from dashboard.figures.loss import loss_curve
from dashboard.figures.means import Cells, block_means
from dashboard.figures.svd import error_over_rank, singular_values
from dashboard.files.store_runs import open_work
from dashboard.text.plain import clean, markdown
from dashboard.text.words import SHORT_REASONS, count, seconds
from dashboard.widgets import bench, card
from dashboard.widgets.bench_panel import Bench, Panel, Task, said
from dashboard.widgets.header import Figure
from dashboard.work import stores as work
from dashboard.work.job import Job
from dashboard.work.stores import Choice, StoreFit
from nmfcore.core.errors import ProblemError
from nmfcore.core.written import percent
from nmfcore.data.blocks import Store, stores

PAGE = "stores"
ASPECT = "stores-aspect"
STORE = "stores-name"
ASPECTS = {
    "fit": "Fit", "topics": "Topics", "items": "Items", "matrices": "Matrices", "svd": "SVD", "sample": "Rank and more",
}  # fmt: skip
ENGINES = {"local": "threads of this server", "dask": "Dask workers", "file": "a saved run"}
SHORT = 32  # characters of an item in the title of its card, so that the menu stays beside it
PASSES = 100  # at most, where nothing else is asked for
PENALTIES = {"l1": "L1 of W and H", "l2": "L2 of W and H"}
CONTENT = "content"  # of the address: the beginning of the store's fingerprint
SHOWN_CONTENT = 16  # characters of it
OTHER_CONTENT = (
    "This link was made of other content: the store had the fingerprint {given} then and has {here} now. It was converted "
    "again, or another one has its name. What is fitted here is of the store as it is now: results may differ from those linked."
)
NOT_OFFERED = "This link names a store that is not offered here ({name}); another one is shown."

BENCH = Bench(PAGE, "", lambda _: "", "topic", "topics", ("rank", "passes", "seed", "l1", "l2"), waits=True, lane="store")


def chosen(panel: Panel) -> Store | None:
    """The store that is looked at; without any, what to do to have one."""
    names = list(stores())
    linked = session.linked("store")
    if not names:
        if linked:
            st.markdown(f":orange[:material/warning:] {markdown(NOT_OFFERED.format(name=linked), 400)}")
        nothing()
        return None
    unknown = linked if session.control_value(STORE, None) is None and linked not in ("", *names) else ""
    bench.linked(STORE, "store", names)
    if unknown:
        session.set_control(BENCH.key("told"), (session.control_value(STORE, ""), NOT_OFFERED.format(name=unknown[:80])))
    with panel.box_of_data():
        name = st.selectbox("Store", names, key=STORE, persist_state="session", format_func=lambda n: clean(n, 80))
        about_it = st.empty()
        scheduler()
    try:
        store = work.opened(str(name))
        about_it.markdown(f":small[:gray[{about(store)}]]")
        _linked_content(store)
        return store
    except ProblemError as wrong:
        st.error(markdown(str(wrong), 400), icon=":material/error:")
        return None


def _linked_content(store: Store) -> None:
    """Name the store and its content in the address, and say so where a link was made of other content."""
    name, here, given = store.folder.name, store.fingerprint[:SHOWN_CONTENT], session.linked(CONTENT)
    if given and given != here and session.control_value(BENCH.key("content-of"), None) in (None, name):
        session.set_control(BENCH.key("told"), (name, OTHER_CONTENT.format(given=given[:SHOWN_CONTENT], here=here)))
    session.set_control(BENCH.key("content-of"), name)
    session.link("store", name)
    session.link(CONTENT, here)
    told = session.control_value(BENCH.key("told"), None)
    if told is not None and told[0] == name:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":orange[:material/warning:] {markdown(told[1], 400)}", width="stretch")
            st.button("Understood", key=BENCH.key("heard"), on_click=session.set_control, args=(BENCH.key("told"), None))


def nothing() -> None:
    """How to have a store."""
    with card.plain("No store is offered here"):
        st.markdown(
            "Data that does not fit into memory is converted once into a folder of blocks and then visited block by block:\n\n"
            "1. `python -m nmfcore.data.blocks cells.h5ad --to DIR/cells.blocks` (also .zarr, .parquet, .npz files of rows)\n"
            "2. `nmf-dashboard --data DIR`\n\n"
            "The stores in DIR are then listed here. They are only read."
        )


def scheduler() -> None:
    """The Dask scheduler that is configured, if there is one."""
    found = work.cluster()
    if found is None:
        return
    said = (
        f"{count(found.workers, 'worker')}, {count(found.threads, 'thread')}"
        if not found.trouble
        else f"no answer: {found.trouble}"
    )
    icon = ":material/hub:" if not found.trouble else ":material/warning:"
    st.markdown(f":small[{icon} Dask scheduler {markdown(found.address, 80)}: {markdown(said, 200)}]")


def wanted(panel: Panel, store: Store) -> Choice:
    """What the panel says: the rank and what else a fit needs."""
    most = min(work.MOST_RANK, *store.shape)
    with panel.controls():
        rank = panel.rank("topics", 1, most, min(20, most))
        with st.expander("Advanced"):
            bench.linked(BENCH.key("passes"), "passes", range(1, 1001), PASSES)
            passes = st.number_input(
                "Passes at most", 1, 1000, key=BENCH.key("passes"), persist_state="session",
                help="An iteration is one pass over the data. It stops earlier when the error falls by less than 3e-6 per pass.",
            )  # fmt: skip
            seed = panel.seed()
            with st.grid(2, min_column_width=60, gap="xsmall"):
                l1, l2 = (_weight(name, title) for name, title in PENALTIES.items())
    return Choice(rank, seed, max_iter=int(passes), l1=l1, l2=l2)


def _weight(name: str, title: str) -> float:
    """The weight of a penalty on W and H; part of the address."""
    key, held = BENCH.key(name), links.NUMBERS[f"{name}h"]
    least, most = float(held.least or 0.0), held.most
    if session.control_value(key, None) is None:
        given = _as_number(session.linked(name))
        session.set_control(key, given if least <= given <= (math.inf if most is None else most) else 0.0)
    meaning = "Adds this weight times the sum of entries (L1), or half of that of their squares (L2), to the loss. 0 for none."
    weight = st.number_input(title, least, most, step=0.1, format="%g", key=key, help=meaning, persist_state="session")
    session.link(name, repr(float(weight)) if weight else "")
    return float(weight)


def _as_number(text: str) -> float:
    """What an address says; -1 where it says no number."""
    try:
        return float(text)
    except ValueError:
        return -1.0


def task(store: Store, choice: Choice) -> Task[Choice]:
    """The fit of a choice, or the run that was opened."""
    how, more = work.fit_work(store, choice), []
    if choice.opened:
        fit, more = store_away.held(choice), ["from a file"]
        how = open_work(store, fit, choice.opened) if fit is not None else _gone
    more += [f"{name.upper()} {weight:g}" for name, weight in (("l1", choice.l1), ("l2", choice.l2)) if weight]
    return Task(
        work.fit_key(store, choice),
        how,
        f"{store.title}, rank {choice.rank}",
        said(BENCH, choice.rank, choice.seed, *more),
        lambda found: found.fit,
    )


def _gone(job: Job) -> StoreFit:
    raise ProblemError("This saved run is no longer held here. Open its file again.")


def about(store: Store) -> str:
    """One line on the store."""
    (m, n), rows, columns = store.shape, store.axes.rows.name, store.axes.columns.name
    return f"{m:,} {markdown(rows, 40)} × {n:,} {markdown(columns, 40)} in {count(len(store), 'block')}"


def on_disk(size: int) -> str:
    """8 MB, 3.92 GB."""
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):,.{0 if size >= 1e7 else 1}f} MB"


def figures(store: Store, found: StoreFit | None) -> list[Figure]:
    """Key figures of the store, and of its fit."""
    facts = store.facts
    size = sum(store.nbytes(i) for i in range(len(store)))
    shown = [
        Figure("Stored values", f"{facts.stored if facts else 0:,}", f"{on_disk(size)} on disk", "What a pass reads."),
    ]
    if found is not None:
        end, ended = found.fit.history[-1], SHORT_REASONS[found.fit.stopped]
        each, who = end.seconds / max(1, end.iteration), ENGINES[found.engine]
        shown += [
            Figure("Relative error", f"{end.relative_error:.4f}", ended, "‖X − WH‖ / ‖X‖, over all entries."),
            Figure("Passes", f"{found.passes}", f"{seconds(end.seconds)}, {who}", "Those of the start included."),
            Figure(
                "Speed", f"{size / max(each, 1e-9) / 1e6:,.0f} MB/s", f"{seconds(each)} a pass", "Bytes of the store per second."
            ),
        ]
    return shown


def before(store: Store) -> None:
    """What is known before a fit."""
    with card.plain("What is known without a pass"):
        facts = store.facts
        if facts is not None:
            st.markdown(
                f"Largest entry {facts.largest:g}, sum {facts.total:,.6g}, "
                f"{percent(facts.stored / store.shape[0] / store.columns, 2)} of the cells stored, as {store.dtype}. "
                f"A fit takes about {work.needed_bytes(store, 20) / 1e6:,.0f} MB of memory at rank 20."
            )
        for note in store.notes:
            st.markdown(f":small[{markdown(note, 300)}]")
        st.markdown(f":small[Fingerprint {store.fingerprint[:16]}.]")
    store_away.bring_back(store)


def live(job: Job) -> None:
    """The curve so far, one point per pass."""
    points = list(job.progress)
    if len(points) > 1:
        x, y = [p.iteration for p in points], [p.relative_error for p in points]
        card.chart("stores-live", loss_curve(x, y, theme=session.theme(), height=300, live=True), live=True)


# -- aspects -------------------------------------------------------------------------------------------------------------------
def fit(found: StoreFit) -> None:
    """The curve, and what was run."""
    history, spec = found.fit.history, found.fit.spec
    left, right = st.columns([5, 2])
    with left:
        drawn = loss_curve(history.iterations, history.relative_errors, theme=session.theme(), height=360)
        card.picture(PAGE, "loss", "Relative error after each pass", drawn)
    with right, card.plain("What happened"):
        end = history[-1]
        st.markdown(f"{found.fit.stopped.sentence}. {count(end.iteration, 'iteration')} in {seconds(end.seconds)}.")
        for warning in found.fit.warnings:
            st.markdown(f":orange[:material/warning:] {markdown(warning, 300)}")
        rows = {"start": spec.init, "seed": str(spec.seed), "rank": str(spec.rank), "tolerance": f"{spec.stop.tol:g}",
                **{name: f"{weight:g}" for name, weight in spec.penalty.items() if weight},
                "blocks": str(len(found.store)), "fingerprint": spec.fingerprint[:12]}  # fmt: skip
        st.dataframe({"part": list(rows), "value": list(rows.values())}, hide_index=True, key="stores-spec", height="content")
    store_away.bring_back(found.store)


def items(found: StoreFit) -> None:
    """Items by pages, read from disk; one of them opened."""
    rows = found.store.shape[0]
    last = -(-rows // work.PAGE_ROWS)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        bench.within(f"{PAGE}-page", range(1, last + 1))
        page = st.number_input(f"Page, of {last:,}", 1, last, key=f"{PAGE}-page", width=180, persist_state="session")
        bench.within(f"{PAGE}-item", range(1, rows + 1))
        index = st.number_input(
            f"Open {markdown(found.store.axes.rows.singular)} number",
            1,
            rows,
            key=f"{PAGE}-item",
            width=200,
            persist_state="session",
        )
    left, right = st.columns([8, 5])
    with left:
        page_of = _named(found, work.page_of(found, int(page)))
        title = f"{len(page_of)} of {rows:,} {markdown(found.store.axes.rows.name, 40)}"
        bench.table(PAGE, "items", title, page_of, height="content", column_config=_columns(found, page_of))
    with right:
        weights, entries = work.item(found, int(index) - 1)
        label = found.store.axes.rows.label(int(index) - 1)
        drawn = mixture(weights, store_topics.called(found), item=label, theme=session.theme())
        card.picture(PAGE, "item", markdown(label, SHORT), drawn)
        frame = pd.DataFrame(entries, columns=[found.store.axes.columns.singular, "in X", "in WH"])
        bench.table(PAGE, "entries", "Its largest entries, and the model's", frame, height="content")


def _columns(found: StoreFit, page: pd.DataFrame) -> dict[str, Any]:
    """How wide the columns of a page of items are, so that all of them are seen."""
    named = "its name" in page
    narrow = {"topic": 50, "its name": 90, "entries above 0": 60, "sum": 60}
    shown = {name: st.column_config.Column(width=width) for name, width in narrow.items() if name in page}
    shown["entries above 0"] = st.column_config.NumberColumn("filled", width=55, help="Entries above 0.")
    shown["sum"] = st.column_config.NumberColumn(format="%.4g", width=60, help="The sum of the entries.")
    part = st.column_config.ProgressColumn("share", min_value=0.0, max_value=1.0, format="percent", width=90,
                                           help="What this topic carries of what all topics carry.")  # fmt: skip
    return {
        **shown,
        "share of it": part,
        found.store.axes.rows.singular: st.column_config.TextColumn(width=140 if named else 230),
    }


def _named(found: StoreFit, page: dict[str, list[Any]]) -> pd.DataFrame:
    """A page of items, with what their topics are called."""
    names = [store_topics.name_of(found, k - 1) for k in page["topic"]]
    shown = pd.DataFrame(page)
    if any(names):
        shown.insert(list(page).index("topic") + 1, "its name", names)
    shown["topic"] = shown["topic"].replace(0, pd.NA).astype("Int64")  # an empty row has none
    return shown


def matrices(found: StoreFit) -> None:
    """Block means of X, WH and the residual."""
    means = bench.compute(work.means_key(found), work.means_work(found), label="Block means, one pass", lane="store")
    if means is None:
        return
    top = float(np.percentile(means.X[means.X > 0], 99)) if (means.X > 0).any() else 1.0
    cells = Cells(means.first_rows, means.topics, top, found.store.axes.rows.name)
    pictures = ("X", "X", means.X), ("WH", "WH", means.WH), ("rest", "X − WH", means.X - means.WH)
    for column, (name, title, values) in zip(st.columns(3), pictures, strict=True):
        with column:
            drawn = block_means(values, cells, name=title, signed=name == "rest", theme=session.theme())
            card.picture(PAGE, name, title, drawn)


def svd(found: StoreFit) -> None:
    """The floor under this fit, and the singular values."""
    terms = min(found.fit.rank + work.FLOOR_BEYOND, *found.store.shape)
    values = bench.compute(
        work.floor_key(found.store, terms), work.floor_work(found.store, terms),
        label=f"Singular values, {work.svd_passes(found.store)}", lane="store",
    )  # fmt: skip
    if values is None:
        return
    floor = values.floor(range(1, terms + 1))
    left, right = st.columns(2)
    with left:
        drawn = error_over_rank(
            floor, [found.fit.rank], [found.fit.relative_error], present=found.fit.rank, theme=session.theme()
        )
        card.picture(PAGE, "floor", "The error beside the SVD's", drawn)
    with right:
        card.picture(
            PAGE,
            "values",
            "Singular values",
            singular_values(values.spectrum[:terms], values.squared_norm, present=found.fit.rank, theme=session.theme()),
        )


def sample(found: StoreFit) -> None:
    """A sample of the rows as a data set of this session, for every page that needs all of its data in memory."""
    store = found.store
    size = work.sample_size(store)
    with card.plain("Rank, stability and the other pages: on a sample"):
        st.markdown(
            "A survey of ranks, stability, comparisons, guided topics and the workbenches hold all of their data in memory. "
            f"They work on {_what_is_taken(store, size)}; it is taken in one pass and is then this session's data."
        )
        session.control(f"{PAGE}-sample-seed", 0)
        seed = int(st.number_input("Seed of the sample", 0, 2**31, key=f"{PAGE}-sample-seed", width=180, persist_state="session"))
        wanted = ("sample", store.fingerprint, seed)
        key = f"{PAGE}-sample-wanted"
        if session.control_value(key, None) != wanted:
            st.button("Take a sample", key=f"{PAGE}-sample", on_click=session.set_control, args=(key, wanted))
            return
        taken = bench.compute(
            work.sample_key(store, seed), work.sample_work(store, seed), label=f"A sample of {size:,}", lane="store"
        )
        if taken is None:
            return
        here = session.chosen_data()
        if here is not None and here.fingerprint == taken.fingerprint:
            st.markdown("It is this session's data now.")
            with st.container(horizontal=True):
                st.page_link(session.page("rank"), label="Survey ranks on it", icon=":material/insights:")
                st.page_link(session.page("fit"), label="Fit it", icon=":material/show_chart:")
            return
        st.button(
            "Use it as this session's data",
            type="primary",
            key=f"{PAGE}-use",
            on_click=session.use_sample,
            args=(taken, found.fit.rank),
        )


def _what_is_taken(store: Store, size: int) -> str:
    """The sample, or all rows where they fit."""
    rows = f"{store.shape[0]:,} {markdown(store.axes.rows.name, 40)}"
    return f"a random sample of the rows, {size:,} of {rows}" if size < store.shape[0] else f"all {rows}, since they fit"


DRAW: dict[str, Callable[[StoreFit], Any]] = {
    "fit": fit, "topics": store_topics.draw, "items": items, "matrices": matrices, "svd": svd, "sample": sample,
}  # fmt: skip

"""Which items are there, what is each made of, and which of them is looked at?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import item_facts, item_new, item_opened, wish
from dashboard.text.plain import clean, markdown
from dashboard.text.words import Nouns, count, no_less, part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, stability
from dashboard.widgets.filter_bar import Subset
from dashboard.work.fitted import FittedRun
from nmfcore.core.factorization import Axis
from nmfcore.data.search import LONGEST, Hits, find_rows
from nmfcore.methods.subset import Filter
from nmfcore.topics.clusters import NONE

SEVERAL = "items-several"
UNCHOSEN = "items-unchosen"  # the item that is open without anybody having chosen it
FIND, INSIDE, ORDER, FROM, LAST = "find", "items-in", "items-order", "items-from", "items-last-search"
WINDOW = 100  # rows of the table at one time: enough to read, and no message grows with the data
ALL, NOWHERE = -2, NONE  # choices of the filter besides the components
ORDERS = {
    "data": "best match first",
    "weight": "largest weight first",
    "mixed": "most mixed first",
    "worst": "largest error first",
    "moving": "least stable first",
}


def finding(view: TopicsShown, seen: Subset) -> str:
    """The page's title: of the items that are looked at."""
    rows, noun = view.run.dataset.axes.rows, part(view.run.dataset)
    items, found = looked_at(seen, rows), view.largest()
    empty = found.empty[seen.rows]
    live = found.share[seen.rows][~empty]
    if len(view.topics) == 1 or not len(live):
        return f"{items}, {count(int(empty.sum()), 'one', 'of them')} in no {noun}" if empty.any() else items
    least = no_less(100.0 * float(np.median(live)))
    return f"{items}, half with {least} % {'' if least == '100' else 'or more '}in one {noun}"


def looked_at(seen: Subset, rows: Axis) -> str:
    """ "200 films", or "10 of 200 films" where a filter is in force."""
    one, many = markdown(rows.singular), markdown(rows.name)
    return count(seen.of, one, many) if seen.all else f"{len(seen.rows):,} of {count(seen.of, one, many)}"


def draw(view: TopicsShown, seen: Subset) -> None:
    """Search, the table of what it finds, and the item that is open; nothing where none passes the filter."""
    if session.control_value(item_facts.PASTE, False):
        item_new.draw(view)
        return
    if not len(seen.rows):
        return
    found, order = controls(view, seen)
    if len(order):
        table(view, found, order)
    else:
        nothing(view, seen)
    usual = int(order[0]) if len(order) else int(seen.rows[0])
    item = opened(seen, usual)
    if not seen.all and not np.isin(item, seen.rows):
        outside(view, usual)
    item_opened.draw(view, item, order)


def opened(seen: Subset, usual: int) -> int:
    """The item that is open: the one that somebody chose, else the first, and then a filter opens the first that passes.

    usual : the first item of the table
    """
    now = session.control_value(item_facts.OPEN, None)
    if now is None or (now == session.control_value(UNCHOSEN, None) and not np.isin(now, seen.rows)):
        session.set_control(UNCHOSEN, usual)
        if now is not None:
            session.set_control(item_facts.OPEN, usual)
    return session.numbered(item_facts.OPEN, list(range(seen.of)), usual=usual)


def outside(view: TopicsShown, usual: int) -> None:
    """The item that is open does not pass the filter: that it does not, and two ways out.

    usual : the first item that does
    """
    rows = view.run.dataset.axes.rows
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="items-outside"):
        st.markdown(
            f":orange[:material/filter_alt_off:] :small[This {markdown(rows.singular, 30)} does not pass the filter.]",
            width="content",
        )
        st.button(
            f"Open {markdown(rows.label(usual), 40)}", key="items-inside", type="tertiary", on_click=session.set_control,
            args=(item_facts.OPEN, usual), help="The first of those that pass",
        )  # fmt: skip
        st.button(
            f"Show all {markdown(rows.name, 30)}", key="items-unfilter", type="tertiary", on_click=session.set_filter,
            args=(Filter(),),
        )  # fmt: skip


# -- search and filter -------------------------------------------------------------------------------------------------


def controls(view: TopicsShown, seen: Subset) -> tuple[Hits, np.ndarray]:
    """The row of controls; what the search found, and the items that pass the filter, in the order asked for."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _search_box(view, seen)
        _mostly_in(view)
        _order_by(view.run)
        st.button(
            f"Describe a new {markdown(view.run.dataset.axes.rows.singular, 20)}", icon=":material/post_add:", key="items-new",
            on_click=session.set_control, args=(item_facts.PASTE, True),
        )  # fmt: skip
    return arranged(view, seen)


def _search_box(view: TopicsShown, seen: Subset) -> None:
    called = Nouns.of(view.run.dataset)
    st.text_input(
        f"Find a {called.item}", key=FIND, bind="query-params", max_chars=LONGEST, icon=":material/search:", width=230,
        placeholder=f"its label, or {clean(view.run.dataset.axes.columns.name, 20)} it has",
        on_change=searched, args=(view, seen),
    )  # fmt: skip


def _mostly_in(view: TopicsShown) -> None:
    """Only the items whose largest topic is a certain one, or that have none."""
    noun, called = part(view.run.dataset), item_facts.topics(view)
    names = {first: called[at] for at, first in enumerate(view.firsts)} | {ALL: f"any {noun}", NOWHERE: f"no {noun}"}
    offered = [ALL, *view.firsts, NOWHERE]
    bench.within(INSIDE, offered)
    st.selectbox(
        f"Mostly in {noun}", offered, format_func=lambda k: names.get(k, str(k)), key=INSIDE, persist_state="session",
        on_change=from_the_start, width=200,
        help=f"The {noun} with its largest weight under the scale in force: {view.scale_words}.",
    )  # fmt: skip


def _order_by(run: FittedRun) -> None:
    orders = [key for key in ORDERS if key != "moving" or stability.measured(run) is not None]
    bench.within(ORDER, orders)
    st.selectbox(
        "Order", orders, format_func=ORDERS.__getitem__, key=ORDER, persist_state="session", on_change=from_the_start, width=170,
        help="Best match first is, without a search, the order of the data.",
    )  # fmt: skip


def searched(view: TopicsShown, seen: Subset) -> None:
    """Open the first item that a new search finds."""
    from_the_start()
    found, order = arranged(view, seen)
    if len(order) and found.by_label + found.by_words + found.by_text:
        session.set_control(item_facts.OPEN, int(order[0]))


def from_the_start() -> None:
    """The table begins with its first row again."""
    session.set_control(FROM, 0)


def inside(view: TopicsShown) -> int:
    """The place of the topic that items are mostly in, where one is chosen; else ALL or NOWHERE."""
    first = int(session.control_value(INSIDE, ALL))
    return view.firsts.index(first) if first in view.firsts else NOWHERE if first == NOWHERE else ALL


def arranged(view: TopicsShown, seen: Subset) -> tuple[Hits, np.ndarray]:
    """What is found, and the items that are shown, in order."""
    run, query, k = view.run, str(session.control_value(FIND, "") or ""), inside(view)
    found, belongs = search(run, query), view.largest()
    items = found.items if k == ALL else found.items[belongs.labels[found.items] == k]
    if not seen.all:
        items = items[np.isin(items, seen.rows)]
    order = session.control_value(ORDER, "data")
    known = stability.measured(run)
    if order == "weight":
        W = view.W
        items = items[np.argsort(-W[items, k] if k >= 0 else -W[items].max(axis=1), kind="stable")]
    elif order == "mixed":
        items = items[np.argsort(np.where(belongs.empty[items], 2.0, belongs.share[items]), kind="stable")]
    elif order == "worst":
        items = items[np.argsort(-np.nan_to_num(item_facts.errors(run).relative_errors[items], nan=-1.0), kind="stable")]
    elif order == "moving" and known is not None:
        items = items[np.argsort(np.nan_to_num(known.items[items], nan=2.0), kind="stable")]
    return found, items


def search(run: FittedRun, query: str) -> Hits:
    """What the search finds; the last answer is kept, because the texts of a large corpus take a tenth of a second."""
    kept: tuple[tuple[str, str], Hits] | None = session.control_value(LAST, None)
    if kept is None or kept[0] != (run.key, query):
        kept = ((run.key, query), find_rows(run.dataset, query))
        session.set_control(LAST, kept)
    return kept[1]


def nothing(view: TopicsShown, seen: Subset) -> None:
    """Why the table is empty, and the way out."""
    run, query, k = view.run, str(session.control_value(FIND, "") or ""), inside(view)
    rows, noun = run.dataset.axes.rows, part(run.dataset)
    where = "" if k == ALL else f" in no {noun}" if k == NOWHERE else f" in {noun} {view.labels[k]}"
    where += "" if seen.all else " that passes the filter"
    with st.container(border=True):
        if query:
            features = markdown(run.dataset.axes.columns.name, 20)
            texts = ", in no text" if run.dataset.documents is not None else ""
            st.markdown(
                f"No {markdown(rows.singular)}{where} has “{markdown(query, 60)}”: not in its label, not among its "
                f"{features}{texts}."
            )
        else:
            st.markdown(f"No {markdown(rows.singular)} is{where}.")
        st.button("Show all", key="items-all", icon=":material/close:", on_click=show_all)


def show_all() -> None:
    """Take back search and filter."""
    from_the_start()
    session.set_control(FIND, "")
    session.set_control(INSIDE, ALL)


# -- the table ---------------------------------------------------------------------------------------------------------


def table(view: TopicsShown, found: Hits, order: np.ndarray) -> None:
    """A window of the items with their mixtures; choosing a row opens it."""
    run, noun = view.run, part(view.run.dataset)
    start = min(int(session.control(FROM, 0)), (len(order) - 1) // WINDOW * WINDOW)
    shown = order[start : start + WINDOW]
    frame = rows_of(view, shown, noun)
    # another window is another table: a selection by place must not outlive what stood there
    key = f"items-table-{hash((view.seen().place, start, shown.tobytes())) & 0xFFFFFFFF:08x}"
    several = bool(session.control_value(SEVERAL, False))
    bench.table(
        "items", "table", f"{counted(run, order)} · {'tick rows' if several else 'choose a row to open it'}", frame,
        say=said_of(view, found), height=min(35 * len(frame) + 38, 283), whole=lambda: whole(view, order),
        key=f"{key}-several" if several else key,
        on_select="rerun" if several else lambda: item_facts.chosen(key, shown),
        selection_mode="multi-row" if several else "single-row", column_config=columns(view, noun),
    )  # fmt: skip
    if several:
        wishes(view, shown, f"{key}-several", noun)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _turn_pages(start, len(shown), len(order))
        stability.control(run)
        st.toggle(
            "Tick several, for a wish", key=SEVERAL, persist_state="session",
            help=f"To say that they belong together, or not in a {noun}: the model then learns again.",
        )  # fmt: skip


def counted(run: FittedRun, order: np.ndarray) -> str:
    """ "10 of 200 films", or "200 films" where all are shown."""
    rows, of = run.dataset.axes.rows, run.dataset.shape[0]
    total = f"{len(order):,}" if len(order) == of else f"{len(order):,} of {of:,}"
    return f"{total} {markdown(rows.singular if len(order) == 1 else rows.name)}"


def said_of(view: TopicsShown, found: Hits) -> str:
    """How the search found them, what the mixtures are of, and what is not measured."""
    noun, labels = part(view.run.dataset), view.labels
    whose = f"the {noun}s {labels[0]} to {labels[-1]}" if len(labels) > 1 else f"{noun} {labels[0]}"
    known = stability.measured(view.run) is not None
    said = (
        found_how(found, view.run.dataset.axes.columns.name),
        f"Mixture: shares of {whose}; scale: {view.scale_words}.",
        "" if known else "Stability is not measured.",
    )
    return " ".join(one for one in said if one)


def _turn_pages(start: int, shown: int, of: int) -> None:
    """The rows before and after those of the table, where there are more than fit."""
    if of <= WINDOW:
        return
    ways = (
        ("Previous rows", ":material/chevron_left:", start - WINDOW),
        ("Next rows", ":material/chevron_right:", start + WINDOW),
    )
    for label, icon, to in ways:
        st.button(
            label, icon=icon, key=f"items-{label[:4].lower()}", disabled=not 0 <= to < of,
            on_click=session.set_control, args=(FROM, to),
        )  # fmt: skip
    st.markdown(f":small[{start + 1:,} to {start + shown:,} of {of:,}]", width="content")


def wishes(view: TopicsShown, shown: np.ndarray, key: str, noun: str) -> None:
    """What can be wished of the rows that are ticked; a wish is about a component, not about what is shown as one."""
    run, apart = view.run, view.apart()
    picked = session.control_value(key, None)
    ticked = [int(shown[i]) for i in (picked["selection"]["rows"] if picked else []) if i < len(shown)]
    labels = apart.largest().labels[ticked]
    place = int(np.bincount(labels[labels >= 0]).argmax()) if (labels >= 0).any() else 0
    name = item_facts.topics(apart)[place]
    rows = run.dataset.axes.rows
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":small[{count(len(ticked), markdown(rows.singular, 30), markdown(rows.name, 30))} ticked]", width="content")
        st.button(
            "These belong together", key="items-together", icon=":material/conversion_path:", disabled=not ticked,
            on_click=wish.choose_items, args=(run, ticked, "group"), help=f"A {noun} of their own, and none of them in another.",
        )  # fmt: skip
        st.button(
            f"Not in {markdown(name, 30)}", key="items-not-here", icon=":material/conversion_path:", disabled=not ticked,
            on_click=wish.choose_items, args=(run, ticked, "remove", run.ids[place]),
            help=f"The {noun} that most of them are in; another one can be chosen.",
        )  # fmt: skip


def found_how(found: Hits, columns: str) -> str:
    """How the search found what is shown."""
    parts = [
        (found.by_label, "by label"),
        (found.by_words, f"by their {markdown(columns, 20)}"),
        (found.by_text, "by their text"),
    ]
    said = [f"{number:,} {how}" for number, how in parts if number]
    return f"Found {' and '.join(said)}." if said else ""


def rows_of(view: TopicsShown, items: np.ndarray, noun: str) -> pd.DataFrame:
    """One window of the table."""
    run = view.run
    data, belongs, known = run.dataset, view.largest(), stability.measured(run)
    W = view.W[items].astype(np.float64)
    sums = W.sum(axis=1, keepdims=True)
    shares = np.divide(W, sums, out=np.zeros_like(W), where=sums > 0)
    names = item_facts.topics(view)
    frame: dict[str, Any] = {clean(data.axes.rows.singular): [clean(data.axes.rows.label(int(i)), 60) for i in items]}
    if data.documents is not None:
        frame["text"] = [item_facts.snippet(data.documents[int(i)]) for i in items]
    frame["mixture"] = [row.round(4).tolist() for row in shares]
    frame[f"largest {noun}"] = [names[int(k)] for k in belongs.labels[items]]
    frame["share"] = belongs.share[items]
    frame["error"] = item_facts.errors(run).relative_errors[items]
    if known is not None:
        frame["stability"] = known.items[items]
    if data.classes is not None:
        frame["known class"] = [item_facts.known_class(run, int(i)) for i in items]
    return pd.DataFrame(frame)


def whole(view: TopicsShown, order: np.ndarray) -> pd.DataFrame:
    """All items that are shown, each share in a column of its own: what the CSV holds."""
    noun = part(view.run.dataset)
    frame = rows_of(view, order, noun)
    shares = np.array(frame.pop("mixture").tolist()).reshape(len(frame), len(view.topics))
    return frame.join(pd.DataFrame(shares, columns=[f"{noun} {label}" for label in view.labels]))


def columns(view: TopicsShown, noun: str) -> dict[str, Any]:
    """How the table's columns are drawn."""
    run = view.run
    return {
        clean(run.dataset.axes.rows.singular): st.column_config.TextColumn(
            width=140 if run.dataset.axes.rows.labels is not None else 110
        ),
        "mixture": st.column_config.BarChartColumn(
            f"{noun}s {view.labels[0]}–{view.labels[-1]}",
            y_min=0.0,
            y_max=1.0,
            width=120,
            help=f"Shares of the weights in W; scale: {view.scale_words}.",
        ),
        f"largest {noun}": st.column_config.TextColumn(width=165),
        "share": st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent", width=100),
        "error": st.column_config.NumberColumn(
            format="%.4f", width=70, help="‖x − wH‖ / ‖x‖ of this row: 0 is exact. Rows of zeros have none."
        ),
        "stability": st.column_config.NumberColumn(
            format="%.2f", width=75, help=f"Share of other random starts in which it stays in its matched {noun}."
        ),
        "known class": st.column_config.TextColumn(width=130),
        "text": st.column_config.TextColumn(width=180 if run.dataset.axes.rows.labels is not None else 220),
    }

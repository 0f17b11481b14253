"""The map of the items and what it can be trusted for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.cards import group_shares, item_facts
from dashboard.figures import theme as look
from dashboard.figures.item_map import Colouring, Layer, Places, item_map, layers
from dashboard.text.plain import clean, markdown
from dashboard.text.words import about, count, part
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card
from dashboard.widgets.alone import alone
from dashboard.widgets.filter_bar import Subset
from dashboard.work.fitted import FittedRun
from dashboard.work.lenses import map_key, map_seconds, map_work, trust_key, trust_work
from nmfcore.core.written import percent
from nmfcore.data.model.rows import as_text
from nmfcore.data.search import find_rows
from nmfcore.methods.groups import shares
from nmfcore.methods.maps import NEIGHBOURS, ItemMap, directions, neighbourhoods, trust
from nmfcore.methods.subset import Chosen, Filter

OF = {"W": "their topics (W)", "X": "the data itself (X)"}
TOPIC, SHARE, TRUST = "\0topic", "\0share", "\0trust"
QUICK_ITEMS = 3_000  # up to so many a map is made without being asked for
SHADES = 6  # of a share


def many(run: FittedRun) -> str:
    """How many items there are, and what they are called."""
    rows = run.dataset.axes.rows
    return count(run.dataset.shape[0], markdown(rows.singular), markdown(rows.name))


def rows_name(run: FittedRun) -> str:
    """What the items are called."""
    return markdown(run.dataset.axes.rows.name)


@alone  # another colour or search draws nothing else anew
def draw(shown: TopicsShown, found: Subset, looked_at: Filter) -> None:
    """The controls, the map, how far it can be trusted.

    looked_at : the filter that `found` passes; a lasso makes another one, and then the whole page is drawn anew
    """
    if session.filter_now() != looked_at:
        st.rerun()
    run = shown.run
    of, by, query, share = _controls(shown)
    seen = shown.seen()
    key = map_key(seen.place, of, run.spec.seed)
    asked = f"map-asked-{of}"
    ready = session.jobs().result(key) is not None
    if not ready and run.dataset.shape[0] > QUICK_ITEMS and not session.control_value(asked, False):
        with card.plain("A map takes a while"):
            st.markdown(f"{many(run)}: {about(map_seconds(run))}, in the background.")
            st.button("Draw the map", key="map-now", type="primary", on_click=session.set_control, args=(asked, True))
        return
    made: ItemMap | None = bench.compute(
        key, map_work(seen, of, run.spec.seed), label="A map of the items", lane="lens-map", expects=map_seconds(run)
    )
    if made is None:
        return
    _picture(shown, made, found, by, query, share)


def _controls(shown: TopicsShown) -> tuple[str, str, str, int]:
    run, noun = shown.run, part(shown.run.dataset)
    columns = clean(run.dataset.axes.columns.name, 20)
    titles = {TOPIC: f"largest {noun}", SHARE: f"share of a {noun}", TRUST: "neighbours kept"} | group_shares.facts(run)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        bench.linked("map-of", "of", list(OF))
        of = st.segmented_control("Near means alike in", list(OF), format_func=OF.__getitem__, key="map-of", required=True)
        bench.within("map-by", list(titles))
        by = st.selectbox("Coloured by", list(titles), format_func=titles.__getitem__, key="map-by", width=220)
        share = 0
        if by == SHARE:
            key = f"map-share-{len(shown.topics)}"
            bench.within(key, range(len(shown.topics)))
            share = st.selectbox(
                noun.capitalize(), range(len(shown.topics)), key=key, width=240,
                format_func=lambda k: f"{shown.labels[k]} · {clean(shown.names[k], 40)}",
            )  # fmt: skip
        query = st.text_input("Find", key="map-find", max_chars=200, placeholder=f"label or {columns}", width=200)
    return str(of), str(by), query.strip(), int(share)


def _trusted(shown: TopicsShown, made: ItemMap) -> Colouring | None:
    """How far each item's own place can be trusted; None while that is computed."""
    seen, live = shown.seen(), made.drawn
    key = trust_key(seen.place, made.of, made.seed)
    kept: np.ndarray | None = bench.compute(key, trust_work(seen, made), label="Neighbours kept", lane="lens-trust")
    return None if kept is None else Colouring("neighbours kept", *_shades(kept[live]))


def _shades(values: np.ndarray) -> tuple[np.ndarray, list[str], list[str]]:
    """Shares from 0 to 1 in SHADES steps: the step of each (-1 for NaN), the steps' names and colours."""
    groups = np.where(np.isnan(values), -1, np.minimum((np.nan_to_num(values) * SHADES + 1e-9).astype(int), SHADES - 1))
    names = [f"{low:.0f} to {high:.0f} %" for low, high in pairwise(np.arange(SHADES + 1) * 100 / SHADES)]
    sequential = look.palette(session.theme()).sequential
    return groups, names, [look.colour_at(sequential, 0.25 + 0.75 * i / (SHADES - 1)) for i in range(SHADES)]


def _colouring(shown: TopicsShown, live: np.ndarray, by: str, share: int) -> Colouring:
    """What the colours of the drawn items say."""
    groups, names, colours, said = _groups(shown, by, share)
    return Colouring(said, np.asarray(groups)[live], names, colours)


def _groups(shown: TopicsShown, by: str, share: int) -> tuple[np.ndarray, list[str], list[str], str]:
    """Group of every item, the groups' names and colours, and what the colour says."""
    run, theme, noun = shown.run, session.theme(), part(shown.run.dataset)
    if by == TOPIC:
        names = [f"{label} · {name}" for label, name in zip(shown.labels, shown.names, strict=True)]
        return shown.largest().labels, names, [look.component_colour(k, theme) for k in shown.colours], f"largest {noun}"
    if by == SHARE:
        return *_shades(shares(shown.W)[:, share]), f"share of {noun} {shown.labels[share]}"
    classes = group_shares.grouped(run, by)
    colours = [look.component_colour(g, theme) for g in range(len(classes.names))]
    return classes.index, list(classes.names), colours, clean(by, 40) if by != group_shares.KNOWN else "known class"


def _picture(shown: TopicsShown, made: ItemMap, found: Subset, by: str, query: str, share: int) -> None:
    run, live = shown.run, made.drawn
    colouring = _trusted(shown, made) if by == TRUST else _colouring(shown, live, by, share)
    if colouring is None:
        return
    axis = run.dataset.axes.rows
    lit = np.isin(live, find_rows(run.dataset, query).items) if query else None
    painted = layers(colouring, np.ones(len(live), bool) if found.all else np.isin(live, found.rows))
    places = shown.facts(("places", made.of, made.seed), lambda: Places.of(made.points[live], axis, live))
    drawn = item_map(places, colouring, painted, sentence=made.sentence, searched=lit, theme=session.theme())
    hits = "" if lit is None else f" {int(lit.sum()):,} found." if lit.any() else f" Nothing found for “{markdown(query, 40)}”."
    key = f"item_map-points-{session.theme()}"
    card.picture(
        "item_map", "points", f"{rows_name(run).capitalize()}, coloured by {markdown(colouring.by)}", drawn,
        say=markdown(made.sentence, 400) + hits, on_lasso=lambda: _lassoed(key, live, painted),
    )  # fmt: skip
    _chosen(shown, made, key)


def _lassoed(key: str, live: np.ndarray, painted: Sequence[Layer]) -> None:
    """What a lasso or a box holds becomes a condition of the filter; in its callback.

    painted : the traces of the picture; the rings of what was searched for lie after them, and are no points of their own
    """
    picked = session.control_value(key, None)
    chosen = [(int(one["curve_number"]), int(one["point_index"])) for one in picked["selection"]["points"]] if picked else []
    inside = sorted({int(live[painted[c].at[i]]) for c, i in chosen if c < len(painted) and 0 <= i < len(painted[c].at)})
    if len(inside) == 1:
        session.set_control("map-open", inside[0])
    elif inside:
        session.set_filter(session.filter_now().with_(Chosen(as_text(inside), "lassoed")))


def _chosen(shown: TopicsShown, made: ItemMap, key: str) -> None:
    """One item that was clicked: the way to it, and how far its own place can be trusted."""
    item = session.control_value("map-open", None)
    live = made.drawn
    if item is None or item not in live:
        return
    run = shown.run
    A = shown.W if made.of == "W" else run.dataset.X
    rows, _ = shown.facts(("directions", made.of), lambda: directions(A, made.seed))
    place = np.flatnonzero(live == item)
    penalty, kept = neighbourhoods(rows, made.points[live], place)
    label = markdown(run.dataset.axes.rows.label(int(item)), 80)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{label}**: {percent(kept[0], 0)} of its {NEIGHBOURS} nearest are near it here, its own trustworthiness "
            f"{trust(penalty, len(live)):.2f}."
        )
        st.button(
            "Open it", key="map-open-item", on_click=session.set_control, args=(item_facts.OPEN, int(item)), type="tertiary"
        )
        st.page_link(session.page("items"), label="To Items", icon=":material/arrow_forward:")

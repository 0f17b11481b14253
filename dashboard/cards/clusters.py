"""Which items belong together by their largest component, which belong to none, and does that agree with known classes?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import item_facts
from dashboard.figures.bars import LABEL_WIDTH
from dashboard.figures.clusters import agreement as scores_chart
from dashboard.figures.clusters import confusion as confusion_map
from dashboard.figures.clusters import sizes as sizes_chart
from dashboard.figures.images import wall
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, part, percent
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import bench, card, scale
from dashboard.work.fitted import FittedRun
from nmfcore.topics.clusters import NONE, Agreement, Clusters, agreement, assign, diagonal

PAGE = "clusters"
THRESHOLD = "abstain"  # the control, and the address's parameter
SHUFFLES = 200  # of the known classes, behind each chance level
AT_ONCE = 40_000  # items up to which the shuffles take under 0.3 s (18,846: 0.10 s); more are shuffled in the background
WORDS = 6  # that characterise a group
TYPICAL = 3  # items that stand for a group
WIDE_LABEL = 300  # px for a topic's name where the chart has the whole width
MOST_LISTED = 200  # rows of a list on screen: more would be built and sent at every step of the threshold
MOST_CLASSES = 60  # beyond, a confusion map cannot be read; the table has them all


def finding(view: TopicsShown) -> str:
    """The view's title."""
    found = clusters(view)
    rows = view.run.dataset.axes.rows
    used = int((found.sizes > 0).sum())
    inside = count(int(found.sizes.sum()), markdown(rows.singular), markdown(rows.name))
    return f"{inside} in {count(used, 'group')}, {len(found.none):,} in none"


def draw(view: TopicsShown, opened: Callable[[], None]) -> None:
    """The whole view. opened : called when somebody chose an item to open."""
    run, found = view.run, clusters(view)
    if not _known(run)[0].size:
        unlabelled(run)
        grouped(view, found)
        groups(view, found, {})
    else:
        left, right = st.columns(2)
        with left:
            grouped(view, found)
        with right:
            scores(view, found)
        against(view, found)
        groups(view, found, majority(view, found))
        strangers(view, found, opened)
    nowhere(view, found, opened)


def unlabelled(run: FittedRun) -> None:
    """What is missing without known classes, and why they may be missing though the data has some."""
    data = run.dataset
    rows, columns = markdown(data.axes.rows.name), markdown(data.axes.columns.name)
    said = (
        f"The {rows} carry no known classes, so there is nothing to hold the groups against: sizes, content and the rest remain."
    )
    if data.column_classes is not None:
        said = f"The known classes of this data are of its {columns}, and what is grouped here are the {rows}."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":small[:material/info: {said}]", width="content")
        if data.column_classes is not None and data.kind == "expression":
            st.page_link(session.page("expression"), label=f"Groups of the {columns}", icon=":material/arrow_forward:")


def controls(run: FittedRun) -> None:
    """The scale, and from which share on an item belongs to a group."""
    noun = part(run.dataset)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        scale.choose()
        st.slider(
            f"In no group below this share of the largest {noun}",
            0,
            100,
            0,
            key=THRESHOLD,
            step=5,
            format="%d %%",
            bind="query-params",
            width=340,
            help=f"The weights of one {markdown(run.dataset.axes.rows.singular)} add up to 100 %. 0 % puts everything with any "
            "weight into a group; at 50 % and more the group holds the majority of the item.",
        )


def clusters(view: TopicsShown) -> Clusters:
    """The groups under the scale and the threshold in force."""
    threshold = _threshold()
    return view.facts(("clusters", threshold), lambda: assign(view.W, threshold=threshold / 100))


def _threshold() -> int:
    try:
        return min(max(int(session.control_value(THRESHOLD, 0) or 0), 0), 100)
    except (TypeError, ValueError):
        return 0


# -- the groups --------------------------------------------------------------------------------------------------------


def grouped(view: TopicsShown, found: Clusters) -> None:
    """Sizes as bars, none among them."""
    run = view.run
    rows = run.dataset.axes.rows
    drawn = sizes_chart(
        found.sizes,
        none=len(found.none),
        called=view.called(),
        items=rows.name,
        theme=session.theme(),
        most_label=LABEL_WIDTH if _known(run)[0].size else WIDE_LABEL,
    )
    card.picture(
        PAGE, "sizes", f"{markdown(rows.name.capitalize())} by their largest {part(run.dataset)}", drawn,
        say=f"Scale: {markdown(view.scale_words, 80)}.",
    )  # fmt: skip


def groups(view: TopicsShown, found: Clusters, most: dict[int, tuple[str, float]]) -> None:
    """What is in each group: its words, the items that stand for it, and the class that is most frequent in it."""
    run = view.run
    rows, noun, names = run.dataset.axes.rows, part(run.dataset), item_facts.topics(view)
    words = view.top(WORDS, 1.0)
    if run.dataset.image_shape is not None:
        means(view, found)
    lines: list[dict[str, Any]] = []
    for k in range(len(view.topics)):
        members = found.members(k)
        line = {
            noun: names[k],
            clean(rows.name): int(found.sizes[k]),
            "share": found.sizes[k] / max(len(found.labels), 1),
        }
        if run.dataset.image_shape is None:  # of pictures, the mean says what names of pixels do not
            line[f"its {clean(run.dataset.axes.columns.name)}"] = clean(", ".join(words[k].terms), 120)
        line["typical"] = clean(", ".join(rows.label(int(i)) for i in members[:TYPICAL]), 140)
        if most:
            line["most frequent class"], line["share of it"] = most.get(k, ("", np.nan))
        lines.append(line)
    bench.table(
        PAGE, "groups", "What is in each group", pd.DataFrame(lines), height="content",
        column_config={
            noun: st.column_config.TextColumn(width=150 if most else 185),
            f"its {clean(run.dataset.axes.columns.name)}": st.column_config.TextColumn(width=190 if most else 230),
            "typical": st.column_config.TextColumn(width=140 if most else 240),
            "most frequent class": st.column_config.TextColumn(width=120),
            "share": st.column_config.NumberColumn(format="percent", width=70),
            "share of it": st.column_config.NumberColumn(
                "purity", format="percent", width=70, help="Share of the group's items that carry its most frequent class."
            ),
        },
    )  # fmt: skip


def means(view: TopicsShown, found: Clusters) -> None:
    """The mean picture of each group."""
    run = view.run
    used = np.flatnonzero(found.sizes)
    if not len(used) or run.dataset.image_shape is None:
        return
    member = (found.labels[:, None] == used).astype(np.float64)  # (m, groups)
    mean = np.asarray((run.dataset.X.T @ member).T) / found.sizes[used][:, None]
    drawn = wall(
        mean.reshape(-1, *run.dataset.image_shape),
        titles=[f"{view.labels[k]} · {found.sizes[k]:,}" for k in used],
        component="group mean",
        theme=session.theme(),
    )
    card.picture(PAGE, "means", "The mean of each group", drawn, say=f"Number of the {part(run.dataset)} · size of the group.")


def nowhere(view: TopicsShown, found: Clusters, opened: Callable[[], None]) -> None:
    """The items that belong to no group, and why."""
    run = view.run
    rows, names = run.dataset.axes.rows, item_facts.topics(view)
    items = found.none
    title = f"{count(len(items), markdown(rows.singular), markdown(rows.name))} in no group"
    if not len(items):
        with card.plain():
            least = f"a share of at least {_threshold()} %" if _threshold() else "some weight"
            st.markdown(f"**{title}** · the largest {part(run.dataset)} of every one has {least}.")
        return
    largest = np.argmax(view.W[items], axis=1)
    nothing = f"its row of W is zero: no {part(run.dataset)} has any of its {clean(run.dataset.axes.columns.name)}"

    def frame(most: int | None) -> pd.DataFrame:
        shown, of = items[:most], largest[:most]
        columns = {
            clean(rows.singular): [clean(rows.label(int(i)), 60) for i in shown],
            "why": [nothing if found.empty[i] else f"no share reaches {_threshold()} %" for i in shown],
            f"largest {part(run.dataset)}": ["none" if found.empty[i] else names[int(k)] for i, k in zip(shown, of, strict=True)],
            "its share": [None if found.empty[i] else float(found.share[i]) for i in shown],
        }
        if run.dataset.classes is not None:
            columns["known class"] = [item_facts.known_class(run, int(i)) for i in shown]
        return pd.DataFrame(columns)

    _openable(
        view, "none", title, frame, items, opened,
        say=f"Choose a row to open the {markdown(rows.singular)}.",
        column_config={"its share": st.column_config.NumberColumn(format="percent", width=90)},
    )  # fmt: skip


# -- against known classes ---------------------------------------------------------------------------------------------


def _known(run: FittedRun) -> tuple[np.ndarray, np.ndarray]:
    """The items whose class is known, and the number of the class of each."""
    classes = run.dataset.classes
    if classes is None:
        return np.zeros(0, int), np.zeros(0, int)
    items = np.flatnonzero(classes.index >= 0)
    return items, classes.index[items]


def measured(view: TopicsShown, found: Clusters) -> Agreement | None:
    """The three scores with their chance levels; None while they are being computed."""
    run = view.run
    items, classes = _known(run)
    key = ("agreement", _threshold())
    work = lambda: agreement(found.labels[items], classes, shuffles=SHUFFLES)  # noqa: E731
    if len(items) <= AT_ONCE:
        return view.facts(key, work)
    result: Agreement | None = bench.compute((view.seen().place, *key), lambda _: work(), label="Chance levels of the agreement")
    return result


def scores(view: TopicsShown, found: Clusters) -> None:
    """NMI, ARI and purity, each beside what shuffled classes reach."""
    run, result = view.run, measured(view, found)
    if result is None:
        return
    rows, shown = run.dataset.axes.rows, (result.nmi, result.ari, result.purity)
    drawn = scores_chart(shown, shuffles=result.shuffles, theme=session.theme())
    unknown = len(found.labels) - result.items - result.left_out
    said = [f"{count(result.items, markdown(rows.singular), markdown(rows.name))} compared"]
    if result.left_out:
        said.append(f"{result.left_out:,} in no group left out")
    if unknown:
        said.append(f"{unknown:,} without a known class left out")
    card.picture(
        PAGE, "scores", "Agreement with the known classes", drawn,
        say=f"{', '.join(said)}. Chance: mean and 5 to 95 % of {result.shuffles} shuffles of the classes.",
    )  # fmt: skip
    with card.plain():
        st.markdown("\n".join(f"- **{score.name}**: {sentence}" for score, sentence in zip(shown, meanings(result), strict=True)))


def meanings(result: Agreement) -> tuple[str, str, str]:
    """One plain sentence on what each score says here."""
    if not np.isfinite(result.nmi.value):
        return ("nothing to compare: no item with a known class is in a group.",) * 3
    nmi, ari, purity = result.nmi, result.ari, result.purity
    by_luck = round(ari.chance, 3) + 0.0  # never "-0.000"
    told = "more than chance tells" if nmi.above_chance else "no more than chance tells"
    pairs = "more than chance gives" if ari.above_chance else "no more than chance gives"
    majority = "more than shuffled classes give" if purity.above_chance else "no more than shuffled classes give"
    return (
        f"how much a group tells of the class, from 0 (nothing) to 1 (all); {nmi.value:.2f} is {told} ({nmi.chance:.3f}).",
        f"on how many pairs both agree, with chance at 0 and equal groups at 1; {ari.value:.2f} is {pairs} ({by_luck:.3f}).",
        f"{percent(purity.value)} carry the most frequent class of their group; {majority} ({percent(purity.chance)}).",
    )


def against(view: TopicsShown, found: Clusters) -> None:
    """The confusion matrix, ordered so that classes stand across from the groups that hold them."""
    run, t = view.run, len(view.topics)
    known, noun = run.dataset.classes, part(run.dataset)
    assert known is not None
    items, classes = _known(run)
    table = np.zeros((len(known.names), t + 1), dtype=np.int64)
    np.add.at(table, (classes, found.labels[items]), 1)  # -1, none, is the last column
    rows = np.flatnonzero(table.sum(axis=1))
    across, down = diagonal(table[rows, :-1])
    rows, order = rows[across], [*(int(k) for k in down), *([t] if table[:, -1].any() else [])]
    if len(rows) > MOST_CLASSES:
        with card.plain("Known classes against groups"):
            st.markdown(f"{len(rows):,} classes are too many to read as a picture. The tables below say what each group holds.")
        return
    drawn = confusion_map(
        table[np.ix_(rows, order)],
        classes=[known.names[int(c)] for c in rows],
        groups=["none" if k == t else view.labels[k] for k in order],
        component=noun,
        theme=session.theme(),
        height=max(260, 110 + 24 * len(rows)),
        width=880,
    )
    card.picture(
        PAGE, "confusion", f"Known classes against {noun}s", drawn,
        say=f"Counts; colour: share of the class. {noun.capitalize()}s are ordered so that each class has its best match across.",
    )  # fmt: skip


def majority(view: TopicsShown, found: Clusters) -> dict[int, tuple[str, float]]:
    """For each group with known items: its most frequent class, and that class's share of them."""
    run = view.run
    known = run.dataset.classes
    assert known is not None
    items, classes = _known(run)
    most = {}
    for k in range(len(view.topics)):
        inside = np.bincount(classes[found.labels[items] == k], minlength=len(known.names))
        if inside.sum():
            most[k] = (clean(known.names[int(inside.argmax())], 60), float(inside.max() / inside.sum()))
    return most


def strangers(view: TopicsShown, found: Clusters, opened: Callable[[], None]) -> None:
    """The items whose class is not the most frequent one of their group, the surest of their group first."""
    run = view.run
    known, rows, names = run.dataset.classes, run.dataset.axes.rows, item_facts.topics(view)
    assert known is not None
    items, classes = _known(run)
    most = majority(view, found)
    own = np.array([clean(name, 60) for name in known.names], dtype=object)[classes]
    theirs = np.array([most[int(k)][0] if k != NONE else "" for k in found.labels[items]], dtype=object)
    odd = (found.labels[items] != NONE) & (own != theirs)
    chosen = np.flatnonzero(odd)
    chosen = chosen[np.argsort(-found.share[items[chosen]], kind="stable")]
    title = (
        f"{count(len(chosen), markdown(rows.singular), markdown(rows.name))} of {int((found.labels[items] != NONE).sum()):,} "
        "lie in a group where another class is the most frequent"
    )
    if not len(chosen):
        with card.plain():
            st.markdown(f"**{title}**")
        return

    def frame(most: int | None) -> pd.DataFrame:
        some = chosen[:most]
        return pd.DataFrame(
            {
                clean(rows.singular): [clean(rows.label(int(i)), 60) for i in items[some]],
                "known class": own[some],
                "lies in": [names[int(k)] for k in found.labels[items[some]]],
                "most frequent there": theirs[some],
                "share of the largest": found.share[items[some]],
            }
        )

    _openable(
        view, "strangers", title, frame, items[chosen], opened,
        say=f"The surest first. Choose a row to open the {markdown(rows.singular)}.",
        column_config={"share of the largest": st.column_config.NumberColumn(format="percent", width=90)},
    )  # fmt: skip


def _openable(
    view: TopicsShown,
    name: str,
    title: str,
    frame: Callable[[int | None], pd.DataFrame],
    items: np.ndarray,
    opened: Callable[[], None],
    *,
    say: str,
    **options: Any,
) -> None:
    """A table whose rows open their item. frame : its first rows, or all of them for the CSV."""
    key = f"{PAGE}-{name}-{hash((view.seen().place, _threshold())) & 0xFFFFFFFF:08x}"

    def choose() -> None:
        item_facts.chosen(key, items)
        opened()

    shown = frame(MOST_LISTED)
    if len(items) > MOST_LISTED:
        say += f" The first {MOST_LISTED:,} of {len(items):,} rows; the CSV has them all."
    bench.table(
        PAGE, name, title, shown, say=say, whole=lambda: frame(None), height=min(35 * len(shown) + 38, 283), key=key,
        on_select=choose, selection_mode="single-row", **options,
    )  # fmt: skip

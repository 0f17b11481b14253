"""What would a wish do? The words before and after, whether it is kept, what it costs, what else moved; keep it or discard it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.word_changes import STYLE, Change, word_changes
from dashboard.session.tab import Trial
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, part, percent, seconds
from dashboard.widgets import bench
from dashboard.work import steering
from dashboard.work.fitted import FittedRun
from dashboard.work.steering import Preview
from nmfcore.guide import Delete, Forbid, Lift
from nmfcore.topics.terms import best

LANE = "wish"  # a newer preview replaces an older one
WORDS = 10  # first words of a topic
MOST_TOPICS = 6  # topics whose words are listed
LEAST_COST = 0.001  # that is written in digits
MOVED = 0.01  # 1 - cosine from which another topic counts as moved
SNIPPET = 120


def draw(run: FittedRun, tried: Trial) -> None:
    """The preview of a wish, or how far it is."""
    noun, axes = part(run.dataset), run.dataset.axes
    said = steering.said(tried.edit, axes, noun)
    st.markdown(f"**{markdown(said[:1].upper() + said[1:], 200)}**")
    key = steering.preview_key(run, tried.edit, tried.others)
    repeated = len(run.spec.guidance) if run.guided is None else 0  # of a run from a file the wishes before it, too
    found = bench.compute(
        key, steering.preview_work(run, tried.edit, tried.others, session.jobs()), label="Refitting under the wish", lane=LANE,
        expects=steering.takes(run.factorization, repeated + 2),
    )  # fmt: skip
    if found is None:
        st.button("Discard", key="wish-discard", on_click=session.discard)
        return
    verdict(found)
    shown = changes(found, noun)
    if shown:
        st.html(STYLE + word_changes(shown, theme=session.theme()))
    price(found, noun)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Keep", key="wish-keep", type="primary", icon=":material/check:", on_click=session.keep, args=(found,))
        st.button("Discard", key="wish-discard", icon=":material/undo:", on_click=session.discard)
        st.markdown(f":small[:gray[Refitted in {seconds(found.seconds)}. Nothing has changed yet.]]", width="content")
    moved_items(found, noun)


def verdict(found: Preview) -> None:
    """Whether it is kept, and the second number that says whether it is what was meant."""
    mark = ":green[:material/check_circle:] Kept" if found.verdict.obeyed else ":orange[:material/error:] Not kept"
    st.markdown(f"{mark}: {markdown(lowered(found.verdict.sentence), 400)}")


def lowered(sentence: str) -> str:
    """A sentence that goes on after a colon."""
    return sentence[:1].lower() + sentence[1:]


def changes(found: Preview, noun: str) -> list[Change]:
    """The topics that the wish is about, before and after."""
    before, after = words_of(found.before), words_of(found.after)
    edit = found.after.spec.guidance.edits[-1]
    named = list(edit.topics_named)
    if isinstance(edit, Forbid) and edit.topic is None:
        named = [t for t in before if t in after and before[t] != after[t]]
    if isinstance(edit, Lift):
        named = [t for t in before if t in after and before[t] != after[t]]
    topics = list(dict.fromkeys([*named, *(t for t in after if t not in before)]))[:MOST_TOPICS]
    if isinstance(edit, Delete):  # what came nearest to it
        gone = {t: value for t, value in found.effects.moved.items() if value > MOVED}
        topics += sorted(gone, key=lambda t: -gone[t])[: MOST_TOPICS - len(topics)]
    return [Change(titled(t, before, after, noun), t, before.get(t), after.get(t)) for t in topics]


def titled(topic: int, before: dict[int, list[str]], after: dict[int, list[str]], noun: str) -> str:
    """A topic's number, and whether it is new or gone."""
    state = "" if topic in before and topic in after else ", new" if topic in after else ", gone"
    return f"{noun.capitalize()} {topic + 1}{state}"


def words_of(run: FittedRun) -> dict[int, list[str]]:
    """The first words of every topic by its id."""

    def find() -> dict[int, list[str]]:
        H, axis = run.factorization.H, run.dataset.axes.columns
        return {t: [axis.label(int(j)) for j in best(row, WORDS) if row[j] > 0] for t, row in zip(run.ids, H, strict=True)}

    return run.derived("first words by id", find)


def price(found: Preview, noun: str) -> None:
    """What it costs, which other topics moved, and how many items."""
    done, run = found.effects, found.before
    shares = [explained(error) for error in (done.before, done.now, done.unguided)]
    cost = "costs nothing"
    if done.cost > 0:
        much = percent(done.cost) if done.cost > LEAST_COST else f"under {percent(LEAST_COST)}"
        cost = f"costs {much} of what the model explained before"
    st.markdown(
        f"Explains {shares[0]} before, {shares[1]} now, {shares[2]} after the same refit without it: the wish {cost}.",
        help="Explained: 1 − ‖X − WH‖² / ‖X‖². The cost is what the wish takes away, as a part of what was explained before.",
    )
    far = {t: value for t, value in sorted(done.moved.items(), key=lambda pair: -pair[1]) if value > MOVED}
    if far:
        listed = ", ".join(f"{t + 1} ({value:.3f})" for t, value in list(far.items())[:8])
        moved = f"Other {noun}s that moved by more than {MOVED} (1 − cosine): {listed}"
    else:
        moved = f"No other {noun} moved by more than {MOVED} (1 − cosine)"
    rows, m = run.dataset.axes.rows, run.dataset.shape[0]
    changed = count(len(done.items), markdown(rows.singular), markdown(rows.name))
    st.markdown(
        f"{moved}. {changed} of {m:,} changed {'its' if len(done.items) == 1 else 'their'} largest {noun}.",
        help="Against a refit without the wish, which moves a few of them, too.",
    )


def explained(error: float) -> str:
    """4.41 %."""
    return percent(1 - error * error, 2)


def moved_items(found: Preview, noun: str) -> None:
    """The items that changed their largest topic, behind a fold."""
    done, data = found.effects, found.before.dataset
    if not len(done.items):
        return
    rows = data.axes.rows
    with st.expander(f"The {markdown(rows.name, 30)} that changed"):
        table: dict[str, Any] = {clean(rows.singular, 30): [clean(rows.label(int(i)), 60) for i in done.items]}
        if data.documents is not None:
            table["text"] = [clean(data.documents[int(i)], SNIPPET) for i in done.items]
        names = numbered(found)
        table |= {"from": [names[int(t)] for t in done.left], "to": [names[int(t)] for t in done.joined]}
        title = count(len(done.items), markdown(rows.singular, 30), markdown(rows.name, 30))
        bench.table("wishes", "items", f"{title} with another largest {noun}", pd.DataFrame(table), height=240)


def numbered(found: Preview) -> dict[int, str]:
    """Every topic before and after, by its id: number and first words."""
    words = words_of(found.before) | words_of(found.after)
    return {-1: "none"} | {t: f"{t + 1} · {clean(', '.join(listed[:3]), 40)}" for t, listed in words.items()}

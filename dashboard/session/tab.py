"""What does one browser tab hold: what is chosen, what is wanted, what is shown, and what is under way?

Everything in here is changed by the other files of this folder, and by nobody else. Also the ways to what Streamlit holds for the
tab: the controls of pages by their keys, the theme, the pages.
"""

from __future__ import annotations

import threading
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from dashboard.session.reloading import taken_up
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitted import Derived, FittedRun
from dashboard.work.fitting import FIRST
from dashboard.work.importing import Import
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs, service
from dashboard.work.ledger import LEASE
from nmfcore.core.spec import RunSpec
from nmfcore.data.model.dataset import Dataset
from nmfcore.guide import Edit
from nmfcore.methods.subset import Filter

T = TypeVar("T")

LOST = (
    "The server no longer has what this tab held: it was restarted, or the tab was away for more than {minutes:.0f} minutes. "
    "Kept runs, names given to topics and uploaded files are gone. A run on the catalog's data is fitted again from its address. "
    "What shall last longer goes into a file: Export, Saved run."
)
PATIENCE = 0.4  # seconds a page waits for a new job before it shows progress instead: most small fits are over by then


@dataclass(frozen=True)
class Notice:
    """A refusal on screen: what is wrong, and the fixes that are offered as buttons (label, callback, arguments)."""

    message: str
    fixes: tuple[tuple[str, Any, tuple[Any, ...]], ...] = ()


@dataclass
class Chosen:
    """The data set that is chosen. How it is loaded and prepared stands in what is wanted.

    data : the data set, once it is here
    uploads : data that this person brought, by fingerprint
    facts : what follows from the data set `facts_of`, computed once
    """

    data: Dataset | None = None
    uploads: dict[str, Dataset] = field(default_factory=dict)
    facts: Derived = field(default_factory=Derived)
    facts_of: Dataset | None = None


@dataclass
class Wanted:
    """The run that the controls describe. They are drawn from it, and write into it before anything is drawn.

    spec : all of it; a run's rank, solver or data set is wanted here and nowhere else
    options : parameters of solvers that were turned to before, for when one comes back
    live : whether a change fits at once, where a fit is quick
    """

    spec: RunSpec = FIRST
    options: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    live: bool = True


@dataclass
class Shown:
    """The run on screen, and those that can be brought back.

    asked : what was asked for when the run on screen was fitted; a stopped run's own spec says where it stopped
    kept : runs by key, the one shown last at the end
    passed : since when those were shown that a control made while it was turned, and that nobody has come back to
    steps : models between wishes by key, the one shown last at the end; undone : models that were undone, the last one at the end
    edits : by run: what was done to its topics, and how they stood after
    edited : what follows from edits
    """

    run: FittedRun | None = None
    asked: RunSpec = FIRST
    kept: OrderedDict[str, FittedRun] = field(default_factory=OrderedDict)
    passed: dict[str, float] = field(default_factory=dict)
    steps: OrderedDict[str, FittedRun] = field(default_factory=OrderedDict)
    undone: list[RunSpec] = field(default_factory=list)
    edits: dict[Hashable, list[tuple[str, Edits]]] = field(default_factory=dict)
    edited: Derived = field(default_factory=Derived)


@dataclass(frozen=True)
class Before:
    """What was wanted and chosen before something else was asked for, for when that fails."""

    wanted: RunSpec
    data: Dataset | None


@dataclass(frozen=True)
class Fit:
    """A fit under way: its job, what was asked for, and for a saved run that is opened how it was looked at.

    before : what was wanted before a link asked for this, data and all; None where the controls asked
    passing : a control asked that may still be turned;  instead_of : the run whose place it then takes
    """

    key: Hashable
    asked: RunSpec
    edits: Edits = field(default_factory=Edits)
    filter: Filter = field(default_factory=Filter)
    before: Before | None = None
    passing: bool = False
    instead_of: str = ""


@dataclass(frozen=True)
class Load:
    """A load under way: its job, and what was wanted and chosen before, for when it fails."""

    key: Hashable
    wanted: RunSpec
    data: Dataset | None


@dataclass(frozen=True)
class Trial:
    """A wish that is tried and not kept yet.

    run : key of the run it is tried on;  others : what the topics do that nobody asked to change
    """

    run: str
    edit: Edit
    others: str


@dataclass
class UnderWay:
    """What is computed for this session and not taken over yet."""

    fit: Fit | None = None
    load: Load | None = None

    @property
    def keys(self) -> list[Hashable]:
        return [one.key for one in (self.load, self.fit) if one is not None]


@dataclass
class Brought:
    """Files of one's own.

    looked_at : not accepted yet
    used : accepted, without its bytes
    uploaders : how many drop zones were used; the next is an empty one
    asked : whether it was looked what the server was started with
    at_once : the import that is used without a click, where the file leaves nothing to ask
    """

    looked_at: Import | None = None
    used: Import | None = None
    uploaders: int = 0
    asked: bool = False
    at_once: Hashable = None

    @property
    def latest(self) -> Import | None:
        return self.looked_at or self.used


@dataclass
class OfRun:
    """A part of the address that belongs to its run.

    said : what it said last, or what was last put into it;  waits : what it said of a run that is not here yet, "" for nothing
    """

    said: str = ""
    waits: str = ""

    def look_up(self, given: str) -> None:
        """Remember what the address says, where that is news; before the run that it belongs to is there."""
        if given and given != self.said:
            self.said = self.waits = given

    def due(self, me: State) -> str:
        """What was said of the run on screen, once it is the one that was waited for; it is said once. Else ""."""
        if me.shown.run is None or me.under_way.fit is not None or me.address.missing is not None:
            return ""
        given, self.waits = self.waits, ""
        return given if me.notice is None else ""  # with a refusal the run that it is about could not be had


@dataclass
class Address:
    """written : the run's parameters that were last put into the address; missing : a run it names whose data is not here.

    shall : what it shall say when this script run is over, by name; "" for nothing
    stands : what was written into it since it was last news, by name;  place : the page that was open then
    given : what is news in it in this script run; seen : what it said after the last; told : how many news there were before
    numbers : components that pages put into it, by the names of their controls
    divided : the divided topics;  shown : names, merges and hidden words
    """

    written: dict[str, str] | None = None
    shall: dict[str, str] = field(default_factory=dict)
    stands: dict[str, str] = field(default_factory=dict)
    place: str = ""
    given: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    told: int = 0
    numbers: dict[str, str] = field(default_factory=dict)
    missing: RunSpec | None = None
    divided: OfRun = field(default_factory=OfRun)
    shown: OfRun = field(default_factory=OfRun)


@dataclass
class State:
    """Everything one session remembers besides the controls of its pages.

    notice : a refusal that is on screen
    news : sentences on what was dropped or given up, until the person has read them
    drawing : held while a page is drawn of it
    filter : which items are looked at, on every page;  filter_written : as it was last put into the address
    """

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    chosen: Chosen = field(default_factory=Chosen)
    wanted: Wanted = field(default_factory=Wanted)
    shown: Shown = field(default_factory=Shown)
    under_way: UnderWay = field(default_factory=UnderWay)
    brought: Brought = field(default_factory=Brought)
    address: Address = field(default_factory=Address)
    notice: Notice | None = None
    trial: Trial | None = None
    news: list[str] = field(default_factory=list)
    drawing: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    filter: Filter = field(default_factory=Filter)
    filter_written: str | None = None
    _owned: int = 0

    def own(self, dataset: Dataset) -> Dataset:
        """A data set that this person brought, under a name that nobody else's has, nor an earlier one of theirs."""
        self._owned += 1
        return dataset.owned_by(f"{self.id}:{self._owned}")

    def tell(self, sentence: str) -> None:
        """Say something once, above the page."""
        if sentence not in self.news:
            self.news.append(sentence)


def state() -> State:
    """This session's state; that of the session before, where the page was loaded anew."""
    if "nmf" not in st.session_state:
        st.session_state["nmf"], lost = taken_up(_new)
        st.session_state["nmf"].address.place = ""  # the address of a page just opened is news
        if lost:
            st.session_state["nmf"].tell(LOST.format(minutes=LEASE / 60))
    found: State = st.session_state["nmf"]
    return found


def _new() -> State:
    made = State()
    weakref.finalize(made, jobs().gone, made.id).atexit = False  # Streamlit has let go of the last session that held it
    return made


@contextmanager
def undisturbed() -> Iterator[None]:
    """Draw a page while no other session does that with the same state: the one before may still be at it."""
    with state().drawing:
        yield


def jobs() -> Jobs:
    """The job service of this server."""
    return service()


def patience() -> float:
    """Seconds to wait for a new job before its progress is shown instead."""
    return PATIENCE


def wait(job: Job) -> bool:
    """Wait a moment for a job; whether it is over."""
    return job.wait(PATIENCE)


def shown_run() -> FittedRun | None:
    """The run on screen."""
    return state().shown.run


def kept_runs() -> list[FittedRun]:
    """The runs that this session holds on to, the one shown longest ago first."""
    return list(state().shown.kept.values())


def owner() -> str:
    """Names this session: whose a job or a piece of data is."""
    return state().id


def theme() -> str:
    """ "light" or "dark", whichever the browser shows."""
    return "dark" if st.context.theme.type == "dark" else "light"


# -- the controls of pages -----------------------------------------------------------------------------------------------


def control(name: str, default: Any) -> Any:
    """The value of a page's control, set to `default` when it has none yet (a widget's own default would fight a link's)."""
    return st.session_state.setdefault(name, default)


def control_value(name: str, default: Any) -> Any:
    """The value of a control that may not be on this page."""
    return st.session_state.get(name, default)


def set_control(name: str, value: Any) -> None:
    """Turn one control; before it is drawn, or in a callback."""
    st.session_state[name] = value


def set_pages(pages: dict[str, Any]) -> None:
    """The pages of this script run, so that widgets can link to them."""
    st.session_state["pages"] = pages


def page(key: str) -> Any:
    """The page whose file is views/<key>.py."""
    return st.session_state["pages"][key]


def in_session(make: Callable[[], T]) -> Callable[[], T]:
    """`make`, for a download button: Streamlit calls it in a thread without a session, where every control has its usual value.

    Here it sees this session: the scale, the names and the thresholds of the page.
    """
    context = get_script_run_ctx()

    def made() -> T:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(_with_context, context, make).result()

    return made


def _with_context(context: Any, make: Callable[[], T]) -> T:
    add_script_run_ctx(threading.current_thread(), context)
    return make()

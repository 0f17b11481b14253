"""What does this browser tab want, what does it see, and what is being computed for it?

The only file that names `st.session_state` and `st.query_params`. Two things are kept apart everywhere: what the controls say
(*wanted*) and the run on screen (*shown*). The address always names the run on screen.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from dashboard import links
from dashboard.text.plain import markdown
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitting import (
    FIRST,
    Derived,
    FittedRun,
    continue_work,
    data_key,
    estimate,
    fit_key,
    fit_work,
    load_work,
    solver_refusals,
)
from dashboard.work.importing import Import, from_link
from dashboard.work.jobs import Job, Jobs, JobsBusy, Status, service
from nmfcore import topics
from nmfcore.core.losses import beta_of
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset
from nmfcore.solvers import SOLVERS, make_solver

T = TypeVar("T")

MOST_STEPS = 100  # edits of a run's topics that can be undone
MOST_EDITED = 240  # pictures and tables of edited topics that a session keeps: those of a page at a few slider positions
LONGEST_LINKED = 80  # characters of what a page writes into the address for itself
MOST_KEPT = 8  # runs a session holds on to
PATIENCE = 0.4  # seconds a page waits for a new job before it shows progress instead: most small fits are over by then


@dataclass
class Problem:
    """A refusal on screen: what is wrong, and the fixes that are offered as buttons (label, callback, arguments)."""

    message: str
    fixes: tuple[tuple[str, Any, tuple[Any, ...]], ...] = ()


@dataclass
class State:
    """Everything one session remembers besides its widgets.

    choice : which data set is chosen and how it is prepared; the other fields of the spec are the controls'
    data : the chosen data set, once it is here
    run : the run on screen
    kept : runs that can be brought back, by key
    fitting, loading : keys of the jobs under way
    written : the link parameters that were last put into the address
    importing : a file that is looked at; uploaded : the one in use, without its bytes; uploaders : how many were accepted
    """

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    choice: RunSpec = FIRST
    data: Dataset | None = None
    uploads: dict[str, Dataset] = field(default_factory=dict)
    run: FittedRun | None = None
    kept: OrderedDict[str, FittedRun] = field(default_factory=OrderedDict)
    fitting: Hashable | None = None
    fitting_spec: RunSpec | None = None
    loading: Hashable | None = None
    opening: tuple[Hashable, Edits] | None = None  # the job that opens a saved run, and how its topics were shown
    before: tuple[RunSpec, Dataset | None] | None = None  # what was chosen before the load under way
    turn_back: bool = False  # the rank control has to be turned back to it, before it is drawn
    problem: Problem | None = None
    missing: RunSpec | None = None
    written: dict[str, str] | None = None
    facts: Derived = field(default_factory=Derived)
    facts_of: Dataset | None = None
    importing: Import | None = None
    uploaded: Import | None = None
    uploaders: int = 0
    edits: dict[Hashable, list[tuple[str, Edits]]] = field(default_factory=dict)  # by run: what was done, and how it stood after
    edited: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)  # what follows from edits, the latest used last
    merged: tuple[Hashable, Any] | None = None  # factors of merged topics: as large as the run's, so one at a time


def state() -> State:
    """This session's state."""
    if "nmf" not in st.session_state:
        st.session_state["nmf"] = State()
    return st.session_state["nmf"]


def jobs() -> Jobs:
    return service()


def shown() -> FittedRun | None:
    """The run on screen."""
    return state().run


def theme() -> str:
    """ "light" or "dark", whichever the browser shows."""
    return "dark" if st.context.theme.type == "dark" else "light"


# -- once per script run ---------------------------------------------------------------------------------------------


def begin() -> None:
    """Follow the address, adopt what was finished since, and make sure there is something to look at."""
    me = state()
    _follow_address(me)
    adopt()
    if me.turn_back:  # adopting may happen where the control is drawn already
        me.turn_back = False
        st.session_state["rank"] = me.choice.rank
    if me.run is None and me.fitting is None and me.problem is None and me.missing is None:
        fit(me.choice if "rank" not in st.session_state else wanted())
        adopt()


def end() -> None:
    """Write the run on screen into the address."""
    me = state()
    if me.run is None:
        return
    query = links.to_query(me.run.spec, FIRST)
    if query != me.written:
        for name in links.PARAMETERS:
            if name in st.query_params and name not in query:
                del st.query_params[name]
        for name, text in query.items():
            st.query_params[name] = text
        me.written = query


def _follow_address(me: State) -> None:
    """Open the run that the address names, unless it is the one we wrote there ourselves."""
    given = {name: st.query_params[name] for name in links.PARAMETERS if name in st.query_params}
    if given == (me.written or {}) or (me.written and not given):
        if me.written and not given:
            me.written = None  # a page link dropped the parameters: write them again
        return
    me.written = given
    try:
        spec = links.from_query(given, FIRST)
    except links.LinkError as wrong:
        me.problem = Problem(str(wrong))
        return
    if spec is None:
        return
    kept = next((run for run in me.kept.values() if links.to_query(run.spec, FIRST) == given), None)
    if kept is not None:
        _show(me, kept)
        return
    if spec.data == "upload" and spec.fingerprint not in me.uploads:
        me.missing = spec
        return
    if spec.data != "upload" and spec.data not in catalog.cards():
        me.problem = Problem(f"This link names a data set that is not in the catalog: {spec.data[:40]!r}.")
        return
    if spec.data != "upload" and not spec.preparation and catalog.card(spec.data).kind == "documents":
        spec = spec.replace(preparation=catalog.card(spec.data).preparation)  # typed by hand; texts alone cannot be factorized
    _set_controls(spec)
    me.choice, me.data = spec, me.uploads.get(spec.fingerprint)
    fit(spec)


def adopt() -> bool:
    """Take over what the jobs have finished; whether anything changed."""
    me = state()
    changed = False
    if me.loading is not None:
        job = jobs().watch(me.loading, me.id)
        if job is None or job.final:
            me.loading, changed = None, True
            if job is not None and job.status is Status.DONE:
                me.data = jobs().result(job.key)
                _able_solver(me)
            elif me.before is not None:  # stopped or failed: what was chosen before stays
                me.choice, me.data = me.before
                me.turn_back = True
                if job is not None and job.failure is not None:
                    me.problem = Problem(job.failure.message)
            me.before = None
    if me.fitting is not None:
        job = jobs().watch(me.fitting, me.id)
        if job is None or job.final:
            me.fitting, me.fitting_spec, changed = None, None, True
            result = jobs().result(job.key) if job is not None and job.status is Status.DONE else None
            if result is not None:
                _show(me, result)
                me.problem = None
                if me.opening is not None and job is not None and me.opening[0] == job.key and me.opening[1]:
                    edit(result, me.opening[1], "opening the saved run")
            elif job is not None and job.failure is not None:
                me.problem = Problem(job.failure.message)
            elif job is not None and job.stopped and me.run is None:  # else `begin` would start it again at once
                me.problem = Problem("You stopped before there was a result. Choose other data or another rank, or press Fit.")
    return changed


def _show(me: State, run: FittedRun) -> None:
    me.run = run
    me.missing = None
    me.kept[run.key] = run
    me.kept.move_to_end(run.key)
    while len(me.kept) > MOST_KEPT:
        oldest = next(key for key in me.kept if key != run.key)
        del me.kept[oldest]
    if data_key(run.spec) == data_key(me.choice):
        me.data = run.dataset


# -- the controls ----------------------------------------------------------------------------------------------------


def wanted() -> RunSpec:
    """The run that the controls describe."""
    me, controls = state(), st.session_state
    solver = controls.get("solver", me.choice.solver)
    solver = solver if solver in SOLVERS else me.choice.solver
    usual = me.choice.solver_options if solver == me.choice.solver else {}
    options = {
        name: controls.get(f"par_{solver}_{name}", usual.get(name, value))
        for name, value in make_solver(solver).options().items()
    }
    return me.choice.replace(
        rank=int(controls.get("rank", me.choice.rank)),
        solver=solver,
        solver_options=options,
        loss=_loss(controls.get("loss", me.choice.loss)),
        init=controls.get("init", me.choice.init),
        seed=int(controls.get("seed", me.choice.seed)),
        stop=StopRule(
            tol=float(controls.get("tol", me.choice.stop.tol)),
            max_iter=int(controls.get("iterations", me.choice.stop.max_iter)),
            max_seconds=float(controls.get("seconds", me.choice.stop.max_seconds or 60.0)),
        ),
    )


def _set_controls(spec: RunSpec) -> None:
    """Turn the controls to a spec; before they are drawn, or in a callback."""
    values: dict[str, Any] = {
        "rank": spec.rank,
        "solver": spec.solver,
        "loss": spec.loss,
        "init": spec.init,
        "seed": spec.seed,
        "tol": spec.stop.tol,
        "iterations": spec.stop.max_iter,
        "seconds": spec.stop.max_seconds or 60.0,
    }
    if spec.loss.startswith("beta="):
        values |= {"loss": "beta=...", "beta": beta_of(spec.loss)}
    values |= {f"par_{spec.solver}_{name}": value for name, value in spec.solver_options.items()}
    for name, value in values.items():
        st.session_state[name] = value


def _loss(name: str) -> str:
    """The loss of the two controls: a name, or "another" with its beta."""
    return f"beta={st.session_state.get('beta', 1.5):g}" if name == "beta=..." else name


def control(name: str, default: Any) -> Any:
    """The value of a control, set to `default` when it has none yet (a widget's own default would fight a link's)."""
    return st.session_state.setdefault(name, default)


def set_control(name: str, value: Any) -> None:
    """Turn one control; before it is drawn, or in a callback."""
    st.session_state[name] = value


def pending() -> bool:
    """Whether the controls say something else than the run on screen."""
    me = state()
    return me.run is not None and _request(wanted()) != _request(me.run.spec)


def _request(spec: RunSpec) -> Any:
    """What a person asked for, without what only the result knows: a stopped run's limit is not a changed control."""
    full = spec.replace(solver_options=make_solver(spec.solver, spec.solver_options).options())
    me = state()
    if me.run is not None and spec is me.run.spec:
        full = full.replace(stop=me.run.run.spec.stop)
    return fit_key(full)


# -- actions -----------------------------------------------------------------------------------------------------------


def fit(spec: RunSpec | None = None) -> None:
    """Start fitting; a small fit is over before this returns."""
    me = state()
    spec = spec or wanted()
    me.problem = None
    key = fit_key(spec)
    upload = me.uploads.get(spec.fingerprint) if spec.data == "upload" else None
    try:
        job = jobs().submit(
            key,
            fit_work(spec, jobs(), upload),
            session=me.id,
            label=f"{SOLVERS[spec.solver].title}, rank {spec.rank}",
            lane="fit",
            expects=estimate(spec, me.data, me.run) or 0.0,
        )
    except JobsBusy as busy:
        me.problem = Problem(str(busy))
        return
    me.fitting, me.fitting_spec = key, spec
    job.wait(PATIENCE)


def continue_fit() -> None:
    """Run on from where the run on screen ended: as many iterations again, and a finer tolerance if it had converged."""
    me = state()
    if me.run is None:
        return
    stop = continued(me.run)
    spec = me.run.spec.replace(stop=stop)
    key = fit_key(spec)
    try:
        job = jobs().submit(key, continue_work(me.run, stop), session=me.id, label=f"Continue, rank {spec.rank}", lane="fit")
    except JobsBusy as busy:
        me.problem = Problem(str(busy))
        return
    me.fitting, me.fitting_spec = key, spec
    me.choice = me.choice.replace(stop=stop)
    for name, value in (("tol", stop.tol), ("iterations", stop.max_iter)):
        st.session_state[name] = value
    job.wait(PATIENCE)


def continued(run: FittedRun) -> StopRule:
    """The stop rule under which the run on screen goes on."""
    done = run.factorization.history[-1].iteration
    stop = run.run.spec.stop
    return replace(stop, max_iter=min(links.MOST_ITERATIONS, max(stop.max_iter, done + max(100, done))), tol=stop.tol / 10)


def stop() -> None:
    """Stop what is being computed for this session; a fit keeps the best so far."""
    me = state()
    for key in (me.fitting, me.loading):
        if key is not None:
            jobs().stop(key, me.id)
            job = jobs().watch(key, me.id)
            if job is not None:
                job.wait(PATIENCE)


def show(key: str) -> None:
    """Bring back a kept run, and turn the controls to it."""
    me = state()
    run = me.kept.get(key)
    if run is not None:
        me.choice, me.data, me.problem = run.spec, run.dataset, None
        me.run = run
        _set_controls(run.run.spec)


def forget(key: str) -> None:
    """Drop a kept run; the one on screen stays."""
    me = state()
    if me.run is None or me.run.key != key:
        me.kept.pop(key, None)


def choose(spec: RunSpec) -> None:
    """Choose a data set and its preparation; it is loaded in the background, and what is on screen stays."""
    me = state()
    me.problem = None
    key = data_key(spec)
    ready = jobs().result(key)
    if me.loading is None or me.before is None:  # else what stood before the load that is given up now
        me.before = (me.choice, me.data)
    me.choice = wanted().replace(
        data=spec.data, data_options=spec.data_options, preparation=spec.preparation, fingerprint="", rank=spec.rank
    )
    st.session_state["rank"] = spec.rank
    me.data = ready
    me.loading = None  # what was still being loaded is not wanted any more
    if ready is not None:
        me.before = None
        _able_solver(me)
        return
    try:
        job = jobs().submit(key, load_work(spec), session=me.id, label=f"Loading {catalog.card(spec.data).title}", lane="load")
    except JobsBusy as busy:
        me.problem = Problem(str(busy))
        return
    me.loading = key
    job.wait(PATIENCE)
    adopt()


def _able_solver(me: State) -> None:
    """Where the chosen solver cannot run on new data (missing entries, say), turn the control to the first that can."""
    refused = refusals()
    if st.session_state.get("solver", me.choice.solver) in refused:
        able = next((key for key in SOLVERS if key not in refused), None)
        if able is not None:
            st.session_state["solver"] = able


def accept(dataset: Dataset, rank: int) -> None:
    """Use an uploaded data set: it is held by this session only."""
    me = state()
    me.uploads = {dataset.fingerprint: dataset}
    me.choice = wanted().replace(
        data="upload", data_options={}, preparation=dataset.steps, fingerprint=dataset.fingerprint, rank=rank
    )
    me.data, me.problem, me.missing = dataset, None, None
    st.session_state["rank"] = rank
    _able_solver(me)


def dismiss() -> None:
    """The person has read the refusal."""
    state().problem = None


def fit_job() -> Job | None:
    """The fit under way for this session, its lease renewed."""
    me = state()
    return jobs().watch(me.fitting, me.id) if me.fitting is not None else None


def load_job() -> Job | None:
    me = state()
    return jobs().watch(me.loading, me.id) if me.loading is not None else None


def waiting() -> bool:
    """Whether something is being computed or loaded for this session that it has not taken over yet."""
    me = state()
    return me.fitting is not None or me.loading is not None


def address() -> str:
    """The address that opens the run on screen, on the page that is open."""
    from urllib.parse import urlencode

    me = state()
    query = urlencode(links.to_query(me.run.spec, FIRST)) if me.run is not None else ""
    url = (st.context.url or "").split("?")[0]
    return f"{url}?{query}" if query else url


def control_value(name: str, default: Any) -> Any:
    """The value of a control that may not be on this page."""
    return st.session_state.get(name, default)


def linked(name: str) -> str:
    """What the address says under a name of a page's own; "" when nothing. It is input like any other: check it."""
    return str(st.query_params.get(name, ""))[:LONGEST_LINKED]


def link(name: str, text: str) -> None:
    """Write something of a page's own into the address; "" takes it out. A link to another page leaves it behind."""
    if text and st.query_params.get(name) != text:
        st.query_params[name] = text
    elif not text and name in st.query_params:
        del st.query_params[name]


def leave_link() -> None:
    """Give up a link whose data is not here and show the first screen."""
    me = state()
    me.missing, me.problem, me.written = None, None, None
    for name in links.PARAMETERS:
        if name in st.query_params:
            del st.query_params[name]


def set_pages(pages: dict[str, Any]) -> None:
    """The pages of this script run, so that widgets can link to them."""
    st.session_state["pages"] = pages


def page(key: str) -> Any:
    """The page whose file is views/<key>.py."""
    return st.session_state["pages"][key]


def chosen_title() -> str:
    """Title of the data set that is chosen."""
    me = state()
    if me.data is not None:
        return me.data.title
    return "Your data" if me.choice.data == "upload" else catalog.card(me.choice.data).title


def solvers() -> list[str]:
    """The solvers that this kind of data calls for; those made for another kind of problem are not offered."""
    me = state()
    masked = me.data is not None and me.data.mask is not None
    return [
        key
        for key, kind in SOLVERS.items()
        if not kind.supports.requires_symmetric and (masked or not kind.supports.requires_mask)
    ]


def refusals() -> dict[str, str]:
    """For each solver that cannot run on the chosen data with the chosen loss: why. The same sentence the loop would say."""
    me = state()
    if me.data is None or me.data.X is None:
        return {}
    data = me.data
    return data_facts("refusals", lambda: solver_refusals(data))


def difference() -> str:
    """What the controls would change, in one short sentence."""
    me, now = state(), wanted()
    if me.run is None:
        return ""
    old = me.run.spec
    if data_key(now) != data_key(old):
        return f"{markdown(me.run.dataset.title)}, rank {old.rank}. Press Fit for {markdown(chosen_title())}, rank {now.rank}."
    if now.rank != old.rank:
        return f"rank {old.rank}. Press Fit for rank {now.rank}."
    if now.solver != old.solver:
        return f"{SOLVERS[old.solver].title}. Press Fit for {SOLVERS[now.solver].title}."
    return "a run with other settings. Press Fit for these."


def data_facts(key: Hashable, compute: Callable[[], T]) -> T:
    """Something that follows from the chosen data set, computed once for it."""
    me = state()
    if me.facts_of is not me.data:
        me.facts, me.facts_of = Derived(), me.data
    return me.facts(key, compute)


# -- a file of one's own -----------------------------------------------------------------------------------------------


def bring(name: str, content: bytes) -> None:
    """Look at a file; what is in use stays until this one is accepted. A link that waits for its data says how to read it."""
    me = state()
    discard_import()
    read, meaning = from_link(me.missing.data_options) if me.missing is not None else ({}, {})
    steps = me.missing.preparation if me.missing is not None else None
    me.importing = Import(name, content, read, meaning, steps or None, rank=wanted().rank)


def discard_import() -> None:
    """Go back to what was in use before the file was dropped."""
    me = state()
    if me.importing is not None:
        jobs().stop(me.importing.key, me.id)
        me.importing.drop(jobs())
    me.importing = None


def accept_import() -> None:
    """Use the file that is looked at. The result on screen stays; the panel says what Fit would do."""
    me = state()
    brought, missing = me.importing or me.uploaded, me.missing
    done = brought.outcome if brought is not None and brought.is_current else None
    if brought is None or done is None or done.dataset is None or done.refusal is not None:
        return
    accept(done.dataset, done.rank)
    # runs of earlier uploads can still be shown again, and be fitted anew at another rank
    me.uploads |= {run.dataset.fingerprint: run.dataset for run in me.kept.values() if run.spec.data == "upload"}
    me.choice = me.choice.replace(data_options=dict(done.dataset.options))
    me.uploaded, me.importing = brought.accepted(jobs()), None
    me.uploaders += 1
    if missing is not None and missing.fingerprint == done.dataset.fingerprint:
        _set_controls(missing)
        me.choice = missing
        fit(missing)
    elif missing is not None:
        me.problem = Problem(
            f"This is not the data of the link: its fingerprint is {done.dataset.fingerprint[:12]}, the link's "
            f"{missing.fingerprint[:12]}. Another file, or read or prepared differently; it can be used all the same."
        )


def fit_another() -> None:
    """Fit what is on screen again from a random start with the next seed, to see how much of it is luck."""
    me = state()
    if me.run is None:
        return
    spec = me.run.run.spec
    spec = spec.replace(init="random", seed=spec.seed + 1)
    _set_controls(spec)
    fit(spec)


# -- a saved run -------------------------------------------------------------------------------------------------------


def open_run(name: str, content: bytes) -> None:
    """Open a run file: the controls turn to it, and it is shown as soon as its data is here; in a callback."""
    from dashboard.files.saved import edits_of, open_work, opened

    me = state()
    try:
        saved, dataset = opened(content)
    except ValueError as wrong:
        me.problem = Problem(f"{name}: {wrong}")
        return
    spec = saved.fit.spec
    if dataset is not None:
        me.uploads[dataset.fingerprint] = dataset
    discard_import()
    me.missing, me.problem = None, None
    _set_controls(spec)
    me.choice, me.data = spec, dataset
    key = ("open", uuid.uuid4().hex)
    try:
        job = jobs().submit(key, open_work(saved, dataset, jobs()), session=me.id, label=f"Opening {name}", lane="fit")
    except JobsBusy as busy:
        me.problem = Problem(str(busy))
        return
    me.fitting, me.fitting_spec, me.opening = key, spec, (key, edits_of(saved))
    job.wait(PATIENCE)


# -- files that are made when somebody asks for them ----------------------------------------------------------------------


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


# -- edits of how topics are shown -------------------------------------------------------------------------------------


def _edited_run(run: FittedRun) -> Hashable:
    """Names a run for its edits: a parameter that was named with its usual value is the same as one that was not named."""
    spec = run.spec
    return fit_key(spec.replace(solver_options=make_solver(spec.solver, spec.solver_options).options()))


def edits(run: FittedRun) -> Edits:
    """What this person changed in how the topics of a run are shown; the run itself never changes."""
    steps = state().edits.get(_edited_run(run), [])
    return steps[-1][1] if steps else Edits()


def edit(run: FittedRun, new: Edits, said: str) -> None:
    """Show the topics of a run so from now on. `said` names the step where it can be undone, as plain text."""
    if new != edits(run):
        steps = state().edits.setdefault(_edited_run(run), [])
        if len(steps) == MOST_STEPS:
            del steps[0]  # undoing all still leads to the run as it is
        steps.append((said, new))


def last_edit(run: FittedRun) -> str:
    """What was done last to the topics of a run; "" when nothing can be undone."""
    steps = state().edits.get(_edited_run(run), [])
    return steps[-1][0] if steps else ""


def undo_edit(run: FittedRun) -> None:
    """Take back the last edit."""
    steps = state().edits.get(_edited_run(run), [])
    if steps:
        steps.pop()


def undo_edits(run: FittedRun) -> None:
    """Take back all edits of a run."""
    state().edits.pop(_edited_run(run), None)


def edited_facts(run: FittedRun, edited: Hashable, key: Hashable, compute: Callable[[], T]) -> T:
    """Something that follows from a run as this person shows it: kept with the run where nothing is edited, else here.

    edited : what of the edits it depends on; None when on nothing
    """
    if edited is None:
        return run.derived(key, compute)
    kept, place = state().edited, (run.key, edited, key)
    if place not in kept:
        kept[place] = compute()
        while len(kept) > MOST_EDITED:
            kept.popitem(last=False)
    kept.move_to_end(place)
    return kept[place]


def latest_merge(run: FittedRun, merges: Hashable, compute: Callable[[], T]) -> T:
    """The factors of merged topics; only those asked for last are kept."""
    me, key = state(), (run.key, merges)
    if me.merged is None or me.merged[0] != key:
        me.merged = (key, compute())
    found: T = me.merged[1]
    return found


def topic_names(run: FittedRun) -> list[str]:
    """What the components of a run are called: as somebody named them, else by their first words. Plain text, not escaped."""
    now = edits(run)
    hidden = now.hidden or None
    suggested = edited_facts(
        run, hidden, "names", lambda: topics.names(run.factorization.H, run.dataset.axes.columns, hidden=now.hidden)
    )
    return [now.names.get((k,), name) for k, name in enumerate(suggested)]


def numbered(name: str, choices: list[int], usual: int = 0) -> int:
    """The control `name`, which says a component, turned to one of the choices; from the address where it is new.

    Call it before the control is drawn. The address holds the component's number from 1, never its name: a typed name belongs
    to this session.
    """
    if name not in st.session_state:
        given = str(st.query_params.get(name, ""))
        st.session_state[name] = int(given) - 1 if given.isascii() and given.isdigit() and len(given) < 7 else usual
    value = st.session_state[name]
    value = value if value in choices else usual if usual in choices else choices[0]
    st.session_state[name] = value
    if st.query_params.get(name) != str(value + 1):
        st.query_params[name] = str(value + 1)
    return value

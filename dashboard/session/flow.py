"""What happens to a session: a run is asked for, fitted, taken over and shown; a data set is chosen and loaded.

Everything here happens before a page is drawn: in `begin`, or in the callback of a control. What is drawn later only looks
(`ended`), and asks for the page anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import numpy as np

from dashboard import links
from dashboard.session import bar, dividing, refusing, showing
from dashboard.session.address import named
from dashboard.session.controls import able_solver, expected, pending, quick, ran, refusals, said, settle, take, turned, wanted
from dashboard.session.editing import edit
from dashboard.session.filtering import follow, set_filter
from dashboard.session.holding import make_room
from dashboard.session.keeping import came_to, passed_through, take_in, upload_of
from dashboard.session.tab import Before, Fit, Load, Notice, State, jobs, state, wait
from dashboard.work.estimates import estimate
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import FIRST, continue_work, fit_key, fit_work
from dashboard.work.job import Job, JobsBusy, Status
from dashboard.work.loading import data_key, load_work
from nmfcore.core.factorization import StopReason
from nmfcore.core.guidance import Guidance
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data import catalog, prepare
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.rows import as_text
from nmfcore.methods.subset import Filter
from nmfcore.solvers import SOLVERS

STOPPED = "You stopped before there was a result. Choose other data or another rank, or press Fit."
NOTHING_KEPT = "You stopped before the first iteration was there, so nothing was kept. The run from before is still shown."
GONE = "The server does not know this computation any more. Press Fit to start it again."
NO_ROOM = "The result was dropped to make room before this page had taken it over. Press Fit to start it again."
GIVEN_UP = "The fit was given up: {why}. Press Fit to start it again."
NOT_LOADED = "Loading was given up: {why}. Choose the data again."
FINER = 10.0  # by which the rule that has ended a run is divided where it goes on


# -- once per script run ---------------------------------------------------------------------------------------------


def begin() -> None:
    """Follow the address, take over what was finished since, and make sure there is something to look at."""
    me = state()
    bar.begin()
    refusing.begin()
    jobs().heartbeat(me.id)  # whatever page is open, what is computed for this session is still wanted
    showing.look_up()
    dividing.look_up()
    _follow_address(me)
    follow()
    adopt()
    if me.shown.run is None and me.under_way.fit is None and me.notice is None and me.address.missing is None:
        fit()
        adopt()
    showing.take_over()
    dividing.take_over()
    settle()


def _follow_address(me: State) -> None:
    """Open the run that the address names, unless it is the one we wrote there ourselves."""
    given = named(me)
    if given is None:
        return
    try:
        spec = links.from_query(given, FIRST)
    except links.LinkError as wrong:
        me.notice = Notice(str(wrong))
        return
    me.address.missing = None
    spec = spec or FIRST
    kept = next((run for run in me.shown.kept.values() if links.to_query(run.spec, FIRST) == given), None)
    if kept is not None:
        show(kept.key)
        return
    upload = upload_of(me, spec.fingerprint)
    if spec.data == "upload" and upload is None:
        me.address.missing = spec
        return
    if spec.data != "upload" and spec.fingerprint:
        me.tell("The link's part print was left out: it names data of one's own, and this link is to data of the catalog.")
        spec = spec.replace(fingerprint="")
    if spec.data != "upload" and spec.data not in catalog.cards():
        me.notice = Notice(f"This link names a data set that is not in the catalog: {spec.data[:40]!r}.")
        return
    if spec.data != "upload" and not spec.preparation and catalog.card(spec.data).kind == "documents":
        spec = spec.replace(preparation=catalog.card(spec.data).preparation)  # typed by hand; texts alone cannot be factorized
    earlier = me.under_way.fit.before if me.under_way.fit is not None else None  # a link that is given up for this one
    before = earlier or Before(me.wanted.spec, me.chosen.data)
    want(spec, upload)
    fit(spec, before)


def want(spec: RunSpec, data: Dataset | None) -> None:
    """Turn all controls to a spec, and choose its data; None while it is not here."""
    me = state()
    me.wanted.spec, me.chosen.data = spec, data
    if spec.data == "upload" and data is not None:
        me.chosen.uploads[spec.fingerprint] = data


# -- taking over -----------------------------------------------------------------------------------------------------


def ended() -> bool:
    """Whether something that is under way is over, so that the page has to be drawn anew."""
    me = state()
    found = [jobs().watch(key, me.id) for key in me.under_way.keys]
    return any(job is None or job.final for job in found)


def adopt() -> None:
    """Take over what the jobs have finished; before anything is drawn."""
    me = state()
    load, fit_ = me.under_way.load, me.under_way.fit
    if load is not None:
        job = jobs().watch(load.key, me.id)
        if job is None or job.final:
            me.under_way.load = None
            _adopt_load(me, load, job)
    if fit_ is not None:
        job = jobs().watch(fit_.key, me.id)
        if job is None or job.final:
            me.under_way.fit = None
            _adopt_fit(me, fit_, job)


def _adopt_load(me: State, load: Load, job: Job | None) -> None:
    if job is not None and job.status is Status.DONE:
        me.chosen.data = jobs().result(job.key)
        able_solver(me)
        return
    before = load.wanted  # stopped or failed: what was chosen before stays, its wishes too where nothing else was changed
    spec = _with_data(me.wanted.spec, before).replace(fingerprint=before.fingerprint, rank=before.rank)
    me.wanted.spec = before if spec == before.replace(guidance=Guidance()) else spec
    me.chosen.data = load.data
    if job is not None and job.failure is not None:
        me.notice = Notice(job.failure.message)
    elif job is None or not job.stopped:
        me.tell(NOT_LOADED.format(why=job.ended_because if job is not None else "the server does not know it any more"))


def _adopt_fit(me: State, fit_: Fit, job: Job | None) -> None:
    result = jobs().result(job.key) if job is not None and job.status is Status.DONE else None
    if result is not None:
        _show(me, result, fit_.asked, fit_.instead_of, fit_.passing)
        me.notice = None
        if fit_.edits:
            edit(result, fit_.edits, "opening the saved run")
        if fit_.filter:
            set_filter(fit_.filter)
        if fit_key(fit_.asked) != fit_key(me.wanted.spec):  # a control was turned while it ran
            keep_up()
    elif job is not None and job.failure is not None:
        me.notice = Notice(job.failure.message)
        if fit_.before is not None and data_key(fit_.asked) == data_key(me.wanted.spec) and me.chosen.data is None:
            want(fit_.before.wanted, fit_.before.data)  # what a link asks for and cannot be had is not chosen
    elif job is None:
        me.notice = Notice(GONE)
    elif job.status is Status.DONE:
        me.notice = Notice(NO_ROOM)
    elif not job.stopped:
        me.notice = Notice(GIVEN_UP.format(why=job.ended_because))
    elif me.shown.run is None:  # else `begin` would start it again at once
        me.notice = Notice(STOPPED)
    else:
        me.tell(NOTHING_KEPT)


def _show(me: State, run: FittedRun, asked: RunSpec, instead_of: str = "", passing: bool = False) -> None:
    me.shown.run, me.shown.asked = run, asked
    me.address.missing = None
    take_in(me, run, instead_of, passing)
    if data_key(run.spec) == data_key(me.wanted.spec):
        me.chosen.data = run.dataset
    make_room(me)


def present(run: FittedRun) -> None:
    """Show a run that is here, and turn the controls to it; before the page is drawn."""
    me = state()
    want(run.asked, run.dataset)
    me.notice = None
    _show(me, run, run.asked)


def show(key: str) -> None:
    """Bring back a kept run, and turn the controls to it; in a callback, or before the page is drawn."""
    me = state()
    run = me.shown.kept.get(key)
    if run is not None:
        want(run.asked, run.dataset)
        me.notice, me.address.missing = None, None
        me.shown.run, me.shown.asked = run, run.asked
        came_to(me, key)


def dismiss() -> None:
    """The person has read the refusal."""
    state().notice = None


def heard() -> None:
    """The person has read the news."""
    state().news.clear()


# -- the controls of the panel ----------------------------------------------------------------------------------------


def wired(name: str, alias: str = "") -> dict[str, Any]:
    """Key and callback of a control of the panel, turned to what is wanted: `st.slider("Rank", 1, 40, **wired("rank"))`.

    alias : a second control for the same
    """
    return turned(alias or name, said(name), changed, name)


def changed(name: str, key: str) -> None:
    """A control of the panel was turned: want what it says, and fit at once where that is quick."""
    take(name, key)
    adopt()
    keep_up()


def keep_up() -> None:
    """Fit what is wanted, where it is quick, differs from what is on screen, and nothing else is under way."""
    me = state()
    free = me.under_way.fit is None and me.under_way.load is None
    if me.wanted.live and free and pending() and quick() and me.wanted.spec.solver not in refusals():
        instead_of = passed_through(me)
        fit()
        if me.under_way.fit is not None:
            me.under_way.fit = replace(me.under_way.fit, instead_of=instead_of, passing=True)
        adopt()


# -- fitting -----------------------------------------------------------------------------------------------------------


def fit(spec: RunSpec | None = None, before: Before | None = None) -> None:
    """Start fitting; a small fit is over before this returns. `before` is gone back to where it fails."""
    me = state()
    spec = spec or wanted()
    me.notice = None
    upload = me.chosen.uploads.get(spec.fingerprint) if spec.data == "upload" else None
    label = f"{SOLVERS[spec.solver].title}, rank {spec.rank}"
    said = expected() if spec is me.wanted.spec else None
    expects = said.seconds if said is not None else estimate(spec, me.chosen.data, ran()) or 0.0
    start_fit(Fit(fit_key(spec, upload), spec, before=before), fit_work(spec, jobs(), upload), label, expects)


def start_fit(asked: Fit, work: Callable[[Job], FittedRun], label: str, expects: float = 0.0) -> None:
    """Have work done whose result is the run to show; or say why it cannot be done now."""
    me = state()
    job = submit(asked.key, work, label, "fit", expects)
    if job is not None:
        me.under_way.fit = asked
        wait(job)


def submit(key: Hashable, work: Callable[[Job], Any], label: str, lane: str, expects: float = 0.0) -> Job | None:
    """A job of this session; None when the server is too busy, and then the page says so."""
    me = state()
    try:
        return jobs().submit(key, work, session=me.id, label=label, lane=lane, expects=expects)
    except JobsBusy as busy:
        me.notice = Notice(str(busy))
        return None


def continue_fit() -> None:
    """Run on from where the run on screen ended: as many iterations again, and a finer tolerance if it had converged."""
    me = state()
    run = me.shown.run
    if run is None or run.spec.guidance or me.under_way.fit is not None:
        return
    spec = run.asked.replace(stop=continued(run))
    if not pending():  # else the controls say something else, and go on saying it
        me.wanted.spec = me.wanted.spec.replace(stop=spec.stop)
    key = ("continue", fit_key(spec, run.dataset), run.factorization.history[-1].iteration)  # a fit of it may end elsewhere
    start_fit(Fit(key, spec), continue_work(run, spec.stop), f"Continue, rank {spec.rank}")


def continued(run: FittedRun) -> StopRule:
    """The stop rule under which the run on screen goes on."""
    done = run.factorization.history[-1].iteration
    stop, why = run.asked.stop, run.factorization.stopped
    most = int(links.NUMBERS["iterations"].most or done)
    return replace(
        stop,
        max_iter=min(most, max(stop.max_iter, done + max(100, done))),
        tol=stop.tol / FINER if why is StopReason.CONVERGED else stop.tol,
        kkt=stop.kkt / FINER if why is StopReason.KKT else stop.kkt,
    )


def fit_another() -> None:
    """Fit what is on screen again from a random start with the next seed, to see how much of it is luck."""
    run = state().shown.run
    if run is None:
        return
    want(run.asked.replace(init="random", seed=run.spec.seed + 1, guidance=Guidance()), run.dataset)
    fit()


def stop() -> None:
    """Stop what is being computed for this session; a fit keeps the best so far."""
    me = state()
    for key in me.under_way.keys:
        jobs().stop(key, me.id)
        job = jobs().watch(key, me.id)
        if job is not None:
            wait(job)


def fit_job() -> Job | None:
    """The fit under way for this session, its lease renewed."""
    me = state()
    return jobs().watch(me.under_way.fit.key, me.id) if me.under_way.fit is not None else None


def fitted_by() -> Job | None:
    """The job that made the run on screen, with what was expected of it and what it was; None where the server forgot it."""
    me = state()
    run = me.shown.run
    return jobs().watch(fit_key(me.shown.asked, run.dataset), me.id) if run is not None else None


def load_job() -> Job | None:
    """The load under way for this session, its lease renewed."""
    me = state()
    return jobs().watch(me.under_way.load.key, me.id) if me.under_way.load is not None else None


def waiting() -> bool:
    """Whether something is being computed or loaded for this session that it has not taken over yet."""
    return bool(state().under_way.keys)


def fit_these(run: FittedRun, rows: np.ndarray, called: str) -> None:
    """Fit some items of a run alone, as a new run with its own name; the columns stay, so that both can be compared."""
    dataset = prepare.apply(run.dataset, [{"step": "items", "keep": as_text(rows), "called": called}])
    spec = run.asked.replace(preparation=dataset.steps, rank=min(run.asked.rank, *dataset.shape))
    spec = spec.replace(fingerprint=dataset.fingerprint if spec.data == "upload" else "")
    if spec.data != "upload":
        jobs().put(data_key(spec), dataset, label=dataset.title)
    set_filter(Filter())
    want(spec, dataset)
    fit(spec)


# -- choosing data -------------------------------------------------------------------------------------------------------


def choose(spec: RunSpec) -> None:
    """Choose a data set and its preparation; it is loaded in the background, and what is on screen stays."""
    me = state()
    me.notice = None
    before = me.under_way.load or Load(None, me.wanted.spec, me.chosen.data)  # not what is given up now
    me.wanted.spec = _with_data(me.wanted.spec, spec).replace(fingerprint="", rank=spec.rank)
    me.under_way.load = None  # what was still being loaded is not wanted any more
    me.chosen.data = jobs().result(data_key(spec))
    if me.chosen.data is not None:
        able_solver(me)
        return
    job = submit(data_key(spec), load_work(spec), f"Loading {catalog.card(spec.data).title}", "load")
    if job is None:
        me.wanted.spec, me.chosen.data = before.wanted, before.data
        return
    me.under_way.load = replace(before, key=job.key)
    wait(job)
    adopt()


def use(dataset: Dataset, rank: int) -> None:
    """Choose an uploaded data set: it is held by this session only."""
    me = state()
    dataset = me.own(dataset)
    me.chosen.uploads = {dataset.fingerprint: dataset}
    spec = me.wanted.spec.replace(data="upload", data_options={}, preparation=dataset.steps, guidance=Guidance())
    want(spec.replace(fingerprint=dataset.fingerprint, rank=rank), dataset)
    me.notice, me.address.missing = None, None
    able_solver(me)


def _with_data(spec: RunSpec, of: RunSpec) -> RunSpec:
    """A spec with the data set and preparation of another."""
    return spec.replace(data=of.data, data_options=of.data_options, preparation=of.preparation, guidance=Guidance())

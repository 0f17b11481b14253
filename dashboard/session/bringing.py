"""How does a file of one's own come in: looked at, changed, accepted or given up; and how is a saved run opened?"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from dashboard.files.saved import edits_of, filter_of, open_work, opened
from dashboard.session.address import has_link
from dashboard.session.controls import wanted
from dashboard.session.flow import fit, start_fit, use, want
from dashboard.session.tab import Fit, Notice, jobs, patience, state
from dashboard.work import given
from dashboard.work.importing import Import, distinct
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.readers.source import Source
from nmfcore.data.reading import packed
from nmfcore.data.usual import from_link


def bring_together(files: Sequence[tuple[str, bytes]]) -> None:
    """Look at several files as one thing: a matrix and its labels, texts, pictures, the three files of 10x Genomics."""
    names = [name for name, _ in files]
    try:
        content = packed([Source(name, content) for name, content in zip(distinct(names), (c for _, c in files), strict=True)])
    except ValueError as wrong:
        discard_import()
        state().notice = Notice(str(wrong))
        return
    bring(f"{len(files)} files", content)


def bring(name: str, content: bytes) -> None:
    """Look at a file; what is in use stays until this one is accepted. A link that waits for its data says how to read it."""
    me = state()
    discard_import()
    missing = me.address.missing
    read, meaning = from_link(missing.data_options) if missing is not None else ({}, {})
    steps = missing.preparation if missing is not None else None
    own = f"{me.id}-{uuid.uuid4().hex}"  # whatever is computed on the way is this session's
    me.brought.looked_at = Import(name, content, read, meaning, steps or None, rank=wanted().rank, id=own)


def bring_first() -> bool:
    """Look at what the server was started with, once for each session that was not opened by a link; whether there is any."""
    me = state()
    if me.brought.asked or has_link():
        return False
    me.brought.asked = True
    try:
        found = given.opened()
    except ValueError as refused:
        me.notice = Notice(str(refused))
        return True
    if found is None:
        return False
    bring(*found)
    assert me.brought.looked_at is not None
    me.brought.at_once = me.brought.looked_at.key
    return True


def bring_listed(name: str) -> None:
    """Look at a file of the folder that the server offers; in a callback."""
    try:
        bring(Path(name).name, given.read(name))
    except given.NotThere as wrong:
        state().notice = Notice(str(wrong))


def accept_at_once() -> None:
    """Use and fit what the server was started with, where the file leaves nothing to ask; before the page is drawn."""
    me = state()
    brought = me.brought.looked_at
    if brought is None or me.brought.at_once != brought.key:
        return
    brought.advance(jobs(), me.id, patience())
    done = brought.outcome
    if not brought.is_current or done is None:
        return
    me.brought.at_once = None
    if done.refusal is None and done.dataset is not None and not (done.table is not None and done.table.questions):
        accept_import()
        fit()


def discard_import() -> None:
    """Go back to what was in use before the file was dropped."""
    me = state()
    if me.brought.looked_at is not None:
        jobs().stop(me.brought.looked_at.key, me.id)
        me.brought.looked_at.drop(jobs())
    me.brought.looked_at = None


def give_up_import() -> None:
    """The person does not want the file; the next drop zone is an empty one."""
    discard_import()
    state().brought.uploaders += 1


def accept_import() -> None:
    """Use the file that is looked at. The result on screen stays; the panel says what Fit would do."""
    me = state()
    brought, missing = me.brought.latest, me.address.missing
    done = brought.outcome if brought is not None and brought.is_current else None
    if brought is None or done is None or done.dataset is None or done.refusal is not None:
        return
    use(done.dataset, done.rank)
    # runs of earlier uploads can still be shown again, and be fitted anew at another rank
    earlier = {run.dataset.fingerprint: run.dataset for run in me.shown.kept.values() if run.spec.data == "upload"}
    me.chosen.uploads = earlier | me.chosen.uploads
    me.wanted.spec = me.wanted.spec.replace(data_options=dict(done.dataset.options))
    me.brought.used, me.brought.looked_at = brought.accepted(jobs()), None
    me.brought.uploaders += 1
    if missing is not None and missing.fingerprint == done.dataset.fingerprint:
        want(missing, me.chosen.data)
        fit()
    elif missing is not None:
        me.notice = Notice(
            f"This is not the data of the link: its fingerprint is {done.dataset.fingerprint[:12]}, the link's "
            f"{missing.fingerprint[:12]}. Another file, or read or prepared differently; it can be used all the same."
        )


def use_sample(dataset: Dataset, rank: int) -> None:
    """Make rows taken from a store this session's data; in a callback."""
    me = state()
    discard_import()
    use(dataset, rank)
    me.brought.used = None


def open_run(name: str, content: bytes) -> None:
    """Open a run file: the controls turn to it, and it is shown as soon as its data is here; in a callback."""
    me = state()
    try:
        saved, dataset = opened(content)
    except ValueError as wrong:
        me.notice = Notice(f"{name}: {wrong}")
        return
    spec = saved.fit.spec
    if dataset is not None:
        dataset = me.own(dataset)
        me.chosen.uploads[dataset.fingerprint] = dataset
    discard_import()
    me.address.missing, me.notice = None, None
    want(spec, dataset)
    work = open_work(saved, dataset, jobs())
    asked = Fit(("open", me.id, uuid.uuid4().hex), spec, edits_of(saved), filter_of(saved))
    start_fit(asked, work, f"Opening {name}")

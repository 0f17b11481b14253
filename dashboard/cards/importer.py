"""Bring a file of one's own: drop it, see what was understood, change that, settle what it means, prepare it, use it."""

from __future__ import annotations

import streamlit as st

from dashboard import session
from dashboard.cards import data_card, importer_meaning, importer_questions, importer_reading
from dashboard.text.plain import markdown
from dashboard.text.words import percent, seconds
from dashboard.widgets import panel, prepare
from dashboard.work import given
from dashboard.work.importing import Import
from dashboard.work.job import Job
from dashboard.work.outcome import Outcome, Refusal
from nmfcore.data.model.limits import MIB, Limits

LISTED = "listed-file"
HEARTBEAT = 0.5  # seconds between looks at a reading that goes on
FORMATS = (
    "CSV and other text tables, Excel, OpenDocument, Parquet, NPY, NPZ (also SciPy sparse), MatrixMarket, JSON; bags of words, "
    "SVMlight, LDA-C, ARFF; 10x Genomics, AnnData (.h5ad), GCT, GEO series; Stata, SPSS; texts (one document a line, a column of "
    "a table, a zip of files or mails); ratings and counts (who, what, how much); pictures of one size. Also packed (gzip, zip, "
    "tar, bzip2, XZ, Zstandard). Files dropped together are one thing: a matrix with its labels, texts, pictures."
)
EXAMPLES = {
    "A table: items in rows": "film,shark,snow,crime\nJaws,5,0,1\nFargo,0,4,5\nHeat,0,0,5",
    "Texts: one a line": "The shark returned to the beach.\nSnow fell on the road to Fargo.\nThe bank was robbed at noon.",
    "Ratings: who, what, how much": "user,item,rating\nJai,Friends,4.8\nPB,Friends,4\nPB,Black Mirror,4.8",
}
STAGES = {
    "reading": "The file cannot be read as it is",
    "meaning": "One thing has to be settled first",
    "preparing": "The preparation leaves nothing to factorize",
    "size": "Too large to fit here",
}


def draw() -> None:
    """The whole way in; what is in use stays until the new data is accepted."""
    me = session.state()
    _drop_zone(me.brought.looked_at is not None)
    brought = me.brought.latest
    in_use = me.chosen.data if me.chosen.data is not None and me.chosen.data.key == "upload" else None
    if brought is None:
        _examples()
        if in_use is not None:  # it came with a saved run
            data_card.draw(in_use)
        return
    job = brought.advance(session.jobs(), me.id, session.patience())
    with st.container(border=True, key="verdict"):
        _verdict(brought, job)
    table = brought.seen
    if brought is me.brought.looked_at:
        importer_questions.draw(brought, brought.outcome.table if brought.outcome is not None else None)
        importer_reading.draw(brought, table)
        if table is not None:
            importer_meaning.draw(brought, table)
    outcome = brought.outcome
    if outcome is not None and outcome.raw is not None:
        _prepare(brought, outcome)
    if brought is me.brought.used and in_use is not None:
        data_card.draw(in_use)


# -- the file ----------------------------------------------------------------------------------------------------------


def _drop_zone(open_: bool) -> None:
    limit = Limits.from_environment().upload_bytes / MIB
    with st.container(border=True, gap="small"):
        st.markdown("**Bring your own data**")
        key = f"upload-{session.state().brought.uploaders}"
        st.file_uploader(
            "Drop a file here, or several that belong together", key=key, on_change=_dropped, args=(key,), help=FORMATS,
            label_visibility="collapsed", accept_multiple_files=True,
        )  # fmt: skip
        if not open_:
            st.markdown(f":small[{FORMATS}]")
        _listed()
        st.markdown(
            f":small[:gray[Up to {limit:,.0f} MB. It is read on this computer and held in this session's memory only; nothing in "
            "it is run, and what is on screen stays until you press Use this data.]]"
        )


def _listed() -> None:
    """The files of a folder that this server offers, if it does."""
    names = [entry.name for entry in given.entries()]
    if names:
        st.selectbox(
            "Or a file of this server",
            names,
            index=None,
            key=LISTED,
            on_change=_chosen,
            placeholder=f"{len(names):,} files",
            help="A folder that whoever runs this server offers to everybody. It is only read.",
        )


def _chosen() -> None:
    name = session.control_value(LISTED, None)
    if name:
        session.bring_listed(str(name))


def _examples() -> None:
    """What a file can look like, before there is one."""
    with st.container(border=True, gap="small"):
        st.markdown("**What a file can look like**")
        with st.grid(3, min_column_width=180):
            for title, lines in EXAMPLES.items():
                with st.container(gap="xsmall"):
                    st.markdown(f":small[{title}]")
                    st.code(lines, language=None, wrap_lines=True)


def _dropped(key: str) -> None:
    """Files were dropped, or taken back."""
    files = session.control_value(key, None) or []
    files = files if isinstance(files, list) else [files]
    if not files:
        session.discard_import()
    elif len(files) == 1:
        session.bring(files[0].name, files[0].getvalue())
    else:
        session.bring_together([(file.name, file.getvalue()) for file in files])


# -- what it comes to --------------------------------------------------------------------------------------------------


def _verdict(brought: Import, job: Job | None) -> None:
    """The key numbers and the button that uses the data; or the refusal and its fixes."""
    outcome = brought.outcome
    used = brought is session.state().brought.used
    using = used and brought.is_current and session.wanted().data == "upload" and _same(brought)
    title = "in use" if using else "used before" if used else "not used yet"
    st.markdown(f"**{markdown(brought.name)}** :gray[· {title}]")
    if using:
        return
    if job is not None:
        _watch(brought)
        return
    if brought.stopped == brought.key:
        st.markdown("You stopped reading it.")
        st.button("Read it", on_click=brought.go_on, key="read-again")
        return
    if outcome is None:
        return
    if outcome.dataset is not None:
        _numbers(outcome)
    if outcome.refusal is not None:
        _refusal(brought, outcome.refusal)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Use this data",
            type="secondary",
            key="use-upload",
            on_click=session.accept_import,
            disabled=outcome.dataset is None or outcome.refusal is not None,
        )
        if not used:
            st.button("Discard", key="discard-upload", on_click=session.give_up_import, type="tertiary")
            run = session.shown_run()
            if run is not None and outcome.refusal is None:
                st.markdown(f":small[:gray[Until then: {markdown(run.dataset.title)}, rank {run.rank}.]]")
        else:
            st.markdown(":small[:gray[Not what is chosen in the sidebar now.]]")


def _same(brought: Import) -> bool:
    """Whether the data in use is what the present choices lead to."""
    done, used = brought.outcome, session.chosen_data()
    return done is not None and done.dataset is not None and used is not None and done.dataset.fingerprint == used.fingerprint


@st.fragment(run_every=HEARTBEAT)
def _watch(brought: Import) -> None:
    """Progress while the file is read; the page is free meanwhile."""
    job = brought.advance(session.jobs(), session.owner(), 0.0)
    if job is None:
        st.rerun()
        return
    panel.progress(job)
    st.button(
        "Stop", on_click=brought.stop, args=(session.jobs(), session.owner()), icon=":material/stop_circle:", key="stop-import"
    )


def _numbers(outcome: Outcome) -> None:
    dataset = outcome.dataset
    assert dataset is not None
    m, n = dataset.shape
    rows, columns = dataset.axes.rows, dataset.axes.columns
    numbers = dataset.effects[-1].after if dataset.effects else None
    stored = dataset.X.nnz if dataset.sparse else numbers.stored if numbers else None
    with st.grid(4, min_column_width=120):
        st.metric(markdown(rows.name.capitalize()), f"{m:,}")
        st.metric(markdown(columns.name.capitalize()), f"{n:,}")
        filled = stored if stored is not None else int((dataset.X != 0).sum())
        st.metric("Filled", percent(filled / (m * n)))
        st.metric("Fit takes about", seconds(outcome.seconds))
    st.markdown(
        f":small[:gray[{data_card.amount(dataset.nbytes)}, {'sparse' if dataset.sparse else 'dense'} {dataset.X.dtype}. "
        f"A fit at rank {outcome.rank} takes about {data_card.amount(outcome.memory)} of memory; its time is a first guess.]]"
    )
    read = outcome.table.notes if outcome.table is not None else ()
    for note in dict.fromkeys(dataset.notes):  # what became of it after it was read
        if note not in read:
            st.markdown(f":orange[:material/info:] {markdown(note, 400)}")


def _refusal(brought: Import, refusal: Refusal) -> None:
    """What is wrong, where, and the ways out as buttons."""
    with st.container(border=True, gap="xsmall", key="import-refusal"):
        st.markdown(f":red[:material/error:] **{STAGES[refusal.stage]}.** {markdown(refusal.message, 700)}")
        if refusal.fixes:
            with st.container(horizontal=True, gap="small"):
                for number, fix in enumerate(refusal.fixes):
                    st.button(
                        markdown(fix.label, 90),
                        key=f"import-fix-{number}",
                        on_click=brought.fix,
                        args=(refusal.stage, dict(fix.options)),
                    )


# -- preparation -------------------------------------------------------------------------------------------------------


def _prepare(brought: Import, outcome: Outcome) -> None:
    raw = outcome.raw
    assert raw is not None
    with st.container(border=True, gap="small"):
        st.markdown("**Prepare**")
        text = raw.documents is not None and raw.X is None
        steps = brought.steps if brought.steps is not None else outcome.steps
        name = f"prep_{brought.id}_{brought.fixes}_{'text' if text else 'numbers'}"
        drawn = prepare.draw(name, steps, text=text)
        if prepare.differ(drawn, steps):
            brought.choose_steps(drawn)
            st.rerun()
        if outcome.dataset is not None:
            prepare.effects(outcome.dataset, "import-effects")

"""Bring a file of one's own: drop it, see what was understood, change that, settle what it means, prepare it, use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import data_card, importer_columns, importer_questions
from dashboard.figures.orientation import orientation
from dashboard.text.explanations import reading
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, percent, seconds
from dashboard.widgets import panel, prepare
from dashboard.work import given, importing
from dashboard.work.importing import Import, Outcome, Refusal
from dashboard.work.jobs import Job
from nmfcore.data.model.limits import MIB, Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.names import unique
from nmfcore.data.readers.options import DOUBLE_COLON, NO_DELIMITER, WHITESPACE

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
CONTENTS = {
    "matrix": "a matrix",
    "ratings": "ratings: user, item, rating",
    "counts": "counts: document, term, count",
    "documents": "documents",
}
PER = {"line": "a line", "paragraph": "a paragraph", "file": "the whole file"}
DELIMITERS = {
    ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", WHITESPACE: "spaces", ":": "colon",
    DOUBLE_COLON: "two colons", NO_DELIMITER: "nothing: one column",
}  # fmt: skip
DECIMALS = {".": "point: 3.14", ",": "comma: 3,14"}
THOUSANDS = {"": "nothing", ",": "comma: 1,000", ".": "point: 1.000"}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1")
QUOTES = {'"': "double quotes", "'": "single quotes", "": "nothing"}
TABLES = ("csv", "xlsx", "workbook", "json", "parquet", "arff", "stata", "spss")  # whose cells can be read in several ways
REPAIRS = {
    "ragged": {"pad": "rows of another length completed or cut", "skip": "rows of another length left out"},
    "unparseable": {"missing": "text among the numbers counts as missing"},
    "infinite": {"missing": "infinite and huge numbers count as missing"},
    "nul": {"remove": "NUL characters removed"},
}
MISSING = {"mask": "not measured", "zero": "a real zero", "drop_rows": "drop the rows", "drop_columns": "drop the columns"}
NEGATIVES = {"clip": "become 0", "shift": "raise all entries"}
ZEROS = {"real": "a real zero", "missing": "not measured"}
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
        _understood(brought, table)
        if table is not None:
            _meaning(brought, table)
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
    job = brought.advance(session.jobs(), session.state().id, 0.0)
    if job is None:
        st.rerun()
        return
    panel.progress(job)
    st.button(
        "Stop", on_click=brought.stop, args=(session.jobs(), session.state().id), icon=":material/stop_circle:", key="stop-import"
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


# -- what was understood -----------------------------------------------------------------------------------------------


def _understood(brought: Import, table: Table | None) -> None:
    outcome = brought.outcome
    refused = outcome is not None and outcome.refusal is not None and outcome.refusal.stage == "reading"
    if table is None and not refused:
        return
    with st.container(border=True, gap="small"):
        st.markdown(
            "**What was understood**" if not refused else "**What was understood last**" if table else "**How to read it**"
        )
        if table is not None:
            lines = [f":gray[{name}:] {markdown(text, 120)}" for name, text in importing.facts(table).items()]
            half = (len(lines) + 1) // 2
            with st.grid(2, min_column_width=220):
                st.markdown("  \n".join(lines[:half]))
                st.markdown("  \n".join(lines[half:]))
            _table_preview(table)
            if table.content == "matrix" and not refused:
                importer_columns.draw(brought, table)
            if table.notes:
                with st.expander(
                    f"Assumed, dropped or repaired: {count(len(table.notes), 'note')}", expanded=len(table.notes) <= 3
                ):
                    st.markdown("\n".join(f"- {markdown(note, 400)}" for note in table.notes))
        with st.expander("Read it differently", expanded=refused):
            _reading_controls(brought, table)


def _table_preview(table: Table) -> None:
    names, rows = importing.preview(table)
    shown = unique([clean(name, 30) or ("row" if at == 0 else "-") for at, name in enumerate(names)])
    cells = [[clean(cell, 120) if isinstance(cell, str) else cell for cell in row] for row in rows]
    st.dataframe(
        pd.DataFrame(cells, columns=shown),
        hide_index=True,
        key="import-preview",
        height="content",
        placeholder="",
        alt="The first rows as they were read",
    )
    m, n = table.shape
    said = f"The first {len(rows)} of {count(m, 'row')}" if m > len(rows) else "All rows"
    said += f" and {len(names) - 1} of {n:,} columns" if n > len(names) - 1 else ""
    said += ". An empty cell is missing" if table.missing.count else ""
    st.markdown(f":small[:gray[{said}.]]")


def _reading_controls(brought: Import, table: Table | None) -> None:
    """Each set to what was recognised; a change reads the file again."""
    known: Mapping[str, Any] = table.understood if table is not None else {}
    format_ = str(known.get("format") or ("csv" if brought.read.get("format") in (None, "csv") else brought.read["format"]))
    content = table.content if table is not None else brought.read.get("content")
    columns = importing.column_choices(table) if table is not None else []
    tabular = format_ in TABLES

    def now(option: str) -> Any:
        return brought.read.get(option, known.get(option))

    with st.grid(2, min_column_width=190):
        if tabular:
            _select(brought, "It holds", "content", CONTENTS, brought.read.get("content", content))
        if known.get("inside"):
            inside = {None: "all together", **{name: name for name in known["inside"]}}
            _select(brought, "File in the archive", "member", inside, brought.read.get("member"), "all together")
        if content == "documents" and format_ == "csv" and (known.get("delimiter") == NO_DELIMITER or brought.read.get("per")):
            _select(brought, "One document is", "per", PER, brought.read.get("per", "line"))
        if known.get("sheets"):
            _select(brought, "Sheet", "sheet", known["sheets"], now("sheet"))
        if known.get("members") and not known.get("inside"):
            _select(brought, "Matrix in the file", "member", known["members"], now("member"))
        if format_ == "csv":
            _select(brought, "Cells divided by", "delimiter", DELIMITERS, now("delimiter"))
            _select(brought, "Decimal sign", "decimal", DECIMALS, now("decimal"))
            _select(brought, "Thousands divided by", "thousands", THOUSANDS, brought.read.get("thousands"), "recognised")
            _select(brought, "Encoding", "encoding", ENCODINGS, now("encoding"))
            _select(brought, "Quotes around cells", "quote", QUOTES, now("quote"))
        if format_ in ("json", "arff", "gct", "geo") or known.get("holds") == "texts":
            _select(brought, "Encoding", "encoding", ENCODINGS, now("encoding"))
        if format_ in ("csv", "xlsx", "workbook"):
            header = {True: "the first row holds names", False: "none, the first row is data"}
            _select(brought, "Header", "header", header, now("header"))
            if now("header"):
                _number(brought, "Rows of the header, joined", "header_rows", int(now("header_rows") or 1), least=1, most=10)
        if tabular and columns and content not in ("ratings", "counts"):
            choices = {False: "none: number the rows", **{column: importing.column_name(column) for column in columns}}
            index = brought.read.get("index_column", known.get("index_column"))
            _select(brought, "Row labels", "index_column", choices, False if index is None else index)
        if tabular and columns and content == "documents":
            _select(brought, "Texts", "text_column", columns, now("text_column"))
        if tabular and columns and content in ("ratings", "counts"):
            found = list(known.get("rating_columns") or (None, None, None))
            titles = ("User", "Item", "Rating") if content == "ratings" else ("Document", "Term", "Count")
            for title, option, column in zip(titles, ("user_column", "item_column", "rating_column"), found, strict=True):
                _select(brought, title, option, columns, brought.read.get(option, column))
        if format_ in ("csv", "xlsx", "workbook"):
            _number(
                brought, "Lines before the table", "skip_lines", int(brought.read.get("skip_lines") or known.get("skipped") or 0)
            )
        if tabular:
            _words(brought, "Also missing (such as -999, divided by spaces)", "missing_tokens")
    if tabular and table is not None and content == "matrix":
        _left_out(brought, columns)
    _repairs(brought)
    rows = importing.first_rows(table) if table is not None else []
    if rows:
        st.markdown(":small[:gray[The first rows as they stand in the file, cut into cells:]]")
        width = max(map(len, rows))
        cells = [[clean(cell, 40) for cell in row] + [""] * (width - len(row)) for row in rows]
        st.dataframe(
            pd.DataFrame(cells, columns=[str(j + 1) for j in range(width)]),
            hide_index=True,
            key="import-first-rows",
            height="content",
        )
    if brought.read:
        st.button(
            "Recognise everything again", on_click=_again, args=(brought,), key="import-again", icon=":material/restart_alt:"
        )


def _again(brought: Import) -> None:
    brought.begin_again()


def _select(
    brought: Import,
    title: str,
    option: str,
    choices: Sequence[Any] | Mapping[Any, str],
    value: Any,
    empty: str = "not recognised",
) -> None:
    key = f"import_{brought.id}_{option}"
    names = dict(choices) if isinstance(choices, Mapping) else {choice: importing.column_name(choice) for choice in choices}
    if value is not None and value not in names:
        names[value] = importing.column_name(value)
    session.set_control(key, value)
    st.selectbox(
        title, list(names), index=None, format_func=lambda choice: clean(names[choice], 60), key=key, placeholder=empty,
        on_change=_read, args=(brought, option, key),
    )  # fmt: skip


def _number(brought: Import, title: str, option: str, value: int, *, least: int = 0, most: int = 1_000_000) -> None:
    key = f"import_{brought.id}_{option}"
    session.set_control(key, value)
    st.number_input(title, least, most, key=key, step=1, on_change=_read, args=(brought, option, key))


def _words(brought: Import, title: str, option: str) -> None:
    key = f"import_{brought.id}_{option}"
    session.set_control(key, " ".join(brought.read.get(option, ())))
    st.text_input(title, key=key, max_chars=200, on_change=_read_words, args=(brought, option, key))


def _read(brought: Import, option: str, key: str) -> None:
    brought.choose_reading(**{option: session.control_value(key, None)})


def _read_words(brought: Import, option: str, key: str) -> None:
    brought.choose_reading(**{option: str(session.control_value(key, "")).split() or None})


def _left_out(brought: Import, columns: Sequence[str | int]) -> None:
    key = f"import_{brought.id}_drop_columns"
    gone = list(brought.read.get("drop_columns", ()))
    session.set_control(key, gone)
    st.multiselect(
        "Columns to leave out", list(dict.fromkeys([*gone, *columns])),
        format_func=lambda column: clean(importing.column_name(column), 40), key=key, placeholder="none",
        on_change=_drop_columns, args=(brought, key),
    )  # fmt: skip


def _drop_columns(brought: Import, key: str) -> None:
    brought.choose_reading(drop_columns=list(session.control_value(key, [])) or None)


def _repairs(brought: Import) -> None:
    """The repairs that were chosen, each with its way back."""
    for option, words in REPAIRS.items():
        said = words.get(str(brought.read.get(option)))
        if said:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"As you chose: {said}", width="content")
                st.button(
                    "Undo", key=f"import-undo-{option}", on_click=brought.choose_reading, kwargs={option: None}, type="tertiary"
                )


# -- what it means -----------------------------------------------------------------------------------------------------


def _meaning(brought: Import, table: Table) -> None:
    """Which way the table lies, what zero and missing mean, what happens to negative numbers."""
    chosen = importing.settled(table, brought.meaning)
    with st.container(border=True, gap="small"):
        st.markdown("**What it means**")
        if table.documents is None:
            _orientation(brought, table, str(chosen.get("orientation", "rows")))
            missing, negative = table.missing.count, table.negatives.count
            m, n = table.shape
            cells = m * n
            if missing:
                title = "A pair without a rating is" if table.absent == "missing" else "A missing cell is"
                names = {"mask": "not rated", "zero": "a rating of 0"} if table.absent == "missing" else MISSING
                _settle(
                    brought,
                    f"{title} ({missing:,} of {cells:,})",
                    "missing",
                    names,
                    chosen.get("missing"),
                    reading("data", "missing"),
                )
            if negative:
                _settle(
                    brought, f"Negative numbers ({negative:,} of {cells:,})", "negatives", NEGATIVES, chosen.get("negatives"),
                    reading("data", "negative"),
                )  # fmt: skip
            if table.content == "matrix":
                _settle(
                    brought,
                    "An entry of 0 is",
                    "zeros",
                    ZEROS,
                    chosen.get("zeros", "real"),
                    reading("data", "zero"),
                    required=True,
                )
        if importing.known_labels(table, str(chosen.get("orientation", "rows"))):
            _labels(brought, table, chosen)
        _names(brought, table, chosen)


def _orientation(brought: Import, table: Table, value: str) -> None:
    rows, columns = table.row_labels, table.column_labels
    first_row = str(rows[0]) if rows else "row 1"
    first_column = str(columns[0]) if columns else "column 1"
    by_rows = value == "rows"
    left, right = st.columns([3, 4], vertical_alignment="center")
    with left:
        _settle(
            brought, "The items are", "orientation", {"rows": "the rows", "columns": "the columns"}, value,
            reading("data", "orientation"), required=True,
        )  # fmt: skip
        item, feature = (first_row, first_column) if by_rows else (first_column, first_row)
        st.markdown(f":small[One item: **{markdown(item, 30)}**. One of its features: {markdown(feature, 30)}.]")
    with right:
        drawing = orientation(item, feature, by_rows=by_rows, theme=session.theme())
        along = "row" if by_rows else "column"
        st.image(drawing, width=330, alt=f"The table as it stands in the file; its first {along} is highlighted as one item.")


def _settle(
    brought: Import, title: str, name: str, names: Mapping[str, str], value: Any, help_: str, *, required: bool = False
) -> None:
    key = f"import_{brought.id}_{name}"
    session.set_control(key, value if value in names else None)
    st.segmented_control(
        title,
        list(names),
        format_func=names.__getitem__,
        key=key,
        required=required,
        help=help_,
        on_change=_mean,
        args=(brought, name, key),
    )


def _mean(brought: Import, name: str, key: str) -> None:
    brought.choose_meaning(name, session.control_value(key, None))


def _labels(brought: Import, table: Table, chosen: Mapping[str, Any]) -> None:
    key = f"import_{brought.id}_classes"
    session.set_control(key, chosen.get("classes"))
    names = importing.known_labels(table, str(chosen.get("orientation", "rows")))
    st.selectbox(
        "Known labels of the items", names, index=None, format_func=lambda name: clean(name, 60), key=key,
        placeholder="none", help=reading("data", "labels"), on_change=_mean, args=(brought, "classes", key),
    )  # fmt: skip


def _names(brought: Import, table: Table, chosen: Mapping[str, Any]) -> None:
    """What items and features are called; a word each, with its plural."""
    with st.expander("Names"):
        usual = brought.outcome.raw.axes if brought.outcome is not None and brought.outcome.raw is not None else None
        with st.grid(2, min_column_width=170):
            _text(brought, "Title", "name", brought.name, str(chosen.get("name") or ""), lambda text: text)
            _text(brought, "What 0 means", "zero_means", "not stated", str(chosen.get("zero_means") or ""), lambda text: text)
            for title, name, axis in (("Items", "rows", "rows"), ("Features", "columns", "columns")):
                given = chosen.get(name)
                here = getattr(usual, axis) if usual is not None else None
                shown = (
                    f"{here.name}, {here.singular}"
                    if here is not None
                    else "films, film"
                    if axis == "rows"
                    else "keywords, keyword"
                )
                _text(brought, f"{title}: plural, singular", name, shown, ", ".join(given) if given else "", _pair)


def _text(brought: Import, title: str, name: str, placeholder: str, value: str, convert: Callable[[str], Any]) -> None:
    key = f"import_{brought.id}_{name}"
    session.set_control(key, value)
    st.text_input(
        title, key=key, placeholder=clean(placeholder, 60), max_chars=80, on_change=_mean_text, args=(brought, name, key, convert)
    )


def _mean_text(brought: Import, name: str, key: str, convert: Callable[[str], Any]) -> None:
    text = str(session.control_value(key, "")).strip()
    brought.choose_meaning(name, convert(text) if text else None)


def _pair(text: str) -> tuple[str, str]:
    """ "films, film" as two names; one word is its own singular."""
    plural, _, singular = (part.strip() for part in text.partition(","))
    return plural, singular or plural


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

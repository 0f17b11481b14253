"""What becomes of a file that somebody brings, until it is used?

Read, settled (what rows, zeros, missing and negative entries mean) and prepared, as work for the job service; each refusal
keeps the options that would resolve it. An `Import` belongs to one session: its keys carry its own random id, so that nothing
of it is ever shared, and when it is accepted or discarded it lets go of the file and of all that was kept of it on the way.
Pure of Streamlit.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from dashboard.text.words import count
from dashboard.work.estimates import estimate
from dashboard.work.job import Job, JobsBusy, Status
from dashboard.work.jobs import Jobs
from nmfcore.core.spec import RunSpec
from nmfcore.core.written import percent
from nmfcore.data import prepare
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.errors import CONVERT, Fix
from nmfcore.data.model.languages import language_of
from nmfcore.data.model.limits import Limits, estimated_bytes, memory_budget
from nmfcore.data.model.table import Question, Table
from nmfcore.data.model.words import EMOJI
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.reading import known_formats, read_matrix
from nmfcore.data.settle import as_dataset

LANE = "import"
START_SECONDS = 0.8  # until a child process reads
BYTES_A_SECOND = 5e6  # that are read of a text table; other formats are faster
COLUMNS_OFFERED = 200  # names in the choice of a column: a file can have 200,000
GLIMPSE_TEXTS = 1000  # of a corpus, looked at for emoji
ANSWERS_SHOWN = 3  # of a question, side by side
GLIMPSED = (3, 4)  # rows and columns of an answer that are shown
GLIMPSE_BYTES = 5_000_000  # of a file that is read once more for each other answer
TABLES_KEPT = 2  # readings of one file that are kept, so that going back to the last choice reads nothing
SMALL_CORPUS = 50  # documents below which a word may stand in a single one
NAMES = ("name", "rows", "columns", "zero_means")
MEANINGS = (*NAMES, "orientation", "missing", "negatives", "zeros", "classes")
REPAIRED = {"ragged": "pad", "unparseable": "missing", "infinite": "missing", "nul": "remove"}  # every repair there is

Steps = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Refusal:
    """Why the file cannot be used as it is.

    stage : "reading", "meaning" (missing, negative, zero), "preparing" or "size"; a fix's options belong to that stage
    """

    stage: str
    message: str
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True)
class Glimpse:
    """The first rows of a reading, and what it comes to."""

    says: str
    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the present choices lead to: as far as it came, and the refusal that stopped it.

    raw : before the preparation, dataset : after it, by these steps
    others : the first rows of the other answers to what the table leaves open, by question and answer; None: it cannot be read so
    seen : the table of a refused reading, read as if everything that can be repaired had been: to show, never to use
    seconds : a guess for a fit at `rank`; None when nobody can say
    """

    table: Table | None = None
    raw: Dataset | None = None
    dataset: Dataset | None = None
    steps: Steps = ()
    refusal: Refusal | None = None
    seen: Table | None = None
    others: Mapping[tuple[str, int], Glimpse | None] = field(default_factory=dict)
    rank: int = 0
    memory: int = 0
    seconds: float | None = None


@dataclass(eq=False)
class Import:
    """A file that is looked at, with the choices made for it so far.

    content : the file's bytes; None once it was accepted
    read : options of `read_matrix` that were chosen; the others are found out
    meaning : arguments of `as_dataset` that were chosen
    steps : the preparation; None: the usual one for this kind of data
    raw : given when the file was read and settled before, so that only the preparation is open
    outcome : of the choices in `key_of_outcome`; it stays on screen while others are tried
    seen : the last table that was read, for the controls of a reading that is refused
    fixes : how many fixes were taken; controls are made anew after each, so that they show it
    questions, answers : what the file left open so far, by key, and which answer was given to it
    """

    name: str
    content: bytes | None = field(repr=False)
    read: dict[str, Any] = field(default_factory=dict)
    meaning: dict[str, Any] = field(default_factory=dict)
    steps: Steps | None = None
    raw: Dataset | None = field(default=None, repr=False)
    rank: int = 10
    outcome: Outcome | None = field(default=None, repr=False)
    key_of_outcome: Hashable = None
    seen: Table | None = field(default=None, repr=False)
    fixes: int = 0
    stopped: Hashable = None
    questions: dict[str, Question] = field(default_factory=dict, repr=False)
    answers: dict[str, int] = field(default_factory=dict)
    glimpses: dict[tuple[str, int], Glimpse | None] = field(default_factory=dict, repr=False)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _tables: dict[str, Table] = field(default_factory=dict, repr=False)
    _keys: set[Hashable] = field(default_factory=set, repr=False)

    @property
    def key(self) -> Hashable:
        """Names what the present choices lead to; it carries this import's id, so no other session can ask for it."""
        steps = None if self.steps is None else [dict(step) for step in self.steps]
        return ("import", self.id, _text(self.read), _text(self.meaning), _text(steps), self.rank)

    @property
    def is_current(self) -> bool:
        """Whether `outcome` is that of the present choices."""
        return self.outcome is not None and self.key_of_outcome == self.key

    def advance(self, jobs: Jobs, session: str, patience: float) -> Job | None:
        """Work on the present choices; the job under way, or None when `outcome` is current (or the person stopped it)."""
        key = self.key
        if self.is_current or self.stopped == key:
            return None
        job = jobs.watch(key, session)
        if job is None or job.status is Status.CANCELLED or (job.status is Status.DONE and jobs.result(key) is None):
            try:
                expects = START_SECONDS + len(self.content or b"") / BYTES_A_SECOND
                job = jobs.submit(key, self.work(), session=session, label=f"Reading {self.name}", lane=LANE, expects=expects)
            except JobsBusy as busy:
                self.outcome = replace(self.outcome or Outcome(), refusal=Refusal("reading", str(busy)))
                return None  # not current: the next look tries again
            self._keys.add(key)
            job.wait(patience)
        if not job.final:
            return job
        if job.status is Status.DONE:
            self._adopt(key, jobs.result(key))
        else:
            message = job.failure.message if job.failure else "Reading was cancelled."
            self._adopt(key, Outcome(refusal=Refusal("reading", message)))
        return None

    def _adopt(self, key: Hashable, outcome: Outcome) -> None:
        self.outcome, self.key_of_outcome = outcome, key
        self.seen = outcome.table or outcome.seen or self.seen
        self.glimpses |= outcome.others
        table = outcome.table
        for question in table.questions if table is not None else ():
            if question.key not in self.answers:
                self.questions[question.key] = question
                self.answers[question.key] = 0

    def work(self) -> Callable[[Job], Outcome]:
        """The work of a job that reads, settles and prepares the file as it is chosen now."""
        read, meaning, steps, rank = dict(self.read), dict(self.meaning), self.steps, self.rank
        asked = frozenset(self.answers)
        content, name, given, tables = self.content, self.name, self.raw, self._tables  # an import that is dropped takes new ones

        def run(job: Job) -> Outcome:
            table = None
            try:
                raw = given
                if raw is None:
                    table = _table(content or b"", name, read, tables, job)
                    job.say("Settling what the entries mean")
                    raw = as_dataset(table, options={**read, **_names(meaning)}, **settled(table, meaning))
            except ValueError as refused:  # UploadError, with its fixes; or an option of a link that there is not
                refusal = Refusal("reading" if table is None else "meaning", str(refused), getattr(refused, "fixes", ()))
                seen = table or _apart_from_that(content or b"", name, read, job)
                return Outcome(table, refusal=refusal, seen=seen)
            others = {} if table is None else _glimpses(table, content or b"", name, read, asked, job)
            applied = usual_steps(raw) if steps is None else steps
            try:
                dataset = prepare.apply(raw, applied, job.say)
            except ValueError as impossible:  # the steps' own sentences: no term left, unknown step, ...
                ways = _other_words(raw, applied)
                return Outcome(table, raw, steps=applied, refusal=Refusal("preparing", str(impossible), ways), others=others)
            if dataset.X is None:
                said = "Text becomes a matrix by its words; that step is missing."
                return Outcome(table, raw, steps=applied, refusal=Refusal("preparing", said))
            job.say("Taking the fingerprint")
            _ = dataset.fingerprint  # here, not on the page
            return measured(Outcome(table, raw, dataset, applied, others=others), rank)

        return run

    def fix(self, stage: str, options: Mapping[str, Any]) -> None:
        """Choose what a fix offers."""
        self.fixes += 1
        if stage == "reading":
            self.choose_reading(**options)
        elif stage == "meaning":
            self.meaning |= options
        else:
            steps = self.steps if self.steps is not None else self.outcome.steps if self.outcome is not None else ()
            if "add" in options:
                self.steps = (*steps, options["add"])
            elif "change" in options:  # how words are counted
                self.steps = tuple({**step, **options["change"]} if step["step"] == "text" else step for step in steps)

    def answer(self, key: str, number: int) -> None:
        """Take another answer to what the file left open; the options of the one before are taken back."""
        choices = self.questions[key].choices
        before = choices[self.answers[key]].options
        self.answers[key] = number
        self.fixes += 1
        back = {name: None for name in before if name not in choices[number].options}
        self.choose_reading(**back, **choices[number].options)

    def set_roles(self, changes: Mapping[str, bool]) -> None:
        """Columns that are features (True) or facts (False) from now on."""
        facts, features = list(self.read.get("facts", ())), list(self.read.get("features", ()))
        for name, is_feature in changes.items():
            facts, features = ([old for old in names if old != name] for names in (facts, features))
            (features if is_feature else facts).append(name)
        self.fixes += 1
        self.choose_reading(facts=facts or None, features=features or None)

    def begin_again(self) -> None:
        """Let everything be found out again."""
        self.read.clear()
        self.meaning.clear()
        self.questions.clear()
        self.answers.clear()
        self.steps = None
        self.fixes += 1

    def choose_meaning(self, name: str, value: Any) -> None:
        """Choose what something means; None lets it be as usual."""
        if value is None:
            self.meaning.pop(name, None)
        else:
            self.meaning[name] = value

    def choose_steps(self, steps: Steps) -> None:
        """Choose the preparation."""
        self.steps = steps

    def stop(self, jobs: Jobs, session: str) -> None:
        """Stop reading with the present choices; nothing starts until they change or somebody goes on."""
        self.stopped = self.key
        jobs.stop(self.key, session)

    def go_on(self) -> None:
        """Read after all."""
        self.stopped = None

    def choose_reading(self, **options: Any) -> None:
        """Choose options of reading; None lets one be found out again. Another kind of content asks for other meanings."""
        if "content" in options and options["content"] != self.read.get("content"):
            self.meaning, self.steps = {}, None
            for name in ("text_column", "label_column", "user_column", "item_column", "rating_column"):
                self.read.pop(name, None)
        for name, value in options.items():
            if value is None:
                self.read.pop(name, None)
            else:
                self.read[name] = value

    def accepted(self, jobs: Jobs) -> Import:
        """What is kept after acceptance: the data as it was settled, for another preparation. The file itself is dropped."""
        done = self.outcome
        assert done is not None
        assert done.dataset is not None
        kept = Import(self.name, None, dict(self.read), dict(self.meaning), done.dataset.steps, done.raw, self.rank)
        kept._adopt(kept.key, replace(done, table=None))
        self.drop(jobs)
        return kept

    def drop(self, jobs: Jobs) -> None:
        """Let go of the file and of all that was made of it."""
        for key in self._keys:
            if jobs.result(key) is not None:
                jobs.put(key, None)
        self.content, self.raw, self.outcome, self.seen, self._tables = None, None, None, None, {}


def from_link(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of reading and the arguments of `as_dataset` in a run's `data_options`; nothing when they are damaged."""
    names = {entry.name for entry in fields(ReadOptions)}
    read = {name: value for name, value in options.items() if name in names}
    meaning = {name: value for name, value in options.items() if name in MEANINGS and value is not None}
    try:
        ReadOptions.of(read)
    except (TypeError, ValueError):
        return {}, {}
    return read, meaning


def _names(meaning: Mapping[str, Any]) -> dict[str, Any]:
    """The names that were given; `as_dataset` keeps the other choices in a data set's options, and a link needs these too."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in meaning.items() if name in NAMES}


def _table(content: bytes, name: str, read: Mapping[str, Any], tables: dict[str, Table], job: Job) -> Table:
    """The table in the file; the last readings are kept."""
    key = _text(read)
    if key not in tables:
        job.say("Reading the file")
        table = read_matrix(content, name=name, report=job.say, **read)
        for old in list(tables)[: max(0, len(tables) - TABLES_KEPT + 1)]:
            tables.pop(old, None)
        tables[key] = table
    return tables[key]


def _glimpses(
    table: Table, content: bytes, name: str, read: Mapping[str, Any], asked: frozenset[str], job: Job
) -> dict[tuple[str, int], Glimpse | None]:
    """The first rows of each answer to the questions that are new; of large files only those of the answer that was taken."""
    found: dict[tuple[str, int], Glimpse | None] = {}
    for question in table.questions:
        if question.key in asked:
            continue
        found[question.key, 0] = glimpse(table)
        for number, choice in enumerate(question.choices[1:ANSWERS_SHOWN], 1):
            if len(content) > GLIMPSE_BYTES:
                continue
            job.say("Reading it the other way")
            try:
                other = read_matrix(content, name=name, report=job.say, **{**read, **choice.options})
                found[question.key, number] = glimpse(other)
            except ValueError:
                found[question.key, number] = None
    return found


def glimpse(table: Table) -> Glimpse:
    """The first rows of a table, and its size in words."""
    names, rows = preview(table, *GLIMPSED)
    m, n = table.shape
    kinds = {"documents": f"{m:,} documents", "ratings": f"ratings: {m:,} × {n:,}", "counts": f"counts: {m:,} × {n:,}"}
    return Glimpse(kinds.get(table.content, f"{m:,} × {n:,} numbers"), tuple(names), tuple(tuple(row) for row in rows))


def _apart_from_that(content: bytes, name: str, read: Mapping[str, Any], job: Job) -> Table | None:
    """What else was understood of a file that is refused; None when it cannot be read at all."""
    try:
        table = read_matrix(content, name=name, report=job.say, **{**read, **REPAIRED})
    except ValueError:
        return None
    chosen = tuple(note for note in table.notes if "as you chose" not in note)  # nobody chose these repairs
    return replace(table, notes=chosen)


def settled(table: Table, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `as_dataset`: the usual ones for this content, and the chosen ones as far as they apply."""
    usual: dict[str, Any] = {}
    m, n = table.shape
    if table.documents is not None:
        usual["zero_means"] = "the word does not occur in the document"
    if table.content == "ratings":
        usual["zero_means"] = "a rating of 0"
        if m * n <= Limits.from_environment().dense_cells:
            usual["missing"] = "mask"  # who did not rate said nothing; the screen shows this choice and offers the other
    arguments = {**usual, **chosen}
    if arguments.get("classes") not in known_labels(table, str(arguments.get("orientation", "rows"))):
        arguments.pop("classes", None)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}


def known_labels(table: Table, orientation: str) -> list[str]:
    """The facts that can serve as known labels of the items: those of the rows, or of the columns where these are the items."""
    return list(table.column_aside if orientation == "columns" and table.documents is None else table.aside)


def _other_words(raw: Dataset, steps: Steps) -> tuple[Fix, ...]:
    """The way out where texts have no words: emoji can be words."""
    texts = raw.documents or ()
    plain = any(step["step"] == "text" and step.get("token_pattern") != "emoji" for step in steps)
    if not plain or not any(EMOJI.search(text) for text in texts[:GLIMPSE_TEXTS]):
        return ()
    return (Fix("Count emoji as words", {"change": {"token_pattern": "emoji"}}),)


def usual_steps(raw: Dataset) -> Steps:
    """The preparation with which a person starts: words for texts, nothing for numbers."""
    if raw.documents is None or raw.X is not None:
        return ()
    few = len(raw.documents) < SMALL_CORPUS
    language = language_of(raw.documents)
    most = 0.95 if len(raw.documents) > 2 else 1.0  # in one or two documents no word is too common
    step = {"step": "text", "weighting": "tfidf", "min_df": 1 if few else 2, "max_df": most, "token_pattern": "natural"}
    return (prepare.checked({**step, "stop_words": [language] if language else []}),)


def measured(outcome: Outcome, rank: int) -> Outcome:
    """The outcome with what a fit would take; a refusal when that is more memory than there is."""
    dataset = outcome.dataset
    assert dataset is not None
    m, n = dataset.shape
    rank = max(1, min(rank, (min(m, n) + 1) // 2))  # a rank near the number of rows or columns only copies the data
    stored = int(dataset.X.nnz) if dataset.sparse else None
    memory, budget = estimated_bytes(m, n, rank, stored=stored), memory_budget()
    seconds = estimate(RunSpec(data="upload", rank=rank), dataset)
    refusal = None
    if memory > budget:
        keep = max(1, int(n * budget / memory / 2))
        step = {"step": "most_variable", "count": keep, "axis": "columns"}
        fix = Fix(f"Keep the {keep:,} most variable columns", {"add": step})
        refusal = Refusal(
            "size",
            f"A fit at rank {rank} would take about {memory / 2**20:,.0f} MB of memory; {budget / 2**20:,.0f} MB may be used. "
            f"About {percent(budget / memory, 0)} of it would fit: take fewer rows or columns. {CONVERT}",
            (fix,) if n > 1 else (),
        )
    return replace(outcome, refusal=refusal, rank=rank, memory=memory, seconds=seconds)


def distinct(names: Sequence[str]) -> list[str]:
    """File names that all differ: a second one of the same name gets a number in front."""
    seen: set[str] = set()
    result = []
    for number, name in enumerate(names, 1):
        result.append(name if name not in seen else f"{number} {name}")
        seen.add(result[-1])
    return result


def column_choices(table: Table) -> list[str | int]:
    """The columns of a text table as its reading options name them: by name, or by number where there is no header."""
    understood = table.understood
    if not understood.get("header"):
        extra = len(table.aside) + (understood.get("index_column") is not None)
        return list(range(min(table.shape[1] + extra, COLUMNS_OFFERED)))
    names: list[str | int] = []
    index = understood.get("index_column")
    found = [*([index] if isinstance(index, str) else []), *table.aside, *(understood.get("rating_columns") or ())]
    if isinstance(understood.get("text_column"), str):
        found.append(understood["text_column"])
    if table.content == "matrix":
        found += list(table.column_labels or ())[:COLUMNS_OFFERED]
    for name in found:
        if name not in names:
            names.append(name)
    return names[:COLUMNS_OFFERED]


def examples(table: Table, roles: Mapping[str, str], most: int = 3) -> dict[str, str]:
    """The first cells of the columns whose roles are told: facts as they stand, features as numbers."""
    facts = _told(roles, "fact", list(table.aside))
    said = {name: ", ".join(str(cell) for cell in table.aside[own][:most]) for name, own in facts.items()}
    if table.X is None or not table.column_labels:
        return said
    block = table.X[:most]
    for name, j in _told(roles, "feature", table.column_labels, range(len(table.column_labels))).items():
        column = block[:, [j]]
        cells = (column.toarray() if table.sparse else np.asarray(column)).ravel()
        said[name] = ", ".join("" if value != value else f"{value:g}" for value in cells.tolist())
    return said


def _told(roles: Mapping[str, str], role: str, labels: Sequence[str], kept: Sequence[Any] | None = None) -> dict[str, Any]:
    """By the name under which a column is told: where it is kept. In their order where all are, since names may repeat."""
    names = [name for name, its in roles.items() if its == role]
    kept = labels if kept is None else kept
    if len(names) == len(labels):
        return dict(zip(names, kept, strict=True))
    return {name: where for name, where in zip(labels, kept, strict=True) if name in set(names)}


def first_rows(table: Table) -> list[list[str]]:
    """The first rows of the file as they stand in it, as far as the reader shows them."""
    rows = table.understood.get("first_rows") or []
    return [[str(cell) for cell in row] for row in rows]


def words_of(text: str) -> list[str]:
    """The words of a pasted or uploaded list: one a line, or divided by spaces, commas or semicolons; each once, sorted."""
    return sorted({word.strip().lower() for word in re.split(r"[\s,;]+", text) if word.strip()})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def facts(table: Table) -> dict[str, str]:
    """What was recognised, as plain text by name; names and labels in it come from the file."""
    understood = table.understood
    said = {"Format": _format(understood)}
    if understood.get("sheet"):
        said["Sheet"] = str(understood["sheet"])
    if understood.get("member"):
        said["File" if understood.get("inside") else "Matrix"] = str(understood["member"])
    if "delimiter_name" in understood:
        said["Cells divided by"] = str(understood["delimiter_name"])
    if understood.get("decimal"):
        said["Decimal sign"] = {".": "point", ",": "comma"}.get(str(understood["decimal"]), str(understood["decimal"]))
    if understood.get("encoding"):
        said["Encoding"] = str(understood["encoding"])
    if "header" in understood:
        said["Header"] = "the first row holds the names" if understood["header"] else "none"
    if "index_column" in understood and table.content not in ("ratings", "counts"):
        said["Row labels"] = column_name(understood["index_column"]) if understood["index_column"] is not None else "none"
    said["Content"] = _content(table)
    if table.content == "documents" and "text_column" in understood:
        said["Texts"] = column_name(understood["text_column"])
    elif table.content == "ratings":
        said["User, item, rating"] = ", ".join(column_name(column) for column in understood.get("rating_columns") or ())
    if understood.get("dtype"):
        said["Numbers"] = str(understood["dtype"])
    for title, aside in (("Facts", table.aside), ("Facts of the columns", table.column_aside)):
        said[title] = ", ".join(list(aside)[:8]) + (" …" if len(aside) > 8 else "")
    return {name: text for name, text in said.items() if text}


def _content(table: Table) -> str:
    """What a table holds, and how much of it."""
    m, n = table.shape
    if table.content == "documents":
        return count(m, "document")
    if table.content == "ratings":
        return f"ratings by {count(m, 'user')} of {count(n, 'item')}"
    if table.content == "counts":
        (rows, _), (columns, _) = table.understood.get("axes") or (("documents", ""), ("terms", ""))
        return f"counts of {n:,} {columns} in {m:,} {rows}"
    if table.content == "images":
        height, width = table.image_shape or (0, 0)
        return f"{count(m, 'picture')} of {height} × {width} pixels"
    return f"a matrix of {count(m, 'row')} × {count(n, 'column')}"


def _format(understood: Mapping[str, Any]) -> str:
    key = str(understood.get("format", ""))
    if understood.get("holds"):
        return f"zip of {understood['files']:,} {understood['holds']}"
    title = {"csv": "text table", "image": "picture"}.get(key) or known_formats().get(key, key)
    if understood.get("sparse"):
        title = f"{title} ({understood['sparse']}, sparse)"
    packed = understood.get("unpacked_bytes")
    return f"{title}, unpacked ({packed / 1e6:.1f} MB)" if packed else title


def column_name(column: str | int) -> str:
    """A column as a person calls it."""
    return f"column {column + 1}" if isinstance(column, int) else str(column)


def preview(table: Table, rows: int = 8, columns: int = 12) -> tuple[list[str], list[list[Any]]]:
    """The first rows as they were understood: the columns' names, and for each row its label and its cells (None: missing)."""
    m, n = table.shape
    height, width = min(m, rows), min(n, columns)
    labels = [str(label) for label in (table.row_labels or [str(i + 1) for i in range(height)])[:height]]
    if table.documents is not None:
        aside = list(table.aside)[:4]
        head = ["", "text", *aside]
        return head, [[labels[i], table.documents[i][:300], *(table.aside[name][i] for name in aside)] for i in range(height)]
    names = [str(name) for name in (table.column_labels or [str(j + 1) for j in range(width)])[:width]]
    block = table.X[:height, :width]
    if table.sparse:
        dense = block.toarray()
        if table.absent == "missing":
            there = block.copy()
            there.data = there.data * 0 + 1
            dense = np.where(there.toarray() > 0, dense, np.nan)
    else:
        dense = block
    cells = [[None if value != value else float(value) for value in row] for row in dense]
    return ["", *names], [[label, *row] for label, row in zip(labels, cells, strict=True)]

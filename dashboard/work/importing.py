"""What becomes of a file that somebody brings, until it is used?

Read, settled (what rows, zeros, missing and negative entries mean) and prepared, as work for the job service; each refusal
keeps the options that would resolve it. An `Import` belongs to one session: its keys carry its own random id, so that nothing
of it is ever shared, and when it is accepted or discarded it lets go of the file and of all that was kept of it on the way.
Pure of Streamlit.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.work.job import Job, JobsBusy, Status
from dashboard.work.jobs import Jobs
from dashboard.work.outcome import Choices, Outcome, Refusal, as_text, outcome_of
from dashboard.work.recognised import Glimpse
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.table import Question, Table
from nmfcore.data.usual import Steps

LANE = "import"
START_SECONDS = 0.8  # until a child process reads
BYTES_A_SECOND = 5e6  # that are read of a text table; other formats are faster


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
        return ("import", self.id, as_text(self.read), as_text(self.meaning), as_text(steps), self.rank)

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
        asked, tables = frozenset(self.answers), self._tables  # an import that is dropped takes new ones
        content, read, meaning = self.content or b"", dict(self.read), dict(self.meaning)
        chosen = Choices(self.name, content, read, meaning, self.steps, self.rank, asked, self.raw)

        def run(job: Job) -> Outcome:
            return outcome_of(chosen, tables, job)

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


def distinct(names: Sequence[str]) -> list[str]:
    """File names that all differ: a second one of the same name gets a number in front."""
    seen: set[str] = set()
    result = []
    for number, name in enumerate(names, 1):
        result.append(name if name not in seen else f"{number} {name}")
        seen.add(result[-1])
    return result

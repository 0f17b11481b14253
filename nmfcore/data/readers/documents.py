"""How does text become a corpus: one document per line, per cell of a column, or per file of an archive?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nmfcore.data.model.errors import UploadError, counted, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Question, Table
from nmfcore.data.model.words import MARKUP
from nmfcore.data.readers import encoding as encodings
from nmfcore.data.readers import names
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Cells, Row, mean_words, text_of
from nmfcore.data.readers.roles import Layout, column_of
from nmfcore.data.readers.source import Source


def from_grid(layout: Layout, rows: Iterable[Row], sample: Cells, account: Account, finish: Callable[[], None]) -> Table:
    """The documents in one column of a table; the other columns are facts about them."""
    chosen = account.options.text_column
    if chosen is not None:
        text = column_of(layout.names, chosen, "text_column")
    else:
        named = [j for j in range(layout.width) if layout.named and names.plain(layout.names[j]) in names.TEXT]
        text = max(named or range(layout.width), key=lambda j: mean_words(sample, j))
    first = account.options.label_column
    label = None if first is None else column_of(layout.names, first, "label_column")
    others = [j for j in range(layout.width) if j != text and j not in layout.dropped]
    account.understood["text_column"] = layout.names[text] if layout.named else text
    columns = _collected(rows, [text, *others], account.limits)
    finish()
    if layout.width > 1:
        account.notes.append(f"The texts are the column {shown(layout.names[text])}; the others are set aside as facts.")
    order = others if label is None else [label, *(j for j in others if j != label)]
    aside = dict(zip(names.unique([layout.names[j] for j in order]), (columns[j] for j in order), strict=True))
    titles = columns[layout.labels] if layout.labels is not None and layout.labels != text else None
    return as_table(
        account.name,
        columns[text],
        account.notes,
        account.understood,
        aside=aside,
        row_labels=titles,
        questions=account.questions,
    )


def _collected(rows: Iterable[Row], columns: Sequence[int], limits: Limits) -> dict[int, list[str]]:
    """Some columns of a table of documents as text, by their number."""
    found: dict[int, list[str]] = {j: [] for j in columns}
    for count, (_, row) in enumerate(rows, 1):
        check_number(count, limits)
        for j in columns:
            found[j].append(text_of(row[j]))
    return found


def check_number(count: int, limits: Limits) -> None:
    """Raise UploadError when there are too many documents."""
    if count > limits.documents:
        raise UploadError(
            f"There are more than {limits.documents:,} documents",
            way_out=f"At most {limits.documents:,} can be read; take a part.",
        )


def as_table(
    name: str,
    texts: list[str],
    notes: Sequence[str],
    understood: Mapping[str, Any],
    *,
    aside: Mapping[str, Sequence[str]] | None = None,
    row_labels: Sequence[str] | None = None,
    questions: Sequence[Question] = (),
) -> Table:
    """The table of a corpus.

    Raises
    ------
    UploadError
        If there is no document, or all are empty.
    """
    empty = sum(not text.strip() for text in texts)
    if empty == len(texts):
        raise UploadError("All documents are empty", way_out="Choose the column or file that holds the texts.")
    said = [f"{counted(empty, 'document is', 'documents are')} empty; they stay, and belong to no topic."] if empty else []
    marked = sum(MARKUP.search(text) is not None for text in texts)
    if marked:
        said.append(
            f"{counted(marked, 'document holds', 'documents hold')} markup (tags such as <br>, entities such as &amp;); it is "
            "left out when words are counted."
        )
    return Table(
        name=name,
        content="documents",
        documents=texts,
        row_labels=list(row_labels) if row_labels is not None else None,
        notes=(*notes, f"{counted(len(texts), 'document')} read.", *said),
        understood={**understood, "content": "documents"},
        aside=aside or {},
        questions=tuple(questions),
    )


def decoded(content: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """A text file's content, and a note on its encoding ("" for UTF-8)."""
    found, errors, note = encodings.sniff(Source(name, content), encoding)
    return content.decode(found, errors), note

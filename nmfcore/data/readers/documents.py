"""How does text become a corpus: one document per line, per cell of a column, or per file of an archive?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nmfcore.data.model.errors import UploadError, counted
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.source import Source


def collect(
    rows: Iterable[tuple[int, list[Any]]], columns: Sequence[int], limits: Limits, text: Callable[[Any], str]
) -> dict[int, list[str]]:
    """Some columns of a table of documents as text, by their number."""
    found: dict[int, list[str]] = {j: [] for j in columns}
    for count, (_, row) in enumerate(rows, 1):
        if count > limits.documents:
            raise _too_many(limits)
        for j in columns:
            found[j].append(text(row[j]))
    return found


def as_table(
    name: str,
    texts: list[str],
    notes: Sequence[str],
    understood: Mapping[str, Any],
    *,
    aside: Mapping[str, Sequence[str]] | None = None,
    row_labels: Sequence[str] | None = None,
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
    return Table(
        name=name,
        content="documents",
        documents=texts,
        row_labels=list(row_labels) if row_labels is not None else None,
        notes=(*notes, f"{counted(len(texts), 'document')} read.", *said),
        understood={**understood, "content": "documents"},
        aside=aside or {},
    )


def decoded(content: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """A text file's content, and a note on its encoding ("" for UTF-8)."""
    from nmfcore.data.readers import encoding as encodings

    found, errors, note = encodings.sniff(Source(name, content), encoding)
    return content.decode(found, errors), note


def _too_many(limits: Limits) -> UploadError:
    return UploadError(
        f"There are more than {limits.documents:,} documents", way_out=f"At most {limits.documents:,} can be read; take a part."
    )

"""What is each column: the labels of the rows, a feature, a fact beside the numbers, or left out?

One decision for every tabular format: CSV, Excel, Parquet, JSON and all others ask here with the names of their columns and their
first rows, so the same table gives the same matrix whatever it was saved as.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nmfcore.data.model.errors import Fix, UploadError, counted, listed, shown
from nmfcore.data.readers import names as vocabulary
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import (
    Cells,
    all_whole,
    is_unique,
    is_whole,
    kinds,
    share_of_text,
    texts,
)

CLASSES = 30  # different whole numbers up to which a column named "class" holds classes
KINDS_FROM = 100_000  # cells that settle which columns hold numbers
ROLES_TOLD = 300  # columns whose role is told, so that a screen can offer to change it
CALENDAR = (1000, 2100)  # numbers that a column of years may hold
CLOCK = (5e8, 5e9)  # seconds since 1970 from 1985 to 2128


@dataclass
class Layout:
    """What the columns of a table are, by their number.

    names : of all columns; "column 1", ... where the file has none
    named : whether the file has names
    labels : the column that holds the labels of the rows, or None
    features : the columns of the matrix
    facts : the columns set aside
    dropped : the columns left out
    identifiers : of the facts, those that are numbers but identify
    """

    width: int
    names: list[str]
    named: bool
    labels: int | None = None
    features: list[int] = field(default_factory=list)
    facts: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    identifiers: list[int] = field(default_factory=list)
    triple: tuple[int, int, int] | None = None


def column_of(names: Sequence[str], column: str | int, option: str) -> int:
    """The number of a column given by name or number.

    Raises
    ------
    UploadError
        If there is none.
    """
    if isinstance(column, str) and column in names:
        return list(names).index(column)
    if isinstance(column, int) and not isinstance(column, bool) and -len(names) <= column < len(names):
        return column % len(names)
    raise UploadError(
        f"There is no column {shown(column)} ({option})",
        way_out=f"The columns are: {listed(names, 10)}.",
    )


def decide(names: list[str] | None, rows: Cells, width: int, account: Account, *, index: int | None = None) -> Layout:
    """What each column is.

    Parameters
    ----------
    names : of the columns; None when the file has none
    rows : the first rows below the header
    account : takes notes of what was assumed
    index : the column with the row labels where the format knows it
    """
    options, numbers = account.options, account.numbers
    rows = [row for row in rows if len(row) == width] or rows
    titles = [name or f"column {j + 1}" for j, name in enumerate(names)] if names else [f"column {j + 1}" for j in range(width)]
    told = vocabulary.unique(titles)  # the second "bread" is asked for as "bread (2)", and keeps its label
    layout = Layout(width, titles, names is not None)
    layout.dropped = [column_of(told, column, "drop_columns") for column in options.drop_columns]
    as_facts = {column_of(told, column, "facts") for column in options.facts}
    as_features = {column_of(told, column, "features") for column in options.features}
    sample = rows if len(rows) * width <= KINDS_FROM else rows[:: 1 + len(rows) * width // KINDS_FROM]
    found = [kinds(sample, j, numbers) for j in range(width)]
    layout.labels = _labels(names, titles, found, rows, {*layout.dropped, *as_features, *as_facts}, account, index)
    if layout.labels is not None and found[layout.labels]["number"] > found[layout.labels]["text"]:
        layout.identifiers.append(layout.labels)
    for j, kind in enumerate(found):
        if j == layout.labels or j in layout.dropped:
            continue
        worded = kind["text"] + kind["date"] > kind["number"]
        (layout.facts if (worded or j in as_facts) and j not in as_features else layout.features).append(j)
    if options.content in (None, "matrix"):
        _set_aside_identifiers(layout, rows, account, as_features)
        _set_aside_places(layout, rows, account, as_features)
        _ask_about_years(layout, rows, account, as_features)
    label = layout.labels
    if label is not None and label not in layout.facts and options.index_column is None and not is_unique(rows, label):
        layout.facts = sorted([label, *layout.facts])  # labels that repeat are classes, perhaps
    account.understood["roles"] = {
        told[j]: "feature" if j in layout.features else "left out" if j in layout.dropped else "label" if j == label else "fact"
        for j in range(min(width, ROLES_TOLD))
    }
    if width > ROLES_TOLD:
        account.understood["features_in_all"] = len(layout.features)
    account.understood["index_column"] = (
        None if layout.labels is None else titles[layout.labels] if names and names[layout.labels] else layout.labels
    )
    if layout.dropped:
        left_out = listed([titles[j] for j in layout.dropped])
        account.notes.append(f"{counted(len(layout.dropped), 'column')} left out, as you chose: {left_out}.")
    return layout


def _labels(
    names: list[str] | None,
    titles: list[str],
    found: list[Counter[str]],
    rows: Cells,
    taken: set[int],
    account: Account,
    index: int | None,
) -> int | None:
    """The column with the labels of the rows."""
    chosen, notes = account.options.index_column, account.notes
    if chosen is False:
        return None
    if chosen is not None:
        return column_of(titles, 0 if chosen is True else chosen, "index_column")
    if index is not None and index not in taken:
        notes.append("The row labels are the index that was stored with the table.")
        return index
    free = [j for j in range(len(titles)) if j not in taken]
    if len(free) < 2:
        return None
    worded = [j for j in free if share_of_text(found[j]) > 0.5 and not (found[j]["date"] and j != free[0])]
    unique = [j for j in worded if is_unique(rows, j)]
    first = free[0]
    if first not in worded and _are_odd_words(texts(rows, first)):
        worded, unique = [first, *worded], [first, *unique] if is_unique(rows, first) else unique  # the label NA, not a gap
    if first in worded and (first in unique or not unique):
        if len(worded) == len(free) and names is not None and not unique:
            return None
        notes.append(f"The first column {shown(titles[first])} holds text; it became the row labels.")
        return first
    if unique:
        notes.append(f"The row labels were taken from the column {shown(titles[unique[0]])}, whose texts all differ.")
        return unique[0]
    if names is not None and _numbers_the_rows(names[first], rows, first, account):
        notes.append(f"The first column {shown(titles[first])} numbers the rows; it was taken for their labels.")
        return first
    return None


def _are_odd_words(words: Sequence[str]) -> bool:
    """Whether NA, nan, TRUE and inf are labels, not gaps and numbers: no cell has a digit, and there are others than truths."""
    said = [word for word in words if word]
    if not said or not any(word.isalpha() for word in said) or any(letter.isdigit() for word in said for letter in word):
        return False
    different = {word.lower() for word in said}
    return not different <= {"true", "false"} and len(different) > 1


def _numbers_the_rows(name: str, rows: Cells, column: int, account: Account) -> bool:
    """Whether a column is named like an index or identifier and holds a different whole number in each row."""
    return vocabulary.is_index(name) and all_whole(rows, column, account.numbers) and is_unique(rows, column)


def _set_aside_identifiers(layout: Layout, rows: Cells, account: Account, kept: set[int]) -> None:
    """Columns of whole numbers that are named like identifiers are facts, not features."""
    if not layout.named:
        return
    numbers = account.numbers
    found = [
        j
        for j in layout.features
        if j not in kept
        and (
            (vocabulary.is_identifier(layout.names[j]) and all_whole(rows, j, numbers))
            or (vocabulary.plain(layout.names[j]) in vocabulary.CLOCK and is_clock(rows, j, account))
            or _are_classes(layout.names[j], rows, j, account)
            or (j == 0 and layout.labels is not None and _numbers_the_rows(layout.names[j], rows, j, account))
        )
    ]
    if len(found) == len(layout.features):  # classes alone are numbers after all
        found = [j for j in found if not _are_classes(layout.names[j], rows, j, account)]
    layout.identifiers += [j for j in found if not _are_classes(layout.names[j], rows, j, account)]
    layout.features = [j for j in layout.features if j not in found]
    layout.facts = sorted([*layout.facts, *found])


def _are_classes(name: str, rows: Cells, column: int, account: Account) -> bool:
    """Whether a column is named like known classes and holds few different whole numbers, each several times."""
    if vocabulary.plain(name) not in vocabulary.CLASS or not all_whole(rows, column, account.numbers):
        return False
    different = len(set(texts(rows, column)))
    return different <= CLASSES and 2 * different <= len(rows)


def _set_aside_places(layout: Layout, rows: Cells, account: Account, kept: set[int]) -> None:
    """Start, End and Length beside counts of reads say where a gene is; they are no counts."""
    if not layout.named:
        return
    plain = [vocabulary.plain(name) for name in layout.names]
    if not {"start", "end"} <= set(plain) or sum(name in vocabulary.PLACES for name in plain) < 3:
        return
    found = [j for j in layout.features if plain[j] in vocabulary.PLACE_NUMBERS and j not in kept]
    found = [j for j in found if all_whole(rows, j, account.numbers)]
    if not found or len(found) == len(layout.features):
        return
    said = [layout.names[j] for j in found]
    layout.features = [j for j in layout.features if j not in found]
    layout.facts = sorted([*layout.facts, *found])
    account.notes.append(f"{listed(said)} say where a row lies, and are no counts: they are set aside.")
    account.ask(
        "annotation",
        f"{listed(said)} stand beside the counts. Are they features too?",
        (
            Fix("Set them aside", {}, "They are kept as facts and do not enter the factorization."),
            Fix("They are features", {"features": said}, "They are factorized with the counts, and outweigh them."),
        ),
    )


def _ask_about_years(layout: Layout, rows: Cells, account: Account, kept: set[int]) -> None:
    """A column "Year" among the features mostly says when something was, and is no amount; it stays until a person says so."""
    if not layout.named:
        return
    named = [j for j in layout.features if vocabulary.plain(layout.names[j]) in vocabulary.YEARS and j not in kept]
    found = [j for j in named if _are_years(rows, j, account)]
    if not found or len(layout.features) - len(found) < 2:  # who, when and how much are three columns of another kind
        return
    said = [layout.names[j] for j in found]
    account.ask(
        "years",
        f"{listed(said)} {'holds' if len(said) == 1 else 'hold'} years. Are they amounts like the other columns?",
        (
            Fix("They are a feature", {}, "They are factorized with the other numbers, and outweigh small ones."),
            Fix("Set them aside", {"facts": [*account.options.facts, *said]}, "They are kept as a fact, to group and filter by."),
        ),
    )


def _are_years(rows: Cells, column: int, account: Account) -> bool:
    values = [account.numbers.value(row[column]) for row in rows if column < len(row)]
    known = [value for value in values if value is not None and value == value]
    return bool(known) and all(is_whole(value) and CALENDAR[0] <= value <= CALENDAR[1] for value in known)


def is_clock(rows: Cells, column: int, account: Account) -> bool:
    """Whether a column holds points in time, as seconds since 1970."""
    values = [account.numbers.value(row[column]) for row in rows if column < len(row)]
    return all(is_whole(value) and value is not None and CLOCK[0] < value < CLOCK[1] for value in values)

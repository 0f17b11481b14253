"""What does a table hold: a matrix, ratings, counts or documents?

Told by the names of the columns, by what repeats in them, and by how many words stand in a cell. Where two readings are likely
the likelier one is taken and the other one offered as a question; what is none of them is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nmfcore.data.model.errors import Fix, UploadError, counted, shown
from nmfcore.data.readers import names as vocabulary
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Cells, is_whole, kinds, mean_words, repeats, rises, text_of, texts
from nmfcore.data.readers.roles import Layout, is_clock

MANY = 5  # features beside a column of texts, from which on the numbers are what is meant
TRIPLES_FROM = 4  # rows from which on (a, b, number) may be told from a table by what repeats
NUMBERED_FROM = 8  # ... and where the first two are numbers themselves
SENTENCE = 8  # words in the mean cell of a column of texts

_TRIPLES = {
    "ratings": "Each row holds a user, an item and a rating; they became a matrix of users and items.",
    "counts": "Each row holds two names and a count; they became a matrix, in which a pair that is not in the file is a real 0.",
}


def content(layout: Layout, rows: Cells, account: Account) -> str:
    """Matrix, ratings, counts or documents."""
    options = account.options
    if options.content:
        return options.content
    if options.text_column is not None:
        return "documents"
    if options.rating_column is not None or options.user_column is not None:
        return "ratings"
    triple = _triple(layout, rows, account)
    if triple:
        return _texts_or_ratings(triple, layout, rows, account)
    worded = [j for j in [layout.labels, *layout.facts] if j is not None and j not in layout.identifiers]
    words = max((mean_words(rows, j) for j in worded), default=0.0)
    if not layout.features and layout.width == 1:
        _refuse_labels(layout, rows, words, account)
        return "documents"
    if not layout.features and words >= 3:
        return "documents"
    named = layout.named and any(vocabulary.plain(layout.names[j]) in vocabulary.TEXT for j in worded)
    if words >= SENTENCE or (named and words >= 3):
        return _texts_or_numbers(layout, rows, worded, named, account)
    return "matrix"


def _texts_or_ratings(triple: str, layout: Layout, rows: Cells, account: Account) -> str:
    """Documents where whole texts stand beside user, item and rating (reviews); else the triple."""
    others = [j for j in [layout.labels, *layout.facts] if j is not None and j not in (layout.triple or ())]
    least = {j: 3 if vocabulary.plain(layout.names[j]) in vocabulary.REVIEW else SENTENCE for j in others}
    long = [j for j in others if mean_words(rows, j) >= least[j]]
    if not long:
        account.notes.append(_TRIPLES[triple])
        return triple
    title = layout.names[max(long, key=lambda j: mean_words(rows, j))]
    as_texts = {"content": "documents", "text_column": title}
    account.ask(
        "texts or ratings",
        "Each row holds a user, an item, a rating and a text. What is to be factorized?",
        (
            Fix("The texts", as_texts, "Each row is a document; the others are facts about it."),
            Fix("The ratings", {"content": triple}, "Users and items become rows and columns; the texts are left out."),
        ),
    )
    return "documents"


def _refuse_labels(layout: Layout, rows: Cells, words: float, account: Account) -> None:
    """Raise UploadError when a file of one column holds labels or numbers in a triangle, not documents."""
    found = texts(rows, 0)
    title = vocabulary.plain(layout.names[0]) if layout.named else ""
    if title in vocabulary.TEXT:
        return
    numeric = sum(all(account.numbers.kind(part) == "number" for part in _parts(text)) for text in found if text)
    if len(found) > 1 and numeric > len(found) / 2:
        raise UploadError(
            "The rows of numbers have different lengths (a triangle, or a damaged table)",
            place=f"{account.unit} 1: {len(_parts(found[0])):,} numbers; {account.unit} {len(found)}: {len(_parts(found[-1])):,}",
            way_out="Save the whole matrix, with as many cells in each row.",
            fixes=(Fix("Read each line as a document", {"content": "documents"}),),
        )
    listed_words = sum(len(_parts(text)) for text in found) / max(1, len(found))
    if listed_words > 1.2:
        return  # words divided by commas: what lies in a basket
    if words <= 1.2 and len(found) <= 1 and not any(len(text) > 20 for text in found):
        raise UploadError(
            "The file holds a single word, which is no table and no text",
            value=shown(found[0] if found else ""),
            way_out="Choose a file with rows and columns of numbers, or with texts.",
            fixes=(Fix("Read it as one document", {"content": "documents"}),),
        )
    if words <= 1.2 and len(found) > 1:
        raise UploadError(
            f"Each {account.unit} holds a single word: this is a list of labels, not a text",
            place=f"{account.unit} 1",
            value=shown(found[0]),
            way_out="Hand it over together with its matrix, or read each word as a document.",
            fixes=(Fix("Read each word as a document", {"content": "documents"}),),
        )


def _parts(text: str) -> list[str]:
    return text.replace(",", " ").replace(";", " ").replace("\t", " ").split()


def _texts_or_numbers(layout: Layout, rows: Cells, worded: list[int], named: bool, account: Account) -> str:
    """Documents or matrix, where one column holds sentences and others numbers; asked where the numbers are many."""
    few = len(layout.features) <= 2
    text = max(worded, key=lambda j: mean_words(rows, j))
    if not layout.features:
        return "documents"
    title = layout.names[text]
    documents = few or (named and len(layout.features) <= MANY)
    if documents:
        account.notes.append("One column holds whole sentences, so the rows were read as documents.")
    choices = (
        Fix("The texts", {"content": "documents", "text_column": title if layout.named else text},
            f"Each row is a document, its text is in {shown(title)}; the other columns are facts about it."),
        Fix("The numbers", {"content": "matrix"},
            f"Each row is an item with {counted(len(layout.features), 'feature')}; the texts are set aside."),
    )  # fmt: skip
    account.ask(
        "texts or numbers",
        "The table holds texts beside numbers. What is to be factorized?",
        choices if documents else choices[::-1],
    )
    return "documents" if documents else "matrix"


def _triple(layout: Layout, rows: Cells, account: Account) -> str:
    """ "ratings", "counts", or "" when the rows are no triples of two names and a number."""
    plain = [vocabulary.plain(name) for name in layout.names]
    if layout.named and layout.width <= 6:
        for kind, triple in (
            ("ratings", (vocabulary.USER, vocabulary.ITEM, vocabulary.RATING)),
            ("counts", (vocabulary.DOCUMENT, vocabulary.TERM, vocabulary.COUNT)),
        ):
            places = [vocabulary.found(plain, among) for among in triple]
            if None not in places and len(set(places)) == 3:
                first, second, third = (int(place) for place in places if place is not None)
                if _holds_numbers(rows, third, account):
                    layout.triple = (first, second, third)
                    return kind
    return _triple_by_values(layout, rows, account)


def _holds_numbers(rows: Cells, column: int, account: Account) -> bool:
    found = kinds(rows, column, account.numbers)
    return found["number"] > found["text"] + found["date"]


def _triple_by_values(layout: Layout, rows: Cells, account: Account) -> str:
    """Triples told by what repeats: two columns whose pairs all differ although each repeats, and a number for each pair."""
    timed = layout.width == 4 and is_clock(rows, 3, account)
    rows = [row for row in rows if len(row) == layout.width]
    if not (layout.width == 3 or timed) or len(rows) < 3:
        return ""
    first, second = (_names_something(rows, j, account) for j in (0, 1))
    if not first or not second or not _holds_numbers(rows, 2, account):
        return ""
    pairs = [(text_of(row[0]), text_of(row[1])) for row in rows]
    if len(set(pairs)) < len(pairs):
        return ""
    values = [value for row in rows if (value := account.numbers.value(row[2])) is not None and value == value]
    numbered = first == second == "number"
    enough = TRIPLES_FROM if first == second == "text" else NUMBERED_FROM
    if timed:
        if not all(-100 <= value <= 100 for value in values) or (numbered and layout.named):
            return ""
    elif len(rows) < enough or not (repeats(rows, 0) and repeats(rows, 1)):
        return ""
    elif numbered:
        rising = rises([account.numbers.value(row[0]) or 0.0 for row in rows])
        if layout.named or not rising or len(set(values)) > 12:
            return ""
    kind = "counts" if not timed and _look_like_counts(values) else "ratings"
    layout.triple = (0, 1, 2)
    as_ratings = Fix(
        "Ratings", {"content": "ratings"}, "A pair that is not in the file was not rated: it is left out of the fit."
    )
    as_counts = Fix("Counts", {"content": "counts"}, "A pair that is not in the file was counted 0 times: a real zero.")
    as_matrix = Fix("A table", {"content": "matrix"}, "Each row of the file is an item, each column of numbers a feature.")
    if not timed:
        two = (as_ratings, as_counts) if kind == "ratings" else (as_counts, as_ratings)
        account.ask("ratings or counts", "Each row holds two names and a number. What is the number?", (*two, as_matrix))
    return kind


def _names_something(rows: Cells, column: int, account: Account) -> str:
    """ "text" or "number" when a column can hold names: texts, codes, or whole numbers from 0 on; else ""."""
    found = kinds(rows, column, account.numbers)
    if found["missing"] or found["date"]:
        return ""
    if found["text"]:
        return "text" if mean_words(rows, column) < SENTENCE else ""
    values = [account.numbers.value(row[column]) for row in rows if column < len(row)]
    return "number" if all(is_whole(value) and value is not None and value >= 0 for value in values) else ""


def _look_like_counts(values: Sequence[float]) -> bool:
    """Whether numbers are counts: whole, from 1 on, and 1 the commonest; ratings are seldom lowest."""
    if not values or any(value < 1 or not float(value).is_integer() for value in values):
        return False
    often = Counter(values).most_common(1)[0][1]
    return Counter(values)[1.0] == often

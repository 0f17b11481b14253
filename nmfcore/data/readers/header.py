"""What are the columns of a table called: is its first row a header, or data, or the first of several rows of names?"""

from __future__ import annotations

from itertools import pairwise

from nmfcore.data.model.errors import Fix, UploadError
from nmfcore.data.readers import names
from nmfcore.data.readers.account import Account
from nmfcore.data.readers.cells import Row, is_whole, kinds, mean_words, text_of
from nmfcore.data.readers.numbers import Cell
from nmfcore.data.readers.options import WHITESPACE

SENTENCE = 4  # words in the mean cell of a column of texts, below a header of single words


class Header:
    """The header of one table.

    given : the names of the columns where the format knows them
    delimiter : of text files; helps to tell a header without a name for the row labels
    """

    def __init__(self, account: Account, given: list[str] | None, delimiter: str | None) -> None:
        self.account, self.given, self.delimiter = account, given, delimiter

    def read(self, body: list[Row], width: int) -> tuple[list[str] | None, list[Row]]:
        """The names of the columns, or None, and the rows below."""
        account = self.account
        if self.given is not None:
            account.understood["header"] = True
            return list(self.given), body
        first, rest = body[0][1], body[1:]
        if account.typed:
            first = first + [None] * (width - len(first))
        short = len(first) == width - 1 and self.is_short(body, 0, width)
        wanted = account.options.header
        if wanted is None:
            wanted, why = (True, "") if short else self._has_header(first, [row for _, row in rest], width)
            if why:
                account.notes.append(why)
        account.understood["header"] = wanted
        if not wanted:
            return None, body
        label = names.Labels(account.limits.label_characters).label
        titles = [label(cell) for cell in first]
        if short:
            titles = ["", *titles]
            account.notes.append("The header has one name less than the rows have cells; the first column holds the row labels.")
        titles = self._of_width(titles, width, body[0][0])
        rows = self._header_rows(titles, [row for _, row in rest], width)
        if rows > 1:
            titles = _joined([titles, *([text_of(cell) for cell in row] for _, row in rest[: rows - 1])])
            account.understood["header_rows"] = rows
        return titles, rest[rows - 1 :]

    def _of_width(self, titles: list[str], width: int, place: int) -> list[str]:
        if len(titles) > width and not any(titles[width:]):
            titles = titles[:width]
        if len(titles) == width:
            return titles
        if self.account.options.ragged == "refuse":
            raise UploadError(
                f"The header has {len(titles):,} names, but the rows have {width:,} cells",
                place=f"{self.account.unit} {place}",
                way_out="Correct the header, or choose what to do with rows of another length.",
                fixes=(
                    Fix("Read without a header", {"header": False, "ragged": "skip"}),
                    Fix("Cut or complete the header", {"ragged": "pad"}),
                ),
            )
        self.account.notes.append(f"The header has {len(titles):,} names for {width:,} columns; it was cut or completed.")
        return [*titles, *[""] * (width - len(titles))][:width]

    def _header_rows(self, titles: list[str], rest: list[list[Cell]], width: int) -> int:
        """Of how many rows the header consists: one, or two where names go on in a second row (or units stand there)."""
        chosen = self.account.options.header_rows
        if chosen is not None:
            if chosen > len(rest):
                raise UploadError(
                    f"There are only {len(rest) + 1:,} rows, and {chosen:,} of them are to be the header",
                    way_out="Choose fewer header rows.",
                )
            return chosen
        if len(rest) < 3 or len(rest[0]) != width or width < 2:
            return 1
        numbers = self.account.numbers
        below = [kinds(rest[1:], j, numbers) for j in range(min(width, 2000))]
        numeric = [j for j, column in enumerate(below) if column["number"] > column["text"] + column["date"]]
        second = [numbers.kind(rest[0][j]) for j in numeric]
        words = sum(kind == "text" for kind in second)
        if not numeric or words < max(1, len(numeric) / 2) or any(kind in ("number", "date") for kind in second):
            return 1
        if len(numeric) == 1 and width > 2:
            return 1  # one text among one column of numbers is a damaged cell
        example = " ".join(part for part in (titles[numeric[0]], text_of(rest[0][numeric[0]])) if part)
        self.account.notes.append(f"The first two rows are names; they were joined (the first column of numbers: {example!r}).")
        self.account.ask(
            "header rows",
            "The second row holds words where the others hold numbers. Is it a part of the header?",
            (
                Fix("Join the two rows", {"header_rows": 2}, f"Columns are called {example!r}."),
                Fix("Skip the first row", {"skip_lines": 1}, f"Columns are called {text_of(rest[0][numeric[0]])!r}."),
                Fix(
                    "It is data",
                    {"header_rows": 1, "unparseable": "missing"},
                    f"Columns are called {titles[numeric[0]]!r}; the words in the second row count as missing.",
                ),
            ),
        )
        return 2

    def _has_header(self, first: list[Cell], rest: list[list[Cell]], width: int) -> tuple[bool, str]:
        """Whether the first row is a header, and a note when that was a guess."""
        if len(first) < width:
            if any(self.account.numbers.kind(cell) == "number" for cell in first):
                return False, ""
            return len(first) > 1 and len(rest) > 0, ""  # names alone: their number is looked at next
        options, numbers = self.account.options, self.account.numbers
        if (options.header_rows or 1) > 1:
            return True, ""
        asked = [options.index_column, options.text_column, options.label_column, options.user_column, options.item_column]
        asked += [options.rating_column, *options.drop_columns, *options.facts, *options.features]
        if {text_of(cell) for cell in first} & {name for name in asked if isinstance(name, str)}:
            return True, ""  # a column was asked for by a name in this row
        own = [numbers.kind(cell) for cell in first]
        below = [kinds(rest, j, numbers) for j in range(min(width, 2000))]
        for kind, column in zip(own, below, strict=False):
            if kind in ("text", "date") and column["number"] > column["text"] + column["date"]:
                return True, ""
        texts = [text_of(cell) for cell in first]
        if not rest:
            return all(kind == "text" for kind in own) and (width > 1 or self.account.options.content == "matrix"), ""
        numeric = [j for j, column in enumerate(below) if column["number"]]
        if numeric and all(own[j] == "number" for j in numeric):
            return self._has_numbered_header(own, texts, rest, numeric, first)
        if not numeric:
            empty = all(column["missing"] and not column["text"] + column["date"] for column in below)
            said = any(names.plain(text) in names.LABELLED for text in texts)
            short = width > 1 and all(len(text.split()) <= 2 for text in texts) and len(set(texts)) == len(texts)
            said = said or (short and any(mean_words(rest, j) >= SENTENCE for j in range(width)))  # a word above sentences
            return said or (empty and all(kind == "text" for kind in own)), ""
        return all(kind in ("text", "missing") for kind in own), ""

    def _has_numbered_header(
        self, own: list[str], texts: list[str], rest: list[list[Cell]], numeric: list[int], first: list[Cell]
    ) -> tuple[bool, str]:
        """Whether a row of numbers above numbers is a header (counted columns, years), and why."""
        numbers = self.account.numbers
        tail = [numbers.value(first[j]) for j in numeric]
        steps = {b - a for a, b in pairwise(tail) if a is not None and b is not None}
        corner = own[0] in ("missing", "text") and 0 not in numeric
        whole = all(v is not None and float(v).is_integer() for v in tail)
        rising = whole and len(tail) > 1 and all(step > 0 for step in steps)
        years = rising and all(v is not None and 1800 <= v <= 2200 for v in tail)
        counting = rising and steps == {1.0} and tail[0] in (0, 1)
        broken = [any(not is_whole(numbers.value(row[j])) for row in rest[:50] if j < len(row)) for j in numeric]
        differs = len(tail) > 2 and sum(broken) > len(broken) / 2  # a row of data would have fractions too
        if (
            (own[0] == "missing" and 0 not in numeric and len(set(texts)) == len(texts))
            or (corner and (counting or years))
            or (counting and differs)
        ):
            return True, "The first row holds the numbers of the columns; it was taken for the header."
        said = "The first row holds numbers like the others, so it is data: there is no header." if 0 in numeric else ""
        return False, said

    def is_short(self, head: list[Row], start: int, modal: int) -> bool:
        """Whether this row is a header without a name for the row labels, as R writes it."""
        row, later = head[start][1], head[start + 1 :]
        kind = self.account.numbers.kind
        if len(row) != modal - 1 or not later or any(len(other) != modal for _, other in later[:20]):
            return False
        if not any(kind(cell) == "number" for cell in later[0][1]) and len(later) > 1:
            return False  # the next row is the header, and this one a title above it
        if not any(text_of(other[-1]) for _, other in later):  # the body only has a delimiter more at each line's end
            return True
        texts = [text_of(cell) for cell in row]
        labelled = any(kind(other[0]) == "text" for _, other in later[:20])
        worded = any(kind(cell) == "text" for cell in row)
        numbered = [text_of(other[0]) for _, other in later] == [str(i + 1) for i in range(len(later))]  # R's write.table
        worded = worded and (numbered or self.delimiter in (WHITESPACE, "\t"))
        return len(set(texts)) == len(texts) and all(texts) and (labelled or (modal > 2 and worded))


def _joined(rows: list[list[str]]) -> list[str]:
    """Names out of several rows: joined by a space; a blank in an upper row goes on with the name left of it (merged cells)."""
    filled = []
    for number, row in enumerate(rows):
        last, done = "", []
        for j, name in enumerate(row):
            last = name or (last if number < len(rows) - 1 and j > 1 else "")
            done.append(last)
        filled.append(done)
    return [" ".join(part for part in column if part) for column in zip(*filled, strict=True)]

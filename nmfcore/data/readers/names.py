"""What do the names of columns say, and are the labels of rows and columns fit for use?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from nmfcore.data.model.errors import counted, listed
from nmfcore.data.readers.cells import text_of
from nmfcore.data.readers.numbers import Cell


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INDEX = _words("index id idx # nr no no. row rowname rownames row.names key name __index_level_0__") | {"", "unnamed: 0"}
TEXT = _words(
    """text texts document documents doc content body message review reviewtext comment abstract title sentence tweet post article
    description email sms summary headline question lyrics fulltext transcript"""
)
REVIEW = _words("review reviewtext text comment body content message")
USER = _words("user userid username person reviewer reviewerid customer customerid rater uid")
ITEM = _words(
    """item itemid movie movieid film filmid book bookid isbn product productid asin show showid song songid artist artistid track
    trackid iid businessid restaurant title"""
)
RATING = _words("rating ratings score stars rate overall plays playcount bookrating")
DOCUMENT = _words(
    """document documents doc docid documentid text textid file filename article articleid paper post sample sampleid cell cellid
    barcode site plot patient patientid user userid customer customerid"""
)
TERM = _words(
    """term terms word words wordid termid token feature featureid gene geneid species otu taxon item itemid product productid
    ngram lemma artist artistid"""
)
COUNT = _words("count counts n freq frequency tf value abundance reads umi umis number quantity occurrences weight")
CLOCK = _words("timestamp time ts date datetime unixreviewtime unixtime created createdat")
PLACES = _words("chr chrom chromosome start end length strand geneid position pos txstart txend")  # beside counts of reads
PLACE_NUMBERS = _words("start end length position pos txstart txend")
YEARS = _words("year yr jahr annee ano anno pubyear publicationyear releaseyear")
LABELLED = TEXT | USER | ITEM | {"label", "category", "class", "id", "target", "topic"}
CLASS = _words("label labels class classes target species diagnosis")  # of known classes, where whole numbers stand for them
_IDENTIFIER = re.compile(r"(^|[\W_])(id|uuid|isbn|ssn|zip)$|[a-z](ID|Id)$", re.ASCII)
_LOWER_IDENTIFIERS = frozenset(
    of + "id"
    for of in _words("user item movie film book product customer person patient doc document song artist track u i g s p")
)


def plain(name: str) -> str:
    """A name in lower case, without what divides its words: "Movie_ID" is "movieid"."""
    return re.sub(r"[\s_.\-]", "", name.strip().lower())


def is_index(name: str) -> bool:
    """Whether a column is named like the labels of rows."""
    return name.strip().lower() in INDEX or is_identifier(name)


def is_identifier(name: str) -> bool:
    """Whether a column is named like an identifier: "id", "Movie ID", "movieId", "patient_id"; but not "acid"."""
    return bool(_IDENTIFIER.search(name.strip()) or _IDENTIFIER.search(name.strip().lower())) or plain(name) in _LOWER_IDENTIFIERS


def found(names: Sequence[str], among: Iterable[str]) -> int | None:
    """The first of some plain names that is among the known ones."""
    known = frozenset(among)
    return next((j for j, name in enumerate(names) if name in known), None)


class Labels:
    """Turns cells into labels, cut where they are too long, and says what was odd about them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.cut = 0

    def label(self, cell: Cell) -> str:
        text = text_of(cell)
        if len(text) > self.most:
            self.cut += 1
            return text[: self.most]
        return text

    def checked(self, labels: Sequence[str], what: str, notes: list[str]) -> list[str]:
        """The labels, with notes on empty, repeated and shortened ones."""
        empty = sum(not label for label in labels)
        if empty:
            notes.append(f"{counted(empty, f'{what} has no label', f'{what}s have no label')}; they are numbered instead.")
        labels = [label or f"{what} {index + 1}" for index, label in enumerate(labels)]
        repeated = [label for label, count in Counter(labels).items() if count > 1]
        if repeated:
            said = counted(len(repeated), f"{what} label occurs", f"{what} labels occur")
            notes.append(f"{said} more than once: {listed(repeated, 3)}. All are kept.")
        if self.cut:
            notes.append(f"{counted(self.cut, 'label')} cut to {self.most:,} characters.")
            self.cut = 0
        return labels


def unique(names: Sequence[str]) -> list[str]:
    """Names that all differ: a name that occurred before gets a number that makes it new."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        new, number = name, seen.get(name, 0)
        while new in seen:
            number += 1
            new = f"{name} ({number})"
        seen[name] = max(number, 1)
        seen.setdefault(new, 1)
        result.append(new)
    return result


def plural(name: str) -> str:
    """A header's name as that of an axis: "document" is "documents"."""
    return name if name.endswith("s") else name[:-1] + "ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else name + "s"

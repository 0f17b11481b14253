"""How does the card of a data set become its matrix?

One function per kind of source; a card names its loader by the key in LOADERS. A file that can be uploaded needs none: "file"
reads it. A new loader is one function and one line.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data import newsgroups
from nmfcore.data.fetch import from_wheel, is_cached, read
from nmfcore.data.model.card import Card, Report
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.errors import DataUnavailable, UploadError, listed
from nmfcore.data.model.facts import Classes, Fact, Facts
from nmfcore.data.reading import read_matrix
from nmfcore.data.settle import as_dataset

Options = Mapping[str, Any]
SETTLED = ("orientation", "missing", "negatives", "zeros", "classes")  # arguments of `as_dataset` that a card may give


@dataclass(frozen=True)
class Loader:
    """`load` makes the data set of a card; `available` tells whether it can without fetching anything."""

    load: Callable[[Card, Options, Report], Dataset]
    available: Callable[[Card], bool]


def axes_of(card: Card, rows: list[str] | None, columns: list[str] | None) -> Axes:
    """The card's axes with these labels."""
    return Axes(Axis(card.rows.name, card.rows.singular, rows), Axis(card.columns.name, card.columns.singular, columns))


def made(card: Card, X: Any, rows: list[str] | None, columns: list[str] | None, **more: Any) -> Dataset:
    """The data set of a card; what the card says is filled in.

    X : (m, n) array or CSR, >= 0, or None for a corpus;  rows, columns : m and n labels, or None
    """
    return Dataset(
        **{
            "key": card.key,
            "title": card.title,
            "X": X,
            "axes": axes_of(card, rows, columns),
            "kind": card.kind,
            "card": card,
            "source": "part of this program",
            "image_shape": card.image_shape,
            "zero_means": card.zero_means,
            **more,
        }
    )


def keyword_lists(card: Card, options: Options, report: Report) -> Dataset:
    """Binary items x keywords out of lines `title <tab> year <tab> keyword; keyword; ...`.

    A second file holds more facts of the items: a header with their names, then a line for each item in the same order.
    """
    lines = read(card, card.files[0]).decode("utf-8").splitlines()
    titles, years, texts, lists = [], [], [], []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        title, year, keywords = line.split("\t")
        if title == "title" and year == "year":  # the header line
            continue
        titles.append(title.strip())
        years.append(year.strip())
        texts.append(f"{title.strip()} ({year.strip()}): {keywords.strip()}")
        lists.append(sorted({word.strip() for word in keywords.split(";") if word.strip()}))
    words = sorted({word for entry in lists for word in entry})
    place = {word: j for j, word in enumerate(words)}
    indices = np.array([place[word] for entry in lists for word in entry], dtype=np.int32)
    indptr = np.concatenate([[0], np.cumsum([len(entry) for entry in lists])]).astype(np.int32)
    X = sp.csr_array((np.ones(len(indices), np.float32), indices, indptr), shape=(len(titles), len(words)))
    return made(card, X, titles, words, documents=texts, facts=_facts_beside(card, titles, years))


def _facts_beside(card: Card, titles: list[str], years: list[str]) -> Facts:
    """Year and decade of the items, and what the card's second file says of them."""
    decades = Classes.of([f"{year[:-1]}0s" for year in years])
    facts = [
        Fact("year", "number", np.array([float(year) for year in years])),
        Fact("decade", "category", decades.index, decades.names),
    ]
    if len(card.files) > 1:
        header, *lines = [line.split("\t") for line in read(card, card.files[1]).decode("utf-8").splitlines()]
        if [line[0] for line in lines] != titles:
            raise DataUnavailable(f"{card.files[1].name} does not name the items of {card.files[0].name} in their order.")
        for place, name in enumerate(header[1:], start=1):
            classes = Classes.of([line[place] for line in lines])
            facts.append(Fact(name, "category", classes.index, classes.names))
    return Facts(tuple(facts))


def _known_as(name: str, classes: Classes) -> Facts:
    """Known classes as a fact, so that topics can be looked at by them."""
    return Facts((Fact(name, "category", classes.index, classes.names),))


def labelled_table(card: Card, options: Options, report: Report) -> Dataset:
    """A small table: a header with the columns' names, then a label and its values per line, all divided by tabs.

    For ratings, 0 is "not rated": the data set comes with the mask of what was rated.
    """
    lines = [line.split("\t") for line in read(card, card.files[0]).decode("utf-8").splitlines() if line.strip()]
    columns, rows = lines[0][1:], [line[0] for line in lines[1:]]
    X = np.array([[float(cell) for cell in line[1:]] for line in lines[1:]])
    mask = (X > 0).astype(np.uint8) if card.kind == "ratings" else None
    return made(card, X, rows, columns, mask=mask)


def any_file(card: Card, options: Options, report: Report) -> Dataset:
    """One file of any format that can be brought, through the same door as uploads.

    The card's `[reading]` holds what a person would be asked: options of `read_matrix` and arguments of `as_dataset`. What stays
    open (missing cells, negative numbers) is refused here as it is there.
    """
    file = card.files[0]
    settled = {name: value for name, value in card.reading.items() if name in SETTLED}
    told = {name: value for name, value in card.reading.items() if name not in SETTLED}
    try:
        table = read_matrix(read(card, file), name=file.name, report=report, **told)
        found = as_dataset(
            table, name=card.title, zero_means=card.zero_means, rows=(card.rows.name, card.rows.singular),
            columns=(card.columns.name, card.columns.singular), **settled,
        )  # fmt: skip
    except (UploadError, TypeError, ValueError) as error:
        raise DataUnavailable(f"{card.title} cannot be read as its card says: {error}") from error
    if found.X is not None and card.shape is not None and found.shape != card.shape:
        raise DataUnavailable(f"{card.title} is not as its card says: {_otherwise(card, found)}")
    shape = card.image_shape or found.image_shape
    return replace(
        found, key=card.key, kind=card.kind, card=card, source="part of this program", options=dict(options), image_shape=shape
    )


def _otherwise(card: Card, found: Dataset) -> str:
    """How a file came out where it is not of the shape that its card says, and what tells the reader."""
    (m, n), (rows, columns) = found.shape, card.shape or (0, 0)
    features = listed(found.axes.columns.labels or [])
    facts = listed([fact.name for fact in found.facts]) or "none"
    return (
        f"{m:,} x {n:,} in place of {rows:,} x {columns:,}. Features: {features}; facts: {facts}. Where a column was taken for "
        "something else, [reading] says what it is: facts, features, index_column, drop_columns."
    )


def sklearn_digits(card: Card, options: Options, report: Report) -> Dataset:
    """The 8 x 8 digits that scikit-learn carries."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    names = tuple(str(name) for name in bunch.target_names)
    pixels = [f"pixel {i + 1}, {j + 1}" for i in range(8) for j in range(8)]
    labels = [f"{n + 1}: a {digit}" for n, digit in enumerate(bunch.target)]
    X = np.ascontiguousarray(bunch.data, dtype=np.float64)
    classes = Classes(names, np.asarray(bunch.target, dtype=np.int32))
    return made(
        card, X, labels, pixels, classes=classes, facts=_known_as("digit", classes), source="scikit-learn, which carries it"
    )


def gene_expression(card: Card, options: Options, report: Report) -> Dataset:
    """Genes x samples out of three files: values, `name <tab> description` of the genes, and names of the samples.

    A sample's class is its name without the patient's number: ALL_19769_B-cell is of the class ALL B-cell.
    """
    files, source = from_wheel(card, report)
    values, genes, samples = (files[file.name].decode("utf-8", "replace") for file in card.files)
    names = [line.split("\t")[0].strip() for line in genes.splitlines()[1:] if line.strip()]
    patients = [line.strip() for line in samples.replace("\0", " ").splitlines() if line.strip()]  # the file ends in NULs
    X = np.loadtxt(io.StringIO(values), dtype=np.float64, ndmin=2)
    classes = Classes.of([_sample_class(p) for p in patients])
    return made(card, X, names, patients, source=source, column_classes=classes, column_facts=_known_as("class", classes))


def _sample_class(patient: str) -> str:
    return re.sub(r"_[^_]*", "", patient, count=1).replace("_", " ")


def face_images(card: Card, options: Options, report: Report) -> Dataset:
    """Persons' photographs as rows: the grey values of all pixels, scaled to 0..1."""
    contents, source = from_wheel(card, report, _faces_in)
    assert card.shape is not None
    pixels = np.frombuffer(contents[card.files[0].name], np.uint8).reshape(card.shape)
    persons, each = card.shape[0] // 10, 10
    labels = [f"person {p + 1}, photo {k + 1}" for p in range(persons) for k in range(each)]
    classes = Classes(tuple(f"person {p + 1}" for p in range(persons)), np.repeat(np.arange(persons, dtype=np.int32), each))
    X = np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255)
    return made(card, X, labels, None, classes=classes, facts=_known_as("person", classes), source=source)


def _faces_in(opened: zipfile.ZipFile, card: Card) -> dict[str, bytes]:
    """The pixels of the 40 x 10 photographs one after the other, one byte each."""
    folder = card.files[0].inside
    pictures = [opened.read(f"{folder}/s{person}/{k}.pgm") for person in range(1, 41) for k in range(1, 11)]
    assert card.image_shape is not None
    size = card.image_shape[0] * card.image_shape[1]
    return {card.files[0].name: b"".join(picture[-size:] for picture in pictures)}  # a PGM ends with its pixels


def always(card: Card) -> bool:
    """The files lie beside the card or in a package that we need anyway."""
    return True


LOADERS: dict[str, Loader] = {
    "file": Loader(any_file, always),
    "keyword_lists": Loader(keyword_lists, always),
    "labelled_table": Loader(labelled_table, always),
    "sklearn_digits": Loader(sklearn_digits, always),
    "newsgroups": Loader(newsgroups.load, newsgroups.available),
    "gene_expression": Loader(gene_expression, is_cached),
    "face_images": Loader(face_images, is_cached),
}

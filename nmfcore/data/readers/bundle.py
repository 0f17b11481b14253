"""What are several files together: pictures, texts, a matrix with its labels, a folder of 10x Genomics?

Zip and tar archives, folders and files that are dropped at once all arrive here as a bundle of names with their content. Names
are never used as paths.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nmfcore.data.model.errors import Fix, TooLarge, UploadError, counted, listed, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import READERS, documents, images, mail
from nmfcore.data.readers.archive import COMPRESSED, NESTED, decompressed
from nmfcore.data.readers.detect import detect
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")  # what operating systems add by themselves
TEXTS = (".txt", ".text", ".md", ".eml")
TABLES = (
    "csv",
    "tsv",
    "xlsx",
    "parquet",
    "json",
    "jsonl",
    "npy",
    "npz",
    "mtx",
    "h5",
    "h5ad",
    "svm",
    "arff",
    "gct",
    "ods",
    "dta",
    "sav",
)
MATRICES = ("npy", "npz", "mtx", "bow", "pairs", "hdf5")
TENX = re.compile(r"(?P<of>.*?)matrix\.mtx(\.gz)?$", re.I)
README = re.compile(r"(readme|licen[cs]e|copying|about|citation)([-_. ]?\w*)?(\.(txt|md|rst|html|pdf|cff))?", re.I)
ROWS = re.compile(r"barcode|row|doc|sample|item|cell|obs|user|label|meta|class|target", re.I)
COLUMNS = re.compile(r"vocab|term|word|gene|feature|col|var|item", re.I)
LABELS_MOST = 64 * 2**20  # bytes of a file that can be a list of labels
INSIDE_TOLD = 200  # names of files that are told, so that a screen can offer one
SAMPLE = 4096  # bytes that tell a text


@dataclass(frozen=True)
class Bundle:
    """Files with their names.

    sizes : of each file, by name, in the order of the names
    content : the bytes of a file, counted while they are unpacked
    """

    name: str
    sizes: Mapping[str, int]
    content: Callable[[str], bytes] = field(repr=False)

    def without_ignored(self) -> Bundle:
        """Without what operating systems add."""
        kept = {name: size for name, size in self.sizes.items() if not _is_ignored(name)}
        return replace(self, sizes=kept)

    def source(self, name: str) -> Source:
        """One file."""
        return Source(name.rsplit("/", 1)[-1], self.content(name))


def read(bundle: Bundle, options: ReadOptions, limits: Limits) -> Table:
    """What the files are together.

    Raises
    ------
    UploadError
        If that is not clear; the fixes offer the single files.
    """
    bundle = bundle.without_ignored()
    names = sorted(bundle.sizes)
    table = _read(bundle, names, options, limits)
    return replace(table, understood={**table.understood, "inside": names[:INSIDE_TOLD]}) if len(names) > 1 else table


def _read(bundle: Bundle, names: list[str], options: ReadOptions, limits: Limits) -> Table:
    if not names:
        raise UploadError(f"{shown(bundle.name)} holds no file", way_out="Pack the file with the table.")
    tenx = _tenx_sets(names)
    if options.member is not None and options.member not in names and len(names) > 1:
        raise UploadError(f"There is no file {shown(options.member)} inside", way_out=f"It holds: {listed(names, 10)}.")
    if options.member in tenx or (options.member is None and len(tenx) == 1):
        return _tenx(bundle, options.member or next(iter(tenx)), tenx, options, limits)
    if len(names) == 1 or options.member in names:
        if options.member in names:
            return _single(bundle, str(options.member), replace(options, member=None), limits)
        return _single(bundle, names[0], options, limits)  # a member is one of the file inside
    data = [name for name in names if not README.fullmatch(name.rsplit("/", 1)[-1])]
    if len(data) == 1 and options.member is None:
        return _with_left_out(_single(bundle, data[0], options, limits), names, data)
    pictures = [name for name in names if images.is_image(name)]
    if len(pictures) > 1 and len(pictures) >= len(names) / 2:
        return _with_left_out(images.read_bundle(bundle.name, pictures, bundle.content, limits), names, pictures)
    if tenx:
        raise _unclear(bundle, list(tenx))
    together = _matrix_with_labels(bundle, names, options, limits)
    if together is not None:
        return together
    texts = _texts(bundle, names)
    if len(texts) > 1 and len(texts) >= len(names) / 2:
        return _with_left_out(_corpus(bundle, texts, options, limits), names, texts)
    raise _unclear(bundle, names)


def _unclear(bundle: Bundle, names: Sequence[str]) -> UploadError:
    return UploadError(
        f"{shown(bundle.name)} holds {len(bundle.sizes):,} files, and it is not clear which to read: {listed(names)}",
        way_out="Choose one, or pack it alone.",
        fixes=[Fix(f"Read {shown(name)}", {"member": name}) for name in names[:8]],
    )


def _is_ignored(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    return name.startswith(IGNORED) or last in IGNORED or last.startswith("._")


def _single(bundle: Bundle, name: str, options: ReadOptions, limits: Limits) -> Table:
    """The table of one file."""
    suffix = name.rsplit(".", 1)[-1].lower()
    if suffix in NESTED:
        raise UploadError(f"{shown(bundle.name)} holds another archive", place=shown(name), way_out="Unpack that one first.")
    return inside(bundle.source(name), options, limits, f"{shown(name)} was taken out of {shown(bundle.name)}.")


def inside(inner: Source, options: ReadOptions, limits: Limits, note: str) -> Table:
    """The table of an unpacked file; archives inside archives are refused."""
    kind = detect(inner)
    if kind in ("zip", "tar", *COMPRESSED):
        raise UploadError(f"Inside is another archive, {shown(inner.name)}", way_out="Unpack that one first.")
    table = READERS[kind].read(inner, options, limits)
    return replace(table, notes=(note, *table.notes), understood={**table.understood, "unpacked_bytes": inner.size})


def _unpacked(bundle: Bundle, name: str, limits: Limits) -> Source:
    """One file of a set; a gzip file is unpacked (10x packs each file of its folder)."""
    source = bundle.source(name)
    return decompressed(source, "gzip", limits) if source.head(2) == b"\x1f\x8b" else source


# --- 10x Genomics ---------------------------------------------------------------------------------------------------------------


def _tenx_sets(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The matrices of 10x Genomics by name, each with its files of genes and of barcodes."""
    found = {}
    for name in names:
        match = TENX.match(name)
        if match is None:
            continue
        start = match["of"]
        genes = next((f"{start}{end}" for end in _ends("features", "genes") if f"{start}{end}" in names), None)
        barcodes = next((f"{start}{end}" for end in _ends("barcodes") if f"{start}{end}" in names), None)
        if genes is not None and barcodes is not None:
            found[name] = (genes, barcodes)
    return found


def _ends(*stems: str) -> list[str]:
    return [f"{stem}.{kind}{packed}" for stem in stems for kind in ("tsv", "txt", "csv") for packed in ("", ".gz")]


def _tenx(bundle: Bundle, matrix: str, sets: Mapping[str, tuple[str, str]], options: ReadOptions, limits: Limits) -> Table:
    """Cells x genes, with their labels; the file stores genes x cells."""
    genes_name, barcodes_name = sets[matrix]
    table = READERS["mtx"].read(_unpacked(bundle, matrix, limits), options, limits)
    genes = _lines(_unpacked(bundle, genes_name, limits))
    barcodes = _lines(_unpacked(bundle, barcodes_name, limits))
    m, n = table.shape
    if (m, n) != (len(genes), len(barcodes)):
        raise UploadError(
            f"The matrix has {m:,} x {n:,} entries, but there are {len(genes):,} genes and {len(barcodes):,} barcodes",
            way_out="Take the three files from one folder.",
        )
    columns = [line.split("\t") for line in genes]
    wide = min(map(len, columns)) if columns else 1
    symbols = [row[1 if wide > 1 else 0] for row in columns]
    facts = {"gene id": [row[0] for row in columns]} if wide > 1 else {}
    if wide > 2:
        facts["feature type"] = [row[2] for row in columns]
    X = table.X.T.tocsr()
    X.sort_indices()
    note = f"10x Genomics: {n:,} cells of {m:,} genes (stored as genes by cells), with their barcodes and names."
    return Table(
        name=bundle.name,
        X=X,
        row_labels=[line.split("\t")[0] for line in barcodes],
        column_labels=symbols,
        notes=(note, *table.notes),
        understood={
            "format": "10x", "member": matrix, "members": list(sets), "axes": [["cells", "cell"], ["genes", "gene"]],
        },
        column_aside=facts,
    )  # fmt: skip


def _lines(source: Source) -> list[str]:
    """The lines of a list of labels."""
    if source.size > LABELS_MOST:
        raise UploadError(f"{shown(source.name)} is too large for a list of labels", way_out="Choose the right file.")
    text, _ = documents.decoded(source.head(source.size), source.name)
    lines = text.lstrip("\ufeff").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.rstrip("\r") for line in lines]


# --- a matrix and its labels ------------------------------------------------------------------------------------------------


def _matrix_with_labels(bundle: Bundle, names: Sequence[str], options: ReadOptions, limits: Limits) -> Table | None:
    """The one matrix among the files, with the others as its labels and facts; None when they are something else."""
    if len(names) > 8:
        return None
    kinds = {}
    for name in names:
        try:
            kinds[name] = detect(_unpacked(bundle, name, limits))
        except UploadError:
            return None
    matrices = [name for name in names if kinds[name] in MATRICES]
    if not matrices and len(names) == 2 and all(kinds[name] in ("csv", "parquet", "xlsx") for name in names):
        matrices = [name for name in names if not ROWS.search(_stem(name)) and not COLUMNS.search(_stem(name))]
        if any(name.endswith(TEXTS) for name in matrices):
            return None
    if len(matrices) != 1 or any(kinds[name] != "csv" for name in names if name not in matrices):
        return None
    main = matrices[0]
    table = READERS[kinds[main]].read(_unpacked(bundle, main, limits), options, limits)
    if table.X is None:
        return None
    notes = [f"The matrix is {shown(main)}; what lies beside it are its labels."]
    for name in names:
        if name != main:
            table = _beside(table, name, _lines(_unpacked(bundle, name, limits)), notes)
    return replace(table, name=bundle.name, notes=(*notes, *table.notes), understood={**table.understood, "member": main})


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].split(".")[0]


def _beside(table: Table, name: str, lines: list[str], notes: list[str]) -> Table:
    """The table with one more file beside it: a list of labels, or a table of facts with one line per row or column."""
    m, n = table.shape
    mark = "\t" if "\t" in lines[0] else "," if lines and "," in lines[0] else ""
    cells = list(csv.reader(lines, delimiter=mark)) if mark else [[line] for line in lines]
    fits = {"rows": (len(cells) - m) in (0, 1), "columns": (len(cells) - n) in (0, 1)}
    exact = {"rows": len(cells) == m, "columns": len(cells) == n}
    by_name = "columns" if COLUMNS.search(_stem(name)) and not (ROWS.search(_stem(name)) and not fits["columns"]) else "rows"
    sure = [axis for axis in ("rows", "columns") if exact[axis]] or [axis for axis in ("rows", "columns") if fits[axis]]
    if not sure:
        raise UploadError(
            f"{shown(name)} has {counted(len(cells), 'line')}, but the matrix has {m:,} rows and {n:,} columns",
            way_out="Hand over the labels that belong to it, or the matrix alone.",
        )
    axis = sure[0] if len(sure) == 1 else by_name
    size = m if axis == "rows" else n
    header = cells[0] if len(cells) == size + 1 else None
    body = cells[1:] if header else cells
    notes.append(f"{shown(name)} holds {'labels' if len(body[0]) == 1 else 'facts'} of the {axis}.")
    width = max(map(len, body))
    titles = [(header[j] if header and j < len(header) else "") or (_stem(name) if width == 1 else f"{_stem(name)} {j + 1}")
              for j in range(width)]  # fmt: skip
    columns = {title: [row[j] if j < len(row) else "" for row in body] for j, title in enumerate(titles)}
    known = table.row_labels if axis == "rows" else table.column_labels
    first = next(iter(columns.values()))
    changes: dict[str, object] = {}
    if known is None and len(set(first)) == size:
        changes["row_labels" if axis == "rows" else "column_labels"] = first
        columns.pop(next(iter(columns)))
    elif known is not None and set(first) == set(known) and len(set(first)) == size:  # it names the items: facts go by name
        place = {label: i for i, label in enumerate(first)}
        columns = {title: [found[place[label]] for label in known] for title, found in list(columns.items())[1:]}
        if list(first) != list(known):
            notes.append(f"The lines of {shown(name)} were put in the order of the matrix by their names.")
    beside = {**(table.aside if axis == "rows" else table.column_aside), **columns}
    changes["aside" if axis == "rows" else "column_aside"] = beside
    return replace(table, **changes)  # type: ignore[arg-type]


# --- texts --------------------------------------------------------------------------------------------------------------------


def _texts(bundle: Bundle, names: Sequence[str]) -> list[str]:
    """The files that hold texts: by their suffix, or by their content where they have none that says something else."""
    found = [name for name in names if name.lower().endswith(TEXTS)]
    if len(found) >= len(names) / 2:
        return found
    known = tuple(f".{suffix}" for suffix in TABLES)
    return [name for name in names if name in found or (not name.lower().endswith(known) and _is_text(bundle.content(name)))]


def _is_text(content: bytes) -> bool:
    head = content[:SAMPLE]
    odd = sum(byte < 9 or 13 < byte < 32 for byte in head)
    return odd <= len(head) // 200 or head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _corpus(bundle: Bundle, names: Sequence[str], options: ReadOptions, limits: Limits) -> Table:
    """One document per file; folders, senders and dates are facts."""
    documents.check_number(len(names), limits)
    texts, odd, facts = [], [], []
    total = 0
    for name in names:
        content = bundle.content(name)
        total += len(content)
        if total > limits.unpacked_bytes:
            raise TooLarge(f"{shown(bundle.name)} unpacks to more than {limits.unpacked_bytes:,} bytes", way_out="Take a part.")
        if b"\x00" in content[:SAMPLE] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UploadError("A text file holds NUL characters; it is no text", place=shown(name), way_out="Leave it out.")
        if mail.looks(content):
            text, about = mail.parsed(content)
            texts.append(text)
            facts.append(about)
            continue
        text, note = documents.decoded(content, name, options.encoding)
        texts.append(text.lstrip("\ufeff"))
        facts.append({})
        if note and "UTF-8, as" not in note:
            odd.append(name)
    notes = []
    if odd:
        files = counted(len(odd), "file is", "files are")
        notes.append(f"{files} not UTF-8 and were read as another encoding: {listed(odd, 3)}.")
    mails = sum(bool(about) for about in facts)
    aside = _folders(names)
    if mails:
        notes.append(
            f"{counted(mails, 'file is', 'files are')} mails: subject and text are the document, sender and date are facts."
        )
        aside |= {key: [about.get(key, "") for about in facts] for key in ("from", "date")}
    understood = {"format": "zip", "holds": "texts", "files": len(names)}
    return documents.as_table(bundle.name, texts, notes, understood, aside=aside, row_labels=list(names))


def _folders(names: Sequence[str]) -> dict[str, list[str]]:
    """The folders of the files below those that all share, whole and level by level."""
    parts = [name.split("/")[:-1] for name in names]
    shared = 0
    while all(len(part) > shared for part in parts) and len({part[shared] for part in parts}) == 1:
        shared += 1
    parts = [part[shared:] for part in parts]
    deepest = max(map(len, parts))
    if not deepest or len({tuple(part) for part in parts}) == 1:
        return {}
    found = {"folder": ["/".join(part) for part in parts]}
    if deepest > 1:
        for level in range(min(deepest, 4)):
            column = [part[level] if level < len(part) else "" for part in parts]
            if len(set(column)) > 1:
                found[f"folder {level + 1}"] = column
    return found


def _with_left_out(table: Table, names: Sequence[str], used: Sequence[str]) -> Table:
    taken = set(used)
    others = [name for name in names if name not in taken]
    if not others:
        return table
    return replace(table, notes=(*table.notes, f"{counted(len(others), 'other file')} left out: {listed(others, 3)}."))

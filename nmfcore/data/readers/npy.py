"""How is a NumPy file (.npy) read? Never with pickles, and never believing its header."""

from __future__ import annotations

import numpy as np

from nmfcore.data.model.errors import UploadError
from nmfcore.data.model.limits import Limits
from nmfcore.data.model.table import Table
from nmfcore.data.readers import arrays, documents
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source


def read(source: Source, options: ReadOptions, limits: Limits) -> Table:
    """The matrix in an NPY file."""
    with source.open() as stream:
        array, notes = arrays.npy_array(stream, source.size, "the file", limits)
    understood = {"format": "npy", "dtype": str(array.dtype), "dimensions": list(array.shape)}
    return table_of(array, source.name, options, limits, notes, understood)


def table_of(array: np.ndarray, name: str, options: ReadOptions, limits: Limits, notes: list[str], understood: dict) -> Table:
    """The table of one array: numbers, a record array (its fields are the columns), or texts."""
    names = None
    if array.dtype.names:
        names = list(array.dtype.names)
        bad = [field for field in names if array.dtype[field].kind not in "biuf" or array.dtype[field].shape]
        if bad or array.ndim != 1 or not array.size:
            raise UploadError(
                f"The file holds records, and the field {arrays.shown(bad[0]) if bad else 'list'} is not a column of numbers",
                way_out="Save the numbers as a plain array.",
            )
        notes += [f"{arrays.shown(field)}: {note}" for field in names for note in arrays.lost_digits(array[field])]
        array = np.stack([array[field].astype(np.float64) for field in names], axis=1)
        notes.append(f"The file holds records; their {len(names)} fields became the columns.")
    if arrays.is_text(array):
        if array.ndim != 1:
            raise UploadError("The file holds an array of texts, not numbers", way_out="Save the numbers with numpy.save.")
        return documents.as_table(name, arrays.texts(array), notes, understood)
    X, image = arrays.as_dense(array, "the array", options, limits, notes)
    return Table(
        name=name,
        content="images" if image else "matrix",
        X=X,
        column_labels=names,
        notes=tuple(notes),
        understood=understood,
        image_shape=image,
    )

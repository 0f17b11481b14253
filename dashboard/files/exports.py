"""What can a person take away, and how is it made safe to open?

NPZ without pickles; CSV whose text cells cannot become spreadsheet formulas; a script that repeats the run. Pure of Streamlit:
everything is made when somebody clicks.
"""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pandas as pd

from dashboard.text.tables import as_csv
from dashboard.work.fitting import FittedRun
from nmfcore import export


def factors_npz(run: FittedRun, W: np.ndarray, H: np.ndarray, scale: str = "") -> bytes:
    """W, H, their labels, the history, the scale and the specification as one NPZ; load it with allow_pickle=False."""
    axes, history = run.dataset.axes, run.factorization.history
    out = io.BytesIO()
    np.savez_compressed(
        out,
        W=W,
        H=H,
        rows=np.array(axes.rows.take(range(W.shape[0])), dtype=str),
        columns=np.array(axes.columns.take(range(H.shape[1])), dtype=str),
        iteration=history.iterations,
        relative_error=history.relative_errors,
        scale=np.array(scale),
        spec=np.array(run.spec.to_json()),
    )
    return out.getvalue()


def factors_csv(run: FittedRun, W: np.ndarray, H: np.ndarray) -> bytes:
    """A zip of W.csv, H.csv (transposed: one feature a line), loss.csv and run.json."""
    axes, history = run.dataset.axes, run.factorization.history
    names = [f"component {k + 1}" for k in range(W.shape[1])]
    tables = {
        "W.csv": _labelled(axes.rows.singular, axes.rows.take(range(W.shape[0])), W, names),
        "H.csv": _labelled(axes.columns.singular, axes.columns.take(range(H.shape[1])), H.T, names),
        "loss.csv": pd.DataFrame(
            {"iteration": history.iterations, "seconds": history.seconds, "relative error": history.relative_errors}
        ),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, table in tables.items():
            archive.writestr(name, as_csv(table))
        archive.writestr("run.json", run.spec.to_json())
    return out.getvalue()


def script(run: FittedRun) -> bytes:
    """The Python program that repeats a run on catalog data exactly."""
    return export.script(run.factorization).encode()


def script_with_data(run: FittedRun) -> bytes:
    """A zip of the program that repeats a run on an upload, and the matrix it is handed."""
    data, matrix = run.dataset, io.BytesIO()
    export.save_matrix(matrix, data.X, data.mask)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("reproduce.py", export.script(run.factorization, X=data.X, mask=data.mask, axes=data.axes))
        archive.writestr("data.npz", matrix.getvalue())
    return out.getvalue()


def _labelled(name: str, labels: list[str], values: np.ndarray, columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(values, columns=columns)
    table.insert(0, name, labels)
    return table

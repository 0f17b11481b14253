"""What can a person take away, and how is it made safe to open?

NPZ without pickles; CSV whose text cells cannot become spreadsheet formulas; a script that repeats the run. Pure of Streamlit:
everything is made when somebody clicks.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.text.tables import as_csv
from dashboard.text.words import part
from dashboard.topics_shown import Topic
from dashboard.work.fitted import FittedRun
from nmfcore import export
from nmfcore.topics.scale import CONVENTIONS

LONGEST_LABELS = 50_000_000  # bytes of labels as one array, in which each takes the room of the longest


def factors_npz(run: FittedRun, W: np.ndarray, H: np.ndarray, scale: str = "", shown: Sequence[Topic] = ()) -> bytes:
    """W, H, their labels, the history, the scale and the specification as one NPZ; load it with allow_pickle=False.

    W and H are the run's own, whatever is merged on screen; `shown` says for each component as which topic it is shown there.

    Labels are arrays of text, `rows` and `columns`; where a very long one would make such an array huge they are JSON in UTF-8
    instead: json.loads(held["rows_json"].tobytes()).

    shown : the topics on screen, in their order
    """
    axes, history = run.dataset.axes, run.factorization.history
    labels: dict[str, Any] = {
        **_label_array("rows", axes.rows.take(range(W.shape[0]))),
        **_label_array("columns", axes.columns.take(range(H.shape[1]))),
        **_label_array("components", _named(run.ids, shown)),
        **_label_array("shown", [f"{label}: {name}" for label, name in _shown_as(run.ids, shown)]),
    }
    out = io.BytesIO()
    np.savez_compressed(
        out,
        W=W,
        H=H,
        iteration=history.iterations,
        relative_error=run.errors,
        scale=np.array(scale),
        spec=np.array(run.spec.to_json()),
        **labels,
    )
    return out.getvalue()


def _label_array(name: str, labels: Sequence[str]) -> dict[str, np.ndarray]:
    longest = max(map(len, labels), default=0)
    if 4 * longest * len(labels) <= LONGEST_LABELS:
        return {name: np.array(labels, dtype=str)}
    return {f"{name}_json": np.frombuffer(json.dumps(list(labels)).encode(), np.uint8)}


def _named(ids: Sequence[int], shown: Sequence[Topic]) -> list[str]:
    """component 1, component 2: sharks, ...: the number is the model's, what follows is what somebody called it alone."""
    alone = {topic.members[0]: topic.name for topic in shown if topic.typed and not topic.merged}
    return [f"component {k + 1}: {alone[place]}" if place in alone else f"component {k + 1}" for place, k in enumerate(ids)]


def _shown_as(ids: Sequence[int], shown: Sequence[Topic]) -> list[tuple[str, str]]:
    """For each component the label and the name of the topic that it is part of on screen."""
    inside = {k: (topic.label, topic.name) for topic in shown for k in topic.members}
    return [inside.get(place, (str(k + 1), "")) for place, k in enumerate(ids)]


def factors_csv(run: FittedRun, W: np.ndarray, H: np.ndarray, scale: str = "", shown: Sequence[Topic] = ()) -> bytes:
    """A zip of W.csv, H.csv (transposed: one feature a line), topics.csv, loss.csv, run.json and about.json.

    W and H are the run's own, whatever is merged on screen; topics.csv says as which topic each component is shown there, and
    about.json names the scale.

    shown : the topics on screen, in their order
    """
    axes, history = run.dataset.axes, run.factorization.history
    names, there = _named(run.ids, shown), _shown_as(run.ids, shown)
    tables = {
        "W.csv": _labelled(axes.rows.singular, axes.rows.take(range(W.shape[0])), W, names),
        "H.csv": _labelled(axes.columns.singular, axes.columns.take(range(H.shape[1])), H.T, names),
        "topics.csv": pd.DataFrame(
            {
                "component": [k + 1 for k in run.ids],
                "shown as": [label for label, _ in there],
                "its name there": [name for _, name in there],
            }
        ),
        "loss.csv": pd.DataFrame({"iteration": history.iterations, "seconds": history.seconds, "relative error": run.errors}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, table in tables.items():
            archive.writestr(name, as_csv(table))
        archive.writestr("run.json", run.spec.to_json())
        sentence = CONVENTIONS[scale].sentence if scale in CONVENTIONS else ""
        about = {"scale": scale, "meaning": sentence, "headers": headers(part(run.dataset)), "components": names}
        archive.writestr("about.json", json.dumps(about, indent=1))
    return out.getvalue()


def headers(noun: str) -> str:
    """What the columns of the tables are called on screen; in the files their names are the same for all kinds of data."""
    if noun == "component":
        return (
            "In the tables, component k has the number k in the run, also where some are merged on screen: topics.csv (in NumPy: "
            "shown) says as which each is shown."
        )
    return (
        f"In the tables, component k is {noun} k of the run, also where {noun}s are merged on screen: topics.csv (in NumPy: "
        "shown) says as which each is shown."
    )


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

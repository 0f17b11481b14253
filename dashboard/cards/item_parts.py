"""An item that is a picture, taken apart: itself, the model of it, and what each part gives to every pixel."""

from __future__ import annotations

import numpy as np

from dashboard import session
from dashboard.figures.images import Row, rows_of_pictures
from dashboard.text.plain import clean, markdown
from dashboard.text.words import Nouns, percent
from dashboard.topics_shown import TopicsShown
from dashboard.widgets import card
from nmfcore.core.factorization import Matrix

MOST_PARTS = 6  # beside the picture and its model
LEAST_PART = 0.01  # of the model's sum, from which a part is drawn


def draw(shown: TopicsShown, item: int) -> None:
    """What of each pixel comes from which part; all on one scale, so that what is seen adds up."""
    data, called = shown.run.dataset, Nouns.of(shown.run.dataset)
    assert data.image_shape is not None
    given = shown.W[item][:, None].astype(np.float64) * shown.H  # (t, n): the parts of the row of WH
    whole = given.sum(axis=0)
    shares = given.sum(axis=1) / (whole.sum() or 1.0)
    listed = [int(k) for k in np.argsort(-shares, kind="stable")[:MOST_PARTS] if shares[k] >= LEAST_PART]
    pictures = np.stack([_row(data.X, item), whole, *given[listed]]).reshape(-1, *data.image_shape)
    titles = ["as it is", f"all {called.part}s", *(f"{called.part} {shown.labels[k]} · {percent(shares[k], 0)}" for k in listed)]
    label = clean(data.axes.rows.label(item), 60)
    largest = f"; the largest {called.part} is {shown.labels[listed[0]]}, {percent(shares[listed[0]], 0)}" if listed else ""
    alt = f"{label}: as it is, as the model draws it, and {len(listed)} {called.part}s that it is the sum of{largest}."
    drawn = rows_of_pictures([Row("", pictures, titles)], alt=alt, same_scale=True, theme=session.theme())
    title = f"Its {called.columns} by {called.part}"
    rest = len(shown.topics) - len(listed)
    say = f"All on one scale: the {called.part}s add up to the second picture. Shares of its sum."
    if rest:
        say += f" {rest:,} more with less are not drawn."
    card.picture("items", "parts", markdown(title, 80), drawn, say=say)


def _row(X: Matrix, item: int) -> np.ndarray:
    """One row of X as (n,)."""
    row = X[[item]]
    return np.asarray(row.toarray() if hasattr(row, "toarray") else row, np.float64).ravel()

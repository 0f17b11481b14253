"""What is the same and what differs: between two runs, and between scale conventions?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.figures import theme as look
from dashboard.figures.bars import bars
from dashboard.figures.loss import race
from dashboard.figures.picture import Picture
from dashboard.text.plain import clean

LABEL_WIDTH = 210  # px for a pair with its name, or a convention

__all__ = ["matched_topics", "race", "scale_ledger"]


def matched_topics(
    partner: ArrayLike,
    cosines: ArrayLike,
    *,
    names: Sequence[object] | None = None,
    component: str = "topic",
    theme: str = "light",
    height: int | None = None,
) -> Picture:
    """Each component of one run with its partner in the other and how alike they are (r,), 0 to 1; partner -1 means none."""
    to, alike = np.asarray(partner, int), np.asarray(cosines, float)
    labels = [f"{k + 1} ↔ {p + 1}" if p >= 0 else f"{k + 1} ↔ none" for k, p in enumerate(to)]
    if names is not None:
        labels = [f"{pair} · {clean(name, 40)}" for pair, name in zip(labels, names, strict=True)]
    alt = "There is nothing to match."
    if alike.size:
        k = int(alike.argmin())
        alt = f"{int((alike >= 0.9).sum())} of {len(alike)} {component}s have a partner with cosine 0.9 or more; "
        alt += f"the least alike is {labels[k]} with {alike[k]:.2f}."
    drawn = bars(
        labels,
        alike,
        quantity="cosine",
        colours=[look.component_colour(k, theme) for k in range(len(alike))],
        write=lambda v: f"{v:.2f}",
        top=1.0,
        most_label=LABEL_WIDTH,
        alt=alt,
        theme=theme,
        height=height,
    )
    partners = [int(p) + 1 if p >= 0 else None for p in to]
    return Picture(
        drawn.figure,
        drawn.alt,
        lambda: pd.DataFrame({component: np.arange(1, len(to) + 1), "partner": partners, "cosine": alike}),
    )


def scale_ledger(
    conventions: Sequence[object],
    moved: ArrayLike,
    total: int,
    *,
    present: int,
    items: str = "documents",
    theme: str = "light",
    height: int | None = None,
) -> Picture:
    """How many items change their largest component when the scale convention changes.

    Parameters
    ----------
    conventions : (c,) titles
    moved : (c,) items whose cluster differs from the one under the convention in force (0 for itself)
    total : all items;  present : position of the convention in force
    """
    counts = np.asarray(moved, float)
    labels = [f"{clean(title)}" + (" (now)" if k == present else "") for k, title in enumerate(conventions)]
    colours = look.palette(theme)
    fill = [colours.grey if k == present else colours.categorical[0] for k in range(len(counts))]
    worst = int(counts.argmax()) if counts.size else 0
    most = counts.max(initial=0.0)
    alt = f"Of {total:,} {items}, up to {int(most):,} ({look.percent(most / max(total, 1))}) change their largest component"
    alt += " with the scale"
    alt += f", most under: {clean(conventions[worst])}." if most > 0 else "."
    drawn = bars(
        labels,
        counts,
        quantity=f"{items} that move",
        colours=fill,
        write=lambda v: f"{int(v):,} · {look.percent(v / max(total, 1))}",
        most_label=LABEL_WIDTH,
        alt=alt,
        theme=theme,
        height=height,
    )
    return Picture(
        drawn.figure,
        drawn.alt,
        lambda: pd.DataFrame({"convention": [str(c) for c in conventions], "items that move": counts.astype(int), "of": total}),
    )

"""What is each column of the table: a feature that is factorized, or a fact about the items? Ticking changes it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.text.plain import clean, markdown
from dashboard.work.importing import Import
from dashboard.work.recognised import examples
from nmfcore.data.model.table import Table

FEATURE = "Feature"
MOST_HEIGHT = 320  # pixels; more columns scroll


def draw(brought: Import, table: Table) -> None:
    """The columns with a tick for each feature; those without are kept as facts."""
    roles = {name: role for name, role in (table.understood.get("roles") or {}).items() if role in ("feature", "fact")}
    if len(roles) < 2:
        return
    names = list(roles)
    said = examples(table, roles)
    features = table.understood.get("features_in_all", sum(role == "feature" for role in roles.values()))
    listed = f"; the first {len(roles):,} columns are listed" if "features_in_all" in table.understood else ""
    st.markdown(
        f":small[**Columns.** A tick makes a column a feature, which is factorized ({features:,} now{listed}); the others are "
        "kept as facts about the items.]"
    )
    key = f"import_{brought.id}_{brought.fixes}_roles"
    st.data_editor(
        pd.DataFrame(
            {
                FEATURE: [role == "feature" for role in roles.values()],
                "Column": [clean(name, 60) for name in names],
                "First cells": [clean(said.get(name, ""), 80) for name in names],
            }
        ),
        hide_index=True,
        disabled=["Column", "First cells"],
        height="content" if len(names) <= 8 else MOST_HEIGHT,
        key=key,
        on_change=_ticked,
        args=(brought, names, key),
    )
    labels = [name for name, role in table.understood["roles"].items() if role == "label"]
    if labels:
        st.markdown(f":small[:gray[{markdown(labels[0], 60)} holds the labels of the rows.]]")


def _ticked(brought: Import, names: list[str], key: str) -> None:
    edited: dict[Any, Any] = dict((session.control_value(key, None) or {}).get("edited_rows", {}))
    changes = {names[int(row)]: bool(cells[FEATURE]) for row, cells in edited.items() if FEATURE in cells}
    if changes:
        brought.set_roles(changes)

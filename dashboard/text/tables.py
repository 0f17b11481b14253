"""How is a table written into a file that opens safely in a spreadsheet?"""

from __future__ import annotations

import csv
from io import StringIO

import pandas as pd

from dashboard.text.plain import csv_cell


def as_csv(table: pd.DataFrame) -> str:
    """The table as CSV that is safe to open in a spreadsheet."""
    columns = [table.iloc[:, j] for j in range(table.shape[1])]  # by place: two may have one name
    kept = {j: c if pd.api.types.is_numeric_dtype(c) else [csv_cell(v) for v in c] for j, c in enumerate(columns)}
    out = StringIO()  # text is quoted, so that a semicolon or a tab in a label begins no cell where a spreadsheet splits at those
    safe = pd.DataFrame(kept, index=table.index)
    safe.to_csv(out, index=False, header=[str(csv_cell(str(name))) for name in table.columns], quoting=csv.QUOTE_NONNUMERIC)
    return out.getvalue()

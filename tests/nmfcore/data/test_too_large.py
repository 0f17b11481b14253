"""Does every refusal for size say how larger data is converted and opened?"""

import ast
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

import nmfcore.data
from dashboard.work import outcome
from nmfcore.data.model.errors import CONVERT, TooLarge, UploadError
from nmfcore.data.model.limits import Limits
from nmfcore.data.reading import read_matrix

SIZES = re.compile(r"limits\.(rows|columns|stored_values|dense_cells|unpacked_bytes|parse_bytes|upload_bytes)")


def saved(save, *arrays, **named):
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def a_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", "a,b\n" + "1,2\n" * 10_000)
    return buffer.getvalue()


TALL = "a,b\n" + "1,2\n" * 50
SPARSE = sp.random_array((60, 50), density=0.2, format="csr", rng=np.random.default_rng(0))
PARQUET = pa.table({"a": range(60), "b": range(60)})
CASES = {
    "bytes": ("x.csv", TALL.encode(), Limits(upload_bytes=10)),
    "rows of a table": ("x.csv", TALL.encode(), Limits(rows=10)),
    "columns of a table": ("x.csv", ("1," * 30 + "1\n").encode() * 4, Limits(columns=10)),
    "cells of a table": ("x.csv", TALL.encode(), Limits(dense_cells=20)),
    "rows of an array": ("x.npy", saved(np.save, np.ones((30, 3))), Limits(rows=10)),
    "cells of an array": ("x.npy", saved(np.save, np.ones((30, 3))), Limits(dense_cells=20)),
    "stored values": ("x.npz", saved(sp.save_npz, SPARSE), Limits(stored_values=50)),
    "rows of Parquet": ("x.parquet", saved(lambda b: pq.write_table(PARQUET, b)), Limits(rows=9)),
    "unpacked bytes": ("x.zip", a_zip(), Limits(unpacked_bytes=1000)),
    "rows of JSON": ("x.json", b"[" + b",".join([b'{"a":1,"b":2}'] * 40) + b"]", Limits(rows=9)),
    "values of Matrix Market": (
        "x.mtx", b"%%MatrixMarket matrix coordinate real general\n3 3 5\n" + b"1 1 1\n" * 5, Limits(stored_values=3),
    ),
    "ratings": ("x.csv", b"user,item,rating\n" + b"".join(b"u%d,i%d,3\n" % (i, i) for i in range(40)), Limits(rows=9)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_for_size_says_how_to_convert_and_open(case):
    name, content, limits = CASES[case]
    with pytest.raises(UploadError) as refused:
        read_matrix(content, name=name, limits=limits, isolate=False)
    assert isinstance(refused.value, TooLarge), refused.value
    assert str(refused.value).endswith(CONVERT)
    assert str(UploadError.from_dict(refused.value.to_dict())) == str(refused.value)  # as it comes out of the child


def test_no_reader_refuses_a_size_in_other_words():
    for path in Path(nmfcore.data.__file__).parent.rglob("*.py"):
        if path.name in ("images.py", "settle.py"):  # pictures, and a mask: blocks can hold neither
            continue
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "UploadError" and node.args:
                said = ast.get_source_segment(text, node.args[0]) or ""
                assert not SIZES.search(said) or "out of range" in said, f"{path.name}:{node.lineno}"


def test_the_gate_of_the_import_says_it_too(monkeypatch):
    monkeypatch.setattr(outcome, "memory_budget", lambda: 1000)
    found = outcome.measured(outcome.Outcome(dataset=nmfcore.data.as_dataset(read_matrix(TALL.encode(), name="x.csv"))), 2)
    assert found.refusal.stage == "size"
    assert found.refusal.message.endswith(CONVERT)

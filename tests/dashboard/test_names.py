"""Are names that have to differ made different, whatever they are?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.figures.theme import distinct
from nmfcore.data.readers.names import unique

NAMES = st.lists(st.sampled_from(["a", "a (2)", "a (3)", "b", "a (2) (2)", ""]), max_size=12)


@given(NAMES)
def test_names_all_differ_and_the_first_of_each_keeps_its_own(names):
    found = unique(names)
    assert len(set(found)) == len(found) == len(names)
    assert all(new.startswith(old) for new, old in zip(found, names, strict=True))
    assert found[:1] == names[:1]


@given(NAMES)
def test_labels_of_a_figure_all_differ(names):
    found = distinct(names)
    assert len(set(found)) == len(names)


@pytest.mark.parametrize(("names", "differ"), [(["a", "a"], ["a", "a (2)"]), (["a", "a (2)", "a"], ["a", "a (2)", "a (3)"])])
def test_a_number_that_is_taken_is_passed_over(names, differ):
    assert unique(names) == differ

"""Does the picture of block means carry the numbers, the topics and where its colours end?"""

import numpy as np

from dashboard.figures.means import Cells, block_means


def test_block_means_carry_rows_topics_and_the_limit_of_the_colours():
    values = np.arange(12.0).reshape(3, 4)
    drawn = block_means(values, Cells([1, 11, 21], [1, 1, 2, 3], 6.0, "<b>posts</b>"), name="X")
    heat = drawn.figure.data[0]
    np.testing.assert_array_equal(np.asarray(heat.z), np.minimum(values, 6))
    assert list(heat.y) == [1, 11, 21]
    assert (heat.zmin, heat.zmax) == (0, 6)
    assert "<b>" not in drawn.figure.layout.yaxis.title.text
    assert drawn.note == "Colours end at 6, the 99th percentile of X's."
    table = drawn.table()
    assert list(table.columns[1:]) == ["group 1, topic 1", "group 2, topic 1", "group 3, topic 2", "group 4, topic 3"]
    np.testing.assert_array_equal(table.iloc[:, 1:], values)


def test_a_residual_diverges_at_zero():
    drawn = block_means(np.array([[-3.0, 2.0]]), Cells([1], [1, 2], 1.0), name="X − WH", signed=True)
    assert (drawn.figure.data[0].zmin, drawn.figure.data[0].zmax) == (-1, 1)
    np.testing.assert_array_equal(np.asarray(drawn.figure.data[0].z), [[-1, 1]])

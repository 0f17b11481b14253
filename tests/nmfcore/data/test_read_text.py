"""Text tables of every dialect are read right with notes, or refused with the place and a way out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nmfcore.data import Limits, UploadError, read_matrix
from nmfcore.data.readers.numbers import Numbers, sniff_decimal

NAN = float("nan")


def read(text, name="table.csv", **options):
    return read_matrix(text.encode() if isinstance(text, str) else text, name=name, **options)


def said(table, words):
    return any(words in note for note in table.notes)


GOOD = {
    # name: (file, values, row labels, column labels, part of a note or None)
    "comma": ("a,b\n1,2\n3,4\n", [[1, 2], [3, 4]], None, ["a", "b"], None),
    "tab": ("a\tb\n1\t2\n", [[1, 2]], None, ["a", "b"], None),
    "bar": ("a|b\n1|2\n3|4\n", [[1, 2], [3, 4]], None, ["a", "b"], None),
    "colon": ("a:b\n1:2\n3:4\n", [[1, 2], [3, 4]], None, ["a", "b"], None),
    "spaces": ("  1.5   2\n  3    4\n", [[1.5, 2], [3, 4]], None, None, "no header"),
    "named by its first line": ("sep=;\na;b\n1;2\n", [[1, 2]], None, ["a", "b"], "names the delimiter"),
    "decimal comma": ("a;b\n1,5;2\n3;4,25\n", [[1.5, 2], [3, 4.25]], None, ["a", "b"], "decimal commas"),
    "decimal comma and thousands": ("a;b\n1.234,5;2\n3;4,25\n", [[1234.5, 2], [3, 4.25]], None, ["a", "b"], "groups of digits"),
    "thousands": ('a,b\n"1,234","5"\n"2,500.5","6"\n', [[1234, 5], [2500.5, 6]], None, ["a", "b"], "groups of digits"),
    "thin spaces": ("a;b\n1\u202f234;2\n3;4\n", [[1234, 2], [3, 4]], None, ["a", "b"], "groups of digits"),
    "percent": ("n,s\nA,45%\nB,50%\n", [[0.45], [0.5]], ["A", "B"], ["s"], "divided by 100"),
    "currency": ("a,b\n$1,2\n€3,4\n", [[1, 2], [3, 4]], None, ["a", "b"], "currency"),
    "true and false": ("a,b\nTRUE,1\nfalse,2\n", [[1, 1], [0, 2]], None, ["a", "b"], "true or false"),
    "missing": ("a,b\n1,-\n?,4\n", [[1, NAN], [NAN, 4]], None, ["a", "b"], "2 of 4 cells are missing"),
    "missing in other words": ("a,b,c\n1,NA,#DIV/0!\nn/a,4,null\n2,2,2\n", [[1, NAN, NAN], [NAN, 4, NAN], [2, 2, 2]], None,
                               ["a", "b", "c"], "error of the spreadsheet"),
    "negative": ("a,b\n-1,2\n3,4\n", [[-1, 2], [3, 4]], None, ["a", "b"], "1 entry is negative"),
    "no header": ("1,2,3\n4,5,6\n", [[1, 2, 3], [4, 5, 6]], None, None, "no header"),
    "numbered header": ("0,1,2\n0.5,0.2,0.1\n0.3,0.2,0.9\n", [[0.5, 0.2, 0.1], [0.3, 0.2, 0.9]], None, ["0", "1", "2"], "header"),
    "years as header": ("gene\t2001\t2002\nX\t1\t2\nY\t3\t4\n", [[1, 2], [3, 4]], ["X", "Y"], ["2001", "2002"],
                        "taken for the header"),
    "pandas index": (",a,b\n0,1,2\n1,3,4\n", [[1, 2], [3, 4]], ["0", "1"], ["a", "b"], "taken for their labels"),
    "R's header": ('"a" "b"\n"x" 1 2\n"y" 3 4\n', [[1, 2], [3, 4]], ["x", "y"], ["a", "b"], "one name less"),
    "commented header": ("# a b\n1 2\n3 4\n", [[1, 2], [3, 4]], None, ["a", "b"], None),
    "comments": ("# one\n# two\na,b\n1,2\n", [[1, 2]], None, ["a", "b"], "2 lines before the table skipped"),
    "title and footnote": ("Report 2024\n\na,b\n1,2\n3,4\nSource: us\n", [[1, 2], [3, 4]], None, ["a", "b"],
                           "after the table skipped"),
    "title above decimal commas": ("Title\n\nx;y\n1,5;2\n3,5;4\n", [[1.5, 2], [3.5, 4]], None, ["x", "y"], "before the table"),
    "a title in a spreadsheet's export": ("Sales,,\n,,\nn,a,b\nx,1,2\n", [[1, 2]], ["x"], ["a", "b"], "before the table skipped"),
    "a code for missing": ("a,b\n1,-999\n-999,4\n", [[1, -999], [-999, 4]], None, ["a", "b"], "often stands for a missing value"),
    "delimiter at line ends": ("a,b,\n1,2,\n3,4,\n", [[1, 2], [3, 4]], None, ["a", "b"], "at the end of each line"),
    "quoted newline": ('n,"a\nb",c\nx,1,2\n', [[1, 2]], ["x"], ["a\nb", "c"], None),
    "quotes after spaces": ('n, "a, b", c\n"x", 1, 2\n"y", 3, 4\n', [[1, 2], [3, 4]], ["x", "y"], ["a, b", "c"], None),
    "single quotes": ("'n','a'\n'x, y','1'\n'z','2'\n", [[1], [2]], ["x, y", "z"], ["a"], "single quotes"),
    "times": ("time,a\n12:00,1\n12:30,2\n", [[1], [2]], ["12:00", "12:30"], ["a"], "row labels"),
    "numbered names": ("ID,Name,Score\n1,Ann,5\n2,Bob,6\n", [[5], [6]], ["Ann", "Bob"], ["Score"], "'ID' holds identifiers"),
    "old Mac lines": ("a,b\r1,2\r3,4\r", [[1, 2], [3, 4]], None, ["a", "b"], None),
    "empty lines": ("a,b\r\n1,2\r\n\r\n3,4\r\n", [[1, 2], [3, 4]], None, ["a", "b"], "1 empty line skipped"),
    "text column": ("u,v,kind\n5,3,x\n4,3,x\n6,3,y\n", [[5, 3], [4, 3], [6, 3]], None, ["u", "v"], "'kind' holds text"),
    "dates as labels": ("day,v\n2024-01-01,1\n2024-01-02,3\n", [[1], [3]], ["2024-01-01", "2024-01-02"], ["v"], "row labels"),
    "the label NA": ("n,a\nNA,1\nnull,2\n", [[1], [2]], ["NA", "null"], ["a"], "row labels"),
    "repeated labels": ("n,a,a\nx,1,2\nx,3,4\n", [[1, 2], [3, 4]], ["x", "x"], ["a", "a"], "more than once"),
    "column without values": ("a,b,c\n1,,3\n4,,6\n", [[1, 3], [4, 6]], None, ["a", "c"], "without any value"),
    "one column": ("x\n1\n2\n", [[1], [2]], None, ["x"], None),
    "other digits": ("a,b\n\u0967,\u0968\n3,4\n", [[1, 2], [3, 4]], None, ["a", "b"], None),
    "large whole numbers": ("a,b\n1,9007199254740993\n3,4\n", [[1, 2.0**53], [3, 4]], None, ["a", "b"], "beyond 2^53"),
    "markup and emoji": ("<b>x</b>,\U0001f389\n1,2\n", [[1, 2]], None, ["<b>x</b>", "\U0001f389"], None),
    "UTF-8 with mark": ("\ufeffa,b\n1,2\n".encode(), [[1, 2]], None, ["a", "b"], "UTF-8"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), [[1, 2]], None, ["a", "b"], "UTF-16"),
    "UTF-16 without mark": ("a,b\n1,2\n3,4\n".encode("utf-16-le"), [[1, 2], [3, 4]], None, ["a", "b"], "UTF-16"),
    "UTF-32": ("a,b\n1,2\n".encode("utf-32"), [[1, 2]], None, ["a", "b"], "UTF-32"),
    "cp1252": ("größe,€\n1,2\n".encode("cp1252"), [[1, 2]], None, ["größe", "€"], "cp1252"),
    "latin-1": (b"a\x81,b\xe9\n1,2\n", [[1, 2]], None, ["a\x81", "bé"], "latin-1"),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_a_dialect_is_read_right_and_says_what_it_assumed(case):
    content, values, rows, columns, note = GOOD[case]
    table = read(content)
    assert_array_equal(table.X, np.array(values, float))
    assert table.row_labels == rows
    assert table.column_labels == columns
    assert note is None or said(table, note), table.notes


BAD = {
    # name: (file, place, part of the message, an option among the fixes or None)
    "short first row": ("1,2\n3,4,5\n6,7,8\n", "line 1", "Line 1 has 2 columns", "ragged"),
    "short row": ("a,b,c\n1,2,3\n4,5\n", "line 3", "Line 3 has 2 columns, the others 3", "ragged"),
    "long row": ("a,b\n1,2\n3,4,5,6\n", "line 3", "has 4 columns, the others 2", "ragged"),
    "truncated last row": ("a,b\n" + "1,2\n" * 10 + "3", "line 12", "has 1 column", "ragged"),
    "text among numbers": ("a,b\n1,2\n3,x\n4,5\n", "line 3, column 2 ('b')", "text among the numbers", "unparseable"),
    "both decimal signs": ("a;b\n1,5;2.5\n3,5;4\n", "line 2, column 2", "text among the numbers", "decimal"),
    "infinite": ("a,b\n1,inf\n2,3\n", "line 2, column 2", "infinite or beyond 1e150", "infinite"),
    "huge": ("a,b\n1,1e308\n2,3\n", "line 2, column 2", "1e+308", "infinite"),
    "open quote": ('a,b\n1,2\n"3,4\n', "line 3", "never closed", "quote"),
    "NUL": ("a,b\n1,2\n3,4\x00\n", "line 3, character 4", "NUL", "nul"),
    "header only": ("a,b\n", "line 1", "a header but no rows", "header"),
    "text only": ("a,b\nx,y\nz,w\n", "", "No column holds numbers", "text_column"),
    "all missing": ("a,b\n1,NA\n", None, None, None),
    "nothing": ("", "", "0 bytes", None),
    "blank lines": ("\n\n \n", "", "empty", None),
    "delimiters only": (",,,\n,,,\n", "", "no content", None),
    "web page": ("<!DOCTYPE html><html>403</html>", "", "web page", None),
    "PDF": ("%PDF-1.4 \x00", "", "PDF", None),
    "pickle": (b"\x80\x04\x95\x00\x00", "", "pickle, which can run code", None),
    "old Excel": (b"\xd0\xcf\x11\xe0" + bytes(600), "", ".xls", None),
    "junk": (bytes(range(256)) * 20, "", "not a text file", None),
    "too many columns": (",".join(["1"] * 250_000), "line 1", "250,000 cells", None),
}


@pytest.mark.parametrize("case", [case for case in BAD if BAD[case][1] is not None])
def test_a_refusal_names_the_place_and_the_way_out(case):
    content, place, message, option = BAD[case]
    with pytest.raises(UploadError) as caught:
        read(content)
    error = caught.value
    assert message in error.message
    assert place in error.place
    assert error.way_out
    assert str(error) == error.message
    if option:
        assert any(option in fix.options for fix in error.fixes), error.fixes
        assert all(fix.label for fix in error.fixes)


@pytest.mark.parametrize(
    "case", [case for case in BAD if BAD[case][3] not in (None, "decimal", "text_column", "header", "quote")]
)
def test_a_fix_resolves_the_problem(case):
    content, _, _, option = BAD[case]
    with pytest.raises(UploadError) as caught:
        read(content)
    for fix in caught.value.fixes:
        if option in fix.options:
            assert read(content, **fix.options).notes


def test_overrides_win_over_guesses():
    assert read("1,2\n3,4\n", header=True).column_labels == ["1", "2"]
    assert read("a,b\n1,2\n", header=False, unparseable="missing").shape == (2, 2)
    assert read("a,b\n1,2\n3,4\n", index_column="b").row_labels == ["2", "4"]
    assert read("n,b\nx,2\ny,4\n", index_column=False, drop_columns=["n"]).row_labels is None
    assert read("x\ny\na,b\n1,2\n", skip_lines=2).column_labels == ["a", "b"]
    assert_array_equal(read("a;b\n1.234;2\n", decimal=",").X, [[1234, 2]])
    assert_array_equal(read("a,b\n-999,2\n3,4\n", missing_tokens=["-999"]).X, [[NAN, 2], [3, 4]])
    assert read("größe,b\n1,2\n".encode("cp437"), encoding="cp437").column_labels[0] == "größe"
    with pytest.raises(TypeError, match="no option 'colour'"):
        read("a\n1\n", colour=1)
    with pytest.raises(ValueError, match="ragged is 'x'"):
        read("a\n1\n", ragged="x")
    with pytest.raises(UploadError, match="no encoding 'klingon'"):
        read("a\n1\n", encoding="klingon")
    with pytest.raises(UploadError, match="There is no column 'c'"):
        read("a,b\n1,2\n", index_column="c")


def test_what_was_understood_is_told():
    table = read("Title\n\nn;x\nA;1,5\nB;2\n")
    found = table.understood
    assert found["delimiter"] == ";"
    assert found["decimal"] == ","
    assert found["header"] is True
    assert found["index_column"] == "n"
    assert found["encoding"] == "utf-8"
    assert found["shape"] == [2, 1]
    assert found["density"] == 1
    assert found["skipped"] == 1
    assert found["first_rows"][0] == ["Title"]


def test_a_corpus_is_one_document_per_line():
    table = read("I like cats, and dogs.\nStocks fell today.\n\nIt rained.\n", name="posts.txt")
    assert table.content == "documents"
    assert table.documents == ["I like cats, and dogs.", "Stocks fell today.", "It rained."]
    assert table.matrix.shape[0] == 3
    assert "rained" in table.terms


def test_a_column_of_texts_is_a_corpus_with_labels_beside_it():
    text = "review,stars\nthe film was long and rather dull for me,2\nI loved each minute of this one very much,5\n"
    table = read(text)
    assert table.content == "documents"
    assert table.aside["stars"] == ["2", "5"]
    assert read(text, content="matrix").shape == (2, 1)
    chosen = read("a,b\nx y,p q\nz,w\n", text_column="b", label_column="a")
    assert chosen.documents == ["p q", "w"]
    assert chosen.aside["a"] == ["x y", "z"]


RATINGS = [
    "userId,movieId,rating,timestamp\n1,2,3.5,1112\n1,3,0,1113\n2,2,5,1114\n",
    "Ann,Jaws,3.5\nAnn,Fargo,0\nBob,Jaws,5\nBob,Heat,1\n",
    "1\t2\t3.5\t881250949\n1\t3\t0\t891717742\n2\t2\t5\t878887116\n",
]


@pytest.mark.parametrize("text", RATINGS)
def test_ratings_become_a_matrix_whose_gaps_are_missing(text):
    table = read(text)
    assert table.content == "ratings"
    assert table.absent == "missing"
    assert table.X[0, 0] == 3.5
    assert table.mask[0, 1] == 1  # a rating of 0 is a rating
    assert table.mask[1, 1] == 0


def test_repeated_ratings_are_averaged_and_noted():
    table = read("user,item,rating\na,x,1\na,x,3\nb,x,5\n")
    assert table.X[0, 0] == 2
    assert said(table, "more than once")


def test_a_mostly_empty_table_stays_sparse():
    rows = [",".join("1" if j == i else "0" for j in range(1100)) for i in range(1000)]
    table = read("\n".join(rows), isolate=False)
    assert table.sparse
    assert table.X.nnz == 1000
    assert said(table, "kept sparse")


def test_limits_are_checked_and_named():
    with pytest.raises(UploadError, match="at most 1 MB"):
        read_matrix(bytes(2_000_000), name="x", limits=Limits(upload_bytes=2**20))
    with pytest.raises(UploadError, match="more than 100 rows"):
        read("a,b\n" + "1,2\n" * 200_000, limits=Limits(rows=100), isolate=False)
    with pytest.raises(UploadError, match="more than 1,000 cells"):
        read("\n".join(["1," * 50 + "1"] * 8000), limits=Limits(dense_cells=1000), isolate=False)


def test_long_labels_are_cut_with_a_note():
    table = read("n,a\n" + "x" * 20_000 + ",1\ny,2\n")
    assert len(table.row_labels[0]) == 10_000
    assert said(table, "cut to 10,000 characters")


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("NMF_LIMIT_ROWS", "5")
    assert Limits.from_environment().rows == 5
    monkeypatch.setenv("NMF_LIMIT_ROWS", "many")
    with pytest.raises(ValueError, match="NMF_LIMIT_ROWS is 'many'"):
        Limits.from_environment()


def test_one_place_per_file_is_read_from_streams_and_paths(tmp_path):
    import io

    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    stream = io.BytesIO(b"a,b\n1,2\n")
    stream.name = "t.csv"
    for file in (path, str(path), stream, path.read_bytes()):
        table = read_matrix(file)
        assert_array_equal(table.X, [[1, 2]])
    with pytest.raises(UploadError, match=r"no file 'gone\.csv'"):
        read_matrix(tmp_path / "gone.csv")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.floats(-1e100, 1e100), min_size=2, max_size=5), min_size=2, max_size=6).filter(
        lambda rows: len({len(row) for row in rows}) == 1
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
)
def test_numbers_come_back_as_they_were_written(rows, delimiter, comma):
    comma = comma and delimiter != ","
    header = delimiter.join(f"name {j}" for j in range(len(rows[0])))
    lines = [delimiter.join(repr(value).replace(".", "," if comma else ".") for value in row) for row in rows]
    table = read("\n".join([header, *lines]) + "\n", decimal="," if comma else ".")
    assert_array_equal(table.X, np.array(rows))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet="0123456789,.;\t \n\"'-+eEna#/x\r", max_size=200).map(str.encode))
def test_any_bytes_load_or_are_refused_in_a_sentence(content):
    refusal = None
    try:
        table = read(content)
    except UploadError as error:
        refusal = error
    if refusal:
        assert refusal.way_out
        assert "cannot be read (" not in refusal.message  # a failure nobody foresaw
    else:
        assert table.X is not None or table.documents


def test_the_decimal_sign_is_settled_by_evidence():
    assert sniff_decimal(["1,5", "2"], ";")[0] == ","
    assert sniff_decimal(["1.5", "2"], ";")[0] == "."
    assert sniff_decimal(["1.234.567"], ";")[0] == ","
    assert sniff_decimal(["1,234,567"], ";")[0] == "."
    decimal, _, note = sniff_decimal(["1,234", "5,678"], ";")
    assert decimal == ","
    assert "semicolons" in note  # a guess, and it says so


@pytest.mark.parametrize("text", ["1_000", "0x1F", "1+2j", "one", "1.2.3", "--5", "(5)", "1e", "٫"])
def test_what_is_no_number_is_not_read_as_one(text):
    assert Numbers().value(text) is None


def test_spaces_inside_labels_do_not_divide_cells():
    """'user,item,rating' with 'film 1' as an item was read as spaces with decimal commas: u0,film | 1,4."""
    table = read_matrix(b"user,item,rating\nu0,film 1,4\nu0,film 2,3\nu1,film 1,5\nu1,film 3,2\n")
    assert table.content == "ratings"
    assert table.column_labels == ["film 1", "film 2", "film 3"]


def test_decimal_commas_between_spaces_are_not_taken_for_delimiters():
    """ "1,5 2,5 3,5" was once read as the cells 1, "5 2", "5 3" and 5."""
    table = read_matrix(b"1,5 2,5 3,5\n2,5 3,5 4,5\n0,5 1,5 2,25\n")
    np.testing.assert_array_equal(table.X, [[1.5, 2.5, 3.5], [2.5, 3.5, 4.5], [0.5, 1.5, 2.25]])
    thousands = read_matrix(b"a,b,c\n1 234,5 678,9 012\n2 345,6 789,1 023\n")
    np.testing.assert_array_equal(thousands.X, [[1234, 5678, 9012], [2345, 6789, 1023]])

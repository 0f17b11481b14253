"""Workbooks and HDF5 files as other programs write them, part by part: what each part says, and what is wrong with one that lies.

The workbooks are written here as XML, since a library that writes them never writes what is wrong; dates are held against
openpyxl, which reads the same file.
"""

import io
import zipfile

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore.data.model.errors import UploadError
from nmfcore.data.model.limits import Limits
from nmfcore.data.readers import arff, delimited
from nmfcore.data.readers.options import ReadOptions
from nmfcore.data.readers.source import Source
from nmfcore.data.reading import read_matrix

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def read(file, name, **options):
    return read_matrix(file, name=name, isolate=False, **options)


def workbook(rows, texts="", properties="", styles="", after="", target="worksheets/sheet1.xml"):
    """An .xlsx file whose one sheet has these rows, as XML."""
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{SHEET}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{SHEET}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{SHEET}.styles+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{SHEET}.sharedStrings+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr {properties}/><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="{target}"/>'
        f'<Relationship Id="r2" Type="{OFFICE}/styles" Target="styles.xml"/>'
        f'<Relationship Id="r3" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{after}</worksheet>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>',
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>'
NUMBERS = (
    '<row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>2.5</v></c></row><row r="3"><c r="A3"><v>3</v></c><c r="B3"><v>4</v></c></row>'
)
DATES = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'


def test_cells_without_a_place_follow_each_other():
    """LibreOffice and others leave the places out."""
    table = read(
        workbook(HEAD + "<row><c><v>1</v></c><c><v>2.5</v></c></row><row><c><v>3</v></c><c><v>4</v></c></row>"), "x.xlsx"
    )
    np.testing.assert_array_equal(table.X, [[1, 2.5], [3, 4]])
    assert list(table.column_labels) == ["a", "b"]


def test_shared_texts_are_put_together_without_their_reading_aid():
    """Rich text lies in pieces; Japanese texts carry how they are read beside them (rPh)."""
    texts = "<si><r><t>two </t></r><r><t>parts</t></r></si><si><t>東京</t><rPh><t>トウキョウ</t></rPh></si>"
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>' + NUMBERS
    assert list(read(workbook(rows, texts), "x.xlsx").column_labels) == ["two parts", "東京"]


@pytest.mark.filterwarnings("ignore:Workbook contains no default style")
@pytest.mark.parametrize(("properties", "first"), [("", "2024-01-01"), ('date1904="1"', "2028-01-02")])
def test_days_are_counted_from_where_the_workbook_says(properties, first):
    """Workbooks of old Macintoshs count from 1904; pandas reads the same days."""
    days = "".join(f'<row r="{i}"><c r="A{i}" s="1"><v>{45290 + i}</v></c><c r="B{i}"><v>{i}</v></c></row>' for i in (2, 3))
    book = workbook(HEAD + days, properties=properties, styles=DATES)
    assert read(book, "x.xlsx").row_labels[0] == first
    openpyxl = pytest.importorskip("openpyxl")
    other = openpyxl.load_workbook(io.BytesIO(book), data_only=True)["S"]["A2"]
    assert str(other.value)[:10] == first


def test_a_day_beyond_the_calendar_stays_a_number():
    rows = HEAD + NUMBERS.replace('<c r="A2"><v>1</v>', '<c r="A2" s="1"><v>9e12</v>')
    np.testing.assert_array_equal(read(workbook(rows, styles=DATES), "x.xlsx").X, [[9e12, 2.5], [3, 4]])


def test_a_table_further_right_begins_there_and_says_so():
    rows = "".join(
        f'<row r="{i}"><c r="C{i}"><v>{i}</v></c><c r="D{i}"><v>{2 * i}</v></c></row>' for i in (1, 2, 3)
    )  # fmt: skip
    table = read(workbook(rows), "x.xlsx", header=False)
    np.testing.assert_array_equal(table.X, [[1, 2], [2, 4], [3, 6]])
    assert any("begins in column C" in note for note in table.notes)


def test_merged_cells_are_told():
    merged = '<mergeCells count="2"><mergeCell ref="A2:A3"/><mergeCell ref="B2:B3"/></mergeCells>'
    table = read(workbook(HEAD + NUMBERS, after=merged), "x.xlsx")
    assert any(note.startswith("2 merged areas: only the first cell") for note in table.notes)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (HEAD + NUMBERS.replace("<v>2.5</v>", "<v>2,5</v>"), "A cell of numbers holds something else (cell B2: '2,5')"),
        (HEAD + NUMBERS.replace('<c r="B2">', '<c r="B2" t="s">'), "points to a text that is not there (cell B2)"),
        (HEAD + NUMBERS.replace("<v>2.5</v>", "<v>7</v>").replace('<c r="B2">', '<c r="B2" t="s">'), "text that is not there"),
    ],
)
def test_a_cell_that_lies_is_refused_with_its_place(rows, words):
    with pytest.raises(UploadError) as caught:
        read(workbook(rows), "x.xlsx")
    assert words in str(caught.value)


def test_a_workbook_whose_sheet_is_missing_is_refused():
    with pytest.raises(UploadError, match="no sheet with cells"):
        read(workbook(HEAD + NUMBERS, target="worksheets/gone.xml"), "x.xlsx")


# -- HDF5 ----------------------------------------------------------------------------------------------------------------

X = sp.csr_array(np.array([[1.0, 0, 2, 0], [0, 0, 3, 0], [4, 5, 0, 6]]))


def h5ad(change=None):
    h5py = pytest.importorskip("h5py")
    stream = io.BytesIO()
    with h5py.File(stream, "w") as opened:
        group = opened.create_group("X")
        group.attrs["encoding-type"], group.attrs["shape"] = "csr_matrix", X.shape
        for part in ("data", "indices", "indptr"):
            group[part] = getattr(X, part)
        for side, labels in (("obs", ["c1", "c2", "c3"]), ("var", ["g1", "g2", "g3", "g4"])):
            opened.create_group(side).attrs["_index"] = "_index"
            opened[side]["_index"] = labels
        if change is not None:
            change(opened)
    return stream.getvalue()


def replaced(place, value):
    def change(opened):
        if place in opened:
            del opened[place]
        opened[place] = value

    return change


def of_kind(kind):
    return lambda opened: opened["X"].attrs.__setitem__("encoding-type", kind)


def of_shape(*shape):
    return lambda opened: opened["X"].attrs.__setitem__("shape", shape)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (of_kind("coo_matrix"), "is stored as 'coo_matrix'"),
        (of_shape(3), "shape"),
        (of_shape(3, 9_000_000), "columns"),
        (of_shape(3, 3), "out of range: column 3 of 3"),
        (of_shape(2, 4), "4 entries in indptr, but 2 rows need 3"),
        (replaced("X/data", ["a"] * 6), "not numbers"),
        (replaced("X/data", np.ones((6, 1))), "one dimension"),
        (lambda opened: opened.__delitem__("X/indptr"), "indptr"),
        (lambda opened: opened.__delitem__("X"), "no matrix X and no layer"),
        (replaced("X", np.ones(12)), "rows and columns"),
    ],
)
def test_a_matrix_that_lies_about_itself_is_refused(change, words):
    with pytest.raises(UploadError) as caught:
        read(h5ad(change), "x.h5ad")
    assert words in str(caught.value)
    assert caught.value.way_out


@pytest.mark.parametrize(
    ("place", "value"),
    [("obs/short", np.arange(2)), ("obs/deep", np.ones((3, 2, 2)))],
)
def test_a_column_that_does_not_fit_is_left_out_with_a_note(place, value):
    table = read(h5ad(replaced(place, value)), "x.h5ad")
    np.testing.assert_array_equal(table.X.toarray(), X.toarray())
    name = place.partition("/")[2]
    assert name not in table.aside
    assert any(f"column {name!r} of obs is left out" in note for note in table.notes)


def categories(codes, names=("a", "b")):
    def change(opened):
        group = opened["obs"].create_group("kind")
        group["categories"], group["codes"] = list(names), np.asarray(codes)

    return change


@pytest.mark.parametrize(
    ("codes", "kept"),
    [([1, 0, -1], ["b", "a", ""]), ([1, 0, 2], None), ([1, 0, -2], None), ([1, 0], None), ([0.0, 1.0, 0.0], None)],
)
def test_categories_are_read_by_their_codes_and_left_out_where_a_code_has_none(codes, kept):
    table = read(h5ad(categories(codes)), "x.h5ad")
    assert table.aside.get("kind") == kept
    assert kept is not None or any("'kind'" in note for note in table.notes)


def test_nullable_numbers_have_gaps():
    """What pandas writes for Int64 columns: values, and a mask of what is missing."""

    def change(opened):
        group = opened["obs"].create_group("depth")
        group["values"], group["mask"] = np.array([3, 0, 5]), np.array([False, True, False])

    assert read(h5ad(change), "x.h5ad").aside["depth"] == ["3", "", "5"]


def test_facts_of_old_files_are_records():
    """AnnData before 0.7 wrote obs as one array of records."""

    def change(opened):
        del opened["obs"]
        opened["obs"] = np.array([(b"c1", 1.5), (b"c2", 2.5), (b"c3", 3.5)], [("index", "S2"), ("depth", "f8")])

    table = read(h5ad(change), "x.h5ad")
    assert table.row_labels == ["c1", "c2", "c3"]
    assert table.aside == {"depth": ["1.5", "2.5", "3.5"]}


def test_a_layer_stands_in_for_a_matrix_that_is_not_there():
    def change(opened):
        del opened["X"]
        opened.create_group("layers")["counts"] = 2 * X.toarray()

    np.testing.assert_array_equal(np.asarray(read(h5ad(change), "x.h5ad").X), 2 * X.toarray())


# -- ARFF ----------------------------------------------------------------------------------------------------------------


def arff_of(*lines):
    return arff.read(Source("x.arff", content="\n".join(lines).encode()), ReadOptions(), Limits())


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("@relation r", "@data", "1,2"), "The file has no attributes (line 2)"),
        (
            ("@relation r", "@attribute bag relational", "@attribute a numeric", "@data", "1"),
            "Relational attributes are not read",
        ),
        (("@relation r", "@attribute a numeric", "@attribute b numeric", "@data", "{5 1}"), "line 5"),
    ],
)
def test_an_arff_file_that_cannot_be_says_where(lines, words):
    with pytest.raises(UploadError) as caught:
        arff_of(*lines)
    assert words in str(caught.value)


def test_comments_and_blank_lines_are_no_rows():
    table = arff_of("@relation r", "@attribute a numeric", "@attribute b numeric", "@data", "% said", "1,2", "", "3,4")
    np.testing.assert_array_equal(table.X, [[1, 2], [3, 4]])


# -- text in the wrong encoding -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8", "cp1252"])
def test_a_table_is_the_same_in_every_encoding(encoding):
    text = "Ort;Süß;Käse\nKöln;1,5;2\nMünchen;3;4,5\n"
    table = delimited.read(Source("x.csv", content=text.encode(encoding)), ReadOptions(), Limits())
    assert (table.row_labels, list(table.column_labels)) == (["Köln", "München"], ["Süß", "Käse"])
    np.testing.assert_array_equal(table.X, [[1.5, 2], [3, 4.5]])


def test_one_damaged_character_in_good_utf8_is_shown_and_not_taken_for_another_encoding():
    good = "\n".join(["name,wert,größe", *(f"Käse {i},{i},{i + 0.5}" for i in range(9))]).encode()
    table = delimited.read(Source("x.csv", content=good.replace(b"K\xc3\xa4se 5", b"K\xe4se 5")), ReadOptions(), Limits())
    assert table.row_labels[4] == "Käse 4"
    assert "\ufffd" in table.row_labels[5]
    assert any("line 7" in note for note in table.notes)

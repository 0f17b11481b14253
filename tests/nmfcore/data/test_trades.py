"""The ordinary files of each trade give the right matrix, or a question, or a refusal by name. One case per kind."""

# ruff: noqa: E501  (the inputs stand as they do in files)

import io

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import normalized_mutual_info_score

import nmfcore
from nmfcore.data import UploadError, as_dataset, read_matrix

NAN = float("nan")


def read(file, name="t.csv", **options):
    return read_matrix(file.encode() if isinstance(file, str) else file, name=name, isolate=False, **options)


def asked(table, key):
    """The choices of a question, the one that was taken first."""
    return next(question.choices for question in table.questions if question.key == key)


def said(table, words):
    return any(words in note for note in table.notes)


# --- the header -----------------------------------------------------------------------------------------------------------

OTU = "#OTU ID\tS1\tS2\nA\t1\t2\nB\t3\t4\nC\t5\t6\n"


@pytest.mark.parametrize(
    "above", ["", "# made by x\n", "# made by x\n# on monday\n", "# Constructed from biom file\n", "# a, b\n" * 9]
)
def test_a_header_behind_a_comment_sign_belongs_to_the_table(above):
    table = read(above + OTU, "otu.tsv")
    assert_array_equal(table.X, [[1, 2], [3, 4], [5, 6]])
    assert table.row_labels == ["A", "B", "C"]
    assert table.column_labels == ["S1", "S2"]


def test_a_commented_header_may_hold_numbers_and_a_commented_row_of_numbers_is_no_header():
    years = read("# x\n#id,2019,2020\na,1,2\nb,3,4\n")
    assert years.column_labels == ["2019", "2020"]
    data = read("#1,2,3\n4,5,6\n7,8,9\n")
    assert data.column_labels is None
    assert_array_equal(data.X, [[4, 5, 6], [7, 8, 9]])
    assert said(data, "skipped: '#1 2 3'")


TWO = ",AAPL,AAPL,MSFT,MSFT\n,OPEN,CLOSE,OPEN,CLOSE\n0,1,2,3,4\n1,2,3,4,5\n2,3,4,5,6\n3,4,5,6,7\n"


def test_two_header_rows_are_joined_and_asked_about():
    table = read(TWO)
    assert table.shape == (4, 4)
    assert table.column_labels == ["AAPL OPEN", "AAPL CLOSE", "MSFT OPEN", "MSFT CLOSE"]
    assert not said(table, "as you chose")
    joined, skipped, _ = asked(table, "header rows")
    assert joined.options == {"header_rows": 2}
    assert read(TWO, **joined.options).column_labels == table.column_labels
    other = read(TWO, **skipped.options)
    assert other.shape == (4, 4)
    assert other.column_labels == ["OPEN", "CLOSE", "OPEN", "CLOSE"]
    merged = read(TWO.replace("AAPL,AAPL,MSFT,MSFT", "AAPL,,MSFT,"))
    assert merged.column_labels == table.column_labels


def test_units_below_the_names_belong_to_the_header():
    table = read("name,height,weight\n,cm,kg\na,1,2\nb,3,4\nc,5,6\n")
    assert table.column_labels == ["height cm", "weight kg"]
    assert_array_equal(table.X, [[1, 2], [3, 4], [5, 6]])


def test_a_header_shorter_than_its_rows_is_no_title():
    with pytest.raises(UploadError, match="The header has 2 names, but the rows have 3 cells"):
        read("a,b\n1,2,3\n4,5,6\n")


def test_a_table_that_is_all_missing_keeps_its_header():
    with pytest.raises(UploadError, match=r"missing|No column holds numbers"):
        read("a,b\n,NA\nNA,\n")
    assert read("a,b,c\n1,,\n2,NA,\n").column_labels == ["a"]


# --- what a column is ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["ID,Name\n1,Ann\n2,Bob\n", "id,q1,q2\n1,Agree,Never\n2,Agree,Often\n3,Neutral,Never\n"])
def test_an_identifier_is_no_matrix(text):
    with pytest.raises(UploadError, match="No column holds numbers") as caught:
        read(text)
    fix = next(fix for fix in caught.value.fixes if "features" in fix.options)
    assert read(text, **fix.options).shape[1] == 1


def test_identifiers_beside_numbers_are_facts():
    table = read("name,customer_id,x,y\nAnn,7,1,2\nBob,9,3,4\nCid,7,5,6\n")
    assert table.column_labels == ["x", "y"]
    assert table.aside == {"customer_id": ["7", "9", "7"]}
    assert read("name,customer_id,x\nAnn,7,1\nBob,9,3\n", features=["customer_id"]).column_labels == ["customer_id", "x"]
    assert read("n,acid,fluid\na,1,2\nb,3,4\n").column_labels == ["acid", "fluid"]


def test_classes_written_as_numbers_are_facts():
    table = read("label,p1,p2\n0,1,2\n1,3,4\n0,5,6\n1,7,8\n")
    assert table.column_labels == ["p1", "p2"]
    assert as_dataset(table, classes="label").classes.names == ("0", "1")
    assert read("label\n0\n1\n0\n1\n").column_labels == ["label"]
    assert read("yes,no,code\n1,0,3\n0,1,4\n1,1,3\n").column_labels == ["yes", "no", "code"]


def test_rs_row_names_are_labels():
    table = read('"a","b"\n"1",1.5,2\n"2",3,4\n"3",5,6\n')
    assert table.row_labels == ["1", "2", "3"]
    assert table.column_labels == ["a", "b"]


def test_codes_with_zeros_in_front_are_no_numbers():
    table = read("city,zip,x,y\nA,01234,1,2\nB,98765,3,4\n")
    assert table.column_labels == ["x", "y"]
    assert table.aside["zip"] == ["01234", "98765"]


def test_what_is_a_fact_and_what_a_feature_can_be_chosen():
    text = "name,year,a,b,kind\nu,2019,1,2,x\nv,2020,3,4,y\n"
    assert read(text).column_labels == ["year", "a", "b"]
    table = read(text, facts=["year"])
    assert table.column_labels == ["a", "b"]
    assert list(table.aside) == ["year", "kind"]
    assert table.understood["roles"] == {"name": "label", "year": "fact", "a": "feature", "b": "feature", "kind": "fact"}
    assert [fact.kind for fact in as_dataset(table).facts] == ["number", "category"]


def test_labels_that_repeat_are_a_fact_too():
    table = read("class,a,b\nx,1,2\ny,3,4\nx,5,6\n")
    assert table.row_labels == ["x", "y", "x"]
    assert as_dataset(table, classes="class").classes.names == ("x", "y")


def test_labels_that_read_like_values_are_labels():
    table = read("gene,a,b\nNA,1,2\nnan,3,4\nTRUE,5,6\ninf,7,8\n")
    assert table.row_labels == ["NA", "nan", "TRUE", "inf"]
    assert_array_equal(table.X, [[1, 2], [3, 4], [5, 6], [7, 8]])


FEATURE_COUNTS = (
    '# Program:featureCounts v2; Command:"featureCounts" "-a" "x.gtf"\nGeneid\tChr\tStart\tEnd\tStrand\tLength\ta.bam\tb.bam\n'
    "ENSG1\tchr1\t11869\t14409\t+\t1735\t4\t9\nENSG2\tchr1\t14404\t29570\t-\t1351\t12\t3\nENSG3\tchr2\t29554\t31109\t+\t1021\t0\t5\n"
)


def test_annotations_beside_counts_are_facts_and_asked_about():
    table = read(FEATURE_COUNTS, "counts.txt")
    assert table.column_labels == ["a.bam", "b.bam"]
    assert_array_equal(table.X, [[4, 9], [12, 3], [0, 5]])
    assert list(table.aside) == ["Chr", "Start", "End", "Strand", "Length"]
    assert said(table, "'Start', 'End', 'Length' say where a row lies, and are no counts")
    back = asked(table, "annotation")[1]
    assert read(FEATURE_COUNTS, "counts.txt", **back.options).column_labels == ["Start", "End", "Length", "a.bam", "b.bam"]


GAPS = "doc,a,b,c,kind\n" + "".join(
    f"d{i},{'5,0' if i % 2 else '0,4'},1,{kind}\n"
    for i, kind in enumerate(["x", "y", "", "y", "", "y", "x", "", "x", "y", "", "NA"])
)


def test_blank_and_na_labels_are_no_class():
    data = as_dataset(read(GAPS), classes="kind")
    assert data.classes.names == ("x", "y")
    known = data.classes.index >= 0
    assert known.sum() == 7
    assert_array_equal(data.classes.index[known], (data.X[known, 0] > 0).astype(int))
    assert any("5 of 12 rows have no known label" in note for note in data.notes)
    group = nmfcore.solve(data.X, rank=2, solver="hals", seed=0).W.argmax(axis=1)
    assert normalized_mutual_info_score(data.classes.index[known], group[known]) == pytest.approx(1.0)


# --- one decision for every format ----------------------------------------------------------------------------------------------


def frames():
    yield pd.DataFrame({"userId": [1, 1, 2, 3], "movieId": [10, 20, 10, 20], "rating": [4.0, 3, 5, 2]}), False
    yield pd.DataFrame({"s1": [1.0, 2, 3], "s2": [3, 4.0, 5]}, index=pd.Index([5, 17, 3], name="patient_id")), True
    yield pd.DataFrame({"name": ["u", "v", "w"], "customer_id": [3, 4, 4], "x": [1.0, 2, 3], "kind": ["p", "q", "p"]}), False
    yield pd.DataFrame({"document": ["a", "a", "b"], "term": ["s", "t", "t"], "count": [1, 2, 3]}), False
    yield pd.DataFrame({"day": pd.to_datetime(["2024-01-01", "2024-01-02"]), "x": [1, 2], "y": [True, False]}), False
    yield pd.DataFrame({"abstract": ["one long text about many things that are in it"] * 3, "year": [1, 2, 3]}), False


@pytest.mark.parametrize("frame", range(6))
def test_the_same_table_gives_the_same_matrix_whatever_it_was_saved_as(frame):
    frame, indexed = list(frames())[frame]
    stored, book, text = io.BytesIO(), io.BytesIO(), frame.to_csv(index=indexed)
    frame.to_parquet(stored)
    frame.to_excel(book, index=indexed)
    tables = [read(text), read(stored.getvalue(), "t.parquet"), read(book.getvalue(), "t.xlsx")]
    if not indexed:
        tables.append(read(frame.to_json(orient="records", date_format="iso"), "t.json"))
    first = tables[0]
    for table in tables[1:]:
        assert table.content == first.content
        assert table.shape == first.shape
        assert list(table.aside) == list(first.aside)
        assert table.column_labels == first.column_labels
        assert table.documents == first.documents
        if first.X is not None:
            dense = [one.X.toarray() if one.sparse else one.X for one in (table, first)]
            assert_array_equal(*dense)
        if frame.columns[0] != "day":
            assert table.row_labels == first.row_labels


def test_a_named_integer_index_is_the_row_labels():
    frame = pd.DataFrame({"s1": [1.0, 2, 3], "s2": [3, 4.0, 5]}, index=pd.Index([5, 17, 3], name="patient"))
    stored = io.BytesIO()
    frame.to_parquet(stored)
    table = read(stored.getvalue(), "t.parquet")
    assert table.row_labels == ["5", "17", "3"]
    assert_array_equal(table.X, frame.to_numpy())


# --- triples --------------------------------------------------------------------------------------------------------------------

MOVIELENS = "1::101::5::978300760\n1::102::3::978302109\n2::101::4::978301968\n2::103::1::978300275\n3::102::2::978824291\n"
AMAZON = "A1XK,0321732944,5.0,1341100800\nA2QQ,0439886341,1.0,1334707200\nA1XK,0439886341,3.0,1338508800\nA3ZB,0321732944,4.0,1341446400\n"
TIDY = "document,term,count\nd1,river,2\nd1,boat,1\nd2,boat,3\nd2,bank,1\nd3,river,1\nd3,bank,4\n"


def test_movielens_ratings_are_divided_by_two_colons():
    table = read(MOVIELENS, "ratings.dat")
    assert table.content == "ratings"
    assert_array_equal(table.X.toarray(), [[5, 3, 0], [4, 0, 1], [0, 2, 0]])
    assert table.column_labels == ["101", "102", "103"]
    assert_array_equal(table.mask, [[1, 1, 0], [1, 0, 1], [0, 1, 0]])


def test_ratings_without_a_header_keep_the_zeros_of_their_codes():
    table = read(AMAZON)
    assert table.content == "ratings"
    assert table.row_labels == ["A1XK", "A2QQ", "A3ZB"]
    assert table.column_labels == ["0321732944", "0439886341"]
    assert_array_equal(table.X.toarray(), [[5, 3], [0, 1], [4, 0]])


@pytest.mark.parametrize("text", [TIDY, TIDY.replace("d1", "1").replace("d2", "2").replace("d3", "3")])
def test_counts_in_long_form_have_real_zeros(text):
    table = read(text)
    assert table.content == "counts"
    assert table.absent == "zero"
    assert_array_equal(table.X.toarray(), [[2, 1, 0], [0, 3, 1], [1, 0, 4]])
    data = as_dataset(table)
    assert data.mask is None
    assert (data.axes.rows.name, data.axes.columns.name) == ("documents", "terms")


def test_where_ratings_and_counts_look_alike_the_choice_is_open_with_its_consequence():
    counts = read("d1,river,2\nd1,boat,1\nd2,boat,3\nd2,bank,1\nd3,river,1\nd3,bank,4\n")
    assert counts.content == "counts"
    assert [choice.options["content"] for choice in asked(counts, "ratings or counts")] == ["counts", "ratings", "matrix"]
    assert all(choice.says for choice in asked(counts, "ratings or counts"))
    stars = read("Ann,Jaws,3.5\nAnn,Fargo,4\nBob,Jaws,5\nBob,Heat,1\n")
    assert stars.content == "ratings"
    assert asked(stars, "ratings or counts")[0].options == {"content": "ratings"}


def test_a_column_of_years_is_asked_about_and_stays_until_it_is_set_aside():
    films = "title,Year,shark,snow\nJaws,1975,5,0\nFargo,1996,0,4\nHeat,1995,1,1\n"
    table = read(films)
    assert table.column_labels == ["Year", "shark", "snow"]
    (asked,) = table.questions
    assert asked.key == "years"
    aside = read(films, **asked.choices[1].options)
    assert aside.column_labels == ["shark", "snow"]
    assert as_dataset(aside).facts["Year"].kind == "number"
    assert not aside.questions
    assert not read(films.replace("1975", "3")).questions  # a number of years is an amount
    assert not read(films, features=["Year"]).questions


def test_a_panel_of_places_and_years_is_a_matrix_with_gaps_and_three_columns_of_a_small_table_stay():
    years = "country,year,gdp\n" + "".join(f"c{i},{2000 + t},{1.5 * i + t}\n" for i in range(3) for t in range(3))
    table = read(years)
    assert table.content == "ratings"
    assert table.shape == (3, 3)
    assert asked(table, "ratings or counts")[2].options == {"content": "matrix"}
    assert read("city,rooms,price\nA,2,100\nB,3,200\nA,3,150\nB,2,50\n").column_labels == ["rooms", "price"]


def test_questions_and_facts_come_back_from_the_child():
    text = FEATURE_COUNTS.encode()
    here, there = read(text, "counts.txt"), read_matrix(text, name="counts.txt", isolate=True)
    assert there.questions == here.questions
    assert there.aside == here.aside
    assert there.questions[0].choices[1].says


def test_counts_of_one_pair_are_added_and_ratings_averaged():
    assert read("doc,word,n\na,x,1\na,x,3\nb,x,5\n").X[0, 0] == 4
    assert read("user,item,rating\na,x,1\na,x,3\nb,x,5\n").X[0, 0] == 2


def test_an_empty_user_is_no_user():
    table = read("user,item,rating\na,x,1\n,x,3\nb,,5\nb,y,2\n")
    assert table.row_labels == ["a", "b"]
    assert said(table, "2 lines without a user or an item left out")


# --- texts ----------------------------------------------------------------------------------------------------------------------

HEADLINES = (
    "Police arrest man, 34\nRiver floods town, hundreds flee\nBank raises rates, markets fall\nBoat sinks in storm, crew safe\n"
)


def test_prose_is_not_cut_after_its_commas():
    table = read(HEADLINES, "headlines.txt")
    assert table.documents == HEADLINES.splitlines()
    taken, other = asked(table, "texts or table")
    assert taken.options["content"] == "documents"
    assert read(HEADLINES, "headlines.txt", **other.options).understood["delimiter"] == ","
    assert len(table.terms) == 20


def test_a_word_above_sentences_is_a_header_and_baskets_are_documents():
    spam = 'v1,v2\nham,"Go until jurong point, crazy"\nspam,Free entry in a weekly competition\nham,Ok lar joking with you\n'
    table = read(spam)
    assert table.documents[0] == "Go until jurong point, crazy"
    assert table.aside == {"v1": ["ham", "spam", "ham"]}
    assert read("milk,bread\nbread,butter,jam\nmilk\n", "basket.txt").terms == ["bread", "butter", "jam", "milk"]


def test_a_table_of_words_stays_a_table():
    table = read("kind, text\nham, see you at noon then my friend\nspam, win a prize now by calling this number\n")
    assert table.documents == ["see you at noon then my friend", "win a prize now by calling this number"]
    assert table.aside["kind"] == ["ham", "spam"]


SCOPUS = (
    'Authors,Title,Year,Volume,Cited by,Abstract\n"Doe, J.","Rivers",2019,12,4,"We study how water moves along river beds in spring."\n'
    '"Doe, J.","Loans",2020,3,11,"We study how banks set the rate of a loan at risk."\n'
)


def test_texts_beside_many_numbers_are_asked_about():
    table = read(SCOPUS)
    assert table.content == "documents"
    texts, numbers = asked(table, "texts or numbers")
    assert texts.options == {"content": "documents", "text_column": "Abstract"}
    assert read(SCOPUS, **numbers.options).column_labels == ["Year", "Volume", "Cited by"]
    assert as_dataset(table).facts["Year"].kind == "number"
    other = read(
        "comment_of_ann,a,b,c\nthis is a long sentence of more than eight words,1,2,3\nand this is another one of the same length,4,5,6\n"
    )
    assert other.content == "matrix"
    assert asked(other, "texts or numbers")[0].options == {"content": "matrix"}


def test_one_line_is_one_document():
    assert read("the river is high and the boat sails", "one.txt").documents == ["the river is high and the boat sails"]


def test_numbers_asked_for_as_documents_are_whole_lines():
    assert read("1 2 3\n4 5 6\n", content="documents").documents == ["1 2 3", "4 5 6"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("BRCA1\nTP53\nMYC\nEGFR\n", "a list of labels"),
        ("1\n2 3\n4 5 6\n7 8 9 10\n", "different lengths"),
        ("word", "single word"),
    ],
)
def test_labels_and_triangles_are_no_documents(text, words):
    with pytest.raises(UploadError, match=words) as caught:
        read(text, "x.txt")
    for fix in caught.value.fixes:
        assert read(text, "x.txt", **fix.options).content == "documents"


@pytest.mark.parametrize("text", ["5", "5\n"])
def test_one_number_is_no_matrix(text):
    with pytest.raises(UploadError, match="single"):
        read(text, "x.txt")


POEMS = "a river runs\nto the sea\n\na bank gives\na loan today\n\nboats sail\nat noon\n"


def test_blank_lines_may_divide_documents():
    table = read(POEMS, "poems.txt")
    assert len(table.documents) == 6
    line, paragraph = asked(table, "documents")
    assert read(POEMS, "poems.txt", **paragraph.options).documents[0] == "a river runs\nto the sea"
    assert read(POEMS, "poems.txt", per="file").documents == [POEMS.strip()]
    assert line.options == {"per": "line"}


# --- what is cut off or hidden --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["z", "z,5", "z,"])
def test_a_row_that_was_cut_off_is_no_footnote(last):
    with pytest.raises(UploadError, match="Line 4 has"):
        read(f"n,a,b,c\nx,1,2,3\ny,3,4,5\n{last}\n")


def test_a_sheet_of_text_does_not_hide_the_table_behind_it():
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["Report of the year"])
    book.active.append(["made by Ann"])
    sheet = book.create_sheet("numbers")
    for row in (["gene", "a", "b"], ["u", 1, 2], ["v", 3, 4], ["w", 5, 6]):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    table = read(out.getvalue(), "t.xlsx")
    assert table.understood["sheet"] == "numbers"
    assert said(table, "Sheets of text passed over: 'Sheet'")
    assert_array_equal(table.X, [[1, 2], [3, 4], [5, 6]])


def test_a_matrix_market_file_without_its_banner_is_no_table():
    with pytest.raises(UploadError, match="no MatrixMarket header"):
        read("2 2 2\n1 1 5\n2 2 6\n", "x.mtx")


def test_a_matrix_of_zeros_is_told():
    table = read("Mutation Types\tT1\tT2\nA[C>A]A\t0\t0\nA[C>A]C\t0\t0\n", "sbs.txt")
    assert any("All 4 entries are zero: there is nothing to factorize." in note for note in as_dataset(table).notes)


SHEET = pd.DataFrame([[3, 1, 4], [1, 5, 9], [2, 6, 5], [3, 5, 8]], index=["north", "east", "south", "west"], columns=list("abc"))


@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize("word", ["row", "column"])
def test_a_total_among_the_numbers_is_told(word, blank):
    sheet = SHEET.astype(float)
    sheet.iloc[1, 2] = np.nan if blank else 9.0
    sheet = (sheet if word == "row" else sheet.T).copy()
    sheet.loc["Total"] = sheet.sum()
    sheet = sheet if word == "row" else sheet.T
    given = as_dataset(read(sheet.to_csv(), "sheet.csv"), missing="zero" if blank else "refuse")
    told = [note for note in given.notes if "is the sum of all other" in note]
    place = len(SHEET) + 1 if word == "row" else SHEET.shape[1] + 1
    assert len(told) == 1
    assert told[0].startswith(f"The {word} {place}, 'Total', is the sum of all other {word}s")
    assert given.shape == sheet.shape  # it is told, and not taken away


def test_no_total_is_told_where_a_sum_may_be_chance_or_differs():
    for sheet in (SHEET, SHEET.iloc[:2].assign(d=0), pd.concat([SHEET, SHEET.sum().to_frame("most").T - [0, 0, 1]])):
        assert not any("is the sum of" in note for note in as_dataset(read(sheet.to_csv(), "sheet.csv")).notes)
    two = pd.concat([SHEET.iloc[:2], SHEET.iloc[:2].sum().to_frame("both").T])
    assert not any("is the sum of" in note for note in as_dataset(read(two.to_csv(), "sheet.csv")).notes)


# --- codes ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("3,-7.82,8.79,99\n2,4.08,99,-0.29\n3,1.5,-2.1,99\n3,99,3.4,6.6\n", "99"),
        ("a,b\n1,-999\n-999,4\n", "-999"),
        ("a,b\n1,9\n9,4\n5,2\n", "9"),
        ("a,b\n1,-1\n-1,4\n5,2\n", "-1"),
        ("a,b\n9,8\n9,4\n7,2\n", None),
        ("a,b\n99,120\n99,4\n5,2\n", None),
        ("a,b\n-1,-2\n-1,4\n5,2\n", None),
    ],
)
def test_codes_for_missing_are_hinted_at(text, code):
    table = read(text)
    hints = [question for question in table.questions if question.key == "missing code"]
    assert bool(hints) == (code is not None)
    if code:
        assert said(table, "often stands for a missing value")
        chosen = read(text, **hints[0].choices[1].options)
        assert np.isnan(chosen.X).sum() == (float(code) == table.X).sum()


def test_codes_count_as_missing_in_every_format():
    X = np.array([[1.0, 99, 3], [99, 2, 4]])
    stored, frame = io.BytesIO(), io.BytesIO()
    np.save(stored, X)
    pd.DataFrame(X, columns=list("abc")).to_parquet(frame)
    for content, name in ((stored.getvalue(), "x.npy"), (frame.getvalue(), "x.parquet"), (b"1.0,99.00,3\n99,2,4\n", "x.csv")):
        assert_array_equal(read(content, name, missing_tokens=["99"]).X, [[1, NAN, 3], [NAN, 2, 4]])

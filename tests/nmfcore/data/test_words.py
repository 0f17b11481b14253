"""Words are those that people write: whole at marks and apostrophes, in any script, without markup."""

import unicodedata

import pytest

from nmfcore.data import Dataset, apply, read_matrix
from nmfcore.data.model import languages
from nmfcore.data.model.languages import LANGUAGES, function_words, language_of, segmenter
from nmfcore.data.model.words import Counting, natural_words, stop_list, term_counts

HINDI = "नदी का पानी आज बहुत ऊँचा है\nबैंक ने ऋण की दर बढ़ा दी\nनाव नदी में दोपहर तक चली\n"
FRENCH = "Le café était fermé à midi\nUn élève a bu un café à côté\nLa fenêtre était fermée\nL’eau d'hier, aujourd'hui\n"
ENGLISH = """I don't think they'll sail today, we've seen the river
We can't pay the loan, they’ve raised it and I don't know why
It isn't far and we'll sail, don't worry; the boat's name is O'Brien
They've closed the bank, I couldn't pay
"""


def terms(text, **options):
    return term_counts(text.splitlines(), Counting(token_pattern="natural", **options))[1]


def test_words_are_whole_at_combining_marks():
    found = terms(HINDI)
    assert {"नदी", "दोपहर", "ऊँचा", "में"} <= set(found)
    assert not [word for word in found if len(word) == 1]


def test_decomposed_text_gives_the_terms_of_composed_text():
    assert terms(unicodedata.normalize("NFD", FRENCH)) == terms(FRENCH)
    assert {"café", "élève", "fenêtre", "eau", "hier", "aujourd'hui"} <= set(terms(FRENCH))


def test_contractions_leave_no_rests():
    found = set(terms(ENGLISH))
    assert not found & {"don", "ve", "ll", "isn", "couldn", "can"}
    assert {"don't", "isn't", "couldn't", "they", "boat", "o'brien"} <= found
    fewer = set(terms(ENGLISH, stop=stop_list(["english"], token_pattern="natural")))
    assert not fewer & {"don't", "isn't", "couldn't", "they"}
    assert "boat" in fewer
    table = read_matrix(ENGLISH.encode(), name="t.txt")
    assert not set(table.terms) & {"don", "ve", "ll", "isn", "couldn"}


def test_markup_is_left_out_with_a_note():
    documents = ["<p class='x'>A &lt;br&gt; caf&eacute;</p><script>var evil = 1</script>", "2 < 3 and R&D &amp; more"]
    _, found, notes = term_counts(documents, Counting(token_pattern="natural"))
    assert found == ["and", "café", "more"]
    assert any("Markup" in note and "2 documents" in note for note in notes)
    table = read_matrix(b"one <b>bold</b> text of some words\nanother text of some words\n", name="t.txt")
    assert any("1 document holds markup" in note for note in table.notes)


def test_emoji_are_words_if_wanted():
    party, angry, family = "\U0001f389", "\U0001f621", "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    documents = [f"{party}{party} {party}", f"{angry} {family}", "\U0001f1e9\U0001f1ea ok"]
    X, found, _ = term_counts(documents, Counting(token_pattern="emoji"))
    assert set(found) == {party, angry, family, "\U0001f1e9\U0001f1ea", "ok"}
    assert X[0, found.index(party)] == 3
    with pytest.raises(ValueError, match="emoji and no words"):
        term_counts([party, angry], Counting(token_pattern="natural"))
    with pytest.raises(ValueError, match="stop words only"):
        term_counts(["", "."], Counting(token_pattern="natural"))


CHINESE = ["今天河水很高小心过河", "银行提高了贷款利率", "船在河上航行到中午", "银行贷款利率又上升了"]
JAPANESE = ["銀行が貸出金利を引き上げた", "川の水がとても高いです", "船は正午まで川を進んだ"]
THAI = ["วันนี้แม่น้ำสูงมาก", "ธนาคารขึ้นดอกเบี้ยเงินกู้", "เรือแล่นในแม่น้ำจนถึงเที่ยง"]


@pytest.mark.parametrize(
    ("documents", "language", "word", "package"),
    [
        (CHINESE, "chinese", "银行", "rjieba"),
        (JAPANESE, "japanese", "銀行", "sudachipy"),
        (THAI, "thai", "ธนาคาร", "pythainlp"),
    ],
)
def test_texts_without_spaces_are_cut_or_say_what_to_install(documents, language, word, package, monkeypatch):
    assert languages.script_of(documents) == language
    monkeypatch.setitem(languages.SEGMENTERS, language, (package, "no_such_module"))
    segmenter.cache_clear()
    with pytest.raises(ValueError, match=f"{language.capitalize()}.*Install {package}"):
        term_counts(documents, Counting(token_pattern="natural"))
    monkeypatch.undo()
    segmenter.cache_clear()
    pytest.importorskip(package)
    found = term_counts(documents, Counting(token_pattern="natural"))[1]
    assert word in found
    assert max(map(len, found)) < 9


def test_spaces_that_somebody_put_between_words_are_kept():
    documents = ["今天 河水 很 高", "银行 提高 了 贷款 利率"]
    assert languages.script_of(documents) == ""
    assert "河水" in term_counts(documents, Counting(token_pattern="natural"))[1]
    with pytest.raises(ValueError, match="nothing here can cut"):
        term_counts(["ធនាគារបានដំឡើងអត្រាការប្រាក់", "ទូកបើកបរនៅក្នុងទន្លេ"], Counting(token_pattern="natural"))


def test_there_are_stop_words_in_more_than_twenty_languages():
    assert len(LANGUAGES) > 20
    for language in LANGUAGES:
        assert len(function_words(language)) > 20, language
    assert "और" in function_words("hindi")
    assert "och" in function_words("swedish")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Der Fluss ist heute sehr hoch, und die Bank hat den Zins erhöht.", "german"),
        ("La rivière est très haute aujourd'hui et la banque a relevé le taux.", "french"),
        ("Река сегодня очень высокая, а банк повысил процент по займам.", "russian"),
        ("Rzeka jest dziś bardzo wysoka, a bank podniósł stopę procentową.", "polish"),
        ("The river is very high today and the bank has raised the rate of its loans.", "english"),
        (HINDI, "hindi"),
        ("1 2 3", None),
    ],
)
def test_the_language_is_told(text, language):
    assert language_of([text]) == language


def test_a_new_text_is_cut_as_the_data_was():
    from nmfcore.data.new_row import from_text

    corpus = Dataset("upload", "t", None, documents=ENGLISH.splitlines())
    data = apply(corpus, [{"step": "text", "weighting": "counts", "token_pattern": "natural"}])
    row = from_text(data, "They’ll sail, they don’t pay")
    known = {data.axes.columns.label(j): row.row[j] for j in range(data.shape[1]) if row.row[j]}
    assert known == {"they": 2, "sail": 1, "don't": 1, "pay": 1}


def test_a_hostile_text_takes_no_time():
    for text in (
        "<" * 200_000,
        "&" * 200_000,
        "'".join("ab" * 1 for _ in range(100_000)),
        "<script>" * 20_000,
        "\u0301" * 200_000,
    ):
        natural_words(text)

"""Which words does a text have, and how often?

Counting and order are scikit-learn's CountVectorizer's; what is dropped is counted and said. The patterns `natural` and `emoji`
look at texts as people write them: combining marks belong to their letter (after NFC), an apostrophe does not end a word, markup
is left out, and scripts without spaces are cut by a segmenter.
"""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.written import percent
from nmfcore.data.model.card import Report, silent
from nmfcore.data.model.dataset import as_kept
from nmfcore.data.model.errors import counted
from nmfcore.data.model.languages import HAN, OWN, RUNS, contractions, function_words, script_of, segmenter
from nmfcore.data.model.limits import Limits

# What counts as a word. Names, not free expressions: a hostile one in a link could keep the server busy for ever.
TOKENS = {
    "words": r"(?u)\b\w\w+\b",  # two or more letters or digits; scikit-learn's own
    "letters": r"(?u)\b[^\W\d_][^\W\d_]+\b",  # two or more letters
    "short": r"(?u)\b\w+\b",  # single letters and digits too
    "joined": r"(?u)\b\w[\w'’-]*\w\b",  # mother-in-law and don't are one word
}
NATURAL = ("natural", "emoji")  # words as people write them; the second counts emoji as words too
PATTERNS = (*NATURAL, *TOKENS)
Cut = Callable[[str], list[str]]  # cuts a run of letters without spaces into words


def _marks() -> str:
    """All combining marks of Unicode as a character class: Python's \\w does not hold them."""
    codes = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M"]
    starts = [code for code, before in zip(codes, [-2, *codes], strict=False) if code != before + 1]
    ends = [code for code, after in zip(codes, [*codes[1:], -2], strict=True) if code != after - 1]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


_PICTURE = (
    "[\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d\U0001f000-\U0001faff]"
)
_DRESS = "(?:[\ufe0f\u20e3]|[\U0001f3fb-\U0001f3ff])*"
EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|{_PICTURE}{_DRESS}(?:\u200d{_PICTURE}{_DRESS})*")


@cache
def _word(emoji: bool, marked: bool) -> re.Pattern[str]:
    """Words joined by apostrophes; with marks on their letters where a text has any, which takes three times as long."""
    letter = rf"(?:\w[{_marks()}\u200c\u200d]*)" if marked else r"\w"
    word = rf"{letter}+(?:['\u2019\u02bc]{letter}+)*"
    return re.compile(f"{EMOJI.pattern}|{word}" if emoji else word)


@cache
def _mark() -> re.Pattern[str]:
    """Any combining mark or joiner; made when first asked for, because it takes a fifth of a second."""
    return re.compile(f"[{_marks()}\u200c\u200d]")


APOSTROPHES = ("'", "\u2019", "\u02bc")
CLITICS = frozenset(["s", "ll", "ve", "re", "d", "m"])  # English: of "they'll" the word is "they"
# French, Italian, Catalan: of "l'eau" the word is "eau"
ELIDED = frozenset(
    ["l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu", "dell", "all", "nell", "sull",
     "dall", "un", "quell", "quest", "coll", "gl", "sant"]
)  # fmt: skip
MARKUP = re.compile(r"<(/?[a-zA-Z][^<>]{0,500}|!--[^<>]{0,500}--)>|&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});")
_HIDDEN = re.compile(r"<(script|style)\b", re.I)
_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,500}|!--[^<>]{0,500}--)>")
_HAN = re.compile(f"[{HAN}]")


def plain_text(text: str) -> str:
    """A text in NFC, without tags and with its entities as the characters they stand for."""
    if ("<" in text or "&" in text) and MARKUP.search(text):
        text = html.unescape(_TAG.sub(" ", _without_scripts(text)))
        text = _TAG.sub(" ", text)  # tags that were written as entities
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _without_scripts(text: str) -> str:
    """Without what stands between <script> or <style> and its end: programs are no words. Each character is looked at once."""
    low, parts, place = text.lower(), [], 0
    while (found := _HIDDEN.search(text, place)) is not None:
        end = low.find(f"</{found[1].lower()}", found.end())
        if end < 0:
            break
        parts.append(text[place : found.start()])
        place = end
    return " ".join([*parts, text[place:]]) if parts else text


def natural_words(
    text: str, *, lowercase: bool = True, emoji: bool = False, cut: Callable[[str], list[str]] | None = None
) -> list[str]:
    """The words of a text of two or more letters or digits, whole; a Chinese character alone is a word too.

    emoji : whether emoji are words
    cut : the segmenter of runs of letters without spaces
    """
    text = plain_text(text)
    marked = not text.isascii() and _mark().search(text) is not None
    found = _word(emoji, marked).findall(text.lower() if lowercase else text)
    if cut is not None:
        found = [part for word in found for part in (_cut(word, cut) if RUNS.search(word) else [word])]
    if any(mark in text for mark in APOSTROPHES):
        found = [_without_clitics(word) if any(mark in word for mark in APOSTROPHES) else word for word in found]
    return [word for word in found if len(word) > 1 or _is_whole_alone(word, emoji=emoji, cut=cut)]


def _cut(word: str, cut: Cut) -> list[str]:
    """A word with letters without spaces, cut into words; what is written with spaces stays."""
    return [part for run in re.split(f"({RUNS.pattern})", word) if run for part in (cut(run) if RUNS.match(run) else [run])]


def _is_whole_alone(word: str, *, emoji: bool, cut: Cut | None) -> bool:
    """Whether a single character is a word: an emoji where they count, a Chinese character where words were cut."""
    return bool(emoji and EMOJI.match(word)) or bool(cut is not None and _HAN.match(word))


def _without_clitics(word: str) -> str:
    """ "they'll" is "they", "l'eau" is "eau", "don't" and "o'clock" stay; every apostrophe is the plain one."""
    first, *rest = re.split("['\u2019\u02bc]", word)
    while rest and first.lower() in ELIDED:
        first, *rest = rest
    while rest and rest[-1].lower() in CLITICS:
        rest = rest[:-1]
    return "'".join([first, *rest])


def analyzer(
    token_pattern: str,
    *,
    lowercase: bool = True,
    stop: Iterable[str] = (),
    ngrams: tuple[int, int] = (1, 1),
    cut: Cut | None = None,
) -> Callable[[str], list[str]]:
    """What turns a text into its terms, without the stop words.

    Raises
    ------
    ValueError
        If there is no such pattern.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    leave_out = frozenset(stop)
    if token_pattern not in NATURAL:
        options = {"lowercase": lowercase, "token_pattern": _pattern(token_pattern), "ngram_range": ngrams}
        return CountVectorizer(**options, stop_words=sorted(leave_out) or None).build_analyzer()

    def tokens(text: str) -> list[str]:
        found = natural_words(text, lowercase=lowercase, emoji=token_pattern == "emoji", cut=cut)
        return [word for word in found if word not in leave_out] if leave_out else found

    phrases = CountVectorizer(ngram_range=ngrams, preprocessor=str, tokenizer=tokens, token_pattern=None, lowercase=False)
    return phrases.build_analyzer()


def cutter(documents: Sequence[str], token_pattern: str) -> Cut | None:
    """The segmenter that these documents need; None when words are divided by spaces.

    Raises
    ------
    ValueError
        If it is not installed.
    """
    language = script_of(documents) if token_pattern in NATURAL else ""
    return segmenter(language) if language else None


@dataclass(frozen=True)
class Counting:
    """Which terms are counted.

    ngrams : shortest and longest phrase, in words
    min_df, max_df : documents that a term must and may occur in: a share up to 1 (min_df: below 1), else a number
    max_features : keep only the terms that occur most often
    stop : words that are left out
    token_pattern : what counts as a word, a name in `PATTERNS`
    """

    ngrams: Sequence[int] = (1, 1)
    min_df: float = 1
    max_df: float = 1.0
    max_features: int | None = None
    stop: Iterable[str] = ()
    token_pattern: str = "words"
    lowercase: bool = True


def term_counts(documents: Sequence[str], how: Counting, report: Report = silent) -> tuple[Any, list[str], list[str]]:
    """Counts of the terms that pass (m, n) float32 CSR, the terms in alphabetical order, and notes on what was dropped.

    Counting and order are scikit-learn's CountVectorizer's; dropping is done here, so that it can be counted.
    """
    shortest, longest = _phrase_lengths(how.ngrams)
    token_pattern, min_df, max_df = how.token_pattern, how.min_df, how.max_df
    most = Limits.from_environment()
    if len(documents) > most.documents:
        raise ValueError(f"{len(documents):,} documents; at most {most.documents:,} can be read. Take a part of them.")
    cut = cutter(documents, token_pattern)
    terms_of = analyzer(token_pattern, lowercase=how.lowercase, stop=how.stop, ngrams=(shortest, longest), cut=cut)
    counts, terms = _counted(documents, terms_of, report, emoji=token_pattern == "emoji")
    cap = min(how.max_features or most.vocabulary, most.vocabulary)
    keep, reasons = _passing(counts, min_df, max_df, cap)
    notes = []
    marked = sum(MARKUP.search(document) is not None for document in documents) if token_pattern in NATURAL else 0
    if marked:
        notes.append(f"Markup (tags, entities) in {counted(marked, 'document')} was left out.")
    if not keep.all():
        dropped = ", ".join(f"{number:,} {reason}" for number, reason in reasons if number)
        notes.append(f"{int((~keep).sum()):,} of {len(terms):,} terms dropped: {dropped}.")
    if not keep.any():
        raise ValueError(
            f"No term is left of {len(terms):,}: all occur in fewer than {_documents(min_df)} or in more than "
            f"{_documents(max_df)}. Lower the minimum or raise the maximum."
        )
    return as_kept(counts[:, np.flatnonzero(keep)]), [str(term) for term in terms[keep]], notes


def _counted(
    documents: Sequence[str], terms_of: Callable[[str], list[str]], report: Report, *, emoji: bool
) -> tuple[sp.csr_array, np.ndarray]:  # fmt: skip
    """Counts of all terms (m, n) and the terms (n,)."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(analyzer=terms_of, dtype=np.float32)
    try:
        counts = sp.csr_array(vectorizer.fit_transform(_reported(documents, report)))
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        if not emoji and any(EMOJI.search(document) for document in documents[:1000]):
            said = "The documents hold emoji and no words. Count emoji as words (a word is: words and emoji)."
            raise ValueError(said) from None
        raise ValueError("No words are left: the documents are empty or hold stop words only. Choose fewer stop words.") from None
    return counts, vectorizer.get_feature_names_out()


def _passing(counts: sp.csr_array, min_df: float, max_df: float, cap: int) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """Which terms (n,) of counts (m, n) pass, at most the `cap` most frequent ones, and how many do not for which reason."""
    m, n = counts.shape
    df = np.bincount(counts.indices, minlength=n)  # one entry per document and term
    rare, common = df < (min_df * m if min_df < 1 else min_df), df > (max_df * m if max_df <= 1 else max_df)
    keep = ~(rare | common)
    passed = int(keep.sum())
    if passed > cap:
        total = np.asarray(counts.sum(axis=0)).ravel()
        kept = np.flatnonzero(keep)
        keep = np.zeros(n, bool)
        keep[kept[np.argsort(-total[kept], kind="stable")[:cap]]] = True
    return keep, [
        (int(rare.sum()), f"in fewer than {_documents(min_df)}"),
        (int((common & ~rare).sum()), f"in more than {_documents(max_df)}"),
        (max(0, passed - cap), f"beyond the {cap:,} most frequent"),
    ]


def stop_list(languages: Sequence[str], extra: Sequence[str] = (), token_pattern: str = "words") -> set[str]:
    """The words to leave out: function words of these languages, and the extra ones, cut into words as the text is."""
    words = {word for language in languages if language in OWN for word in function_words(language)}
    others = [word for language in languages if language not in OWN for word in function_words(language)]
    if token_pattern in NATURAL:
        words |= {*others, *(word for language in languages for word in contractions(language))}
        return words | {part for word in extra for part in natural_words(str(word), emoji=token_pattern == "emoji")}
    cut = re.compile(_pattern(token_pattern))
    return words | {part for word in [*others, *extra] for part in cut.findall(str(word).lower())}


def _reported(documents: Sequence[str], report: Report) -> Iterator[str]:
    for number, document in enumerate(documents):
        if number % 500 == 0:
            report("Counting words", number / len(documents))
        yield document


def _pattern(name: str) -> str:
    if name not in TOKENS:
        raise ValueError(f"Unknown token pattern {name!r}. Known: {', '.join(PATTERNS)}.")
    return TOKENS[name]


def _phrase_lengths(ngrams: Sequence[int]) -> tuple[int, int]:
    shortest, longest = (int(n) for n in ngrams)
    if not 1 <= shortest <= longest <= 5:
        raise ValueError(f"ngrams is {shortest} to {longest}; phrases can have 1 to 5 words, the shorter length first.")
    return shortest, longest


def _documents(limit: float) -> str:
    """A document frequency in words."""
    return (
        f"{percent(limit, 2)} of the documents" if limit < 1 else counted(int(limit), "document") if limit > 1 else "1 document"
    )

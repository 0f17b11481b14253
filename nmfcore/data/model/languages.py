"""In which language are texts, which words say nothing in it, and where does a word end when no spaces divide words?

Stop words are those of the package stopwordsiso (English: scikit-learn's; six others: our own lists, which runs of earlier
versions name); the language is told by py3langid. Chinese, Japanese and Thai are cut by rjieba, SudachiPy and PyThaiNLP where
these are installed (the extra `languages`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module, resources
from typing import Any

OWN = ("english", "german", "french", "spanish", "italian", "portuguese", "dutch")
CODES = {
    "en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian", "pt": "portuguese", "nl": "dutch",
    "af": "afrikaans", "ar": "arabic", "hy": "armenian", "eu": "basque", "bn": "bengali", "br": "breton", "bg": "bulgarian",
    "ca": "catalan", "zh": "chinese", "hr": "croatian", "cs": "czech", "da": "danish", "eo": "esperanto", "et": "estonian",
    "fi": "finnish", "gl": "galician", "el": "greek", "gu": "gujarati", "ha": "hausa", "he": "hebrew", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "ga": "irish", "ja": "japanese", "ko": "korean", "ku": "kurdish", "la": "latin",
    "lv": "latvian", "lt": "lithuanian", "ms": "malay", "mr": "marathi", "no": "norwegian", "fa": "persian", "pl": "polish",
    "ro": "romanian", "ru": "russian", "sk": "slovak", "sl": "slovenian", "so": "somali", "st": "sotho", "sw": "swahili",
    "sv": "swedish", "tl": "tagalog", "th": "thai", "tr": "turkish", "uk": "ukrainian", "ur": "urdu", "vi": "vietnamese",
    "yo": "yoruba", "zu": "zulu",
}  # fmt: skip
LANGUAGES = tuple(CODES.values())
_CODE = {name: code for code, name in CODES.items()}
LOOKED_AT = 20_000  # characters of the texts that settle language and script
SURE = 0.8  # probability from which on a language is taken
UNSPACED = 0.3  # share of letters in scripts without spaces from which on texts are cut by a segmenter
RUN = 6  # letters in the mean run without a space; shorter ones say that somebody has put spaces between words

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff\u3005"
KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
THAI = "\u0e00-\u0e7f"
OTHERS = "\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"  # Lao, Burmese, Khmer: nothing here cuts them
RUNS = re.compile(f"[{HAN}{KANA}{THAI}{OTHERS}]+")
# what cuts a language: the package that is installed, how, and its module
SEGMENTERS = {
    "chinese": ("rjieba", "rjieba"),
    "japanese": ("sudachipy and sudachidict-small", "sudachipy"),
    "thai": ("pythainlp", "pythainlp.tokenize"),
}


@cache
def function_words(language: str) -> frozenset[str]:
    """The stop words of one language.

    Raises
    ------
    ValueError
        If there is no list for it.
    """
    if language not in LANGUAGES:
        raise ValueError(f"There is no stop word list for {language!r}. Known: {', '.join(LANGUAGES)}.")
    if language == "english":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return frozenset(ENGLISH_STOP_WORDS)
    if language in OWN:
        content = (resources.files("nmfcore.data") / "stopwords" / f"{language}.txt").read_text(encoding="utf-8")
        return frozenset(word for line in content.splitlines() if not line.startswith("#") for word in line.split())
    import stopwordsiso

    words = stopwordsiso.stopwords(_CODE[language])
    return frozenset(unicodedata.normalize("NFC", word.lower()) for word in words if any(letter.isalpha() for letter in word))


@cache
def contractions(language: str) -> frozenset[str]:
    """Function words with an apostrophe, which stay whole: "don't", "aujourd'hui"; for patterns that keep them so."""
    if language != "english":
        return frozenset(word for word in function_words(language) if "'" in word)
    import stopwordsiso

    return frozenset(word for word in stopwordsiso.stopwords("en") if word.endswith("n't"))


def sample_of(documents: Sequence[str]) -> str:
    """The beginning of the texts, as much of it as settles language and script."""
    sample: list[str] = []
    length = 0
    for document in documents[:500]:
        sample.append(document[:2000])
        length += len(sample[-1])
        if length > LOOKED_AT:
            break
    return "\n".join(sample)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages([code for code in CODES if code in found.labels])
    return found


def language_of(documents: Sequence[str]) -> str | None:
    """The language of texts, a name in `LANGUAGES`; None where it is not clear or has no list of stop words."""
    sample = sample_of(documents)
    if sum(letter.isalpha() for letter in sample) < 20:
        return None
    code, probability = _identifier().classify(sample)
    return CODES.get(code) if probability >= SURE else None


def script_of(documents: Sequence[str]) -> str:
    """ "chinese", "japanese", "thai" or "other" where texts are written without spaces between words; "" for all others."""
    sample = sample_of(documents)
    runs = RUNS.findall(sample)
    unspaced = sum(map(len, runs))
    letters = sum(letter.isalpha() for letter in sample) or 1
    if unspaced < UNSPACED * letters or unspaced < RUN * len(runs):
        return ""
    found = "".join(runs)
    shares = {name: len(re.findall(f"[{marks}]", found)) for name, marks in
              (("chinese", HAN), ("japanese", KANA), ("thai", THAI), ("other", OTHERS))}  # fmt: skip
    if shares["japanese"] > 0.05 * unspaced:
        return "japanese"
    return max(shares, key=lambda name: shares[name])


@cache
def segmenter(language: str) -> Callable[[str], list[str]]:
    """What cuts a run of letters without spaces into words.

    Raises
    ------
    ValueError
        If it is not installed (the message says what to install), or there is none for the language.
    """
    if language not in SEGMENTERS:
        raise ValueError(
            "These documents are written without spaces between words, in a script that nothing here can cut. Put spaces between "
            "the words first."
        )
    package, module = SEGMENTERS[language]
    try:
        library = import_module(module)
        if language == "japanese":
            import_module("sudachidict_small")
    except ImportError:
        raise ValueError(
            f"These documents are {language.capitalize()}, which is written without spaces between words. Install {package} "
            "(pip install 'nmf-dashboard[languages]') to have them cut into words, or put spaces between the words."
        ) from None
    if language == "chinese":
        return lambda text: list(library.cut(text))
    if language == "thai":
        return lambda text: list(library.word_tokenize(text, engine="newmm", keep_whitespace=False))
    tokenizer = library.Dictionary(dict="small").tokenizer(mode=library.SplitMode.B)
    return lambda text: [word.surface() for word in tokenizer.tokenize(text)]

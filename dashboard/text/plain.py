"""How does text from outside (labels, cells, file names, messages about them) get onto a screen or into a file unharmed?

Everything a person did not type into our source passes through one of these functions on its way out:

    clean(text)             one bounded line of plain text: for widgets that show text as it is (selectbox, dataframe, text)
    markdown(text)          the same for everything that Streamlit renders as Markdown (labels, captions, metrics, alerts, tabs)
    block(text)             several lines of plain text, kept as lines (st.code)
    plotly(text)            the same for every string of a figure (titles, ticks, legends, hover texts)
    csv_cell(value)         one cell of a file that a spreadsheet may open (a whole file: `tables.as_csv`)

Escaping is for display only: never use an escaped label as a key, and never escape twice.
May import the standard library only.
"""

from __future__ import annotations

import numbers
import re
import unicodedata

JOINER = "\u2060"  # word joiner: has no width, and breaks up what Markdown would recognise in finished text

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # every ASCII punctuation character; Markdown lets each be escaped
# What Streamlit's renderer looks for after the escapes are gone, so that a backslash does not help against it:
# :emoji:, :material_icon:, http://, www. and e-mail addresses. Both sides of a colon, for text that was put beside one.
_LATE = re.compile(r"(?=:)|(?<=:)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FORMULA = tuple("=+-@")
_CONTROL = tuple("\t\r\n\0")


def clean(text: object, limit: int = 80) -> str:
    """One line without control, bidi-override and zero-width characters, at most `limit` characters.

    Right-to-left letters and emoji stay; only the invisible characters that can reorder or hide text go.
    """
    raw = str(text)[: 50 * limit]  # bounds the work on a label of ten megabytes
    line = " ".join(_shown(raw).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def block(text: object, limit: int = 100_000) -> str:
    """Plain text that keeps its lines, tabs and spaces, without what can reorder or hide text, at most `limit` characters."""
    raw = "\n".join(str(text)[: limit + 1].splitlines())
    shown = "\n".join("\t".join(map(_shown, line.split("\t"))) for line in raw.split("\n"))
    return shown if len(raw) <= limit else shown[: limit - 1].rstrip() + "…"


def markdown(text: object, limit: int = 80) -> str:
    """Text that Streamlit's Markdown shows letter by letter: no link, image, HTML, formula, colour, icon or emoji code."""
    return _PUNCTUATION.sub(r"\\\1", _LATE.sub(JOINER, clean(text, limit)))


def plotly(text: object, limit: int = 80) -> str:
    """Text that Plotly shows letter by letter: no tag, link, entity, formula or `%{...}` of a template.

    Labels that were cut may be equal afterwards, and Plotly merges equal categories: give positions as x or y and these
    as the tick texts.
    """
    shown = clean(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return shown.replace("$", "&#36;").replace("%{", "&#37;{")


def csv_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe in front.

    Numbers, and text that is nothing but a number, stay as they are.
    """
    if value is None or isinstance(value, numbers.Number):
        return value
    text = str(value)
    start = text.lstrip(" \t\r\n\0\ufeff")
    looks_active = text.startswith(_CONTROL) or unicodedata.normalize("NFKC", start[:1]).startswith(_FORMULA)
    return f"'{text}" if looks_active and not _NUMBER.fullmatch(text) else text


def _shown(text: str) -> str:
    """The text without invisible characters; one that is printable throughout has none, and that is quickly seen."""
    return text if text.isprintable() else "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):  # controls, line and paragraph separators
        return " "
    if category == "Cf":  # bidi overrides and isolates, zero-width characters, tags
        return ""
    if category == "Cs":  # half a surrogate pair cannot be sent to the browser
        return "\ufffd"
    return character

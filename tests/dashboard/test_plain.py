"""Can any text from outside become more than text, on a page, in a figure or in a spreadsheet?"""

from __future__ import annotations

import csv
import html
import io
import re
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.text.plain import JOINER, _visible, clean, csv_cell, markdown, plotly
from dashboard.text.tables import as_csv

HOSTILE = [
    "![x](http://evil.example/a.png)",
    "[click](https://evil.example)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "http://evil.example",
    "HTTPS://evil.example/?q=1",
    "www.evil.example",
    "WWW.evil.example",
    "someone@evil.example",
    "<http://evil.example>",
    "<mailto:someone@evil.example>",
    ":smile: :+1: :-1: :t-rex:",
    ":material/home:",
    ":material_home:",
    ":streamlit:",
    ":red[alarm] :blue-background[x] :small[x]",
    "$x^2$ and $$y$$",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "```\ncode\n```",
    "    indented",
    "| a | b |\n|---|---|",
    "a\n===",
    "~~gone~~ **bold** _it_",
    "[^1]: note",
    "&lt;b&gt; &amp; &#60;",
    "\\[x\\](http://evil.example)",
    "\\",
    "trailing\\",
]
texts = st.one_of(
    st.text(),
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from([*HOSTILE, *r"!()[]<>:/\$*_`~#@.&; ", "smile", "www", "http", "\n", "é", "א"])).map("".join),
)

# What Streamlit 1.67's renderer replaces in text after the Markdown was parsed, read from its source.
LATE = [
    re.compile(r"(https?://|www(?=\.))[-.\w]+", re.IGNORECASE),
    re.compile(r"[-.\w+]+@[-\w]+(\.[-\w]+)+"),
    re.compile(r":\+1:|:-1:|:[\w-]+:", re.ASCII),
    re.compile(r":material[_/]\w+:", re.ASCII),
]


def unescaped(text: str) -> str:
    """What a Markdown parser makes of text in which every punctuation character is escaped; fails if one is not."""
    parts = re.split(r"\\([!-/:-@\[-`{-~])", text)
    assert not any(re.search(r"[!-/:-@\[-`{-~]", plain) for plain in parts[::2])
    return "".join(parts)


@given(texts)
@example("a\u202eb")
@example("\ud800")
@example("\0")
def test_clean_text_is_one_line_of_visible_characters(text):
    line = clean(text)
    assert len(line) <= 80
    assert line == " ".join(line.split())
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    line.encode()  # a lone surrogate would stop the message to the browser


@given(texts)
def test_cleaning_twice_changes_nothing(text):
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    "kept", ["Ünïcödé", "שלום עולם", "مرحبا", "日本語", "😀 🏳️ 👍🏽", "a × b ≤ c", "x_1 (kg/m²)", "-0.5", "C++", ""]
)
def test_ordinary_text_stays_as_it_is(kept):
    assert clean(kept) == kept


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\tb\r\nc", "a b c"),
        ("safe\u202egpj.exe", "safegpj.exe"),
        ("pay\u200bpal", "paypal"),
        ("a\u2028b\u2029c\u0085d", "a b c d"),
        ("\ufeffname", "name"),
        ("x\U000e0041\U000e0042", "x"),
        ("half\ud83d", "half\ufffd"),
        (None, "None"),
        (12, "12"),
    ],
)
def test_what_hides_or_reorders_text_goes(given, shown):
    assert clean(given) == shown


def test_long_labels_are_cut_and_say_so():
    assert clean("x" * 10_000) == "x" * 79 + "…"
    assert clean("x" * 80) == "x" * 80
    assert clean("word " * 10_000, 12) == "word word w…"
    assert len(markdown("*" * 10_000, 20)) == 2 * 19 + 1


@given(texts)
def test_markdown_shows_letter_by_letter_what_it_was_given(text):
    assert unescaped(markdown(text)).replace(JOINER, "") == clean(text)


@given(texts, texts, st.sampled_from(["", ":", " ", "www", "http"]))
@example("smile:", "", ":")
@example(":smile", "", ":")
def test_nothing_is_recognised_in_markdown_after_its_escapes_are_gone(one, two, between):
    shown = f"{between}{unescaped(markdown(one))}{unescaped(markdown(two))}"
    for pattern in LATE:
        assert not pattern.search(shown), pattern.pattern


@pytest.mark.parametrize("text", HOSTILE)
def test_no_line_of_markdown_starts_a_block(text):
    line = markdown(text)
    assert "\n" not in line
    assert not re.match(r"\s|[-+*>#|=~`]|\d+[.)]", line)


@given(texts)
def test_plotly_shows_letter_by_letter_what_it_was_given(text):
    shown = plotly(text)
    assert html.unescape(shown) == clean(text)
    assert not re.search(r"[<>$]|%\{", shown)
    assert not re.search(r"&(?!(amp|lt|gt|#36|#37);)", shown)


@pytest.mark.parametrize(
    "active",
    [
        "=1+1",
        "+a",
        "-a",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "\nx",
        "\0=1",
        " =1",
        "\ufeff=1",
        "＝1+1",
        "-2+3",
        "=cmd|' /C calc'!A0",
        "+",
        "-",
        "--1",
    ],
)
def test_no_cell_starts_a_formula(active):
    assert csv_cell(active) == f"'{active}"


@pytest.mark.parametrize("number", [-1, -0.5, 1e-9, np.float64(-2), np.int64(-3), "-5", "+1.5e-3", "-.5", None, float("-inf")])
def test_numbers_stay_numbers(number):
    assert csv_cell(number) is number


@pytest.mark.parametrize("text", ["a=b", "C-3PO", "me@home", "'=1", "", "2+3"])
def test_harmless_cells_stay_as_they_are(text):
    assert csv_cell(text) == text


@given(st.lists(st.lists(texts, min_size=2, max_size=2), max_size=4))
def test_a_csv_file_reads_back_as_the_safe_cells(rows):
    text = as_csv(pd.DataFrame(rows, columns=["=name", "weight"], dtype=object))
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == ["'=name", "weight"]
    assert read[1:] == [[csv_cell(cell) for cell in row] for row in rows]


def test_text_in_a_csv_file_is_quoted_and_numbers_are_not():
    table = pd.DataFrame({"term": ["a;=b"], "weight": [-0.5]})
    assert as_csv(table).splitlines() == ['"term","weight"', '"a;=b",-0.5']


def test_two_columns_of_one_name_are_both_made_safe():
    assert as_csv(pd.DataFrame([["=1", "=2"]], columns=["a", "a"])).splitlines()[1] == '"\'=1","\'=2"'


def test_printable_characters_are_those_that_stay_as_they_are():
    """So that a text that is printable throughout needs no look at each of its characters."""
    changed = [chr(i) for i in range(0x110000) if chr(i).isprintable() and _visible(chr(i)) != chr(i)]
    assert not changed

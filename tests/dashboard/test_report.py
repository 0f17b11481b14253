"""Is the report one page that opens without a network, whatever the labels say, and does it hold the run's numbers?"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from plotly.offline import get_plotlyjs

from dashboard.files import report
from dashboard.topics_shown.edits import Edits
from dashboard.work.fitting import FIRST, fit_work
from dashboard.work.jobs import Jobs
from dashboard.work.ledger import Bounds
from nmfcore import topics
from nmfcore.core.factorization import Axes, Axis
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.topics.scale import CONVENTIONS

LARGEST = 6_000_000  # bytes
HOSTILE = [
    "</script><script>window.harmed = 1</script>",
    "<img src=x onerror=\"window.harmed = 1\">",
    "\" onmouseover=\"window.harmed = 1",
    "<a href='https://evil.example'>click</a>",
    "<!-- ", "]]>", "$\\href{https://evil.example}{x}$", "%{customdata}", "&lt;b&gt;", "\u202eevil", "é 字 🎈", "a" * 5000,
]  # fmt: skip
ADDRESSES = ("src", "href", "action", "data", "poster", "srcset")
TAGS = set(
    re.findall(
        r"\w+",
        """html head meta link title style script body main header div span b h1 h2 h3 p figure figcaption small ol ul li table
    thead tbody tr th td details summary pre footer""",
    )
)
RNG = np.random.default_rng(9)


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, attrs))


def elements(page):
    return Elements(page).found


class Watched:
    """Stands for a job."""

    message = ""

    def say(self, message, fraction=None):
        self.message = message

    def keep(self, make):
        pass

    def reserve(self, needed, way_out=""):
        pass

    def report(self, progress, fraction):
        return True


@pytest.fixture(scope="module")
def jobs():
    service = Jobs(Bounds(workers=1))
    yield service
    service.close()


@pytest.fixture(scope="module")
def movies(jobs):
    return fit_work(FIRST, jobs)(Watched())


def uploaded(jobs, rank=3, rows=12, columns=12, solver="hals", **about):
    axes = Axes(
        Axis("<b>rows</b>", "<b>row</b>", (HOSTILE * rows)[:rows]),
        Axis("<i>columns</i>", "<i>column</i>", (HOSTILE * columns)[:columns]),
    )
    data = Dataset(
        "upload", HOSTILE[0], RNG.random((rows, columns)), axes, notes=tuple(HOSTILE), zero_means=HOSTILE[1],
        options={"file": HOSTILE[0]}, **about,
    )  # fmt: skip
    spec = RunSpec(
        data="upload",
        data_options={"file": HOSTILE[0]},
        rank=rank,
        solver=solver,
        fingerprint=data.fingerprint,
        stop=StopRule(max_iter=8),
    )
    return fit_work(spec, jobs, data)(Watched())


@pytest.fixture(scope="module")
def hostile(jobs):
    return uploaded(jobs)


def without_library(page: str) -> str:
    assert page.count(get_plotlyjs()) == 1
    return page.replace(get_plotlyjs(), "")


def test_the_report_holds_the_runs_numbers(movies):
    page = report.html(movies)
    text = html.unescape(without_library(page))
    assert len(page.encode()) < LARGEST
    assert "Ten topics in 200 films" in text
    end = movies.factorization.history[-1]
    for said in (
        f"{end.relative_error:.4f}",
        f"{movies.floor:.4f}",
        movies.spec.fingerprint,
        movies.spec.key,
        "Eckart & Young 1936",
    ):
        assert said in text
    assert movies.dataset.card.citation in text
    assert "Lee & Seung 1999" in text
    assert text.count('class="plot"') == 5 + 10  # curve, W, error over rank, singular values, similarity, and ten topics
    drawn = [json.loads(found) for found in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page)]
    assert len(drawn) == 15
    assert all(figure["data"] for figure in drawn)


def test_the_report_lists_topics_as_they_are_shown_and_leaves_the_numbers_alone(movies):
    words = list(movies.dataset.axes.columns.labels)
    first = [word.terms[0] for word in topics.top_terms(movies.factorization.H, movies.dataset.axes.columns, count=1)]
    edits = Edits().merge([1, 3]).rename((1, 3), "law & <order>").hide([words.index(first[0])])
    text = html.unescape(without_library(report.html(movies, "H rows L1", edits)))
    assert "2 + 4 · law & <order>" in text
    assert "4 · " not in re.sub(r"2 \+ 4 · ", "", text)
    assert f"Hidden: {first[0]}." in text
    assert edits.sentence in text
    assert f"{movies.factorization.relative_error:.4f}" in text
    bars = [json.loads(found) for found in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S)]
    ticks = [tick for figure in bars for tick in figure["layout"].get("yaxis", {}).get("ticktext", [])]
    assert first[0] not in ticks
    assert "edited by hand" not in html.unescape(without_library(report.html(movies)))


def test_every_convention_can_be_shown(movies):
    for key, convention in CONVENTIONS.items():
        assert convention.title in html.unescape(without_library(report.html(movies, key)))


@pytest.mark.parametrize("what", ["hostile", "movies"])
def test_the_report_names_no_address_and_allows_no_script_but_its_own(what, request):
    page = report.html(request.getfixturevalue(what))
    rest = without_library(page)
    assert all(value == "data:," for _, attributes in elements(rest) for name, value in attributes if name in ADDRESSES)
    assert not re.search(r"@import|url\(", rest)
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    assert policy.startswith("default-src 'none'")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(scripts) == 2
    for source in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'" in policy


def test_no_label_becomes_part_of_the_page(hostile):
    rest = without_library(report.html(hostile))
    for opened in ("<img", "<a ", "<b>rows", "<i>columns", "<script>window", "<!-- ", "\u202e"):
        assert opened not in rest
    found = elements(rest)
    assert {tag for tag, _ in found} <= TAGS
    assert not [name for _, attributes in found for name, _ in attributes if name.startswith("on")]


def test_many_components_and_pictures_stay_readable(jobs):
    run = uploaded(jobs, rank=35, rows=60, columns=48, image_shape=(6, 8), kind="images")
    rest = without_library(report.html(run))
    assert len(re.findall('<h3><span class="dot"', rest)) == report.MOST_CARDS
    assert "The parts as pictures" in rest
    assert "<th scope=row>35</th>" in rest


def test_where_the_svd_was_not_measured_the_report_says_why_and_claims_no_floor(movies):
    why = "The SVD would need 9 GB of memory <here>."
    text = html.unescape(without_library(report.html(replace(movies, decomposition=None, unmeasured=why))))
    assert why in text
    assert "dotted line" not in text
    assert "singular vector" not in text


def test_the_report_names_the_missing_entries(jobs):
    masked = uploaded(jobs, solver="masked", mask=RNG.random((12, 12)) > 0.2)
    text = " ".join(html.unescape(without_library(report.html(masked))).split())
    assert "no floor is known for data with missing ones" in text
    assert "over the given entries only" in text


# -- in a browser ----------------------------------------------------------------------------------------------------------


def looked_at(file: Path) -> dict[str, object]:
    """What Chromium says of a file without a network; for a thread of its own: the journeys' Playwright may hold this one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        names = [os.environ.get("CHROMIUM"), shutil.which("chromium"), shutil.which("google-chrome")]
        path = next((name for name in [*names, playwright.chromium.executable_path] if name and Path(name).exists()), None)
        if path is None:
            return {}
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True).new_page()
        heard, asked = [], []
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda one: asked.append(one.url))
        page.goto(file.as_uri())
        page.wait_for_function("[...document.querySelectorAll('div.plot')].every(e => e.querySelector('svg.main-svg'))")
        found = {
            "harmed": page.evaluate("window.harmed"),
            "width": page.evaluate("document.documentElement.scrollWidth"),
            "heard": list(heard),
            "asked": list(asked),
        }
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=https://evil.example/a.png onerror=1>')")
        page.wait_for_timeout(100)
        browser.close()
        return found | {"policy": any("Content Security Policy" in line for line in heard)}


@pytest.mark.browser
@pytest.mark.parametrize("what", ["hostile", "movies"])
def test_the_report_opens_offline_without_an_error_or_a_request(what, request, tmp_path):
    pytest.importorskip("playwright.sync_api")
    file = tmp_path / "report.html"
    file.write_text(report.html(request.getfixturevalue(what)), encoding="utf-8")
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(looked_at, file).result()
    if not found and not os.environ.get("CI"):
        pytest.skip("No Chromium on this computer.")
    assert found["harmed"] is None
    assert found["width"] <= 1280
    assert found["heard"] == []
    assert found["asked"] == [file.as_uri()]
    assert found["policy"]  # it would have stopped a request

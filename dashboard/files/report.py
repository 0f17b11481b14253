"""How does a run become one page that opens in any browser, also offline, and prints?

`html` writes a single file: the figures of the dashboard in their light theme with plotly.js inlined once, the run's
specification, key figures, topics, the comparison with the SVD, notes and sources. What stands where is in templates/report.html,
which escapes every value; this file says what the values are. The page's own Content-Security-Policy allows no request at all and
no script but the two it brings, named by their SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from dashboard import topics_shown
from dashboard.figures import Picture
from dashboard.figures import theme as look
from dashboard.figures.division import Node, division_tree
from dashboard.figures.heatmaps import items_by_topic
from dashboard.figures.images import wall
from dashboard.figures.loss import Against, loss_curve
from dashboard.figures.svd import error_over_rank, singular_values
from dashboard.figures.topics import similarity_matrix
from dashboard.figures.words import Words, topic_bars
from dashboard.files.divisions import tree_of
from dashboard.text.plain import clean
from dashboard.text.words import SHORT_REASONS, count, part, percent, preparation, seconds, spelled, start_title
from dashboard.text.words import above as above_floor
from dashboard.topics_shown import Topic
from dashboard.topics_shown.edits import Edits
from dashboard.work.divide import at_once
from dashboard.work.fitted import FittedRun
from dashboard.work.steering import said
from nmfcore.core.version import VERSION
from nmfcore.evaluate.svd import sides
from nmfcore.export import script
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.starts import INITS
from nmfcore.topics.scale import CONVENTIONS, DEFAULT
from nmfcore.topics.similarity import cosine_rows

WORDS = 10  # bars in a topic's card
ITEMS = 5  # items named under a topic
HIDDEN_NAMED = 30  # hidden words that are listed by name
SVD_WORDS = 6  # words on each side of a singular vector
MOST_CARDS = 30  # topics drawn as cards; the rest are lines of a table
MOST_VECTORS = 12  # singular vectors in the comparison
THEME = "light"
TEMPLATES = Path(__file__).parent / "templates"
PAGE = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
)
PAGE.filters |= {"line": clean, "percent": percent}


def html(run: FittedRun, convention: str = DEFAULT, edits: Edits | None = None) -> str:
    """The report of a run as one HTML page (about 5 MB, of which 4.8 are plotly.js).

    convention : key of the scale in which W and H are shown
    edits : names, merges and hidden words under which the topics are listed; the model and all of its numbers are the run's
    """
    library, draw = get_plotlyjs(), _file("report.js")
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
        f"script-src {_hash(library)} {_hash(draw)}"
    )
    return PAGE.get_template("report.html").render(
        report=Report(run, convention, edits or Edits()),
        policy=policy,
        style=Markup(_file("report.css")),
        library=Markup(library),
        draw=Markup(draw),
        version=VERSION,
    )


@dataclass(frozen=True)
class Drawn:
    """A figure as the page holds it: its place, its sentence, and its data as text that stands at the end of the page."""

    id: str
    height: int
    alt: str
    note: str | None
    data: Markup


class Report:
    """What one report says, asked by its template from top to bottom; it keeps the figures that were drawn on the way."""

    def __init__(self, run: FittedRun, convention: str, edits: Edits) -> None:
        self.run, self.convention, self.edits = run, CONVENTIONS[convention], edits
        self.shown = topics_shown.of(run, edits, convention)
        scaled = topics_shown.on_scale(run, convention)
        self.W, self.H = scaled.W, scaled.H
        self.noun = part(run.dataset)
        self.rows, self.columns = run.dataset.axes.rows, run.dataset.axes.columns
        self.pictured = run.dataset.image_shape is not None
        self.compared = 1 < run.rank <= 2 * MOST_CARDS
        self.uploaded = run.spec.data in ("", "upload")
        self.figures: list[Drawn] = []

    @property
    def numbers(self) -> list[str]:
        """What each topic of the run is numbered: by its place, unless wishes have removed or added some."""
        return [str(topic + 1) for topic in self.run.ids]

    def drawn(self, picture: Picture) -> Drawn:
        """The picture as the page holds it."""
        name = f"figure-{len(self.figures) + 1}"
        plain = json.loads(picture.figure.to_json())
        whole = {"data": plain["data"], "layout": plain["layout"], "config": look.camera(name, "svg")}
        data = Markup(_inert(json.dumps(whole, separators=(",", ":"))))
        found = Drawn(name, int(picture.figure.layout.height or 300), picture.alt, picture.note, data)
        self.figures.append(found)
        return found

    # -- what it is ----------------------------------------------------------------------------------------------------
    @property
    def title(self) -> str:
        """The first line."""
        size = count(len(self.W), self.rows.singular, self.rows.name)
        return f"{spelled(self.run.rank)} {self.noun}{'s' if self.run.rank > 1 else ''} in {size}"

    def identity(self) -> str:
        """Data, size, preparation, solver, start and scale in a line."""
        run, spec = self.run, self.run.spec
        size = count(len(self.W), self.rows.singular, self.rows.name)
        size += f" × {count(self.H.shape[1], self.columns.singular, self.columns.name)}"
        title = self.convention.title
        return " · ".join(
            [
                clean(run.dataset.title), clean(size, 120), clean(preparation(spec)),
                f"{SOLVERS[spec.solver].title}, {spec.init} start, seed {spec.seed}", title[0].lower() + title[1:],
            ]
        )  # fmt: skip

    def tiles(self) -> list[tuple[str, str, str]]:
        """The key figures: name, value, and what it is measured by."""
        run, end = self.run, self.run.factorization.history[-1]
        explained = 1.0 - min(end.relative_error, 1.0) ** 2
        above = f"{above_floor(end.relative_error, run.floor)} above the SVD floor {run.floor:.4f}"
        return [
            ("Attainable explained", percent(run.attainable), f"of what any rank-{run.rank} model can")
            if run.bounded
            else ("Attainable explained", "undefined", run.no_floor),
            ("Relative error", "undefined", "every entry is 0")
            if run.empty
            else (
                "Relative error",
                f"{end.relative_error:.4f}",
                above if run.bounded else "over the given entries only" if run.dataset.mask is not None else run.no_floor,
            ),
            ("Explained energy", "undefined" if run.empty else percent(explained), "1 − (relative error)²"),
            ("Iterations", f"{end.iteration:,}", f"{SHORT_REASONS[run.factorization.stopped]}, {seconds(end.seconds)}"),
        ]

    # -- the fit -------------------------------------------------------------------------------------------------------
    def curve(self) -> Drawn:
        """The error over the iterations."""
        run, history = self.run, self.run.factorization.history
        curve = loss_curve(
            history.iterations, run.errors, Against(run.floor_line, run.rank, run.baseline), theme=THEME, height=330
        )
        return self.drawn(curve)

    def items(self) -> Drawn:
        """W as a heatmap."""
        return self.drawn(
            items_by_topic(
                self.W, axis=self.rows, component=self.noun, labels=[str(k + 1) for k in self.run.ids], theme=THEME, height=330
            )
        )

    # -- the topics ----------------------------------------------------------------------------------------------------
    def hidden(self) -> str:
        """The hidden words, the first of them by name."""
        words = ", ".join(clean(word, 40) for word in self.columns.take(self.edits.hidden[:HIDDEN_NAMED]))
        more = len(self.edits.hidden) - HIDDEN_NAMED
        return words + (f" and {more:,} more" if more > 0 else "")

    def wall(self) -> Drawn:
        """The rows of H as pictures."""
        side = self.run.dataset.image_shape
        assert side is not None  # the template asks where `pictured`
        parts, numbers = self.H[:MOST_CARDS].reshape(-1, *side), self.numbers[:MOST_CARDS]
        return self.drawn(wall(parts, titles=numbers, component=self.noun, theme=THEME, width=960))

    def cards(self) -> Iterator[tuple[Topic, Drawn | None, list[tuple[str, float]]]]:
        """Each topic that gets a card, its bars (None where it is a picture), and the items that hold most of it."""
        found, items = self.shown.top(WORDS, 1.0), self.shown.items(ITEMS)
        for topic, words, best in zip(self.shown.topics[:MOST_CARDS], found, items, strict=False):
            bars = topic_bars(Words(words.terms, words.weights, topic.colour, topic.label, noun=self.noun), theme=THEME)
            yield topic, None if self.pictured else self.drawn(bars), list(zip(best.items, best.weights, strict=True))

    def colour(self, topic: Topic) -> str:
        """The colour of a topic everywhere."""
        return look.component_colour(topic.colour, THEME)

    def rest(self) -> list[tuple[str, str, str]]:
        """The topics without a card: number, name and share."""
        return [(topic.label, topic.name, percent(topic.share)) for topic in self.shown.topics[MOST_CARDS:]]

    def divided(self) -> Markup | None:
        """The topics with the children of those that are divided; None where there was no room to compute them."""
        found = at_once(self.run, [self.shown.division(cut) for cut in self.shown.cuts])
        if found is None:
            return None
        nodes: list[Node] = [node for node in tree_of(self.shown, found) if node.rest is not None]
        return Markup(division_tree(nodes, noun=self.noun, theme=THEME))

    # -- beside the SVD ------------------------------------------------------------------------------------------------
    def errors(self) -> Drawn:
        """The SVD's error over rank, with this run in it."""
        run = self.run
        ranks, errors = ([run.rank], [run.factorization.relative_error]) if run.bounded else ([], [])
        floor, why = run.svd.floor(), run.no_floor
        drawn = error_over_rank(floor, ranks, errors, present=run.rank, no_floor=why, theme=THEME, height=310)
        return self.drawn(drawn)

    def singular_values(self) -> Drawn:
        """The singular values."""
        svd = self.run.svd
        return self.drawn(singular_values(svd.spectrum, svd.squared_norm, present=self.run.rank, theme=THEME, height=310))

    def vectors(self) -> list[tuple[str, str, str, str, str]]:
        """One line for each of the first singular vectors: number, topic of that place, both sides, positive share."""
        run, lines = self.run, []
        shown = min(run.rank, run.svd.rank, MOST_VECTORS)
        for k, both in enumerate(sides(run.svd.Vt[:shown], self.columns, count=SVD_WORDS)):
            positive, negative = (
                ", ".join(clean(f, 30) for f, x in zip(side.features, side.loadings, strict=True) if abs(x) > 1e-9)
                for side in (both.positive, both.negative)
            )
            apart = f"{self.numbers[k]} · " if self.numbers[k] != str(k + 1) else ""  # the row's number is the vector's
            topic = apart + clean(self.shown.components[k], 60)
            lines.append((str(k + 1), topic, positive, negative or "none", percent(both.positive.share)))
        return lines

    def alike(self) -> Drawn:
        """The cosines between rows of H."""
        cosines = cosine_rows(self.run.factorization.H)
        return self.drawn(similarity_matrix(cosines, component=self.noun, labels=self.numbers, theme=THEME, height=340))

    # -- what was run --------------------------------------------------------------------------------------------------
    def specification(self) -> list[tuple[str, object]]:
        """Everything that determines the result, a line each."""
        run, spec = self.run, self.run.spec
        options = [(name.replace("_", " "), value) for name, value in spec.solver_options.items()]
        penalty = ", ".join(f"{name} = {weight:g}" for name, weight in spec.penalty.items())
        steps = "; ".join(", ".join(f"{name}: {value}" for name, value in step.items()) for step in spec.preparation)
        return [
            ("data", run.dataset.title),
            ("data options", ", ".join(f"{name}: {value}" for name, value in spec.data_options.items()) or "none"),
            ("preparation", steps or "none"),
            ("fingerprint (SHA-256)", spec.fingerprint),
            ("solver", SOLVERS[spec.solver].title),
            *options,
            ("loss", spec.loss),
            ("penalty", penalty or "none"),
            ("symmetric", "yes" if spec.symmetric else "no"),
            ("rank", spec.rank),
            ("start", start_title(spec.init)),
            ("seed", spec.seed),
            ("stop when the error falls by less than", f"{spec.stop.tol:g} a step"),
            ("iterations at most", f"{spec.stop.max_iter:,}"),
            *((f"wish {at + 1}", said(edit, run.dataset.axes, self.noun)) for at, edit in enumerate(spec.guidance)),
            ("seconds at most", "no limit" if spec.stop.max_seconds is None else f"{spec.stop.max_seconds:g}"),
            ("scale shown", self.convention.title),
            ("key of this run", spec.key),
        ]

    def program(self) -> str:
        """The program that repeats the run."""
        run = self.run
        return (
            script(run.factorization, X=run.dataset.X, mask=run.dataset.mask, axes=run.dataset.axes)
            if self.uploaded
            else script(run.factorization)
        )

    def json(self) -> str:
        """The specification as JSON."""
        return json.dumps(self.run.spec.to_dict(), indent=1)

    def sources(self) -> list[str]:
        """Who found what is used here."""
        run, spec = self.run, self.run.spec
        found = [
            "Non-negative matrix factorization: Paatero & Tapper 1994; Lee & Seung 1999, Learning the parts of objects by "
            "non-negative matrix factorization, Nature 401.",
            f"Solver, {SOLVERS[spec.solver].title}: {SOLVERS[spec.solver].reference}.",
            f"Start, {start_title(spec.init)}: {INITS[spec.init].reference}." if spec.init in INITS else "",
            "The floor: Eckart & Young 1936, The approximation of one matrix by another of lower rank, Psychometrika 1.",
        ]
        card = run.dataset.card
        if card is not None:
            found.append(f"Data, {card.title}: {card.citation} Licence: {card.licence}.")
        return [line for line in found if line]


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").rstrip("\n")


def _inert(text: str) -> str:
    """JSON in which no character can end the element it stands in."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(source: str) -> str:
    """How a Content-Security-Policy names one inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"

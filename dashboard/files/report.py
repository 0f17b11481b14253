"""How does a run become one page that opens in any browser, also offline, and prints?

`html` writes a single file: the figures of the dashboard in their light theme with plotly.js inlined once, the run's
specification, key figures, topics, the comparison with the SVD, notes and sources. The page's own Content-Security-Policy allows
no request at all and no script but the two it brings, named by their SHA-256; every label is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import html as markup
import json
from collections.abc import Iterable, Sequence

from plotly.offline import get_plotlyjs

from dashboard.figures import Picture
from dashboard.figures import theme as look
from dashboard.figures.heatmaps import items_by_topic
from dashboard.figures.images import wall
from dashboard.figures.loss import loss_curve
from dashboard.figures.svd import error_over_rank, singular_values
from dashboard.figures.topics import similarity_matrix, topic_bars
from dashboard.text.plain import clean
from dashboard.text.words import SHORT_REASONS, count, part, percent, preparation, seconds, spelled, start_title
from dashboard.topics_shown.edits import Edits
from dashboard.topics_shown.shown import listed, merged
from dashboard.work.fitting import FittedRun
from nmfcore import topics
from nmfcore.core.version import VERSION
from nmfcore.evaluate.svd import cosines_between_rows, sides
from nmfcore.export import script
from nmfcore.solvers import SOLVERS
from nmfcore.solvers.starts import INITS
from nmfcore.topics.scale import CONVENTIONS, DEFAULT
from nmfcore.topics.scale import apply as rescale

WORDS = 10  # bars in a topic's card
ITEMS = 5  # items named under a topic
HIDDEN_NAMED = 30  # hidden words that are listed by name
SVD_WORDS = 6  # words on each side of a singular vector
MOST_CARDS = 30  # topics drawn as cards; the rest are lines of a table
MOST_VECTORS = 12  # singular vectors in the comparison
THEME = "light"

DRAW = """for (const place of document.querySelectorAll("div.plot")) {
  const drawn = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  place.textContent = "";
  Plotly.newPlot(place, drawn.data, drawn.layout, drawn.config);
}"""

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #F3F6FA; color: #17212F;
  font: 15px/1.5 "Source Sans 3", "Source Sans Pro", "Open Sans", "Segoe UI", Arial, sans-serif; overflow-wrap: break-word; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 44px 56px; background: #FFFFFF; border: 1px solid #D5DDE8;
  border-width: 0 1px; }
header { border-bottom: 3px solid #0B5CAD; padding-bottom: 14px; }
h1 { font-size: 34px; line-height: 1.15; margin: 0 0 8px; letter-spacing: -0.01em; }
h2 { font-size: 22px; margin: 40px 0 4px; }
h3 { font-size: 15px; margin: 0 0 2px; }
p { margin: 4px 0 10px; max-width: 76ch; }
.quiet, figcaption, .card small { color: #4A5768; font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 22px 0 0; }
.tile, .card { border: 1px solid #D5DDE8; border-radius: 8px; padding: 12px 14px; background: #FFFFFF; min-width: 0; }
.tile b { display: block; font-size: 25px; line-height: 1.25; font-weight: 600; }
.tile span { font-size: 13px; color: #4A5768; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; }
.three { display: grid; grid-template-columns: repeat(3, 1fr); gap: 14px; }
.two > *, .three > * { min-width: 0; }
figure { margin: 0; }
figcaption { margin-top: 4px; }
.plot { width: 100%; }
ol.items { margin: 2px 0 0; padding-left: 20px; font-size: 13px; }
ol.items span { color: #4A5768; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { overflow-wrap: anywhere; text-align: left; vertical-align: top; padding: 5px 12px 5px 0;
  border-bottom: 1px solid #E3E8EF; }
th { color: #4A5768; font-weight: 600; }
tbody th { white-space: nowrap; font-weight: 400; }
td.number, th.number { overflow-wrap: normal; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.warning { border-left: 4px solid #D55E00; background: #FDF3EC; padding: 8px 12px; border-radius: 4px; margin: 8px 0; }
.neg { color: #8C2D04; } .pos { color: #08457E; }
ul { padding-left: 20px; margin: 6px 0; }
pre { background: #F3F6FA; border: 1px solid #D5DDE8; border-radius: 8px; padding: 12px; font-size: 12px; line-height: 1.45;
  white-space: pre-wrap; overflow-wrap: anywhere; }
details summary { cursor: pointer; font-weight: 600; margin: 10px 0 4px; }
footer { margin-top: 40px; padding-top: 12px; border-top: 1px solid #D5DDE8; }
@media (max-width: 760px) { main { padding: 20px 16px; } .two, .three { grid-template-columns: 1fr; }
  .tiles { grid-template-columns: 1fr 1fr; } }
@page { size: A4; margin: 13mm; }
@media print {
  body { background: #FFFFFF; } main { border: 0; padding: 0; width: 1040px; max-width: none; zoom: 0.66; }
  .tile, .card, figure, tr, .warning { break-inside: avoid; } h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .modebar { display: none !important; }
}
"""


def html(run: FittedRun, convention: str = DEFAULT, edits: Edits | None = None) -> str:
    """The report of a run as one HTML page (about 5 MB, of which 4.8 are plotly.js).

    convention : key of the scale in which W and H are shown
    edits : names, merges and hidden words under which the topics are listed; the model and all of its numbers are the run's
    """
    return _Report(run, convention, edits or Edits()).page()


class _Report:
    """One report under way: collects the figures that its sections draw."""

    def __init__(self, run: FittedRun, convention: str, edits: Edits) -> None:
        self.run, self.convention, self.edits = run, CONVENTIONS[convention], edits
        scaled = rescale(run.factorization.W, run.factorization.H, convention)
        self.W, self.H = scaled.W, scaled.H
        self.noun = part(run.dataset)
        self.rows, self.columns = run.dataset.axes.rows, run.dataset.axes.columns
        parts = rescale(*merged(run.factorization.W, run.factorization.H, edits), convention)
        self.parts_W, self.parts_H = parts.W, parts.H
        shares = topics.sizes(run.dataset.X, run.factorization.W, run.factorization.H).share
        suggested, together = (topics.names(H, self.columns, hidden=edits.hidden) for H in (run.factorization.H, parts.H))
        self.names = [edits.names.get((k,), name) for k, name in enumerate(suggested)]
        self.shown = listed(edits, shares, suggested, together)
        self.figures: list[str] = []

    def page(self) -> str:
        run, rows = self.run, self.rows
        title = f"{spelled(run.rank)} {self.noun}{'s' if run.rank > 1 else ''} in {count(len(self.W), rows.singular, rows.name)}"
        body = [
            f"<header><h1>{_text(title, 160)}</h1><div class=quiet>{_text(self.identity(), 600)}</div></header>",
            self.tiles(),
            self.warnings(),
            self.fit(),
            self.topics(),
            self.svd(),
            self.specification(),
            self.sources(),
            f"<footer class=quiet>Made by nmf-dashboard {VERSION}. This file holds everything it shows and asks for nothing "
            "from the network. Hover over a figure for its numbers; the camera in its corner saves it as SVG.</footer>",
        ]
        library = get_plotlyjs()
        policy = (
            "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
            f"script-src {_hash(library)} {_hash(DRAW)}"
        )
        return "\n".join(
            [
                "<!doctype html>",
                '<html lang="en"><head><meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">',
                f"<title>{_text(title, 160)} · {_text(run.dataset.title)}</title>",
                f"<style>{STYLE}</style></head><body><main>",
                *body,
                "</main>",
                *self.figures,
                f"<script>{library}</script>",
                f"<script>{DRAW}</script>",
                "</body></html>",
            ]
        )

    # -- the parts -----------------------------------------------------------------------------------------------------
    def identity(self) -> str:
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

    def tiles(self) -> str:
        run, end = self.run, self.run.factorization.history[-1]
        explained = 1.0 - min(end.relative_error, 1.0) ** 2
        above = f"{end.relative_error - run.floor:.4f} above the SVD floor {run.floor:.4f}"
        shown = [
            ("Attainable explained", percent(run.attainable), f"of what any rank-{run.rank} model can")
            if run.bounded
            else ("Attainable explained", "undefined", run.no_floor),
            ("Relative error", "undefined", "every entry is 0")
            if run.empty
            else ("Relative error", f"{end.relative_error:.4f}", above if run.bounded else "over the given entries only"),
            ("Explained energy", "undefined" if run.empty else percent(explained), "1 − (relative error)²"),
            ("Iterations", f"{end.iteration:,}", f"{SHORT_REASONS[run.factorization.stopped]}, {seconds(end.seconds)}"),
        ]
        tiles = "".join(f"<div class=tile><span>{a}</span><b>{_text(b)}</b><span>{_text(c)}</span></div>" for a, b, c in shown)
        return f"<div class=tiles>{tiles}</div>"

    def warnings(self) -> str:
        return "".join(f"<div class=warning>{_text(warning, 500)}</div>" for warning in self.run.factorization.warnings)

    def fit(self) -> str:
        run, history = self.run, self.run.factorization.history
        curve = loss_curve(
            history.iterations, history.relative_errors, floor=run.floor_line, rank=run.rank, theme=THEME,
            height=330, baseline=run.baseline,
        )  # fmt: skip
        items = items_by_topic(self.W, axis=self.rows, component=self.noun, theme=THEME, height=330)
        rows = _text(self.rows.name)
        return (
            f"<h2>The fit</h2><p>{_text(run.factorization.stopped.sentence, 200)}. {_text(self.convention.sentence, 200)} "
            + (
                "The dotted line is the error of the truncated SVD of the same rank: no model of that rank lies below it "
                "(Eckart &amp; Young 1936)."
                if run.bounded
                else "The error is over the given entries only; no floor is known for data with missing ones."
            )
            + "</p><div class=two>"
            + self.figure("Relative error while fitting", curve)
            + self.figure(f"{rows[:1].upper()}{rows[1:]} by {self.noun} (W), strongest first", items)
            + "</div>"
        )

    def topics(self) -> str:
        run, noun = self.run, self.noun
        found = topics.top_terms(self.parts_H, self.columns, count=WORDS, hidden=self.edits.hidden)
        items = topics.top_items(self.parts_W, self.rows, count=ITEMS)
        parts = [
            f"<h2>The {noun}s</h2><p>Each {noun} with its strongest {_text(self.columns.name)}, its share of what the model "
            f"explains, and the {_text(self.rows.name)} that hold most of it. Suggested names are the leading "
            f"{_text(self.columns.name)}, nothing else.</p>{self.edited()}"
        ]
        side = run.dataset.image_shape
        if side is not None:
            drawn = wall(self.H[:MOST_CARDS].reshape(-1, *side), component=noun, theme=THEME, width=960)
            parts.append(self.figure(f"The {noun}s as pictures", drawn))
        parts.append('<div class="three">')
        for topic, words, best in zip(self.shown[:MOST_CARDS], found, items, strict=False):
            bars = topic_bars(words.terms, words.weights, component=topic.first, label=topic.label, noun=noun, theme=THEME)
            most = zip(best.items, best.weights, strict=True)
            names = "".join(f"<li>{_text(name, 60)} <span>{weight:.3g}</span></li>" for name, weight in most)
            dot = f'<span class="dot" style="background:{look.component_colour(topic.first, THEME)}"></span>'
            parts.append(
                f"<div class=card><h3>{dot}{topic.label} · {_text(topic.name, 60)}</h3>"
                f"<small>{percent(topic.share)} of what is explained{', merged' if topic.merged else ''}</small>"
                + ("" if side is not None else self.plot(bars))
                + f"<small>{_text(self.rows.name)} with most of it</small><ol class=items>{names}</ol></div>"
            )
        parts.append("</div>")
        if len(self.shown) > MOST_CARDS:
            rest = [(topic.label, topic.name, percent(topic.share)) for topic in self.shown[MOST_CARDS:]]
            parts.append(_table((noun, f"leading {self.columns.name}", "share"), rest))
        return "".join(parts)

    def edited(self) -> str:
        """What differs from the run in how the topics are listed; "" when nothing does."""
        if not self.edits:
            return ""
        words = ", ".join(clean(word, 40) for word in self.columns.take(self.edits.hidden[:HIDDEN_NAMED]))
        more = len(self.edits.hidden) - HIDDEN_NAMED
        words += f" and {more:,} more" if more > 0 else ""
        hidden = f" Hidden: {_text(words, 2000)}." if words else ""
        merges = " A merged one is the sum of its members." if self.edits.merges else ""
        return (
            f"<p class=quiet>Listed as edited by hand: {_text(self.edits.sentence, 200)}.{merges}{hidden} The model, its W and H "
            "and every number elsewhere on this page are without these edits.</p>"
        )

    def svd(self) -> str:
        run = self.run
        if not run.measured:
            return f"<h2>Beside the SVD</h2><p>{_text(run.unmeasured or 'The SVD of this data was not measured.', 200)}</p>"
        errors = error_over_rank(
            run.svd.floor(),
            [run.rank] if run.bounded else [],
            [run.factorization.relative_error] if run.bounded else [],
            present=run.rank,
            theme=THEME,
            height=310,
        )
        values = singular_values(run.svd.spectrum, run.svd.squared_norm, present=run.rank, theme=THEME, height=310)
        beside = f"This NMF explains {percent(run.attainable)} of what any rank-{run.rank} model can."
        if run.empty:
            beside = "Every entry of this data is 0, so there is nothing to explain."
        elif not run.bounded:
            beside = "It takes missing entries for 0, so it is no floor under this NMF, which was fitted to the given ones only."
        parts = [
            f"<h2>Beside the SVD</h2><p>The SVD is the best model of each rank, with signs. {beside}</p><div class=two>"
            + self.figure("Error over rank", errors)
            + self.figure(f"Singular values ({_text(run.svd.label)})", values)
            + "</div>"
        ]
        shown = min(run.rank, run.svd.rank, MOST_VECTORS)
        lines = []
        for k, both in enumerate(sides(run.svd.Vt[:shown], self.columns, count=SVD_WORDS)):
            positive, negative = (
                ", ".join(
                    clean(f, 30) for f, x in zip(side.features, side.loadings, strict=True) if abs(x) > 1e-9
                )
                for side in (both.positive, both.negative)
            )  # fmt: skip
            lines.append((str(k + 1), clean(self.names[k], 60), positive, negative or "none", percent(both.positive.share)))
        heads = (
            "", f"NMF {self.noun}", "singular vector, positive side", "negative side", "positive share",
        )  # fmt: skip
        parts.append(_table(heads, lines, classes=("", "", "pos", "neg", "number")))
        parts.append(
            "<p class=quiet>Row k names NMF component k and singular vector k; they are not matched with one another.</p>"
        )
        if 1 < run.rank <= 2 * MOST_CARDS:
            cosines = cosines_between_rows(run.factorization.H)
            drawn = similarity_matrix(cosines, component=self.noun, theme=THEME, height=340)
            parts.append(
                "<div class=two>"
                + self.figure(f"How alike the {self.noun}s are (cosine of rows of H)", drawn)
                + f"<div class=quiet><p>{_text(drawn.alt, 600)}</p><p>Singular vectors are orthogonal; rows of H need not be.</p>"
                "</div></div>"
            )
        return "".join(parts)

    def specification(self) -> str:
        run, spec = self.run, self.run.spec
        options = [(name.replace("_", " "), value) for name, value in spec.solver_options.items()]
        penalty = ", ".join(f"{name} = {weight:g}" for name, weight in spec.penalty.items())
        steps = "; ".join(", ".join(f"{name}: {value}" for name, value in step.items()) for step in spec.preparation)
        lines: list[tuple[str, object]] = [
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
            ("seconds at most", "no limit" if spec.stop.max_seconds is None else f"{spec.stop.max_seconds:g}"),
            ("scale shown", self.convention.title),
            ("key of this run", spec.key),
        ]
        notes = "".join(f"<li>{_text(note, 500)}</li>" for note in self.run.dataset.notes)
        zero = run.dataset.zero_means
        said = f"<p>An entry of 0 says: {_text(zero, 200)}.</p>" if zero else ""
        said += f"<p>What was dropped, filled or assumed on the way:</p><ul>{notes}</ul>" if notes else ""
        upload = spec.data in ("", "upload")
        program = script(run.factorization, X=run.dataset.X, mask=run.dataset.mask) if upload else script(run.factorization)
        written = markup.escape(json.dumps(spec.to_dict(), indent=1))
        beside = " It reads data.npz, which the dashboard exports with it." if upload else ""
        return (
            f"<h2>Exactly what was run</h2>{said}"
            + _table(("", ""), lines, head=False)
            + f"<details><summary>The program that repeats it</summary><p class=quiet>Save it as reproduce.py and run it with "
            f"Python; W and H come out exactly.{beside}</p><pre>{markup.escape(program)}</pre></details>"
            f"<details><summary>The specification as JSON</summary><pre>{written}</pre></details>"
        )

    def sources(self) -> str:
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
        items = "".join(f"<li>{_text(line, 900)}</li>" for line in found if line)
        return f"<h2>Sources</h2><ul>{items}</ul>"

    # -- figures -------------------------------------------------------------------------------------------------------
    def figure(self, title: str, drawn: Picture) -> str:
        """A figure with its title (escaped by the caller) and what was done to the numbers."""
        note = f"<figcaption>{_text(drawn.note, 500)}</figcaption>" if drawn.note else ""
        return f"<figure class=card><h3>{title}</h3>{self.plot(drawn)}{note}</figure>"

    def plot(self, drawn: Picture) -> str:
        """The place of a figure on the page; its data goes to the end, as text that no label can end."""
        number = len(self.figures) + 1
        plain = json.loads(drawn.figure.to_json())
        config = look.camera(f"figure-{number}", "svg")
        text = json.dumps({"data": plain["data"], "layout": plain["layout"], "config": config}, separators=(",", ":"))
        self.figures.append(f'<script type="application/json" id="figure-{number}">{_inert(text)}</script>')
        height = int(drawn.figure.layout.height or 300)
        return (
            f'<div class="plot" role="img" aria-label="{_text(drawn.alt, 1500)}" data-figure="figure-{number}" '
            f'style="height:{height}px">{_text(drawn.alt, 1500)}</div>'
        )


def _text(text: object, limit: int = 100) -> str:
    """Text as HTML shows it letter by letter, also inside a quoted attribute."""
    return markup.escape(clean(text, limit))


def _inert(text: str) -> str:
    """JSON in which no character can end the element it stands in."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(source: str) -> str:
    """How a Content-Security-Policy names one inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _table(heads: Sequence[str], lines: Iterable[Sequence[object]], *, classes: Sequence[str] = (), head: bool = True) -> str:
    """A table of escaped cells; the first column is the row's heading."""
    kinds = classes or ("",) * len(heads)
    top = "".join(f'<th class="{kind}">{_text(name)}</th>' for name, kind in zip(heads, kinds, strict=True))
    body = []
    for first, *rest in lines:
        cells = "".join(f'<td class="{kind}">{_text(cell, 400)}</td>' for cell, kind in zip(rest, kinds[1:], strict=True))
        body.append(f"<tr><th scope=row>{_text(first)}</th>{cells}</tr>")
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if head else ''}<tbody>{''.join(body)}</tbody></table>"

"""What do the measurements say? JSON in, a Markdown table and plots of loss against seconds (SVG) out."""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.workloads import WORKLOADS

COLOURS = {
    "numpy": "#1f77b4",
    "compiled": "#d62728",
    "cd": "#2ca02c",
    "mu": "#9467bd",
    "minibatch": "#8c564b",
    "nmf-rs": "#e377c2",
}
WIDTH, HEIGHT, MARGIN, NAMES = 640, 360, 60, 130  # px; the names of the contenders stand beside the plot


def write_report(folder: Path) -> Path:
    """Read every result in the folder, write table.md and one SVG per workload; the table's path."""
    results = [json.loads((folder / f"{key}.json").read_text()) for key in WORKLOADS if (folder / f"{key}.json").exists()]
    lines = [
        "| workload | size, rank | "
        + " | ".join(["scikit-learn", "NumPy only", "compiled", "goal", "same start to same loss", "MB (scikit-learn / ours)"])
        + " |",
        "|---|---|---|---|---|---|---|---|",
    ]
    details = ["", "Whole fits, median seconds (least to most) and the loss they ended at, relative to the base's:", ""]
    for result in results:
        lines.append(summary_row(result))
        details += detail(result)
        (folder / f"{result['workload']}.svg").write_text(plot(result))
    machine = results[-1]["machine"] if results else {}
    note = ", ".join(f"{key}: {value}" for key, value in machine.items() if value)
    path = folder / "table.md"
    path.write_text("\n".join([*lines, *details, "", f"Machine: {note}.", ""]))
    return path


def whole(result: dict[str, Any], key: str, *, same_start: bool = False) -> list[dict[str, Any]]:
    return [run for run in result["runs"] if run["contender"] == key and run["same_start"] == same_start]


def seconds(runs: list[dict[str, Any]]) -> float:
    return median(run["seconds"] for run in runs) if runs else math.nan


def ratio(result: dict[str, Any], key: str) -> str:
    """The base's time over this contender's: whole fits, marked where our loss is worse than equal, and to the base's loss."""
    mine, base = whole(result, key), whole(result, result["base"])
    if not mine or not base:
        return "-"
    worse = median(run["loss"] for run in mine) / median(run["loss"] for run in base) - 1
    sooner = seconds(base) / to_target(mine, base_loss(result))
    there = "" if math.isnan(sooner) else f" ({sooner:.1f}×)"
    return f"{seconds(base) / seconds(mine):.1f}×{there}" + (f", loss {worse:+.1e}" if worse > result["equal"] else "")


def base_loss(result: dict[str, Any]) -> float:
    """Up to what loss a run counts as ending where the base did."""
    return float(median(run["loss"] for run in whole(result, result["base"]))) * (1 + result["equal"])


def to_target(runs: list[dict[str, Any]], target: float) -> float:
    """Median seconds until a curve is at the target; NaN when half of the runs or more never are."""
    times = [next((t for t, value in run["curve"] if value <= target), math.inf) for run in runs]
    middle = median(times) if times else math.inf
    return middle if math.isfinite(middle) else math.nan


def summary_row(result: dict[str, Any]) -> str:
    base = whole(result, result["base"])
    there = seconds(whole(result, result["base"], same_start=True))
    same = [there / to_target(whole(result, key, same_start=True), base_loss(result)) for key in ("numpy", "compiled")]
    goal = " / ".join(f"{value:g}×" for value in result["goal"]) if result["goal"] else "-"
    shape = f"{result['shape'][0]} × {result['shape'][1]}, {result['rank']}"
    ratios = [ratio(result, key) for key in ("numpy", "compiled")]
    reached = " / ".join("not reached" if math.isnan(value) else f"{value:.1f}×" for value in same)
    held = " / ".join(f"{result['memory'].get(key, math.nan):.0f}" for key in (result["base"], "numpy", "compiled"))
    return f"| {result['title']} | {shape} | {seconds(base):.2f} s | {ratios[0]} | {ratios[1]} | {goal} | {reached} | {held} |"


def detail(result: dict[str, Any]) -> list[str]:
    base = median(run["loss"] for run in whole(result, result["base"]))
    best = min(run["loss"] for run in result["runs"])
    lines = [
        f"**{result['title']}, rank {result['rank']}**",
        "",
        "| | seconds | loss | no worse than 1e-4 | to the base's loss | to 1e-4 of the best |",
    ]
    lines.append("|---|---|---|---|---|---|")
    for key, contender in CONTENDERS.items():
        runs = whole(result, key)
        if not runs:
            continue
        equal = sum(run["loss"] <= base * (1 + result["equal"]) for run in runs)
        spread = f"{seconds(runs):.3f} ({min(r['seconds'] for r in runs):.3f} to {max(r['seconds'] for r in runs):.3f})"
        ended = median(run["loss"] for run in runs)
        cells = [reach(runs, limit) for limit in (base * (1 + result["equal"]), best * (1 + 1e-4))]
        lines.append(
            f"| {contender.title} | {spread} | {ended / base - 1:+.1e} | {equal} of {len(runs)} | {cells[0]} | {cells[1]} |"
        )
    return [*lines, ""]


def reach(runs: list[dict[str, Any]], target: float) -> str:
    """Seconds to a target: from the curve where there is one, else the whole fit if it ended there."""
    value = to_target(runs, target) if runs[0]["curve"] else seconds([run for run in runs if run["loss"] <= target])
    return "no" if math.isnan(value) else f"{value:.3f} s"


def plot(result: dict[str, Any]) -> str:
    """Loss above the best one found, against seconds, both logarithmic; contenders without a curve are points."""
    best = min(run["loss"] for run in result["runs"])
    series: dict[str, list[tuple[float, float]]] = {}
    for key in CONTENDERS:
        runs = whole(result, key)
        if runs:
            run = sorted(runs, key=lambda r: r["seconds"])[len(runs) // 2]
            points = run["curve"] or [(run["seconds"], run["loss"])]
            series[key] = [(t, max(value / best - 1, 1e-7)) for t, value in points if t > 0 and math.isfinite(value)]
    times = [t for points in series.values() for t, _ in points]
    left, right = math.log10(min(times)) - 0.1, math.log10(max(times)) + 0.1
    low, high = -7.0, max(0.0, max(math.log10(v) for points in series.values() for _, v in points))

    def place(t: float, value: float) -> tuple[float, float]:
        x = MARGIN + (math.log10(t) - left) / (right - left) * (WIDTH - 2 * MARGIN)
        return x, HEIGHT - MARGIN - (math.log10(value) - low) / (high - low) * (HEIGHT - 2 * MARGIN)

    parts = [f'<rect width="{WIDTH + NAMES}" height="{HEIGHT}" fill="white"/>']
    for power in range(math.ceil(left), math.floor(right) + 1):
        x, _ = place(10.0**power, 10.0**low)
        parts.append(f'<line x1="{x:.1f}" y1="{MARGIN}" x2="{x:.1f}" y2="{HEIGHT - MARGIN}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{10.0**power:g}</text>')
    for power in range(math.ceil(low), math.floor(high) + 1):
        _, y = place(10.0**left, 10.0**power)
        parts.append(f'<line x1="{MARGIN}" y1="{y:.1f}" x2="{WIDTH - MARGIN}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
    for row, (key, points) in enumerate(series.items()):
        colour = COLOURS[key]
        at = [place(*point) for point in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<circle cx="{at[-1][0]:.1f}" cy="{at[-1][1]:.1f}" r="4" fill="{colour}"/>')
        label = escape(CONTENDERS[key].title)
        parts.append(f'<text x="{WIDTH - MARGIN + 14}" y="{MARGIN + 10 + 16 * row}" fill="{colour}">{label}</text>')
    title = escape(f"{result['title']}, rank {result['rank']}: loss above the best found (relative)")
    parts.append(f'<text x="{WIDTH / 2}" y="24" text-anchor="middle" font-size="14">{title}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">seconds, start included</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + NAMES} {HEIGHT}" font-family="sans-serif" font-size="11">'
    )
    return "\n".join([head, *parts, "</svg>", ""])

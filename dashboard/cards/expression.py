"""The cards of the expression page: metagenes and samples, consensus over ranks, agreement, genes, and what the scale does."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.clusters import confusion, consensus
from dashboard.figures.expression import samples_by_component
from dashboard.figures.workbench import over_ranks
from dashboard.text.plain import markdown
from dashboard.text.words import count, percent, spelled
from dashboard.widgets import bench, card
from dashboard.widgets.header import Figure
from dashboard.work import expression as bench_data
from dashboard.work.expression import Table, View
from dashboard.work.jobs import Job
from nmfcore.data.model.dataset import Dataset
from nmfcore.methods.expression import RankReport

PAGE = "expression"
SIDES = {False: "columns", True: "rows"}
FINE, COARSE = "as given", "by first word"


def asked(dataset: Dataset) -> tuple[bool, int, int, int]:
    """Where the samples are, the rank, the number of starts, and the first seed."""
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        key = f"{PAGE}-rows-{dataset.fingerprint[:12]}"
        session.control(key, bench_data.samples_are_rows(dataset))
        rows = session.control_value(key, False)
        if dataset.classes is None and dataset.column_classes is None:
            rows = st.segmented_control(
                "Samples are the", list(SIDES), format_func=SIDES.__getitem__, key=key, required=True, persist_state="session"
            )
        bench.linked(f"{PAGE}-rank", "metagenes", list(bench_data.RANKS), 2)
        rank = st.segmented_control(
            "Rank (metagenes)", bench_data.RANKS, key=f"{PAGE}-rank", required=True, persist_state="session"
        )
        assert rank is not None  # it is required, and `linked` has given it a value
        session.control(f"{PAGE}-runs", 20)
        runs = st.number_input(
            "Starts at each rank",
            2,
            100,
            key=f"{PAGE}-runs",
            width=150,
            persist_state="session",
            help="The consensus of the survey is over this many random starts; the published analyses used 20 to 100.",
        )
        session.control(f"{PAGE}-seed", 0)
        seed = st.number_input("First seed", 0, 2**31, key=f"{PAGE}-seed", width=120, persist_state="session")
    return bool(rows), int(rank), int(runs), int(seed)


def known_classes(table: Table) -> Sequence[str] | None:
    """The known classes, as given or merged by their first word where that leaves fewer."""
    if table.known is None:
        return None
    merged = bench_data.coarse(table.known)
    if merged is None:
        return table.known
    names = {COARSE: ", ".join(dict.fromkeys(merged)), FINE: ", ".join(dict.fromkeys(table.known))}
    bench.linked(f"{PAGE}-classes", "classes", list(names), COARSE)
    chosen = st.segmented_control(
        "Known classes",
        list(names),
        format_func=lambda key: markdown(names[key], 60),
        key=f"{PAGE}-classes",
        required=True,
        persist_state="session",
    )
    return merged if chosen == COARSE else table.known


def heading(
    dataset: Dataset,
    table: Table,
    shown: View,
    known: Sequence[str] | None,
    report: RankReport | None,
    runs: int,
    rows: bool,
    seed: int,
) -> None:
    n, rank = len(shown.groups), shown.result.rank
    samples = count(n, markdown(table.samples.singular), markdown(table.samples.name))
    title = f"{spelled(rank)} metagenes in {samples}"
    if shown.agreement is not None:
        wrong = len(shown.agreement.misplaced)
        title = f"{spelled(rank)} metagenes: {n - wrong} of {samples} lie with their class"
    line = (
        f"{markdown(table.title)} · {count(len(shown.W), markdown(table.genes.singular), markdown(table.genes.name))} · HALS, "
        + (f"best of {runs} random starts" if report is not None else f"one random start, seed {seed}")
        + " · metagenes (columns of W) of length 1"
    )
    figures = [
        Figure(
            "Cophenetic correlation",
            f"{report.consensus.cophenetic:.4f}" if report is not None else "…",
            f"{runs} starts, 1 = clean blocks" if report is not None else "the survey is running",
            "Correlation of 1 − consensus with the distances in its clustering tree (Brunet et al. 2004).",
        ),
        Figure(
            "Dispersion",
            f"{report.consensus.dispersion:.4f}" if report is not None else "…",
            "1 = every pair is certain",
            "Mean of 4 (c − ½)² over all pairs (Kim & Park 2007).",
        ),
        Figure(
            "Purity",
            percent(shown.agreement.purity) if shown.agreement is not None else "no classes",
            "samples with their class" if shown.agreement is not None else "none are known for this data",
            "Each group stands for the class of most of its samples; the share of samples whose group stands for their class.",
        ),
        Figure(
            "Defining genes",
            f"{shown.genes.count:,}",
            f"of {len(shown.W):,}, score above {shown.genes.threshold:.3f}",
            "Score above median + 3 MAD, and largest entry above the median entry of W (Kim & Park 2007).",
        ),
    ]
    bench.heading(title, line, figures)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        bench.method(PAGE, "Consensus: Brunet et al. 2004. Gene scores and dispersion: Kim & Park 2007. Data: Golub et al. 1999.")
        bench.export(PAGE, lambda: tables(table, shown, known), bench_data.script(dataset.key, rows, rank, runs, seed))


def samples(table: Table, shown: View, known: Sequence[str] | None) -> None:
    """Metagenes by samples with the class strip, and who is misplaced."""
    wrong = [sample.sample for sample in shown.agreement.misplaced] if shown.agreement is not None else []
    drawn = samples_by_component(
        shown.H.T,
        samples=table.samples.take(range(len(shown.groups))),
        classes=known,
        misplaced=wrong,
        theme=session.theme(),
        height=330,
    )
    say = "Each sample belongs to its largest metagene."
    if shown.agreement is not None:
        names = "; ".join(
            f"{markdown(s.label, 40)} ({markdown(s.known, 30)}, with {markdown(s.stands_for or 'none', 30)})"
            for s in shown.agreement.misplaced
        )
        say += f" Misplaced: {names}." if names else " Nobody is misplaced."
    card.picture(PAGE, "samples", f"{markdown(table.samples.name.capitalize())} by metagene (H), grouped", drawn, say=say)


def live(job: Job) -> None:
    """The ranks that are done."""
    done = [report for report in job.progress if isinstance(report, RankReport)]
    if done:
        said = " · ".join(f"rank {r.rank}: cophenetic {r.consensus.cophenetic:.3f}" for r in done)
        st.markdown(f":small[{said}]")


def survey(table: Table, reports: Sequence[RankReport], known: Sequence[str] | None, rank: int) -> None:
    """Consensus maps, the criteria over the ranks, and the table of all."""
    places = st.columns(2)
    for at, report in enumerate(reports):
        with places[at % 2]:
            found = report.consensus
            drawn = consensus(
                found.matrix,
                found.order,
                classes=None if known is None else [known[int(i)] for i in found.items],
                labels=table.samples.take(found.items),
                cophenetic=found.cophenetic,
                items=table.samples.name,
                theme=session.theme(),
                height=340,
            )
            title = f"Rank {report.rank}: {found.runs} starts, cophenetic {found.cophenetic:.4f}"
            card.picture(PAGE, f"consensus {report.rank}", title, drawn)
    ranks = [report.rank for report in reports]
    shown = bench_data.rank_table(table, reports, known)
    series = [(name, shown[name]) for name in ("cophenetic", "dispersion", "raw cophenetic", "raw dispersion")]
    drawn = over_ranks(ranks, series, quantity="certainty of the groups", present=rank, theme=session.theme(), height=280)
    card.picture(PAGE, "ranks", "Which rank?", drawn, say="Dotted: H as each run left it.")
    names = ("cophenetic", "dispersion", "raw cophenetic", "raw dispersion", "error", "purity")
    numbers = {name: st.column_config.NumberColumn(format="%.4f") for name in names}
    bench.table(PAGE, "survey", "Rank by rank", shown, column_config=numbers, height="content")


def classes(table: Table, shown: View) -> None:
    """Groups against known classes."""
    if shown.agreement is None:
        return
    found = shown.agreement
    drawn = confusion(
        found.table.T,
        classes=found.classes,
        groups=[str(k + 1) for k in range(shown.result.rank)],
        component="metagene",
        theme=session.theme(),
        height=260,
    )
    said = "; ".join(f"{k + 1} stands for {markdown(name or 'nobody', 30)}" for k, name in enumerate(found.stands_for))
    card.picture(PAGE, "classes", "Groups against known classes", drawn, say=f"Metagene {said}.")


def raw(table: Table, shown: View) -> None:
    """What the scale does to the groups."""
    names = ", ".join(markdown(table.samples.label(int(i)), 40) for i in shown.moved)
    with card.plain("Raw against normalised argmax"):
        st.markdown(
            "WH stays the same when a column of W is multiplied by c and the row of H divided by c, so the largest entry in a "
            "column of H "
            "means something only on a stated scale. Here metagenes have length 1. Taken as this run left H, "
            + (
                f"**{count(len(shown.moved), 'sample')}** would be in another group: {names}."
                if len(shown.moved)
                else "every sample would be in the same group."
            )
            + " Over many starts the difference shows as a lower cophenetic correlation (dotted lines below)."
        )


def genes(table: Table, shown: View) -> None:
    """The genes that define each metagene."""
    found = bench_data.gene_table(table, shown)
    per = ", ".join(f"metagene {k + 1}: {len(members):,}" for k, members in enumerate(shown.genes.of))
    bench.table(
        PAGE,
        "genes",
        f"{markdown(table.genes.name.capitalize())} that define a metagene",
        found,
        height=360,
        column_config={name: st.column_config.NumberColumn(format="%.4f") for name in ("score", "weight")},
        say=f"{shown.genes.count:,} of {len(shown.W):,} ({per}).",
    )


def tables(table: Table, shown: View, known: Sequence[str] | None) -> dict[str, pd.DataFrame]:
    """Groups, genes, W and H."""
    names = [f"metagene {k + 1}" for k in range(shown.result.rank)]
    W, H = pd.DataFrame(shown.W, columns=names), pd.DataFrame(shown.H.T, columns=names)
    W.insert(0, table.genes.singular, table.genes.take(range(len(W))), allow_duplicates=True)
    H.insert(0, table.samples.singular, table.samples.take(range(len(H))), allow_duplicates=True)
    W["score"] = shown.genes.scores
    return {"W": W, "H": H, "samples": bench_data.sample_table(table, shown, known), "genes": bench_data.gene_table(table, shown)}

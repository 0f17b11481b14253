"""The cards of the expression page: metagenes and samples, consensus over ranks, agreement, genes, and what the scale does."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards import markers, told
from dashboard.figures.clusters import confusion, consensus
from dashboard.figures.expression import Samples, samples_by_component
from dashboard.figures.workbench import over_ranks
from dashboard.text.plain import markdown
from dashboard.text.words import count, no_less, percent, spelled
from dashboard.widgets import bench, card
from dashboard.widgets.bench import Away
from dashboard.widgets.bench_panel import Bench, Panel, Task, said
from dashboard.widgets.header import Figure
from dashboard.work import expression as bench_data
from dashboard.work.expression import Choice, Table, View
from dashboard.work.job import Job
from dashboard.work.told import Told
from nmfcore.core.factorization import Factorization
from nmfcore.core.guidance import Guidance
from nmfcore.data.model.dataset import Dataset
from nmfcore.methods.expression import RankReport

PAGE = "expression"
SIDES = {False: "columns", True: "rows"}
FINE, COARSE = "as given", "by first word"


BENCH = Bench(PAGE, "leukemia", bench_data.refusal, "metagene", "metagenes", ("rank", "runs", "seed"))


def turned(panel: Panel, dataset: Dataset) -> bool:
    """Whether the rows of the data are the samples; asked where no classes say so."""
    key = BENCH.key(f"rows-{dataset.fingerprint[:12]}")
    rows = session.control(key, bench_data.samples_are_rows(dataset))
    if dataset.classes is None and dataset.column_classes is None:
        with panel.controls():
            rows = st.segmented_control(
                "Samples are the", list(SIDES), format_func=SIDES.__getitem__, key=key, required=True, persist_state="session"
            )
    return bool(rows)


def wanted(panel: Panel) -> Choice:
    """What the panel says: the rank, the number of starts of the survey, and the first seed."""
    with panel.controls():
        rank = panel.rank("metagenes", min(bench_data.RANKS), max(bench_data.RANKS), 2)
        with st.expander("Advanced"):
            bench.linked(BENCH.key("runs"), "starts", range(2, 101), 20)
            runs = st.number_input(
                "Starts at each rank",
                2,
                100,
                key=BENCH.key("runs"),
                persist_state="session",
                help="The consensus of the survey is over this many random starts; the published analyses used 20 to 100.",
            )
            seed = panel.seed("First seed")
    return Choice(rank, int(runs), seed)


def task(table: Table, choice: Choice) -> Task[Choice]:
    """One fit at the rank of a choice; the survey, where it is over, has a better one."""
    return Task(
        (PAGE, "fit", table.key, choice.rank, choice.seed),
        bench_data.fit_work(table, choice.rank, choice.seed),
        f"Rank {choice.rank}",
        said(BENCH, choice.rank, choice.seed),
        lambda result: result,
    )


def survey_key(table: Table, choice: Choice) -> Hashable:
    """Names the survey of a choice."""
    return (PAGE, "survey", table.key, choice.runs, choice.seed)


def surveyed(table: Table, choice: Choice) -> tuple[RankReport, ...] | None:
    """Many starts at every rank; None while they are not there, and then their state is on the page."""
    found: tuple[RankReport, ...] | None = bench.compute(
        survey_key(table, choice),
        bench_data.survey_work(table, choice.runs, choice.seed),
        label=f"{choice.runs} starts at ranks 2 to 5",
        lane=f"{bench.LANE}-survey",
        live=live,
    )
    return found


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
    table: Table, shown: View, known: Sequence[str] | None, report: RankReport | None, choice: Choice, wishes: Guidance
) -> None:
    """The finding, what it rests on, four numbers, and what can be taken away; wishes : what the metagenes were told."""
    runs, seed = choice.runs, choice.seed
    n, rank = len(shown.groups), shown.result.rank
    samples = count(n, markdown(table.samples.singular), markdown(table.samples.name))
    title = f"{spelled(rank)} metagenes in {samples}"
    if shown.agreement is not None:
        wrong = len(shown.agreement.misplaced)
        title = f"{spelled(rank)} metagenes: {n - wrong} of {samples} lie with their class"
    line = (
        f"{markdown(table.title)} · {count(len(shown.W), markdown(table.genes.singular), markdown(table.genes.name))} · HALS, "
        + (f"best of {runs} random starts" if report is not None else f"one random start, seed {seed}")
        + (f" · {count(len(wishes), 'wish', 'wishes')}" if wishes else "")
        + " · metagenes (columns of W) of length 1"
    )
    method = "Consensus: Brunet et al. 2004. Gene scores and dispersion: Kim & Park 2007. Data: Golub et al. 1999."
    script = bench_data.script(table.data, table.turned, choice.rank, runs, seed, wishes)
    bench.heading(PAGE, title, line, figures(shown, report, runs), method, Away(lambda: tables(table, shown, known), script))


def pictures(table: Table, shown: View, known: Sequence[str] | None) -> None:
    """The samples in their groups, the groups beside the known classes, and the genes that define them."""
    samples(table, shown, known)
    left, right = st.columns([2, 3])
    with left:
        classes(table, shown)
        raw(table, shown)
    with right:
        genes(table, shown)


def figures(shown: View, report: RankReport | None, runs: int) -> list[Figure]:
    """How sure the groups are, how well they fit the known classes, and how many genes define them."""
    return [
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
            f"of {len(shown.W):,}, score above {no_less(shown.genes.threshold, 3)}",
            "Score above median + 3 MAD, and largest entry above the median entry of W (Kim & Park 2007).",
        ),
    ]


def told_metagenes(table: Table, fit: Factorization, choice: Choice, best: bool, surveyed_: bool) -> Told | None:
    """The metagenes under what they are told; None while that is being computed.

    best : the fit is the best of the survey's starts, from which wishes begin;  surveyed_ : the survey is over
    """
    subject = bench_data.subject(table, fit, choice, choice.runs if best else 0)
    if not best and not surveyed_ and not bench.was_stopped(survey_key(table, choice)):
        with card.plain("Tell the metagenes what is known"):
            st.markdown("Possible once the survey below is over, or stopped: wishes begin from the best of its starts.")
        return subject.untold(fit)
    return told.draw(subject, fit, partial(markers.form, table))


def samples(table: Table, shown: View, known: Sequence[str] | None) -> None:
    """Metagenes by samples with the class strip, and who is misplaced."""
    wrong = [sample.sample for sample in shown.agreement.misplaced] if shown.agreement is not None else []
    drawn = samples_by_component(
        shown.H.T,
        Samples(table.samples.take(range(len(shown.groups))), known, wrong),
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

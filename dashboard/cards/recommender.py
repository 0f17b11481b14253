"""The cards of the recommender page: controls, the editable table, factors, the sum written out, methods side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.labelled import Ends, Labelled, matrix
from dashboard.figures.workbench import Score, models
from dashboard.text.plain import clean, markdown
from dashboard.text.words import count, seconds
from dashboard.widgets import bench, card, scale
from dashboard.widgets.bench import Away
from dashboard.widgets.bench_panel import Bench, Panel, Task, said
from dashboard.widgets.header import Figure
from dashboard.work import recommender as bench_data
from dashboard.work.recommender import Answer, Choice, Fits, Question, Source
from nmfcore.core.written import percent
from nmfcore.methods.recommend import Estimate, recommend
from nmfcore.topics import scale as scaling
from nmfcore.topics.similarity import cosine_rows

PAGE = "recommender"
ZEROS = {"zero": "counts as 0", "missing": "is left out"}
LIST = 10  # recommendations of a user


BENCH = Bench(PAGE, "tv", bench_data.refusal, "category", "categories", ("rank", "ridge", "seed"))


def wanted(panel: Panel, source: Source) -> Choice:
    """What the panel says: all that determines the factorizations."""
    m, n = source.ratings.shape
    top = min(m, n, 20)
    with panel.controls():
        rank = panel.rank("categories", 1, top, min(2, top))
        with st.expander("Advanced"):
            session.control(BENCH.key("ridge"), 1.0)
            ridge = st.number_input(
                "Ridge", 0.0, 100.0, step=0.1, format="%.2g", key=BENCH.key("ridge"), persist_state="session",
                help="Weight of ‖W‖² + ‖H‖² in the masked factorization: pulls factors to 0 where little was observed.",
            )  # fmt: skip
            seed = panel.seed()
    return Choice(rank, float(ridge), seed)


def task(source: Source, choice: Choice) -> Task[Choice]:
    """The three factorizations of a choice."""
    return Task(
        (PAGE, "fits", source.key, choice),
        bench_data.fit_work(source, choice.rank, choice.ridge, choice.seed),
        f"Three factorizations, rank {choice.rank}",
        said(BENCH, choice.rank, choice.seed, f"ridge {choice.ridge:g}"),
        lambda fits: fits.ridged,
    )


def asked(source: Source) -> Question:
    """The page's controls: which rating is asked for, and how."""
    ratings, shows, users = source.ratings, source.axes.rows, source.axes.columns
    m, n = ratings.shape
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bench.linked(f"{PAGE}-user", "user", range(n), first=1)
        user = st.selectbox(
            markdown(users.singular.capitalize()),
            range(n),
            format_func=lambda j: clean(users.label(j)),
            key=f"{PAGE}-user",
            width=110,
            persist_state="session",
        )
        new = bench_data.unrated(ratings, user)
        wanted = [i for i in new if shows.label(i) == source.example]
        bench.linked(f"{PAGE}-item", "item", new, (wanted or new)[0], first=1)
        item = st.selectbox(
            f"{markdown(shows.singular.capitalize())} not rated yet", new,
            format_func=lambda i: clean(shows.label(i)), key=f"{PAGE}-item", width=190, persist_state="session",
        )  # fmt: skip
        most = max(1, min(m - 1, 20))
        bench.linked(f"{PAGE}-k", "k", range(1, most + 1), min(3, most))
        k = st.number_input("Neighbours K", 1, most, key=f"{PAGE}-k", width=100, persist_state="session") if most > 1 else 1
        bench.linked(f"{PAGE}-zero", "zero", list(ZEROS), "zero")
        meaning = st.segmented_control(
            "In the pictures, a missing rating", list(ZEROS), format_func=ZEROS.__getitem__, key=f"{PAGE}-zero", required=True,
            persist_state="session",
            help="Which factorization the pictures of W, H and the similarities show. The estimates below always compare both.",
        )  # fmt: skip
        with st.container(width=190):
            scale.choose()
    return Question(int(item), int(user), int(k), str(meaning))


def heading(source: Source, fits: Fits, answers: list[Answer], question: Question) -> None:
    item, user, k = question.item, question.user, question.k
    show, name = (markdown(axis.label(at), 40) for axis, at in ((source.axes.rows, item), (source.axes.columns, user)))
    slide, rated, _, free, ridged, *_ = answers
    low, high = source.scale
    title = f"Will {name} like {show}? {slide.value:.4g} if missing means 0, {ridged.value:.2f} if it means unknown"
    outside = "outside the ratings' range" if not low <= free.value <= high else f"ratings go from {low:g} to {high:g}"
    figures = [
        Figure(
            "Classic, missing = 0", f"{slide.value:.4g}", f"{k} nearest, weighted by rank",
            "Σ wₖ xₖ with wₖ = (1 − k / (1 + … + K)) / (K − 1); a neighbour that was not rated counts as 0.",
        ),
        Figure(
            "Only rated neighbours", number(rated.value), "the same neighbours",
            "The same sum over the neighbours this user rated, their weights divided by their sum.",
        ),
        Figure(
            "Masked factorization", number(free.value), outside,
            "The entry of WH, fitted to the given ratings only: min ‖M∘(X − WH)‖².",
        ),
        Figure(
            f"With ridge {fits.ridge:g}", number(ridged.value), "large factors penalised",
            "The same with ridge · (‖W‖² + ‖H‖²) added to the loss.",
        ),
    ]  # fmt: skip
    m, n = source.ratings.shape
    rows, columns = (
        count(size, markdown(axis.singular), markdown(axis.name))
        for size, axis in ((m, source.axes.rows), (n, source.axes.columns))
    )
    line = (
        f"{markdown(source.title)} · {len(source.ratings):,} ratings of {rows} by {columns}, "
        f"{percent(source.ratings.missing, 0)} missing · HALS, rank {fits.rank}, random start, seed {fits.seed} · {scale.words()}"
    )
    method = "Item neighbours: Sarwar et al. 2001; masked NMF: Zhang et al. 2006; biases: Koren, Bell & Volinsky 2009."
    script = bench_data.script(fits, item, user, k, scale.current())
    bench.heading(PAGE, title, line, figures, method, Away(lambda: tables(source, fits, answers), script))


def no_rating_left() -> None:
    """The top of the page when every cell was emptied."""
    st.title("No rating is left", anchor=False)
    st.markdown("Every cell of the table is empty. Type a rating, or take the table back to its start.")


def answered(source: Source, fits: Fits, question: Question) -> list[Answer]:
    """What each method says to a question; neighbours are those under zeros as ratings, whatever the pictures show."""
    W, _ = factors(fits, "zero")
    slide, rated = bench_data.both_estimates(source.ratings, cosines(W, question.item), question.item, question.user, question.k)
    return bench_data.answers(fits, slide, rated, question.item, question.user)


def number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "none"


# -- factors and similarities ----------------------------------------------------------------------------------------------


def factors(fits: Fits, meaning: str) -> tuple[np.ndarray, np.ndarray]:
    """W and H of the fit with zeros as ratings, or of the masked one, under the scale in force."""
    result = fits.zeros if meaning == "zero" else fits.ridged
    scaled = scaling.apply(result.W, result.H, scale.current())
    return scaled.W, scaled.H


def cosines(W: np.ndarray, item: int) -> np.ndarray:
    """(m,) of one row with every row; not all pairs, which many rows would not allow."""
    return cosine_rows(W[[item]], W)[0]


def factor_cards(source: Source, W: np.ndarray, H: np.ndarray, meaning: str) -> None:
    shows, users = source.axes.rows, source.axes.columns
    categories = [f"category {k + 1}" for k in range(W.shape[1])]
    rows, columns = strongest(W), strongest(H.T)
    left, right = st.columns(2)
    with left:
        drawn = matrix(
            Labelled(W[rows], shows.take(rows), categories, "weight in W", f"W, {shows.name} by category"),
            ends=Ends(0.0), theme=session.theme(), height=max(260, 50 + 18 * len(rows)), note=cut(len(rows), len(W), shows.name),
        )  # fmt: skip
        card.picture(
            PAGE,
            "W",
            f"W: which {markdown(shows.singular)} is in which category",
            drawn,
            say=f"A missing rating {ZEROS[meaning]}.",
        )
    with right:
        shown = H[:, columns].T
        drawn = matrix(
            Labelled(shown, users.take(columns), categories, "weight in H", f"H, {users.name} by category"),
            ends=Ends(0.0), theme=session.theme(), height=max(260, 50 + 18 * len(columns)),
            note=cut(len(columns), H.shape[1], users.name),
        )  # fmt: skip
        card.picture(
            PAGE,
            "H",
            f"H: which {markdown(users.singular)} likes which category (transposed)",
            drawn,
            say=f"A missing rating {ZEROS[meaning]}.",
        )


def strongest(W: np.ndarray) -> np.ndarray:
    """All rows where they can be named, else the strongest, in the order of the table."""
    if len(W) <= bench_data.NAMED:
        return np.arange(len(W))
    return np.sort(np.argsort(-W.max(axis=1), kind="stable")[: bench_data.NAMED])


def cut(shown: int, total: int, name: str) -> str | None:
    return None if shown == total else f"The {shown} strongest of {total:,} {name}."


def similar(source: Source, W: np.ndarray, item: int, meaning: str) -> None:
    shows = source.axes.rows
    chosen = np.arange(len(W))
    if len(W) > bench_data.NAMED // 2:
        others = np.argsort(-np.where(chosen == item, -1.0, cosines(W, item)), kind="stable")
        chosen = np.concatenate([[item], others[: bench_data.NAMED // 2]])
    names = shows.take(chosen)
    drawn = matrix(
        Labelled(cosine_rows(W[chosen]), names, names, "cosine", f"cosine of the {shows.name}' rows of W"),
        ends=Ends(0.0, 1.0), theme=session.theme(), height=420,
        note=None if len(chosen) == len(W)
        else f"{shows.label(item)} and the {len(chosen) - 1} nearest of {len(W):,} {shows.name}.",
    )  # fmt: skip
    card.picture(
        PAGE,
        "similarity",
        f"How alike two {markdown(shows.name)} are",
        drawn,
        say=f"Scale: {scale.words()}. A missing rating {ZEROS[meaning]}.",
    )


def worked(source: Source, W: np.ndarray, question: Question) -> None:
    """The K nearest with ranks and weights, and both sums written out."""
    item, user, meaning = question.item, question.user, question.meaning
    slide, rated = bench_data.both_estimates(source.ratings, cosines(W, item), item, user, question.k)
    shows, users = source.axes.rows, source.axes.columns
    rows = pd.DataFrame(
        {
            "rank": [t.rank for t in slide.terms],
            shows.singular: [clean(shows.label(t.item)) for t in slide.terms],
            "cosine": [t.similarity for t in slide.terms],
            "weight": [t.fraction for t in slide.terms],
            "rating": [t.rating if t.rated else None for t in slide.terms],
            "product": [t.product for t in slide.terms],
        }
    )
    formats = {"cosine": "%.4f", "product": "%.4f", "rating": "%.4g"}
    bench.table(
        PAGE, "neighbours",
        f"Nearest to {markdown(shows.label(item), 40)}, as {markdown(users.label(user), 40)} rated them", rows,
        column_config={name: st.column_config.NumberColumn(format=text) for name, text in formats.items()},
        say=sums(slide, rated) + f" In the factorization, a missing rating {ZEROS[meaning]}.",
    )  # fmt: skip


def sums(slide: Estimate, rated: Estimate) -> str:
    return f"Missing counts as 0: **{markdown(slide.arithmetic(), 600)}**.  \n" + (
        f"Only rated ones: **{markdown(rated.arithmetic(), 600)}**.  \n"
    )


# -- answers ----------------------------------------------------------------------------------------------------------------


def answer_table(answers: list[Answer]) -> pd.DataFrame:
    return pd.DataFrame(
        {"method": [a.method for a in answers], "value": [a.value for a in answers], "rests on": [a.rests_on for a in answers]}
    )


def side_by_side(source: Source, answers: list[Answer], item: int, user: int) -> None:
    shows, users = source.axes.rows, source.axes.columns
    bench.table(
        PAGE, "methods",
        f"{markdown(users.label(user), 40)} and {markdown(shows.label(item), 40)}, method by method", answer_table(answers),
        height="content", column_config={"value": st.column_config.NumberColumn(format="%.3f", width="small")},
    )  # fmt: skip


def recommended(source: Source, fits: Fits, user: int) -> pd.DataFrame:
    found = recommend(source.ratings, fits.ridged.W, fits.ridged.H, user, count=LIST, scale=source.scale)
    return pd.DataFrame(
        {
            "place": range(1, len(found) + 1),
            source.axes.rows.singular: [clean(source.axes.rows.label(r.item)) for r in found],
            "predicted": [r.predicted for r in found],
            "mean and biases": [r.baseline for r in found],
        }
    )


def recommendations(source: Source, fits: Fits, user: int) -> None:
    name = markdown(source.axes.columns.label(user), 40)
    shown = recommended(source, fits, user)
    if not len(shown):
        with card.plain(f"For {name}"):
            st.markdown("Everything is rated; there is nothing left to recommend.")
        return
    numbers = {column: st.column_config.NumberColumn(format="%.2f") for column in ("predicted", "mean and biases")}
    bench.table(
        PAGE, "recommendations", f"For {name}, best first", shown, column_config=numbers,
        say=f"Masked factorization with ridge {fits.ridge:g}, cut to the range of the ratings.",
    )  # fmt: skip


def held_out(source: Source, fits: Fits) -> None:
    """How wrong each model is on ratings it has not seen: measured at once for a small table, on request for a large one."""
    rank, ridge, seed = fits.rank, fits.ridge, fits.seed
    asked_for = f"{PAGE}-held-out-{source.key}-{rank}"
    if len(source.ratings) > bench_data.AT_ONCE and not session.control_value(asked_for, False):
        with card.plain("Error on ratings that were held out"):
            about = seconds(bench_data.SPLITS * 3 * len(source.ratings) * rank * 2e-6 + 1)
            st.markdown(f"Not measured: {bench_data.SPLITS} splits, three factorizations each, about {about}.")
            st.button("Measure", key=f"{PAGE}-measure", on_click=session.set_control, args=(asked_for, True))
        return
    key = (PAGE, "held out", source.key, rank, ridge, seed)
    work = bench_data.held_out_work(source, rank, ridge, seed)
    errors = bench.compute(key, work, label="Held-out errors", lane=f"{bench.LANE}-check")
    if errors is None:
        return
    ordered = sorted(errors, key=lambda e: e.mean)
    scores = [Score(e.name, e.mean, e.spread, "NMF" in e.name) for e in ordered]
    drawn = models(scores, quantity="held-out RMSE, in rating points", theme=session.theme())
    best, zeros = ordered[0], next(e for e in errors if e.name.startswith("NMF"))
    say = (
        f"{bench_data.SPLITS} random splits, {percent(bench_data.SHARE, 0)} held out; lines are ± 1 standard deviation. "
        f"Lowest: {best.name}, {best.mean:.2f}. With zeros as ratings: {zeros.mean:.2f}."
    )
    card.picture(PAGE, "held-out", "Error on ratings that were held out", drawn, say=say)


def tables(source: Source, fits: Fits, answers: list[Answer]) -> dict[str, pd.DataFrame]:
    """Everything on this page as tables."""
    shows, users = source.axes.rows, source.axes.columns
    m, n = source.ratings.shape
    names = [f"category {k + 1}" for k in range(fits.rank)]
    found = {"methods": answer_table(answers)}
    at = source.ratings
    found["ratings"] = pd.DataFrame(
        {
            "row": at.items,
            "column": at.users,
            shows.singular: shows.take(at.items),
            users.singular: users.take(at.users),
            "rating": at.values,
        }
    )
    for name, result in (("zeros", fits.zeros), ("masked", fits.free), ("masked-ridge", fits.ridged)):
        scaled = scaling.apply(result.W, result.H, scale.current())
        for factor, values, axis, size in (("W", scaled.W, shows, m), ("H", scaled.H.T, users, n)):
            table = pd.DataFrame(values, columns=names)
            table.insert(0, axis.singular, axis.take(range(size)), allow_duplicates=True)
            found[f"{name}-{factor}"] = table
    return found

"""The cards of the page on images: the parts, one image as a sum of them, and the models under one another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.figures.images import Row, image_sum, rows_of_pictures, wall
from dashboard.figures.theme import CHART_WIDTH
from dashboard.text.plain import markdown
from dashboard.text.words import above, count, spelled
from dashboard.widgets import bench, card
from dashboard.widgets.bench import Away
from dashboard.widgets.bench_panel import Bench, Panel, Task, said
from dashboard.widgets.header import Figure
from dashboard.work import images as bench_data
from dashboard.work.images import Choice, Fitted
from nmfcore.data.model.dataset import Dataset
from nmfcore.methods.images import Model, as_pictures

PAGE = "images"
ORDERS = {"error": "what helps most", "size": "largest first", "number": "by number"}
IN_A_ROW = 10  # parts of each model that are drawn under one another


BENCH = Bench(PAGE, "digits", bench_data.refusal, "part", "parts", ("rank", "warm", "seed"), others=("faces",))


def wanted(panel: Panel, dataset: Dataset) -> Choice:
    """What the panel says: the ranks NMF goes through, and the seed."""
    top = max(2, min(*dataset.shape, bench_data.MOST_RANK))
    usual = min(dataset.card.default_rank if dataset.card is not None else 10, top)
    with panel.controls():
        rank = panel.rank("parts", 2, top, usual)
        bench.linked(BENCH.key("warm"), "warm", [True, False])
        warm = st.toggle(
            "Warm start",
            key=BENCH.key("warm"),
            persist_state="session",
            help="At another number, begin with the parts there are: new ones grow out of what is left over, and the ones that "
            "matter least are dropped. Otherwise begin anew (NNDSVDa).",
        )
        with st.expander("Advanced"):
            seed = panel.seed()
    before = panel.asked(dataset.identity)
    chain = before.chain if before is not None and before.seed == seed else ()
    return Choice(bench_data.extended(chain, rank, bool(warm)), seed)


def task(dataset: Dataset, choice: Choice) -> Task[Choice]:
    """The four models of a choice."""
    chain, seed = choice.chain, choice.seed
    before = session.jobs().result(bench_data.key(dataset, chain[:-1], seed)) if len(chain) > 1 else None
    factors = before.run.factors if before is not None else None
    more = [f"from {chain[-2]}"] if len(chain) > 1 else []
    return Task(
        bench_data.key(dataset, chain, seed),
        bench_data.fit_work(dataset, chain, seed, factors),
        f"NMF, SVD, PCA and k-means with {chain[-1]} parts",
        said(BENCH, chain[-1], seed, *more),
        lambda models: models.run,
    )


def heading(dataset: Dataset, models: Fitted) -> None:
    m, rows = dataset.shape[0], dataset.axes.rows
    height, width = dataset.image_shape or (0, 0)
    end, rank = models.run.history[-1], models.chain[-1]
    began = f"grown from {models.chain[-2]} parts" if len(models.chain) > 1 else "NNDSVDa start"
    title = f"{spelled(rank)} parts in {count(m, markdown(rows.singular), markdown(rows.name))}"
    how = f"HALS, {began}, seed {models.seed}, {count(end.iteration, 'iteration')}"
    line = f"{markdown(dataset.title)} · {height} × {width} pixels · {how}"
    nmf, svd, pca, kmeans = models.models
    figures = [
        Figure(
            "NMF: relative error",
            f"{nmf.relative_error:.4f}",
            f"{above(nmf.relative_error, svd.relative_error)} above the SVD",
            "‖X − WH‖ / ‖X‖. No matrix of this rank can be below the SVD's error.",
        ),
        Figure(
            "PCA",
            f"{pca.relative_error:.4f}",
            "adds and subtracts",
            "The same for mean image + components, which have both signs.",
        ),
        Figure(
            "k-means",
            f"{kmeans.relative_error:.4f}",
            "each image is one prototype",
            "The same for the nearest of as many mean images.",
        ),
        Figure(
            "Sparsity of NMF's parts",
            f"{nmf.parts_sparsity:.2f}",
            f"PCA {pca.parts_sparsity:.2f}, k-means {kmeans.parts_sparsity:.2f}",
            "Mean Hoyer sparsity of the parts: 0 = all pixels equal, 1 = a single pixel.",
        ),
    ]
    away = Away(lambda: tables(dataset, models), bench_data.script(dataset, models))
    bench.heading(PAGE, title, line, figures, "Parts: Lee & Seung 1999. Sparsity: Hoyer 2004.", away)


def parts(dataset: Dataset, models: Fitted) -> None:
    """The rows of H as pictures."""
    assert dataset.image_shape is not None
    drawn = wall(as_pictures(models.nmf.parts, dataset.image_shape), theme=session.theme())
    card.picture(PAGE, "parts", "The parts (rows of H)", drawn, say="Only added, never subtracted.")


def one_image(dataset: Dataset, models: Fitted) -> None:
    """One image as a sum of parts."""
    shape = dataset.image_shape
    assert shape is not None
    row, model, order = built_by(dataset, models)
    steps, added, errors = bench_data.steps_of(dataset, model, row, order)
    shown = len(steps)
    if shown > 1:
        bench.within(f"{PAGE}-shown", range(shown + 1), min(3, shown))
        shown = int(st.slider("Parts added", 0, shown, key=f"{PAGE}-shown", persist_state="session"))
    whole = bench_data.image(dataset, row) - (0 if model.mean is None else model.mean)
    numbers = [step.component for step in steps]
    drawn = image_sum(whole.reshape(shape), added.reshape(-1, *shape), numbers, shown=shown, errors=errors, theme=session.theme())
    with_all = f"{errors[shown]:.3f} with {shown} of {len(steps)}, {errors[-1]:.3f} with all"
    said = f"Relative error {errors[0]:.3f} with none, {with_all}."
    said += "" if model.mean is None else " The mean image is taken off first."
    title = f"{markdown(dataset.axes.rows.label(row), 40)} as a sum of "
    card.picture(PAGE, "sum", title + ("parts" if model.mean is None else "the mean image and parts"), drawn, say=said)


def built_by(dataset: Dataset, models: Fitted) -> tuple[int, Model, str]:
    """Which image (counted from 0), built by which model, and in which order its parts are added."""
    m, rows = dataset.shape[0], dataset.axes.rows
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        bench.linked(f"{PAGE}-image", "image", range(1, m + 1))
        label = f"{markdown(rows.singular.capitalize())}, 1 to {m:,}"
        image = st.number_input(label, 1, m, key=f"{PAGE}-image", width=140, persist_state="session")
        names = [model.name for model in models.models]
        bench.linked(f"{PAGE}-model", "model", list(names), "NMF")
        name = st.segmented_control("Built by", names, key=f"{PAGE}-model", required=True, persist_state="session")
        session.control(f"{PAGE}-order", "error")
        order = st.selectbox(
            "Next comes", list(ORDERS), format_func=ORDERS.__getitem__, key=f"{PAGE}-order", width=180, persist_state="session"
        )
    return int(image) - 1, models.models[names.index(str(name))], str(order)


def under_one_another(dataset: Dataset, models: Fitted) -> None:
    """Parts of the four models, and the same images rebuilt by each."""
    shape = dataset.image_shape
    assert shape is not None
    rows = [Row(model.name, as_pictures(first(model), shape, signed=True), signed=model.negative) for model in models.models]
    drawn = rows_of_pictures(rows, columns=min(IN_A_ROW, models.chain[-1]), theme=session.theme())
    say = f"The first {min(IN_A_ROW, models.chain[-1])} of each. Two colours: the model subtracts there."
    card.picture(PAGE, "models", "Parts of NMF, SVD, PCA and k-means", drawn, say=say)
    chosen = np.linspace(0, dataset.shape[0] - 1, bench_data.MOST_IMAGES).astype(int)
    whole = np.array([bench_data.image(dataset, i) for i in chosen])
    built = [Row("images", as_pictures(whole, shape))]
    built += [Row(model.name, as_pictures(np.maximum(model.reconstruct(chosen), 0), shape)) for model in models.models]
    drawn = rows_of_pictures(built, columns=len(chosen), theme=session.theme(), width=CHART_WIDTH)
    left, right = st.columns(2)
    with left:
        card.picture(PAGE, "rebuilt", "The same images, rebuilt by each", drawn, say="What is below 0 is drawn as 0.")
    with right:
        short = {"relative error": "error", "sparsity of parts": "sparse parts", "sparsity of codes": "sparse codes"}
        numbers = {name: st.column_config.NumberColumn(label, format="%.3f", width=75) for name, label in short.items()}
        table = bench_data.table(models)
        bench.table(PAGE, "numbers", "In numbers", table, height="content", column_config=numbers, say=verdict(models))


def first(model: Model) -> np.ndarray:
    return np.asarray(model.parts[:IN_A_ROW], float)


def verdict(models: Fitted) -> str:
    nmf, _, pca, kmeans = models.models
    return (
        f"NMF's error lies between PCA's ({pca.relative_error:.3f}) and k-means' ({kmeans.relative_error:.3f})."
        if pca.relative_error <= nmf.relative_error <= kmeans.relative_error
        else f"NMF {nmf.relative_error:.3f}, PCA {pca.relative_error:.3f}, k-means {kmeans.relative_error:.3f}."
    )


def tables(dataset: Dataset, models: Fitted) -> dict[str, pd.DataFrame]:
    """Parts and codes of every model."""
    found = {"models": bench_data.table(models)}
    for model in models.models:
        names = [f"part {k + 1}" for k in range(len(model.parts))]
        found[f"{model.name}-parts"] = pd.DataFrame(model.parts.T, columns=names)
        codes = pd.DataFrame(model.codes, columns=names)
        codes.insert(0, dataset.axes.rows.singular, dataset.axes.rows.take(range(len(codes))), allow_duplicates=True)
        found[f"{model.name}-codes"] = codes
    return found

"""The run on screen in the devices of the lessons: its iterates, beside runs from other starts, and its topics as a game."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import session
from dashboard.devices.mount import mount
from dashboard.learn import film, intrusion, seeds
from dashboard.learn.bundle import scene_data
from dashboard.learn.scene import Scene
from dashboard.text.plain import markdown
from dashboard.text.words import count, identity, part
from dashboard.widgets import bench, notices, scale, stability
from dashboard.work.fitted import FittedRun
from dashboard.work.watching import recording_key, recording_work, refusal

LANE = "watch"
LEAST_WORDS = 3 * intrusion.WORDS  # columns from which a topic's words and an intruder can be told apart
TITLES = {
    "run": "Watch this run, iteration by iteration",
    "seeds": "The same data from eight starts, in step",
    "words": "Word intrusion: do the topics hang together?",
}


def links(*names: str) -> None:
    """The ways to the devices, beside a picture of the run."""
    labels = {
        "run": ("Watch this run", ":material/slow_motion_video:"),
        "seeds": ("Other starts in step", ":material/shuffle:"),
        "words": ("Play word intrusion", ":material/extension:"),
    }
    with st.container(horizontal=True, gap="small"):
        for name in names:
            label, icon = labels[name]
            st.page_link(session.page("learn"), label=label, icon=icon, query_params={"watch": name})


def draw(what: str) -> None:
    """One device on the run on screen."""
    run = session.shown_run()
    st.title(TITLES[what], anchor=False)
    if run is None:
        notices.nothing_yet()
        return
    st.markdown(f":gray[{identity(run.dataset.title, run.spec, scale.words(), run.rank)}]")
    drawn: dict[str, Callable[[FittedRun], Scene | None]] = {"run": _film, "seeds": _several, "words": _rounds}
    scene = drawn[what](run)
    if scene is None:
        return
    device = {"run": "scrubber", "seeds": "seeds", "words": "intrusion"}[what]
    mount(device, run.derived(("watch", scene.id), lambda: scene_data(scene)), key=f"watch-{what}")
    if what == "run" and tuple(scene.head["whole"]) != (len(scene.head["rows"]), len(scene.head["columns"])):
        axes, rows, columns = run.dataset.axes, len(scene.head["rows"]), len(scene.head["columns"])
        shown = f"{count(rows, markdown(axes.rows.name), markdown(axes.rows.name))} and {columns:,} {markdown(axes.columns.name)}"
        st.markdown(
            f":small[:gray[The picture shows {shown}: those that load most on each component. The run and its error are of all.]]"
        )


def _recorded(run: FittedRun, several: bool) -> bool:
    """Whether the iterates are there; otherwise what is under way, or why not, is on the page."""
    why = refusal(run, several)
    if why:
        st.info(why)
        return False
    key = recording_key(run, several)
    return bench.compute(key, recording_work(run, several), label="Recording", lane=LANE) is not None


def _film(run: FittedRun) -> Scene | None:
    if not _recorded(run, several=False):
        return None
    (frames,) = session.jobs().result(recording_key(run, several=False))

    def made() -> Scene:
        letters = film.SYMBOLS if run.spec.symmetric else None
        data, id = run.dataset, f"run|{run.key}"
        return film.film(data.X, frames, data.axes, id=id, floor=run.floor_line, part=part(data), letters=letters)

    return run.derived(("film",), made)


def _several(run: FittedRun) -> Scene | None:
    if run.rank < 2:
        st.info("With one component there is nothing to match: fit a rank of two or more.")
        return None
    if not _recorded(run, several=True):
        return None
    runs = session.jobs().result(recording_key(run, several=True))
    data = run.dataset
    names = ["this run", *(f"seed {run.spec.seed + turn}" for turn in range(1, len(runs)))]
    return run.derived(("seeds",), lambda: seeds.scene_of(runs, data.axes, id=f"seeds|{run.key}", part=part(data), names=names))


def _rounds(run: FittedRun) -> Scene | None:
    if run.rank < 2 or run.dataset.shape[1] < LEAST_WORDS:
        st.info(f"The game needs at least two components and {LEAST_WORDS} columns to take words from.")
        return None
    measured = stability.measured(run)
    steady = None if measured is None else [float(v) for v in measured.topics]
    view = session.topics_of(run)

    def made() -> Scene:
        H = run.factorization.H.copy()
        H[:, list(view.hidden)] = 0.0  # a word that somebody hid is no clue
        name = part(run.dataset)
        plain = intrusion.rounds(H, run.dataset.axes, run.dataset.X, seed=run.spec.seed, steady=steady)
        words = {"component": name, "components": f"{name}s"}
        return Scene(f"words|{run.key}|{steady is not None}|{sorted(view.hidden)}", {**plain, "words": words})

    return run.derived(("intrusion", steady is not None, tuple(view.hidden)), made)

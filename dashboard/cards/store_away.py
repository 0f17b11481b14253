"""What can be taken away from a fit of a store, and how does a saved one come back?"""

from __future__ import annotations

import hashlib

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.cards.store_topics import edits_of, keep_edits, words
from dashboard.files import store_runs
from dashboard.text.plain import markdown
from dashboard.widgets import card
from dashboard.widgets.bench import Away
from dashboard.work import stores as work
from dashboard.work.stores import Choice, StoreFit
from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Factorization
from nmfcore.data.blocks import Store
from nmfcore.data.model.limits import Limits
from nmfcore.export import script

FILE = "stores-open-run"
REFUSED = "stores-open-refused"
OPENED = "stores-opened"


def away(found: StoreFit) -> Away:
    """H, the leading features and the curve as tables, the program that computes all of it, W, and the run itself."""

    def tables() -> dict[str, pd.DataFrame]:
        axis, (r, n), history = found.store.axes.columns, found.fit.H.shape, found.fit.history
        whole = pd.DataFrame(found.fit.H.T, columns=[f"topic {k + 1}" for k in range(r)])
        whole.insert(0, axis.singular, list(axis.take(range(n))))
        passes = pd.DataFrame(
            {"iteration": history.iterations, "relative error": history.relative_errors, "seconds": history.seconds}
        )
        return {"topics": whole, "words": words(found), "history": passes}

    return Away(tables, script(found.fit, X=found.store), lambda: _files(found))


def _files(found: StoreFit) -> None:
    """W, and the run; each made when it is asked for."""
    W, name = found.fit.W, found.store.folder.stem
    if W.nbytes <= store_runs.MOST_TAKEN:
        st.download_button(
            f"Weights of all {markdown(found.store.axes.rows.name, 40)} (W, .npy)",
            data=session.in_session(lambda: store_runs.weights(found)),
            file_name=f"{name}-W.npy", mime="application/octet-stream", on_click="ignore", key="stores-take-weights",
        )  # fmt: skip
    else:
        most = store_runs.MOST_TAKEN / 2**20
        st.markdown(f":small[W has {W.nbytes / 2**20:,.0f} MB; up to {most:,.0f} MB are handed over here. The script writes it.]")
    if store_runs.can_be_saved(found):
        st.download_button(
            "Saved run (.nmf.npz)",
            data=session.in_session(lambda: store_runs.saved(found, edits_of(found))),
            file_name=f"{name}-r{found.fit.rank}.nmf.npz", mime="application/octet-stream", on_click="ignore",
            key="stores-take-run",
        )  # fmt: skip
        st.markdown(":small[W, H, the curve and the names of topics. It opens here again, beside the same store.]")
    else:
        most = Limits.from_environment().upload_bytes / 2**20
        st.markdown(
            f":small[W and H have {(W.nbytes + found.fit.H.nbytes) / 2**20:,.0f} MB; a saved run of up to {most:,.0f} MB can be "
            "opened here again, so none is offered. The script makes the same W and H.]"
        )


def bring_back(store: Store) -> None:
    """A drop zone for a saved run of this store; a file that is none gets a sentence, and what is on screen stays."""
    with card.plain("Open a saved run of this store"):
        st.file_uploader(
            "Drop a saved run here", key=FILE, on_change=_dropped, args=(store,), label_visibility="collapsed",
            help="A .nmf.npz file from Export on this page. Nothing in it is run.",
        )  # fmt: skip
        refused = session.control_value(REFUSED, "")
        if refused:
            st.markdown(f":orange[:material/error:] {markdown(refused, 400)}")


def _dropped(store: Store) -> None:
    session.set_control(REFUSED, "")
    file = session.control_value(FILE, None)
    if file is None:
        return
    content = file.getvalue()
    try:
        fit, edits = store_runs.read(content, store)
    except ProblemError as wrong:
        session.set_control(REFUSED, str(wrong))
        return
    spec = fit.spec
    token = f"{session.owner()}:{hashlib.sha256(content).hexdigest()[:16]}"
    choice = Choice(spec.rank, spec.seed, spec.stop.tol, spec.stop.max_iter, opened=token)
    session.set_control(OPENED, (token, fit))
    keep_edits(work.run_key(store, fit, token), edits)
    session.set_control("stores-panel-asked", (store.fingerprint, choice))
    for name, value in (("rank", spec.rank), ("seed", spec.seed), ("passes", spec.stop.max_iter)):
        session.set_control(f"stores-{name}", value)


def held(choice: Choice) -> Factorization | None:
    """The run that was opened last, if the choice means it."""
    token, fit = session.control_value(OPENED, ("", None))
    return fit if token == choice.opened else None

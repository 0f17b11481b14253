"""Refusals and notices above a page: what is wrong, the place, the way out, and the fix as a button."""

from __future__ import annotations

import streamlit as st

from dashboard import session
from dashboard.text.plain import markdown


def draw() -> None:
    """The session's refusal, if there is one; what was on screen stays below it."""
    me = session.state()
    if me.notice is not None:
        with st.container(border=True, key="refusal"):
            st.markdown(f":red[:material/error:] {markdown(me.notice.message, 1500)}")
            with st.container(horizontal=True):
                for number, (label, callback, arguments) in enumerate(me.notice.fixes):
                    st.button(label, on_click=callback, args=arguments, key=f"fix-{number}")
                st.button("Dismiss", on_click=session.dismiss, type="tertiary", key="dismiss")
    if me.news:
        with st.container(border=True, key="news"):
            for sentence in me.news:
                st.markdown(f":blue[:material/info:] {markdown(sentence, 1000)}")
            st.button("Understood", on_click=session.heard, type="tertiary", key="heard")
    missing = me.address.missing
    if missing is not None:
        with st.container(border=True, key="missing"):
            st.markdown(
                f"**This link is to data that is not here.** It was made from an uploaded file{_named(session.linked('file'))}, "
                "which only the session that uploaded it holds. Upload the same file on the Data page (fingerprint "
                f"`{markdown(missing.fingerprint, 12)}`), and the run is fitted again: rank {missing.rank}, solver "
                f"{markdown(missing.solver)}."
            )
            with st.container(horizontal=True):
                st.page_link(session.page("data"), label="To the Data page", icon=":material/upload_file:")
                st.button("Show the films instead", on_click=session.leave_link, key="leave-link")


def chosen() -> None:
    """While other data is chosen than is on screen: what is shown, what is chosen, and the button that fits it."""
    run, title = session.shown_run(), session.chosen_title()
    if run is None or not session.other_data() or session.chosen_data() is None:
        return
    same = title == run.dataset.title
    with st.container(border=True, key="chosen", horizontal=True, vertical_alignment="center", gap="small"):
        what = "its new preparation" if same else f"**{markdown(title, 60)}**"
        job = session.fit_job()
        under_way = job is not None and not job.final
        then = f"{what} is being fitted." if under_way else f"{what} is chosen and not fitted yet."
        st.markdown(
            f":blue[:material/info:] Shown: **{markdown(run.dataset.title, 60)}**, rank {run.rank}"
            f"{', as it was prepared before' if same else ''}. {then[:1].upper()}{then[1:]}",
            width="stretch",
        )
        if not under_way:
            refused = bool(session.refusals().get(session.wanted().solver))
            label = "Fit it again" if same else f"Fit {markdown(title, 30)}"
            st.button(label, key="fit-chosen", on_click=session.fit, icon=":material/play_arrow:", disabled=refused)


def _named(file: str) -> str:
    return f", {markdown(file, 80)}" if file else ""


def nothing_yet() -> None:
    """Drawn where a page has no run to show."""
    job = session.fit_job()
    if job is not None and not job.final:
        st.markdown("The first fit is running; its progress is in the sidebar, and the page fills when it is done.")
    else:
        st.markdown("There is no result yet. Choose data, rank and solver in the sidebar and press **Fit**.")


def all_zero(sentence: str) -> None:
    """Drawn in place of what has no meaning where every given entry is 0."""
    with st.container(border=True, key="all-zero"):
        st.markdown(f"**Every entry is 0.** {sentence}")

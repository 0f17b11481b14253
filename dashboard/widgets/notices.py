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


def _named(file: str) -> str:
    return f", {markdown(file, 80)}" if file else ""


def nothing_yet() -> None:
    """Drawn where a page has no run to show."""
    job = session.fit_job()
    if job is not None and not job.final:
        st.markdown("The first fit is running; its progress is in the sidebar, and the page fills when it is done.")
    else:
        st.markdown("There is no result yet. Choose data, rank and solver in the sidebar and press **Fit**.")

"""Who may see anything? Everybody, unless the server's secrets configure sign-in; then whoever the provider lets in.

It is Streamlit's own sign-in by OpenID Connect: a section [auth] in secrets.toml switches it on (docs/deploy.md).
"""

from __future__ import annotations

import streamlit as st

from dashboard.text.plain import markdown


def wanted() -> bool:
    """Whether somebody has to sign in first."""
    return _configured() and not st.user.get("is_logged_in", False)


def _configured() -> bool:
    try:
        return "auth" in st.secrets
    except FileNotFoundError:  # there are no secrets at all, as on most computers
        return False


def draw() -> None:
    """The screen before: one button, and nothing of anybody."""
    st.title("NMF dashboard")
    st.markdown("This server asks who you are before it shows anything.")
    st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)


def who() -> None:
    """Who has signed in, and the way out; nothing where sign-in is not configured."""
    if _configured():
        with st.sidebar, st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            name = str(st.user.get("name") or st.user.get("email") or "signed in")
            st.markdown(f":small[:gray[{markdown(name, 60)}]]", width="content")
            st.button("Sign out", key="sign-out", type="tertiary", on_click=st.logout)

"""How is a device put on a page? Its script and its style are files in assets/, which Streamlit serves under /_stcore.

Files, and no inline strings: an inline script reaches the browser as a blob: address, and our Content-Security-Policy refuses
those. Streamlit looks for a component's files in the pyproject.toml of an installed package only, and finds none in a checkout or
an editable install. So the folder is registered here, with whichever runtime asks (every AppTest has its own). These two imports
are not public API; they stand in this file alone, and a test draws a page with a device.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

HERE = Path(__file__).resolve().parent
PACKAGE = "nmf-dashboard"
ASSETS = "assets"  # whoever reaches the server can fetch every file in there: scripts and styles only
DEVICES = ("lab", "scrubber", "cone", "scale", "sum", "rank", "seeds", "two", "loss", "intrusion", "lesson", "hint")


def mount(
    device: str,
    data: dict[str, Any] | bytes,
    *,
    key: str,
    on_ask: Callable[[], None] | None = None,
    on_at: Callable[[], None] | None = None,
) -> None:
    """Draw a device.

    Parameters
    ----------
    device : one of DEVICES
    data : what it draws, as plain values or as one packed block; the same `id` in it means the same data
    key : names it on the page; `session.sent(key, ...)` is what it sent
    on_ask, on_at : called when the person asks for something to be computed, or has come to another place
    """
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(f"{PACKAGE}.{device}") is None:
        parts = [ComponentConfig(name, ASSETS) for name in DEVICES]
        manager.register_from_manifest(ComponentManifest(PACKAGE, "1", parts), HERE)
    draw = st.components.v2.component(f"{PACKAGE}.{device}", css="devices.css", js=f"{device}.js")
    draw(key=key, data=data, on_ask_change=on_ask or _nothing, on_at_change=on_at or _nothing)


def _nothing() -> None:
    """A device that is not listened to."""

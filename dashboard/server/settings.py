"""What may be said to the server beside Streamlit's own settings? The names in the environment, and what they may hold."""

from __future__ import annotations

import re

EMBED_VARIABLE = "NMF_EMBED_IN"  # origins that may show the dashboard in a frame, divided by spaces; --embed-in sets it
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|\*\.[a-z0-9.-]+|[a-z0-9.-]+)(:\d{1,5})?")

LOG_VARIABLE = "NMF_LOG_LEVEL"  # --log-level sets it
LOG_LEVELS = ("debug", "info", "warning", "error")

"""Under which names does the environment hold what the server was given? A module of its own: the command starts fast."""

from __future__ import annotations

OPEN_VARIABLE = "NMF_OPEN"  # files and folders to open at once, divided as in PATH
FOLDER_VARIABLE = "NMF_DATA_FOLDER"  # a folder whose files everybody may open

"""What happens to a session that has ended, while nobody comes?

Streamlit forgets a session that has been away for `server.disconnectedSessionTTL` only when another one comes or goes, and its
objects refer to each other, so that they stay until garbage is collected. So the server looks every half minute: sessions whose
time is over are shut down, garbage is collected, and the job service forgets what was theirs alone. Streamlit would collect
garbage after every script run instead: with twenty people at work that was a quarter of the time of each page
(`runner.postScriptGC` in .streamlit/config.toml turns it off).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
from typing import Any

from dashboard.work.jobs import service

_log = logging.getLogger(__name__)

EVERY_SECONDS = 30.0


async def keep_house(every: float = EVERY_SECONDS) -> None:
    """Tidy up for as long as the server runs."""
    while True:
        await asyncio.sleep(every)
        try:
            tidy()
        except Exception:  # a look that fails must not be the last one
            _log.exception("Housekeeping failed; the next look is in %.0f s.", every)


def tidy() -> int:
    """End what has been away too long; how many sessions that were."""
    ended = _expired()
    for session in ended:
        session.shutdown()
    count = len(ended)
    del ended
    gc.collect()
    service().tidy()
    if count:
        _give_back()
        _log.info("sessions ended=%d", count)
    return count


def _expired() -> list[Any]:
    """The sessions whose time is over, taken out of Streamlit's storage."""
    from streamlit import runtime

    if not runtime.exists():
        return []
    storage = getattr(getattr(runtime.get_instance(), "_session_mgr", None), "_session_storage", None)
    cache = getattr(storage, "_cache", None)
    expire = getattr(cache, "expire", None)
    return [info.session for _, info in expire() or ()] if expire is not None else []


def _give_back() -> None:
    """Hand free memory back to the system, which glibc else keeps for itself."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)

"""What is said and logged of work that failed?

The page gets a sentence; the log names the kind of work and of error under an id, never what a file says. NumPy's own errors
("operands could not be broadcast ...") explain nothing to a person, so the class of an error decides what is shown.
"""

from __future__ import annotations

import logging
import traceback
import uuid
from dataclasses import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why a job failed.

    id : stands beside the traceback in the server's log
    error : the exception, without its frames (they would keep the data alive)
    explained : whether `message` was written for a person, who can do something about it
    message : a sentence for the page; plain text from outside, so escape it like any other
    """

    id: str
    error: BaseException
    explained: bool
    message: str


def failure(error: BaseException, lane: str, reserved: int) -> Failure:
    """Log an error under an id, and let go of its frames; what is told of it.

    lane, reserved : of the job that failed, and the bytes that it had been granted
    """
    name, kind = uuid.uuid4().hex[:8], type(error).__name__
    explained = _is_explained(error)
    if explained:
        _log.info("refused lane=%s error=%s kind=%s", lane or "-", name, kind)
        message = str(error)
    elif isinstance(error, MemoryError):
        _log.warning("out-of-memory lane=%s error=%s reserved=%d", lane or "-", name, reserved)
        message = "The server's memory ran out before there was a result. Choose a smaller rank, or fewer rows or columns."
        explained = True
    else:
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("failed lane=%s error=%s kind=%s\n%s", lane or "-", name, kind, frames.rstrip())
        _log.debug("error %s said: %s", name, error)
        message = f"Something went wrong ({kind}). The server's log has the details under error {name}."
    _drop_frames(error)
    return Failure(name, error, explained, message)


def _is_explained(error: BaseException) -> bool:
    """Whether the message was written for a person: an error of a class that nmfcore or the dashboard defines."""
    return isinstance(error, Exception) and type(error).__module__.partition(".")[0] in ("nmfcore", "dashboard")


def _drop_frames(error: BaseException | None) -> None:
    """Remove the tracebacks of an exception and of all that led to it: their frames hold the job's arrays."""
    left, seen = [error], set()
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            left += [one.__cause__, one.__context__]

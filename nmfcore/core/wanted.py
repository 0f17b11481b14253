"""Is what is being computed still wanted?

Long computations ask between two pieces of work, at least every half second on the largest data that is accepted: the start and
its sketch, the SVD behind the floor, and every product that takes long. Whoever calls them may say how to answer:

    with asking(job.check):          # raises to end the computation
        svd(X, 60)

Without that, asking does nothing. The question goes with the context of the calling thread, so that no signature carries it;
threads that only help out are not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_question: ContextVar[Callable[[], None] | None] = ContextVar("wanted", default=None)


@contextmanager
def asking(question: Callable[[], None]) -> Iterator[None]:
    """Inside, `ask` calls `question`, which returns when the work is still wanted and raises what it likes when it is not."""
    before = _question.set(question)
    try:
        yield
    finally:
        _question.reset(before)


def ask() -> None:
    """Call this between two pieces of long work: it returns at once, or raises to end the work."""
    question = _question.get()
    if question is not None:
        question()

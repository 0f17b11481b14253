"""Are the compiled kernels here, and may they be used at this moment?

nmfcore/kernels/compiled.py needs numba (the extra [fast]) and is imported when it is first needed, never by importing nmfcore.
NMF_KERNELS=off in the environment switches it off. While one thread prepares the kernels, all others use plain NumPy.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np


class _Warming:
    """How many threads are preparing the kernels."""

    def __init__(self) -> None:
        self.lock, self.users = threading.Lock(), 0


_warming = _Warming()  # the kernels are the process's, so this is too
if hasattr(os, "register_at_fork"):  # a child has none of the threads that were warming them
    os.register_at_fork(after_in_child=_warming.__init__)  # type: ignore[misc]


@contextmanager
def plain_meanwhile() -> Iterator[None]:
    """Inside, runs of every thread use plain NumPy: nobody waits for kernels that are being prepared."""
    with _warming.lock:
        _warming.users += 1
    try:
        yield
    finally:
        with _warming.lock:
            _warming.users -= 1


def compiled() -> ModuleType | None:
    """The module compiled.py when numba is installed, not switched off and not just being warmed by another thread; else None."""
    if not wanted() or _warming.users:
        return None
    return load()


def preparing() -> bool:
    """Whether the compiled kernels are wanted and not ready yet: a run that begins now uses plain NumPy and waits for nothing."""
    return wanted() and bool(_warming.users)


def wanted() -> bool:
    """Whether the compiled kernels are installed and not switched off by NMF_KERNELS=off."""
    return os.environ.get("NMF_KERNELS", "auto").lower() not in ("off", "0", "no", "false") and installed()


@lru_cache(maxsize=1)
def installed() -> bool:
    """Whether numba is there."""
    return importlib.util.find_spec("numba") is not None


@lru_cache(maxsize=1)
def load() -> ModuleType | None:
    """The module compiled.py, whether it is wanted or not; None where it cannot be imported."""
    try:
        return importlib.import_module("nmfcore.kernels.compiled")
    except Exception:  # an installed but broken numba (a too new NumPy, say) must not break NMF: plain NumPy takes over
        return None


def warm(dtype: Any = np.float32) -> bool:
    """Compile (or load from the cache) every kernel for this dtype; meant for a background thread at start-up.

    While it works, runs in other threads use plain NumPy instead of waiting. Takes 5 to 10 s once per machine and version, a
    fraction of a second afterwards. Returns whether compiled kernels are in use.
    """
    if not wanted():
        return False
    with plain_meanwhile():
        module = load()
        if module is None:
            return False
        module.warm(np.dtype(dtype))
        return True


def in_use() -> str:
    """A sentence for people: which loops run here, and how to change that."""
    if os.environ.get("NMF_KERNELS", "auto").lower() in ("off", "0", "no", "false"):
        return "Plain NumPy (compiled kernels are switched off by NMF_KERNELS)"
    if not installed():
        return "Plain NumPy (install the extra [fast] for compiled kernels)"
    if _warming.users:
        return "Plain NumPy for the moment (the compiled kernels are being prepared)"
    if load() is None:
        return "Plain NumPy (numba is installed but does not work here)"
    return "Compiled kernels (numba)"

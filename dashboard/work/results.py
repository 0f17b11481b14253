"""Which finished results are kept, and how much memory does a result hold?"""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Hashable, Mapping
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any


class Results:
    """Results by key, the least recently used dropped first. Not locked: the service does that."""

    def __init__(self, keep: int, keep_bytes: int) -> None:
        self.keep, self.keep_bytes = keep, keep_bytes
        self._stored: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._stored

    def drop(self, unwanted: Callable[[Hashable], bool]) -> None:
        """Forget the results of these keys."""
        for key in [key for key in self._stored if unwanted(key)]:
            del self._stored[key]

    def held(self, counted: Callable[[Hashable], bool]) -> int:
        """Bytes of the results of these keys."""
        return sum(size for key, (_, size) in self._stored.items() if counted(key))

    def get(self, key: Hashable) -> Any:
        if key not in self._stored:
            return None
        self._stored.move_to_end(key)
        return self._stored[key][0]

    def put(self, key: Hashable, result: Any, size: int) -> None:
        self._stored[key] = (result, size)
        self._stored.move_to_end(key)
        total = sum(size for _, size in self._stored.values())
        while len(self._stored) > 1 and (len(self._stored) > self.keep or total > self.keep_bytes):
            _, (_, size) = self._stored.popitem(last=False)
            total -= size


def size_of(value: Any, counted: dict[int, Any] | None = None) -> int:
    """Bytes that a result keeps alive: arrays, tables and sparse matrices wherever they hide in it. Shared parts count once.

    counted : what counts no more, by id; grows by what is found, so that several calls count shared parts once
    """
    total, left = 0, [value]
    seen: dict[int, Any] = {} if counted is None else counted  # holds the things, so that no id comes twice
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, (str, bytes, int, float)):
            total += sys.getsizeof(one)
        elif hasattr(one, "dtype") and isinstance(getattr(one, "nbytes", None), int):  # an array
            owner = getattr(one, "base", None)  # a view keeps the whole array
            if isinstance(getattr(owner, "nbytes", None), int):
                left.append(owner)
            else:
                total += one.nbytes
        elif callable(getattr(one, "memory_usage", None)):  # a pandas table or column
            usage = one.memory_usage(deep=True)
            total += int(usage.sum() if hasattr(usage, "sum") else usage)
        else:
            total += sys.getsizeof(one, 0)
            parts = _parts(one)
            texts = {id(part): part for part in parts if type(part) is str and id(part) not in seen}  # at once: 60,000 terms
            total += sum(map(sys.getsizeof, texts.values()))
            seen.update(texts)
            left.extend(part for part in parts if type(part) is not str)
    return total


def _parts(value: Any) -> Collection[Any]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return value
    if isinstance(value, (type, Enum, ModuleType, FunctionType, BuiltinFunctionType, MethodType)):
        return ()
    return getattr(value, "__dict__", {}).values()

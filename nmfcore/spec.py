"""What determines a result, completely?

A `RunSpec` is the cache key, the link to share, the report's header and the exported script at once: two runs with equal
specs and equal nmfcore versions have equal W and H. It holds names and numbers only, never data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

# JSON values only: str, int, float, bool, None, and lists or dicts of them
Options = Mapping[str, Any]


@dataclass(frozen=True)
class StopRule:
    """When to stop; the first condition that holds ends the run and is named in the result.

    tol : the relative error fell by less than tol (relative to itself) per iteration, over the last five; 0 switches it off
    max_iter : iterations
    max_seconds : seconds inside the solver; None for no limit
    kkt : stop when the KKT residual, relative to the start, is below this; 0 switches it off
    """

    tol: float = 1e-5
    max_iter: int = 500
    max_seconds: float | None = 60.0
    kkt: float = 0.0


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines a factorization.

    data : key of the data set in the catalog, or "upload"
    data_options : how the data set was loaded (categories, subset, ...)
    preparation : the steps applied to the matrix, in order, each a dict with "step" and its parameters
    fingerprint : SHA-256 of the prepared matrix's content; "" when not known
    solver, solver_options, loss, rank, init, seed : what was run
    stop : the stop rule
    """

    data: str = ""
    data_options: Options = field(default_factory=dict)
    preparation: tuple[Options, ...] = ()
    fingerprint: str = ""
    solver: str = "hals"
    solver_options: Options = field(default_factory=dict)
    loss: str = "frobenius"
    rank: int = 6
    init: str = "nndsvda"
    seed: int = 0
    stop: StopRule = StopRule()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, in a fixed order."""
        plain = asdict(self)
        plain["preparation"] = [dict(step) for step in self.preparation]
        return plain

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> RunSpec:
        """The spec of a dict made by `to_dict`; unknown names are refused by name.

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        unknown = sorted(set(plain) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"Unknown entries in a run's specification: {', '.join(unknown)}.")
        values = dict(plain)
        if "stop" in values:
            stop = dict(values["stop"])
            strange = sorted(set(stop) - {f.name for f in fields(StopRule)})
            if strange:
                raise ValueError(f"Unknown entries in the stop rule: {', '.join(strange)}.")
            values["stop"] = StopRule(**stop)
        if "preparation" in values:
            values["preparation"] = tuple(dict(step) for step in values["preparation"])
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> RunSpec:
        return cls.from_dict(json.loads(text))

    @property
    def key(self) -> str:
        """A short stable name of this spec: 16 hex digits of the SHA-256 of its JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.to_json())

    def replace(self, **changes: Any) -> RunSpec:
        return replace(self, **changes)

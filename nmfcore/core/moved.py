"""Where did modules go that older scripts import?

The one list of old names. Importing one gives the module under its new name, with a DeprecationWarning; they go with the
release after the next. Scripts that the dashboard exports are written with the new names.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "nmfcore.checks": "nmfcore.core.checks",
    "nmfcore.clusters": "nmfcore.topics.clusters",
    "nmfcore.coherence": "nmfcore.evaluate.coherence",
    "nmfcore.compare": "nmfcore.evaluate.compare",
    "nmfcore.encode": "nmfcore.topics.encode",
    "nmfcore.explain": "nmfcore.topics.explain",
    "nmfcore.expression": "nmfcore.methods.expression",
    "nmfcore.factorization": "nmfcore.core.factorization",
    "nmfcore.images": "nmfcore.methods.images",
    "nmfcore.init": "nmfcore.solvers.starts",
    "nmfcore.losses": "nmfcore.core.losses",
    "nmfcore.ordering": "nmfcore.topics.ordering",
    "nmfcore.projection": "nmfcore.topics.projection",
    "nmfcore.rank": "nmfcore.evaluate.rank",
    "nmfcore.recommend": "nmfcore.methods.recommend",
    "nmfcore.scale": "nmfcore.topics.scale",
    "nmfcore.similarity": "nmfcore.topics.similarity",
    "nmfcore.sparsity": "nmfcore.topics.sparsity",
    "nmfcore.spec": "nmfcore.core.spec",
    "nmfcore.stability": "nmfcore.evaluate.stability",
    "nmfcore.svd": "nmfcore.evaluate.svd",
    "nmfcore.symmetric_topics": "nmfcore.methods.symmetric_topics",
    "nmfcore.threads": "nmfcore.core.threads",
    "nmfcore.version": "nmfcore.core.version",
}


class _Moved(MetaPathFinder, Loader):
    """Gives a module under the name it had before."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        new = MOVED[spec.name]
        warnings.warn(f"{spec.name} is {new} now; the old name goes with a coming release.", DeprecationWarning, stacklevel=3)
        module = importlib.import_module(new)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module ran under its new name; it keeps the specification it had there."""
        spec = module.__spec__
        if spec is not None and spec.loader is self:
            module.__spec__ = spec.loader_state


def install() -> None:
    """Let the old names be imported; once for each process."""
    if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
        sys.meta_path.append(_Moved())

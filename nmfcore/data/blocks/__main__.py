"""python -m nmfcore.data.blocks SOURCE [FOLDER]: convert data once into a store that is visited block by block."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from nmfcore.core.checks import ProblemError
from nmfcore.core.written import percent
from nmfcore.data.blocks.convert import as_blocks


def main(argv: Sequence[str] | None = None) -> int:
    """Convert, or check a store; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nmfcore.data.blocks", description=__doc__.partition(": ")[2])
    parser.add_argument("source", nargs="+", help=".h5ad, .zarr, .parquet or .npz files, a folder of them, or a store")
    parser.add_argument("--to", metavar="FOLDER", help="where the store is to lie (default: beside the source, NAME.blocks)")
    parser.add_argument("--layer", help="the layer of a .h5ad or .zarr file (default: X)")
    parser.add_argument("--triples", nargs=3, metavar=("ROW", "COLUMN", "VALUE"), help="columns of a Parquet file of triples")
    parser.add_argument("--dtype", choices=("float32", "float64"))
    parser.add_argument("--check", action="store_true", help="compare every file of the store with its SHA-256")
    asked = parser.parse_args(argv)
    triples = tuple(asked.triples) if asked.triples else None
    data = asked.source[0] if len(asked.source) == 1 else asked.source
    try:
        store = as_blocks(data, asked.to, layer=asked.layer, triples=triples, dtype=asked.dtype, report=_say)
        if asked.check:
            store.verify(_say)
    except ProblemError as refusal:
        print(f"\n{refusal}", file=sys.stderr)
        return 1
    m, n = store.shape
    stored = store.facts.stored if store.facts else 0
    print(f"\n{store.folder}: {m:,} × {n:,}, {stored:,} stored values in {len(store)} blocks")
    for note in store.notes:
        print(f"  {note}")
    return 0


def _say(sentence: str, fraction: float | None) -> None:
    share = "" if fraction is None else f"{percent(fraction, 0):>5} "
    print(f"\r{share}{sentence:<70}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

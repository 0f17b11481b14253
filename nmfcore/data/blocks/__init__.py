"""Data beyond memory: a store of blocks on disk, what can become one, and which ones are offered."""

from nmfcore.data.blocks.convert import as_blocks
from nmfcore.data.blocks.discover import open_store, stores
from nmfcore.data.blocks.store import Store, is_store, store_size

__all__ = ["Store", "as_blocks", "is_store", "open_store", "store_size", "stores"]

"""`pyarrow.dataset`, imported at its first use: it imports pandas wherever that is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..utils.lazy_imports import LazyModule

if TYPE_CHECKING:
    import pyarrow.dataset as dataset
else:
    dataset = LazyModule("pyarrow.dataset")

__all__ = ["dataset"]

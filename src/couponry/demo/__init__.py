"""The demo on dunnhumby's Complete Journey data, and the data themselves as the demo reads them."""

from __future__ import annotations

from .journey import load_journey

__all__ = ["load_journey"]

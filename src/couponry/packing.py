"""Packing: 16-bit quantised channels beside the item numbers, and how far off they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .allocate.problem import LEVELS
from .kernels import Backend


def quantise(
    item: NDArray[np.integer], items: int, channels: list[NDArray[np.float64]], backend: Backend
) -> tuple[NDArray[np.uint16], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Quantities uint16 (C, e) and low, step, error float64 (C, K).

    Within an item a channel is low + step * quantity, scaled to the item's own range, and `error` is the largest
    distance to the value as given that was seen while rounding.
    """
    quantity = np.empty((len(channels), len(item)), np.uint16)
    low = np.zeros((len(channels), items))
    step = np.zeros((len(channels), items))
    error = np.zeros((len(channels), items))
    for c, values in enumerate(channels):
        least, most = np.full(items, np.inf), np.full(items, -np.inf)
        backend.kernels.span(item, values, least, most)
        seen = np.isfinite(least)
        low[c, seen] = least[seen]
        step[c, seen] = (most[seen] - least[seen]) / LEVELS
        backend.kernels.quantise(item, values, low[c], step[c], quantity[c], error[c])
    return quantity, low, step, error

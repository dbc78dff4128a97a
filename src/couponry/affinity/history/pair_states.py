"""States of (customer, item) pairs, or of customers' trips: part of them, or several put together."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.affinity_contract import Pairs


def slice_states(states: Pairs, start: int, stop: int) -> Pairs:
    """Return the states start <= i < stop, without copying them.

    Parameters
    ----------
    states : Pairs
    start, stop : int

    Returns
    -------
    Pairs
    """
    columns: list[Any] = [array[start:stop] for array in states]
    return Pairs(*columns)


def concatenate_states(parts: list[Pairs]) -> Pairs:
    """Return the states of all parts, one after the other.

    Parameters
    ----------
    parts : list of Pairs
        At least one.

    Returns
    -------
    Pairs
    """
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Pairs(*columns)

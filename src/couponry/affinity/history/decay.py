"""Exponential decay of purchases: half-lives, and what is left of a purchase some periods later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import InvalidInput
from .periods import PERIODS_PER_WEEK

HALF_LIVES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Half-lives of a history unless others are given, in weeks: from last week's basket to more than a year."""


def checked_half_lives(half_lives: Sequence[float]) -> tuple[float, ...]:
    """Return half-lives in weeks as floats; refuse any that is not above 0 and finite.

    Parameters
    ----------
    half_lives : sequence of float
        In weeks.

    Returns
    -------
    tuple of float

    Raises
    ------
    InvalidInput
        If one is not above 0 and finite.
    """
    weeks = tuple(float(half_life) for half_life in half_lives)
    if not all(0 < half_life < float("inf") for half_life in weeks):
        raise InvalidInput(
            f"half_lives: expected numbers of weeks above 0, got {list(half_lives)!r}"
        )
    return weeks


def half_life_index(half_life: float, half_lives: tuple[float, ...]) -> int:
    """Return where a half-life stands among those of a history; refuse one that is not there.

    Parameters
    ----------
    half_life : float
        In weeks.
    half_lives : tuple of float
        Those of the history.

    Returns
    -------
    int

    Raises
    ------
    InvalidInput
        If the history does not have it.
    """
    if half_life not in half_lives:
        known = ", ".join(f"{weeks:g}" for weeks in half_lives)
        raise InvalidInput(f"half_life: expected one of the history's, {known}, got {half_life:g}")
    return half_lives.index(half_life)


def decay_factors(half_lives: Sequence[float], unit: str, periods: int) -> NDArray[np.float32]:
    """Compute what is left of a purchase 0, 1, ... periods later.

    Parameters
    ----------
    half_lives : sequence of float
        In weeks.
    unit : {"day", "week"}
        What a period is.
    periods : int
        How many ages to compute, from 0.

    Returns
    -------
    ndarray of float32, shape (periods, n_half_lives)
        ``2 ** (-age / half_life)``, both in weeks.
    """
    age = np.arange(periods)[:, None] / PERIODS_PER_WEEK[unit]
    factors: NDArray[np.float32] = np.exp2(-age / np.array(half_lives)[None, :]).astype(np.float32)
    return factors

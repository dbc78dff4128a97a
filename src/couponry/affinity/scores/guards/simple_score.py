"""The simple score that a model has to beat: decayed purchases x the item's repeat rate, as a logarithm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...history.history_readings import Part
from ...history.purchase_history import PurchaseHistory

HALF_LIFE, POWER = 16.0, 0.5
"""In weeks, and the exponent of the repeat rate: those of RepeatScore."""

LEAST_DECAY = 1e-30
"""Decayed purchases below which all are the same."""


def log_simple_score(
    history: PurchaseHistory, log_repeat_rate: NDArray[np.floating], pairs: Part = slice(None)
) -> NDArray[np.float32]:
    """Compute the logarithm of decayed purchases x the item's repeat rate ** POWER.

    Parameters
    ----------
    history : PurchaseHistory
    log_repeat_rate : ndarray of float, shape (n_pairs,)
        Of the pairs' items.
    pairs : slice or ndarray of int64
        Of the history.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
        Decayed at the half-life of the history that is nearest to HALF_LIFE; counted where it has none.
    """
    if history.half_lives:
        away = np.abs(np.log(np.array(history.half_lives) / HALF_LIFE))
        bought = history.decay_at(pairs, int(away.argmin())).astype(np.float64)
    else:
        bought = history.pairs.times[pairs].astype(np.float64)
    score = np.log(np.maximum(bought, LEAST_DECAY))
    score += POWER * log_repeat_rate
    return score.astype(np.float32)

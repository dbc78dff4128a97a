"""Log odds that what was bought is bought again: features of pairs, and a model of them."""

from __future__ import annotations

import numpy as np

from ...contract import Amounts, Sums
from ...scores_contract import ItemCoefficients, ItemValues, PairOdds, PairReadings
from ..affinity import add_columns, score_trees
from .pair_features import pair_features


def pair_log_odds(
    readings: PairReadings,
    numbers: ItemValues,
    near: ItemCoefficients,
    start: int,
    stop: int,
    asked: Sums,
    model: PairOdds,
    out: Amounts,
) -> None:
    """Compute the log odds of some of the pairs of the customers start <= i < stop.

    They are what `add_columns` and `score_trees` add to the intercept for the features of `pair_features`, which are
    not kept.

    Parameters
    ----------
    readings : PairReadings
    numbers : ItemValues
    near : ItemCoefficients
    start, stop : int
        Range of customers.
    asked : ndarray of int64, shape (m,)
        Which pairs, ascending; all of these customers.
    model : PairOdds
        Of as many features as there are.
    out : ndarray of float64, shape (m,)
        OUT.
    """
    features = np.empty((len(model.coefficient), len(asked)), np.float32)
    pair_features(readings, numbers, near, start, stop, asked, features)
    out[:] = model.intercept
    add_columns(features, model.coefficient, out)
    score_trees(model.trees, features, out)

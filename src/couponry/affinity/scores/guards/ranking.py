"""How well scores rank what customers buy again: NDCG at 20 of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....utils.arrays.falling_order import falling_order

PLACES = 20
"""Places of a list that count."""


def ndcg_by_customer(
    score: NDArray[np.floating], outcome: NDArray[np.bool_], indptr: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Compute the normalised discounted cumulative gain at 20 of each customer's pairs, ordered by score.

    Parameters
    ----------
    score : ndarray of float, shape (n_pairs,)
    outcome : ndarray of bool, shape (n_pairs,)
        Which of the pairs were bought again.
    indptr : ndarray of int64, shape (n_customers + 1,)
        Pairs of customer i are ``indptr[i]:indptr[i + 1]``.

    Returns
    -------
    ndarray of float64
        Of the customers who bought anything again, in their order. Scores that are equal in float32 are ordered as the
        pairs are.
    """
    customers = len(indptr) - 1
    customer = np.repeat(np.arange(customers), np.diff(indptr))
    order = falling_order(customer, score.astype(np.float32))
    place = np.arange(len(score)) - indptr[customer]
    listed = place < PLACES
    gain = 1.0 / np.log2(np.arange(2, PLACES + 2))
    gained = outcome[order[listed]] * gain[place[listed]]
    summed = np.bincount(customer[listed], gained, minlength=customers)
    bought = np.bincount(customer[outcome], minlength=customers)
    asked = bought > 0
    ideal = np.append(0.0, np.cumsum(gain))[np.minimum(bought[asked], PLACES)]
    found: NDArray[np.float64] = summed[asked] / ideal
    return found

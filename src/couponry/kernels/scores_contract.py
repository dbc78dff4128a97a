"""What the kernels of scores are given: readings of a history, what is known of items, tables of log odds.

Letters: n customers, e (customer, item) pairs, m of them that are asked about, P items, K offers, H half-lives, G one
more than the longest age in periods.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .affinity_contract import MOST_LEAVES, Pairs, Trees

LATE_WEEKS = (4, 8)
"""Weeks at the end of a history of which it is known who bought again then."""

RECENT_WEEKS = (1, 2, 4, 8)
"""Weeks at the end of a history whose purchases are counted: 64 days are known one by one."""

PRIOR_ITEMS = 10.0
"""Items besides those that a customer knows, of which the customer bought as many again as anybody."""

LEAST_RATE = 1e-3
"""Added to shares of which logarithms are taken."""

MOST_SPREADS = 8.0
"""Spreads of gaps that a purchase is early or late, at most."""

LEAST_LEFT = 0.05
"""Share of an error that is a customer's own doing at most is 1 less this: what is beyond is rounding."""

LEAST_SCORE, MAX_LOG_ODDS = 1e-6, 15.0
"""Scores below this count as this; log odds beyond that would be probabilities of 0 or 1 in float32."""

OF_ITEM = 8
"""Numbers of an item after its trends: logarithms of usual gap, repeat rate, buyers; weeks; then, for each of
LATE_WEEKS, the logarithm of who bought it again and the share of any item."""

OF_PAIR = 33
"""Features of a pair that do not hang on half-lives, coefficients and groupings."""

OF_GROUP = 7
"""The same of a grouping."""


class PairReadings(NamedTuple):
    """The purchases of some customers, as of the end of a period.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        Pairs of customer i are ``indptr[i]:indptr[i + 1]``.
    item : ndarray of uint32, shape (e,)
    pairs : Pairs
        Shape (e,).
    trips : Pairs
        The same of purchases of anything, shape (n,).
    factor : ndarray of float32, shape (G, H)
        What is left of a purchase after so many periods.
    until : int
        The last period.
    periods_a_week : int
    """

    indptr: NDArray[np.int64]
    item: NDArray[np.uint32]
    pairs: Pairs
    trips: Pairs
    factor: NDArray[np.float32]
    until: int
    periods_a_week: int


class ItemValues(NamedTuple):
    """What is known of items.

    Attributes
    ----------
    row : ndarray of int64, shape (m,)
        Row of `value` that is about the item of each pair that is asked about.
    value : ndarray of float64, shape (rows, trends + OF_ITEM)
    group : ndarray of int32, shape (groupings, P)
        Group of each item, from 0, by each grouping.
    half_life : ndarray of int32, shape (2,) or less
        The half-lives at which purchases of groups are summed.
    middle : int
        The half-life at which a customer's basket is summed.
    """

    row: NDArray[np.int64]
    value: NDArray[np.float64]
    group: NDArray[np.int32]
    half_life: NDArray[np.int32]
    middle: int


class ItemCoefficients(NamedTuple):
    """Linear predictions of how much is bought of an item, from the other items that a customer buys.

    Attributes
    ----------
    column : ndarray of int32, shape (P,) or (0,)
        Place of each item among the Q that take part, -1 for those that do not; none: nothing is predicted.
    coefficient : ndarray of float32, shape (Q, Q)
        Of the item of the column, in the prediction of that of the row.
    spread : ndarray of float64, shape (Q,)
        How much an error of each item is a customer's own doing.
    seen : ndarray of uint8, shape (n,) or (0,)
        Whom the coefficients were learned from: they are predicted as if it had been from all others.
    half_life : int
        The half-life of purchases that are predicted.
    """

    column: NDArray[np.int32]
    coefficient: NDArray[np.float32]
    spread: NDArray[np.float64]
    seen: NDArray[np.uint8]
    half_life: int

    @classmethod
    def none(cls) -> ItemCoefficients:
        """Nothing is predicted."""
        nothing = np.zeros((0, 0), np.float32), np.zeros(0), np.zeros(0, np.uint8)
        return cls(np.zeros(0, np.int32), *nothing, 0)


class PairOdds(NamedTuple):
    """Log odds of pairs: a linear model of their features, and trees that go on from there.

    Attributes
    ----------
    intercept : float
    coefficient : ndarray of float64, shape (features,)
    trees : Trees
        Of the same features.
    """

    intercept: float
    coefficient: NDArray[np.float64]
    trees: Trees

    @classmethod
    def linear(cls, intercept: float, coefficient: NDArray[np.float64]) -> PairOdds:
        """Return a model without trees."""
        nodes = np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.uint32)
        trees = Trees(np.zeros(1, np.int64), *nodes, np.zeros((0, MOST_LEAVES)))
        return cls(intercept, coefficient, trees)


class BegunTables(NamedTuple):
    """Tables whose sums are the log odds that customers begin to buy offers.

    Attributes
    ----------
    prior : ndarray of float32, shape (K,)
        What scores by neighbours start from.
    near : ndarray of float32, shape (3,)
        Mean size of what neighbours say; coefficients of its logarithm and its root.
    offer, popular : ndarray of float32, shape (K,)
        What an offer adds for everybody, and besides for a customer who knows no items.
    customer : ndarray of float32, shape (3,)
        Coefficients of how many items a customer knows and how much is bought, as logarithms, and of knowing few.
    of_items : ndarray of int32, shape (groupings, P)
        Group of each item, from 0.
    of_offers : ndarray of int32, shape (groupings, K)
        Group of each offer.
    groups : int
        More than any group.
    of_group : ndarray of float32, shape (groupings, 2)
        Coefficients of the logarithms of what a customer bought of the group, and of how many items of it.
    """

    prior: NDArray[np.float32]
    near: NDArray[np.float32]
    offer: NDArray[np.float32]
    popular: NDArray[np.float32]
    customer: NDArray[np.float32]
    of_items: NDArray[np.int32]
    of_offers: NDArray[np.int32]
    groups: int
    of_group: NDArray[np.float32]


class ResponseTables(NamedTuple):
    """Log odds to buy and to redeem what was chosen, as tables.

    Attributes
    ----------
    table : ndarray of float32, shape (3, K)
        By role and offer.
    score, squared, trips : ndarray of float32, shape (3,)
        By role: coefficients of the logarithm of the score, of its square, and of that of the customer's trips.
    slope : float
        Of the log odds to buy, in those to redeem.
    shift : ndarray of float32, shape (3, K) or (0, K)
        What is added to these; none: there is no response model.
    own : int
        1 where scores of rewards are -log(1 - probability to buy).
    """

    table: NDArray[np.float32]
    score: NDArray[np.float32]
    squared: NDArray[np.float32]
    trips: NDArray[np.float32]
    slope: float
    shift: NDArray[np.float32]
    own: int

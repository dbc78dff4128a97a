"""Features of what a customer bought: how often, how lately against the usual gap, in which category, by whom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....kernels import load
from ....kernels.scores_contract import (
    LATE_WEEKS,
    RECENT_WEEKS,
    ItemCoefficients,
    ItemValues,
    PairOdds,
    PairReadings,
)
from ...history.decay import decay_factors
from ...history.purchase_history import PurchaseHistory
from ..features import Features
from ..own.own_columns import OwnFeatures
from .item_knowledge import ItemKnowledge

TIMING = (
    "times", "once", "twice", "rate", "since", "gap", "overdue", "overdue_squared", "item_gap", "item_overdue",
    "item_overdue_squared", "repeat_rate", "once_repeat_rate", "buyers", "overdue_repeat_rate", "overdue_item_gap",
    "overdue_buyers",
)  # fmt: skip
"""How often and how lately, against the customer's own gap and the item's."""

CUSTOMER = ("items", "away", "known", "discounted", "coupon_prone")
"""The customer's breadth, absence, time known, share of discounts of the pair and of all trips."""

OF_GROUPS = ("since", "items", "gap", "overdue", "times", "own_times", "newer")
"""Of the item's group."""


def personal_features(
    history: PurchaseHistory,
    items: ItemKnowledge,
    start: int,
    stop: int,
    own: OwnFeatures | None = None,
    asked: NDArray[np.int64] | None = None,
) -> Features:
    """Compute the features of pairs of the customers start <= i < stop.

    Parameters
    ----------
    history : PurchaseHistory
    items : ItemKnowledge
        Of the history's items.
    start, stop : int
        Range of customers.
    own : OwnFeatures, optional
        The user's, which come last.
    asked : ndarray of int64, shape (n_pairs,), optional
        Which of all pairs of these customers, ascending. Default: all.

    Returns
    -------
    dict of str to ndarray of float32, shape (n_pairs,)
        By name, always in the same order.

    Notes
    -----
    Most are logarithms, since a logistic model then multiplies odds.

    - decayed purchases (`bought_...`), the same per trip (`per_trip_...`), decayed trips (`trips_...`)
    - trends of the item's popularity (`trend_...`)
    - purchases (`times`, `once`, `twice`), against what the customer's trips let expect (`rate`)
    - weeks since the last purchase (`since`), against the customer's own gap (`overdue`) and the item's
      (`item_overdue`); the item's repeat rate and buyers
    - purchases of the last weeks (`within_...`), the last gap and the spread of gaps, and by how many spreads the next
      purchase is late (`overdue_spreads`)
    - how many of those who knew the item, and how many of the items that the customer knew, were bought again lately
    - the customer's items, absence (`away`), time known, share bought at a discount, size of the basket
    - what the customer's other items let expect (`near_items`)
    - for each grouping: the customer's purchases in the item's group, the item's share of them, weeks since the last,
      against their gap, how many of the group's items the customer knows, and how many were bought later than this one
    """
    first, end = (int(history.indptr[customer]) for customer in (start, stop))
    pairs = np.arange(first, end) if asked is None else asked + first
    names = feature_names(history, items)
    values = np.empty((len(names), len(pairs)), np.float32)
    write_features(history, items, (start, stop), pairs, values)
    features = dict(zip(names, values, strict=True))
    return features if own is None else own.added_to(features, start, stop, asked)


def write_features(
    history: PurchaseHistory,
    items: ItemKnowledge,
    customers: tuple[int, int],
    pairs: NDArray[np.int64],
    values: NDArray[np.float32],
) -> None:
    """Compute the features of pairs, but for the user's own, into a matrix.

    Parameters
    ----------
    history : PurchaseHistory
    items : ItemKnowledge
        Of the history's items.
    customers : tuple of int
        Range of customers.
    pairs : ndarray of int64, shape (n_pairs,)
        Which of the history's pairs, ascending; all are these customers'.
    values : ndarray of float32, shape (n_features, n_pairs)
        Written; in the order of `feature_names`.
    """
    near = ItemCoefficients.none() if items.near is None else items.near
    numbers = _numbers(history, items, pairs)
    load().unchecked.pair_features(_readings(history), numbers, near, *customers, pairs, values)


def pair_log_odds(
    history: PurchaseHistory,
    items: ItemKnowledge,
    customers: tuple[int, int],
    pairs: NDArray[np.int64],
    model: PairOdds,
) -> NDArray[np.float64]:
    """Compute the log odds of pairs by a model of their features, which are not kept.

    Parameters
    ----------
    history : PurchaseHistory
    items : ItemKnowledge
        Of the history's items.
    customers : tuple of int
        Range of customers.
    pairs : ndarray of int64, shape (n_pairs,)
        Which of the history's pairs, ascending; all are these customers'.
    model : PairOdds
        Of the features in the order of `feature_names`.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)
    """
    near = ItemCoefficients.none() if items.near is None else items.near
    numbers, found = _numbers(history, items, pairs), np.empty(len(pairs))
    load().unchecked.pair_log_odds(
        _readings(history), numbers, near, *customers, pairs, model, found
    )
    return found


def feature_names(history: PurchaseHistory, items: ItemKnowledge) -> list[str]:
    """Return the names of the features, but for the user's own, in their order.

    Parameters
    ----------
    history : PurchaseHistory
    items : ItemKnowledge

    Returns
    -------
    list of str
    """
    half_lives = [f"{half_life:g}" for half_life in history.half_lives]
    names = [f"{what}_{h}" for h in half_lives for what in ("bought", "per_trip", "trips")]
    names += [name for name in items.features if name.startswith("trend_")]
    names += [*TIMING, *(f"within_{weeks}" for weeks in RECENT_WEEKS)]
    names += ["last_gap", "gap_spread", "overdue_spreads"]
    names += [f"{who}_again_{weeks}" for weeks in LATE_WEEKS for who in ("item", "customer")]
    names += CUSTOMER
    names += ["basket"] if half_lives else []
    names += ["near_items"] if items.near is not None else []
    for group in items.groups:
        for h in _half_lives_of_groups(history):
            names += [f"{group}_{half_lives[h]}", f"{group}_share_{half_lives[h]}"]
        names += [f"{group}_{what}" for what in OF_GROUPS]
    return names


def _middle(history: PurchaseHistory) -> int:
    """Return which half-life group and basket features are about: three quarters up the list."""
    count = len(history.half_lives)
    return count // 2 + count // 4 if count else 0


def _half_lives_of_groups(history: PurchaseHistory) -> list[int]:
    count = len(history.half_lives)
    return sorted({count // 3, _middle(history)}) if count else []


def _readings(history: PurchaseHistory) -> PairReadings:
    """Return a history as the kernel takes it."""
    periods = history.until - history.start + 1
    factor = decay_factors(history.half_lives, history.unit, periods)
    pairs, trips = history.pairs, history.trips
    week = history.periods_a_week
    return PairReadings(history.indptr, history.item, pairs, trips, factor, history.until, week)


def _numbers(
    history: PurchaseHistory, items: ItemKnowledge, pairs: NDArray[np.int64]
) -> ItemValues:
    """Return what is known of the items of some pairs."""
    row, value = items.of_pairs(history, pairs)
    half_lives = np.array(_half_lives_of_groups(history), np.int32)
    return ItemValues(row, value, items.group_codes, half_lives, _middle(history))

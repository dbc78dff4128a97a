"""Named features of pairs, groups of items, and the blocks of customers that features are computed for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...utils.arrays.blocks import row_blocks
from ...utils.errors import InvalidInput
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory

Features = dict[str, NDArray[np.float32]]
"""Features of the same pairs by name, in the order in which a model takes them."""

ItemGroups = Mapping[str, NDArray[np.integer]]
"""Groupings of a history's items by name, such as category and brand: the group of each item, from 0."""

BLOCK_PAIRS = 1 << 15
"""Pairs whose features are computed at a time: few enough for them to stay in the cache."""


def customer_blocks(
    history: PurchaseHistory, start: int = 0, stop: int | None = None
) -> Iterator[tuple[int, int]]:
    """Yield consecutive ranges of customers to work on.

    Parameters
    ----------
    history : PurchaseHistory
    start : int
        First customer.
    stop : int, optional
        The one after the last. Default: all.

    Yields
    ------
    int, int
        First customer, and the one after the last; about BLOCK_PAIRS pairs.
    """
    stop = len(history.customers) if stop is None else stop
    for first, last in row_blocks(history.indptr[start : stop + 1], BLOCK_PAIRS):
        yield start + first, start + last


def groups_of_items(groups: Any, history: PurchaseHistory) -> ItemGroups:
    """Return the groups of a history's items by name; refuse those that are not one for each item.

    Parameters
    ----------
    groups : mapping of str to ndarray of int, callable, or None
        The groups themselves, or a function from a history to them, such as a Catalogue.
    history : PurchaseHistory

    Returns
    -------
    mapping of str to ndarray of int, shape (n_items,)

    Raises
    ------
    InvalidInput
        If groups are not one for each item.
    """
    found: ItemGroups = groups(history) if callable(groups) else groups or {}
    for name, codes in found.items():
        if len(codes) != len(history.items):
            raise InvalidInput(
                f"groups, {name!r}: expected one for each of {len(history.items):,} items, got {len(codes):,}"
            )
    return found


def as_float32(features: Mapping[str, NDArray[np.floating]]) -> Features:
    """Return features that were computed in float64 as float32.

    Parameters
    ----------
    features : mapping of str to ndarray of float

    Returns
    -------
    dict of str to ndarray of float32
    """
    return {name: values.astype(np.float32) for name, values in features.items()}


def stack_features(features: Features) -> NDArray[np.float32]:
    """Return features as the columns of a matrix.

    Parameters
    ----------
    features : dict of str to ndarray of float32, shape (n_pairs,)

    Returns
    -------
    ndarray of float32, shape (n_pairs, n_features)
    """
    return np.stack(list(features.values()), axis=1)


def check_feature_names(features: Iterable[str], fitted: list[str]) -> None:
    """Refuse features that a model was not fitted with.

    Parameters
    ----------
    features : iterable of str
        Names.
    fitted : list of str
        Names that the model was fitted with.

    Raises
    ------
    InvalidInput
        If names or their order are others.
    """
    if list(features) != fitted:
        raise InvalidInput(
            "history: expected the half-lives and groups that the model was fitted with"
        )


def check_like_fitted(history: PurchaseHistory, statistics: ItemStatistics) -> None:
    """Refuse a history by another unit, or with another kind of ids, than a model was fitted with.

    Parameters
    ----------
    history : PurchaseHistory
        That is to be scored.
    statistics : ItemStatistics
        What the model knows.

    Raises
    ------
    InvalidInput
    """
    if history.unit != statistics.unit:
        raise InvalidInput(
            f"history: expected one by {statistics.unit}, as the model was fitted with, got one by {history.unit}"
        )
    if len(history.items) and history.items.type != statistics.items.type:
        raise InvalidInput(
            f"history: expected items that are {tables.kind_of_ids(statistics.items)}, as the model was fitted with, "
            f"got {tables.kind_of_ids(history.items)}"
        )

"""LinearScorer: log odds that customers begin to buy offers, summed from a few tables of a logistic discovery model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....kernels.scores_contract import BegunTables
from ....utils.errors import InvalidInput
from ....utils.lazy_imports import sparse as sp
from ...history.item_statistics import ItemStatistics
from ..features import ItemGroups
from ..logistic import LogisticRegression
from .discovery_features import LEAST_OF_GROUP, SMALL_SHARE
from .item_features import FeaturesOfItems, as_least_sold, popular_features
from .known_items import KnownItems

OF_CUSTOMERS = ("known_items", "bought", "few_items")
"""Features of customers alone."""


class LinearScorer(NamedTuple):
    """Tables whose sums are the log odds of a discovery model, of offers that are good for one item or several.

    An offer counts as one item that is bought as often as all of its items together, and that is like others as much
    as all of them together. The kernel `score_begun` sums the tables.

    Attributes
    ----------
    links : csr_array of float32, shape (n_items, n_offers)
        How much a purchase of an item says for an offer.
    tables : BegunTables
        With a prior of 0.
    """

    links: sp.csr_array
    tables: BegunTables


def linear_scorer(
    regression: LogisticRegression,
    names: list[str],
    known: KnownItems,
    statistics: ItemStatistics,
    groups: ItemGroups,
    covers: Any,
    half_lives: tuple[float, ...],
) -> LinearScorer:
    """Take a discovery model apart for offers.

    Parameters
    ----------
    regression : LogisticRegression
        Of the model.
    names : list of str
        Of its features.
    known : KnownItems
        Its similarity; of one kind of neighbours, without customers to ask.
    statistics : ItemStatistics, shape (n_items,)
        Of the items that offers may be good for.
    groups : mapping of str to ndarray of int, shape (n_items,)
        Groupings of these.
    covers : csr_array, shape (n_items, n_offers)
        1 where an offer is good for an item.
    half_lives : tuple of float
        In weeks.

    Returns
    -------
    LinearScorer

    Raises
    ------
    InvalidInput
        If the model has more features, such as the user's own.
    """
    coef: dict[str, Any] = dict(zip(names, regression.coef_, strict=True))
    of_offers = {name: _group_of_most(covers, group) for name, group in groups.items()}
    of_items = FeaturesOfItems(statistics, groups, half_lives)
    items = _features_of_offers(of_items, of_offers, covers, known)
    near = known.neighbours[0].name
    if set(names) != _names(near, items, groups):
        raise InvalidInput("discovery: expected a model of no features but its own")
    offer, popular = _of_each_offer(coef, items, groups, covers.shape[1])
    offer += regression.intercept_
    found = BegunTables(
        prior=np.zeros(covers.shape[1], np.float32),
        near=np.array([known.scales[0], coef[near], coef[f"{near}_root"]], np.float32),
        offer=offer.astype(np.float32),
        popular=popular.astype(np.float32),
        customer=np.array([coef[name] for name in OF_CUSTOMERS], np.float32),
        of_items=_stacked(groups, covers.shape[0]),
        of_offers=_stacked(of_offers, covers.shape[1]),
        groups=max((int(group.max(initial=0)) for group in groups.values()), default=0) + 1,
        of_group=_of_groups(groups, coef),
    )
    return LinearScorer(_links(known, statistics.items, covers), found)


def _of_each_offer(
    coef: Mapping[str, float],
    items: Mapping[str, NDArray[np.float64]],
    groups: Iterable[str],
    size: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each offer adds for everybody, and besides for a customer who knows no items."""
    offer, popular = np.full(size, coef["alike"] * np.log(SMALL_SHARE)), np.zeros(size)
    for name, values in items.items():
        offer += coef[name] * values
        popular += coef.get(f"few_items_{name}", 0.0) * values
    for name in groups:  # what is expected of a group: the sum of two logarithms
        offer += coef[f"{name}_expected"] * items[f"{name}_begun"]
    return offer, popular


def _features_of_offers(
    of_items: FeaturesOfItems, of_offers: ItemGroups, covers: Any, known: KnownItems
) -> dict[str, NDArray[np.float64]]:
    part = tables.positions(known.items, of_items.statistics.items)
    return as_least_sold(
        of_items.of(_of_offers(of_items.statistics, covers), of_offers),
        covers[part].sum(axis=0) == 0,
        of_items.among(part[known.least]),
    )


def _names(near: str, items: Iterable[str], groups: Iterable[str]) -> set[str]:
    """Return the names of the features of a model with these neighbours, features of items, and groups."""
    alike = {"alike", "alike_root"}  # the same for all pairs where nobody is asked
    of_groups = {f"{name}_{what}" for name in groups for what in (*LEAST_OF_GROUP, "expected")}
    of_new = {f"few_items_{name}" for name in popular_features(items)}
    return {near, f"{near}_root", *alike, *OF_CUSTOMERS, *items, *of_new, *of_groups}


def _stacked(groups: ItemGroups, size: int) -> NDArray[np.int32]:
    """Return groupings as the rows of a matrix."""
    found = np.empty((len(groups), size), np.int32)
    for row, codes in zip(found, groups.values(), strict=True):
        row[:] = codes
    return found


def _of_groups(groups: ItemGroups, coef: Mapping[str, float]) -> NDArray[np.float32]:
    """Return the coefficients of what a customer bought of a group, and of how many items of it, by grouping."""
    found = np.zeros((len(groups), 2), np.float32)
    for row, name in zip(found, groups, strict=True):
        row[:] = coef[f"{name}_bought"] + coef[f"{name}_expected"], coef[f"{name}_items"]
    return found


def _links(known: KnownItems, items: pa.Array, covers: Any) -> sp.csr_array:
    """Return how much a purchase of each item says for each offer: as much as for all of the offer's items."""
    place = tables.positions(known.items, items)
    shape = len(items), len(items)
    row, column = np.nonzero(known.similarities[0])
    values = known.similarities[0][row, column]
    similarity = sp.csr_array((values, (place[row], place[column])), shape=shape)
    links = sp.csr_array(similarity @ covers, dtype=np.float32)
    links.sort_indices()
    return links


def _of_offers(statistics: ItemStatistics, covers: Any) -> ItemStatistics:
    """Return the statistics that discovery looks at, of offers: the sums of their items'."""
    total = sp.csr_array(covers.T, dtype=np.float64)
    buyers = np.minimum(total @ statistics.buyers, statistics.customers)
    return replace(
        statistics,
        buyers=buyers,
        knew=buyers[:, None] - total @ statistics.begun,
        repeaters=total @ statistics.repeaters,
        popularity=total @ statistics.popularity,
    )


def _group_of_most(covers: Any, group: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the group that most items of each offer are of; the first of several, 0 where there is no item."""
    size = int(group.max(initial=0)) + 1
    item, offer = covers.nonzero()
    key, count = np.unique(offer.astype(np.int64) * size + group[item], return_counts=True)
    order = np.lexsort((key, -count, key // size))
    offers, first = np.unique(key[order] // size, return_index=True)
    found = np.zeros(covers.shape[1], np.int64)
    found[offers] = key[order][first] % size
    return found

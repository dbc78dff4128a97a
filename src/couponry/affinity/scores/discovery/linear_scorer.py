"""LinearScorer: log odds that customers begin to buy offers, summed from a few tables of a logistic discovery model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....utils.errors import InvalidInput
from ....utils.lazy_imports import sparse as sp
from ...history.item_statistics import ItemStatistics
from ..features import ItemGroups
from ..logistic import LogisticRegression
from .discovery_features import LEAST_OF_GROUP, SMALL_SHARE, knows_few, said_by_neighbours
from .item_features import FeaturesOfItems, as_least_sold, popular_features
from .known_items import KnownItems

MOST_CELLS = 64
"""Cells of customers and groups, for each pair that was bought, up to which sums are kept for all of them."""

OF_CUSTOMERS = ("known_items", "bought", "few_items")
"""Features of customers alone."""

Floats = NDArray[np.float32]


class GroupTerm(NamedTuple):
    """What a grouping of items adds to log odds.

    Attributes
    ----------
    of_items, of_offers : ndarray of int64
        Group of each item, and of each offer.
    size : int
        Number of groups.
    bought, items : float32
        Coefficients of the logarithms of what a customer bought of the group, and of how many items of it.
    """

    of_items: NDArray[np.int64]
    of_offers: NDArray[np.int64]
    size: int
    bought: np.float32
    items: np.float32


@dataclass(frozen=True)
class LinearScorer:
    """Tables whose sums are the log odds of a discovery model, of offers that are good for one item or several.

    An offer counts as one item that is bought as often as all of its items together, and that is like others as much
    as all of them together.

    Attributes
    ----------
    links : csr_array of float32, shape (n_items, n_offers)
        How much a purchase of an item says for an offer.
    offer, popular : ndarray of float32, shape (n_offers,)
        What an offer adds for everybody, and besides for a customer who knows no items.
    near : ndarray of float32, shape (3,)
        Mean size of what neighbours say; coefficients of its logarithm and its root.
    customer : ndarray of float32, shape (3,)
        Coefficients of how many items a customer knows and how much is bought, as logarithms, and of knowing few.
    groups : list of GroupTerm
    """

    links: sp.csr_array
    offer: Floats
    popular: Floats
    near: Floats
    customer: Floats
    groups: list[GroupTerm]

    def log_odds(
        self,
        bought: sp.csr_array,
        customer: NDArray[np.integer],
        offer: NDArray[np.integer],
        said: Floats,
    ) -> Floats:
        """Compute the log odds of pairs.

        Parameters
        ----------
        bought : csr_array of float32, shape (n_customers, n_items)
            log(1 + decayed purchases) of what customers bought, as `recent_weights` has them.
        customer, offer : ndarray of int, shape (n_pairs,)
            Rows and columns.
        said : ndarray of float32, shape (n_pairs,)
            What was bought times `links`.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            A customer's are the same bits whoever else is there.
        """
        scale, logarithm, root = self.near
        near, near_root = said_by_neighbours(said / scale)
        total: Floats = self.offer[offer] + logarithm * near + root * near_root
        rows = bought.shape[0]
        owner = np.repeat(np.arange(rows), np.diff(bought.indptr))
        amount = np.expm1(bought.data.astype(np.float64))
        n_items = np.diff(bought.indptr).astype(np.float32)
        all_of_it = np.bincount(owner, amount, minlength=rows).astype(np.float32)
        one = np.float32(1)
        few = knows_few(n_items)
        of_customer = self.customer[0] * np.log(n_items + one)
        of_customer += self.customer[1] * np.log(all_of_it + one)
        of_customer += self.customer[2] * few
        total += of_customer[customer] + few[customer] * self.popular[offer]
        for group in self.groups:
            cell = owner * group.size + group.of_items[bought.indices]
            wanted = customer * group.size + group.of_offers[offer]
            cells = rows * group.size
            if cells > MOST_CELLS * len(cell):
                cell, wanted, cells = _numbered(cell, wanted)
            total += _group_table(group, cell, amount, cells)[wanted]
        return total


def _numbered(
    cell: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Number cells from 0; those wanted that are none of them have the last number. Return how many there are, too."""
    found, number = np.unique(cell, return_inverse=True)
    last = len(found)
    place = np.searchsorted(found, wanted)
    there = np.append(found, -1)[place] == wanted
    return number, np.where(there, place, last), last + 1


def _group_table(
    group: GroupTerm, cell: NDArray[np.int64], amount: NDArray[np.float64], cells: int
) -> Floats:
    """Return what each (customer, group) adds."""
    terms = (group.bought, "bought", amount), (group.items, "items", None)
    nothing = sum(coef * np.float32(np.log(LEAST_OF_GROUP[name])) for coef, name, _ in terms)
    table = np.full(cells, nothing, np.float32)
    found = np.zeros(len(cell), np.float32)
    for coef, name, weights in terms:
        total = np.bincount(cell, weights, minlength=cells)[cell].astype(np.float32)
        found += coef * np.log(total + np.float32(LEAST_OF_GROUP[name]))
    table[cell] = found
    return table


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
    coef = dict(zip(names, np.asarray(regression.coef_, np.float64), strict=True))
    of_offers = {name: _group_of_most(covers, group) for name, group in groups.items()}
    of_items = FeaturesOfItems(statistics, groups, half_lives)
    items = _features_of_offers(of_items, of_offers, covers, known)
    near = known.neighbours[0].name
    if set(names) != _names(near, items, groups):
        raise InvalidInput("discovery: expected a model of no features but its own")
    offer = np.full(covers.shape[1], regression.intercept_ + coef["alike"] * np.log(SMALL_SHARE))
    popular = np.zeros(covers.shape[1])
    for name, values in items.items():
        offer += coef[name] * values
        popular += coef.get(f"few_items_{name}", 0.0) * values
    for name in groups:  # what is expected of a group: the sum of two logarithms
        offer += coef[f"{name}_expected"] * items[f"{name}_begun"]
    return LinearScorer(
        _links(known, statistics.items, covers),
        offer.astype(np.float32),
        popular.astype(np.float32),
        np.array([known.scales[0], coef[near], coef[f"{near}_root"]], np.float32),
        np.array([coef[name] for name in OF_CUSTOMERS], np.float32),
        [_group_term(name, group, of_offers[name], coef) for name, group in groups.items()],
    )


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


def _group_term(
    name: str,
    of_items: NDArray[np.integer],
    of_offers: NDArray[np.int64],
    coef: Mapping[str, float],
) -> GroupTerm:
    bought = np.float32(coef[f"{name}_bought"] + coef[f"{name}_expected"])
    items, codes = np.float32(coef[f"{name}_items"]), of_items.astype(np.int64)
    return GroupTerm(codes, of_offers, int(codes.max(initial=0)) + 1, bought, items)


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

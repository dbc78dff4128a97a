"""Features of items alone that a discovery model looks at: how they sell, and in which groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....kernels.scores_contract import LATE_WEEKS
from ....utils.process.cached_property import cached_property
from ...history.item_statistics import ItemStatistics
from ..features import ItemGroups
from .known_items import share_of_begun

LATELY_BEGUN = LATE_WEEKS.index(4)
"""Weeks in which an item is begun lately: few, for most of what a short history has is begun in the last eight."""

POPULAR = ("buyers", "popularity_")
"""How names of features begin that say what sells."""


class GroupSizes(NamedTuple):
    """How much of each group of a grouping is bought, and how often one of its items was lately begun.

    Attributes
    ----------
    bought, begun : ndarray of float64, shape (n_groups,)
    """

    bought: NDArray[np.float64]
    begun: NDArray[np.float64]


@dataclass(frozen=True)
class FeaturesOfItems:
    """Computes the features of some of a history's items.

    Attributes
    ----------
    statistics : ItemStatistics, shape (n_items,)
    groups : mapping of str to ndarray of int, shape (n_items,)
        Their groupings by name.
    half_lives : sequence of float
        In weeks.
    """

    statistics: ItemStatistics
    groups: ItemGroups
    half_lives: Sequence[float]

    @cached_property
    def sizes(self) -> dict[str, GroupSizes]:
        """How much of each group is bought, and lately begun."""
        bought, begun = _long_popularity(self.statistics), self.statistics.begun[:, LATELY_BEGUN]
        return {
            name: GroupSizes(_sums(group, bought), _sums(group, begun))
            for name, group in self.groups.items()
        }

    def among(self, places: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Compute the features of some of the items.

        Parameters
        ----------
        places : ndarray of int64, shape (n_some,)

        Returns
        -------
        dict of str to ndarray of float64, shape (n_some,)
        """
        some = self.statistics.among(self.statistics.items.take(pa.array(places)))
        groups = {name: group[places] for name, group in self.groups.items()}
        return self.of(some, groups)

    def of(self, statistics: ItemStatistics, groups: ItemGroups) -> dict[str, NDArray[np.float64]]:
        """Compute the features of others, such as offers.

        Parameters
        ----------
        statistics : ItemStatistics, shape (n_others,)
        groups : mapping of str to ndarray of int, shape (n_others,)

        Returns
        -------
        dict of str to ndarray of float64, shape (n_others,)
        """
        found = {"buyers": np.log(statistics.buyer_share)}
        for h, half_life in enumerate(self.half_lives):
            found[f"popularity_{half_life:g}"] = np.log(statistics.popularity_rate[:, h])
        found["repeat_rate"] = np.log(statistics.repeat_rate)
        last = _long_popularity(statistics)
        for name, group in groups.items():
            size = self.sizes[name].bought[group]
            found[f"{name}_size"] = np.log((size + 1.0) / (statistics.customers + 1.0))
            found[f"{name}_share"] = np.log((last + 0.1) / (size + 1.0))
            begun = self.sizes[name].begun
            share = share_of_begun(statistics.begun[:, LATELY_BEGUN], group, begun)
            found[f"{name}_begun"] = np.log(share)
        return found


def as_least_sold(
    features: Mapping[str, NDArray[np.float64]],
    others: NDArray[np.bool_],
    least: Mapping[str, NDArray[np.float64]],
) -> dict[str, NDArray[np.float64]]:
    """Return features of items, or of offers, where those that take no part are like those that sell least of the rest.

    The model saw none that take no part: what it learned of items that sell says nothing of such that hardly do.

    Parameters
    ----------
    features : mapping of str to ndarray of float64, shape (n_asked,)
    others : ndarray of bool, shape (n_asked,)
        Which of them take no part.
    least : mapping of str to ndarray of float64, shape (n_least,)
        Features of those that sell least.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_asked,)
    """
    if not others.any():
        return dict(features)
    return {
        name: np.where(others, least[name].mean(), values) if len(least[name]) else values
        for name, values in features.items()
    }


def popular_features(names: Iterable[str]) -> list[str]:
    """Return which features of items say what sells.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    list of str
    """
    return [name for name in names if name.startswith(POPULAR)]


def _sums(group: NDArray[np.integer], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(group, values).astype(np.float64, copy=False)  # of no items it is int64


def _long_popularity(statistics: ItemStatistics) -> NDArray[np.float64]:
    """Return decayed purchases of each item at the longest half-life; buyers if there is none."""
    popularity = statistics.popularity
    return popularity[:, -1] if popularity.shape[1] else statistics.buyers

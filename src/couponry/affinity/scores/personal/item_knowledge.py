"""ItemKnowledge: what a model knows of a history's items, before it looks at any customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....kernels.scores_contract import LATE_WEEKS, LEAST_RATE, ItemCoefficients
from ....utils.process.cached_property import cached_property
from ...history.item_statistics import ItemStatistics
from ...history.purchase_history import PurchaseHistory
from ..features import ItemGroups, groups_of_items
from .near_items import NearItems

Named = dict[str, NDArray[np.floating]]
"""Features by name, in float64."""


@dataclass(frozen=True)
class ItemKnowledge:
    """What is known of a history's items.

    Attributes
    ----------
    features : dict of str to ndarray of float64, shape (n_items,)
        As `item_features` computes them.
    groups : mapping of str to ndarray of int, shape (n_items,)
        Groupings of the items by name, such as `category` and `brand`.
    near : ItemCoefficients, optional
        What a customer's other items let expect of each; None: nothing is looked at.
    seen : ItemStatistics, optional
        Statistics of the history itself, where each customer's own purchases are to be left out of what is known.
    """

    features: Named
    groups: ItemGroups
    near: ItemCoefficients | None = None
    seen: ItemStatistics | None = None

    @classmethod
    def among(
        cls,
        history: PurchaseHistory,
        statistics: ItemStatistics,
        groups: Any,
        near: NearItems | None = None,
    ) -> ItemKnowledge:
        """Gather what is known of a history's items.

        Parameters
        ----------
        history : PurchaseHistory
        statistics : ItemStatistics
            Of these items or others.
        groups : mapping of str to ndarray of int, callable, or None
            As `PersonalModel` takes them.
        near : NearItems, optional

        Returns
        -------
        ItemKnowledge

        Raises
        ------
        InvalidInput
            If groups are not one for each item.
        """
        return cls(
            item_features(statistics.among(history.items), history.half_lives),
            groups_of_items(groups, history),
            None if near is None else near.among(history),
        )

    @classmethod
    def of_others(cls, history: PurchaseHistory, groups: Any, *, near: bool) -> ItemKnowledge:
        """Gather what a history says of its items, to each of its customers without the customer's own purchases.

        A model is fitted with it: what it knows of items when it scores comes from other customers, for the most part.

        Parameters
        ----------
        history : PurchaseHistory
        groups : mapping of str to ndarray of int, callable, or None
            As `PersonalModel` takes them.
        near : bool
            Whether what a customer's other items let expect of each is known.

        Returns
        -------
        ItemKnowledge

        Raises
        ------
        InvalidInput
            If groups are not one for each item.
        """
        seen = ItemStatistics.from_history(history)
        learned = NearItems.learned(history, seen.buyers) if near else None
        return replace(cls.among(history, seen, groups, learned), seen=seen)

    def of_pairs(
        self, history: PurchaseHistory, pairs: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return what is known of the items of some pairs.

        Parameters
        ----------
        history : PurchaseHistory
        pairs : ndarray of int64, shape (n_pairs,)

        Returns
        -------
        row : ndarray of int64, shape (n_pairs,)
            Which row is about the item of each pair.
        values : ndarray of float64, shape (rows, n_features)
            In the order of `features`.
        """
        if self.seen is None:
            return history.item[pairs].astype(np.int64), self._values
        others = item_features(self.seen.without_own(history, pairs), history.half_lives)
        return np.arange(len(pairs)), np.stack(list(others.values()), axis=1)

    def seen_by(self, near: ItemCoefficients | None) -> ItemKnowledge:
        """Return the same knowledge for other customers.

        Parameters
        ----------
        near : ItemCoefficients, optional
            As `near`, of these customers.

        Returns
        -------
        ItemKnowledge
            What was tabulated of this one is not tabulated again.
        """
        other = replace(self, near=near)
        vars(other).update(_values=self._values, group_codes=self.group_codes)
        return other

    @cached_property
    def _values(self) -> NDArray[np.float64]:
        """`features` as the columns of a matrix."""
        return np.stack(list(self.features.values()), axis=1)

    @cached_property
    def group_codes(self) -> NDArray[np.int32]:
        """Group of each item, by each grouping; int32, shape (n_groupings, n_items)."""
        size = len(self.groups), len(next(iter(self.features.values())))
        codes = np.empty(size, np.int32)
        for number, of_items in enumerate(self.groups.values()):
            codes[number] = of_items
        return codes


def item_features(statistics: ItemStatistics, half_lives: Sequence[float]) -> Named:
    """Compute the features of items alone, once for all pairs.

    Parameters
    ----------
    statistics : ItemStatistics
        Of a history's items, as the model knows them: of its customers or of others.
    half_lives : sequence of float
        In weeks.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_items,)
        Logarithms of trends of the popularity, the usual gap, repeat rate, share of buyers, and share of those who
        knew it who bought it lately; the gap itself, and the last share of any item.
    """
    found: Named = {}
    popularity = statistics.popularity
    for h in range(len(half_lives) - 2):
        recent, before = popularity[:, h], popularity[:, h + 2]
        found[f"trend_{half_lives[h]:g}"] = np.log((recent + 0.2) / (before + 0.4))
    found["item_gap"] = np.log(statistics.gap)
    found["repeat_rate"] = np.log(statistics.repeat_rate)
    found["buyers"] = np.log(statistics.buyer_share)
    found["weeks"] = statistics.gap
    for w, weeks in enumerate(LATE_WEEKS):
        found[f"again_{weeks}"] = np.log(statistics.again_rate[:, w] + LEAST_RATE)
        found[f"any_again_{weeks}"] = np.full(len(statistics.items), statistics.again_of_any[w])
    return found

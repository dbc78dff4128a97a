"""Pairs that customers may have begun to buy in a window, and which of them they did: what a model is fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....data import tables
from ....utils.arrays.membership import is_among
from ...history.purchase_history import PurchaseHistory
from ..features import stack_features
from ..logistic import Sample
from ..training_windows import LEAST_PURCHASES_THAT_COUNT
from .discovery_features import DiscoveryFeatures

ONE_IN = 3
"""Of pairs that were not bought, one in so many is fitted on: they are hundreds of times as many as the others."""


@dataclass(frozen=True)
class BegunSample:
    """Some pairs of a window.

    Attributes
    ----------
    names : list of str
        Of the features.
    features : ndarray of float32, shape (n_rows, n_features)
    outcome : ndarray of bool, shape (n_rows,)
        Whether the item was bought in the window.
    weight : ndarray of float32, shape (n_rows,)
        How much each pair that a row stands for counts.
    stands_for : ndarray of float32, shape (n_rows,)
        Pairs that a row stands for.
    """

    names: list[str]
    features: NDArray[np.float32]
    outcome: NDArray[np.bool_]
    weight: NDArray[np.float32]
    stands_for: NDArray[np.float32]

    def weighted(self) -> Sample:
        """Return the rows with the weight of all that they stand for."""
        return Sample(self.features, self.outcome, self.weight * self.stands_for)

    @staticmethod
    def evened(samples: Sequence[BegunSample]) -> list[BegunSample]:
        """Return samples whose rows weigh 1 on average, with all that they stand for."""
        total = sum(float(one.weighted().weight.sum(dtype=np.float64)) for one in samples)
        each = np.float32(sum(len(one.outcome) for one in samples) / total)
        return [replace(one, weight=one.weight * each) for one in samples]

    def pairs(self) -> Sample:
        """Return the rows with pairs that count the same."""
        return Sample(self.features, self.outcome, self.stands_for)


def begun_samples(
    features: DiscoveryFeatures,
    history: PurchaseHistory,
    later: PurchaseHistory,
    *,
    by_customer: bool,
) -> Iterator[BegunSample]:
    """Yield the pairs of a window, some customers at a time.

    Parameters
    ----------
    features : DiscoveryFeatures
        Of the history.
    history, later : PurchaseHistory
        A history, and what was bought in the window after it.
    by_customer : bool
        Whether every customer counts the same.

    Yields
    ------
    BegunSample
    """
    customer_of_pair = np.repeat(
        tables.positions(later.customers, history.customers), np.diff(later.indptr)
    )
    item_of_pair = tables.positions(later.items, features.items)[later.item]
    known = (customer_of_pair >= 0) & (item_of_pair >= 0)
    truth = np.sort(features.key(customer_of_pair, item_of_pair)[known])
    for customer, item, columns in features.blocks():
        outcome = is_among(features.key(customer, item), truth)
        kept, stands_for = _thinned(outcome)
        weight = np.ones(len(outcome), np.float32)
        if by_customer:
            begun = np.bincount(customer - customer[0], weights=outcome)[customer - customer[0]]
            weight = (1.0 / np.maximum(begun, LEAST_PURCHASES_THAT_COUNT)).astype(np.float32)
        some = {name: values[kept] for name, values in columns.items()}
        yield BegunSample(
            list(columns), stack_features(some), outcome[kept], weight[kept], stands_for
        )


def _thinned(outcome: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return which pairs to fit on, and how many each stands for: all that were bought, and some of the others."""
    others = np.flatnonzero(~outcome)[::ONE_IN]
    stands_for = np.ones(len(outcome), np.float32)
    stands_for[others] = (len(outcome) - outcome.sum()) / max(len(others), 1)
    kept = np.sort(np.concatenate([np.flatnonzero(outcome), others]))
    return kept, stands_for[kept]

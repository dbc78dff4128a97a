"""What a discovery model gives: pairs with probabilities, or the probabilities of pairs that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..features import Features
from .discovery_features import DiscoveryFeatures, customer_ranges


@dataclass(frozen=True)
class DiscoveryScores:
    """Pairs that a customer may begin to buy, and how likely; ordered by customer and item.

    Iterating gives customer, item and score.

    Attributes
    ----------
    customer : ndarray of int64, shape (n_pairs,)
        Positions in the history's customers.
    item : ndarray of int64, shape (n_pairs,)
        Positions in `items`.
    score : ndarray of float32, shape (n_pairs,)
        Probabilities to buy the item within a window.
    items : pyarrow.Array
        Ids of the history's items and of those that the model knows, ascending: those of the history where the model
        knows no others.
    """

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    score: NDArray[np.float32]
    items: pa.Array

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yield customer, item and score."""
        return iter((self.customer, self.item, self.score))


@dataclass(frozen=True)
class DiscoveryScorer:
    """Predicts the probabilities of given pairs of a history's customers; made by `DiscoveryModel.scorer`.

    Attributes
    ----------
    features : DiscoveryFeatures
    predicted : callable
        From features to probabilities.
    """

    features: DiscoveryFeatures
    predicted: Callable[[Features], NDArray[np.float32]]

    def score(
        self, start: int, stop: int, customer: NDArray[np.int64], item: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Predict the probabilities of pairs.

        Parameters
        ----------
        start, stop : int
            Range of customers of the history.
        customer : ndarray of int64, shape (n_pairs,)
            Positions in the history's customers, start <= i < stop, ascending.
        item : ndarray of int64, shape (n_pairs,)
            Positions in the items that the scorer was made for.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities to buy the item within a window, where the customer did not buy it before: the same bits as
            those of `DiscoveryModel.score`.
        """
        parts = [np.zeros(0, np.float32)]
        for first, last in customer_ranges(start, stop):
            part = slice(*np.searchsorted(customer, (first, last)))
            found = self.features.of_pairs(first, last, customer[part], item[part])
            parts.append(self.predicted(found))
        return np.concatenate(parts)

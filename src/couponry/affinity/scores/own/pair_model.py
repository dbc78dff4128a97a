"""What a model of purchases again has to be able to do for candidates to be made by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...history.item_statistics import ItemStatistics
from ...history.purchase_history import PurchaseHistory
from ..training_windows import Window


class PairScorer(Protocol):
    """Predicts the probabilities of ranges of a history's customers, by several threads at a time."""

    def score(self, start: int, stop: int) -> NDArray[np.float32]:
        """Predict the probabilities of the pairs of the customers start <= i < stop.

        Parameters
        ----------
        start, stop : int
            Range of customers.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities to buy again within a window, from 0, below 1.
        """
        ...


class PairModel(Protocol):
    """A model of how likely customers buy again what they bought, such as `PersonalModel`."""

    def fit(self, windows: Sequence[Window], known: PurchaseHistory | None = None) -> Any:
        """Fit the model on windows of the past.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            A history, and what was bought in the window after it.
        known : PurchaseHistory, optional
            What is known of items for scoring.

        Returns
        -------
        object
            Not looked at.
        """
        ...

    def scorer(
        self, history: PurchaseHistory, statistics: ItemStatistics | None = None
    ) -> PairScorer:
        """Return what predicts the probabilities of some of a history's customers at a time.

        Parameters
        ----------
        history : PurchaseHistory
            Of any customers.
        statistics : ItemStatistics, optional
            What is known of items, such as everybody's. Default: what the model was fitted with.

        Returns
        -------
        PairScorer
            For ranges of customers.
        """
        ...

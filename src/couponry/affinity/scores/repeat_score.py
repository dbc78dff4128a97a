"""RepeatScore: decayed frequency times a power of the item's repeat rate."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ..history.decay import half_life_index
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from ..parameters import Parameters
from .features import check_like_fitted, customer_blocks


class RepeatScore(Parameters):
    """Score what customers bought before: decayed frequency x the item's repeat rate ** power.

    Nothing is fitted but the repeat rates. Scores rank; they are no probabilities.

    Parameters
    ----------
    half_life : float
        In weeks; one of the history's.
    power : float
        Exponent of the repeat rate.

    Attributes
    ----------
    repeat_rate_ : ndarray of float64, shape (n_items,)
        Share of an item's buyers who bought it more than once; set by `fit`.
    items_ : pyarrow.Array, shape (n_items,)
        Ids that the repeat rates belong to; set by `fit`.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from couponry.affinity import PurchaseHistory
    >>> rows = pa.table({"customer": [1, 1, 2], "product": ["tea", "tea", "mug"], "week": [1, 3, 3]})
    >>> history = PurchaseHistory.from_transactions(rows, half_lives=[16.0])
    >>> print(RepeatScore(half_life=16.0).fit(history).score(history).round(2))  # tea, mug
    [1.21 0.26]
    """

    repeat_rate_: NDArray[np.float64]
    items_: pa.Array

    def __init__(self, half_life: float = 16.0, power: float = 0.5):
        self.half_life, self.power = half_life, power

    def fit(self, history: PurchaseHistory) -> RepeatScore:
        """Learn repeat rates.

        Parameters
        ----------
        history : PurchaseHistory
            What repeat rates are taken from.

        Returns
        -------
        RepeatScore
            This score.

        Raises
        ------
        InvalidInput
            If the history does not have the half-life.
        """
        half_life_index(self.half_life, history.half_lives)
        self._statistics = ItemStatistics.from_history(history)
        self.repeat_rate_, self.items_ = self._statistics.repeat_rate, history.items
        return self

    def score(self, history: PurchaseHistory) -> NDArray[np.float32]:
        """Score the pairs of a history.

        Parameters
        ----------
        history : PurchaseHistory
            With the half-life.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Scores; items that were not there when fitted score 0.

        Raises
        ------
        InvalidInput
            If the history lacks the half-life, or the unit or the kind of ids are others than when fitted.
        """
        self._check_fitted()
        check_like_fitted(history, self._statistics)
        h = half_life_index(self.half_life, history.half_lives)
        place = tables.positions(history.items, self.items_)
        weight = np.where(place >= 0, (self.repeat_rate_**self.power)[place], 0.0).astype(
            np.float32
        )
        scores = np.empty(len(history), np.float32)
        for start, stop in customer_blocks(history):
            part = slice(int(history.indptr[start]), int(history.indptr[stop]))
            scores[part] = history.decay(part)[:, h] * weight[history.item[part]]
        return scores

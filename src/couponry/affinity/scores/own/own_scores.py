"""Probabilities of the user's own, from a function of a history, in the place of a model of purchases again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....utils.errors import InvalidInput
from ....utils.parallel import parallel_map, worker_count
from ...history.customer_part import customer_part
from ...history.item_statistics import ItemStatistics
from ...history.purchase_history import PurchaseHistory
from ...parameters import Parameters
from ..features import customer_blocks
from ..training_windows import Window

BELOW_ONE = np.float32(1.0 - 2.0**-24)
"""The largest probability in float32 below 1: odds are taken of it."""


class OwnScores(Parameters):
    """How likely customers buy again what they bought, by a function instead of a model.

    It stands in for a `PersonalModel`, as in ``CandidateModel(personal=OwnScores(function))``.

    Parameters
    ----------
    function : callable
        From a history to a probability for each of its pairs. It is given some customers at a time, and must look at
        each of them alone: then scores do not depend on who else is scored. Several threads call it.

    Raises
    ------
    InvalidInput
        If it is no function.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from couponry.affinity import PurchaseHistory
    >>> rows = pa.table({"customer": [1, 1, 2], "product": ["tea", "tea", "mug"], "week": [1, 3, 3]})
    >>> history = PurchaseHistory.from_transactions(rows)
    >>> OwnScores(lambda history: 1 - 0.5**history.pairs.times).score(history).tolist()
    [0.75, 0.5]
    """

    def __init__(self, function: Callable[[PurchaseHistory], Any]):
        if not callable(function):
            raise InvalidInput(
                f"OwnScores: expected a function from a history, got {type(function).__name__}"
            )
        self.function = function

    def fit(self, windows: Sequence[Window], known: PurchaseHistory | None = None) -> OwnScores:
        """Do nothing: the function is what it is.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            Not looked at.
        known : PurchaseHistory, optional
            Not looked at.

        Returns
        -------
        OwnScores
            This.
        """
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it can score, which it always can."""
        return True

    def scorer(
        self, history: PurchaseHistory, statistics: ItemStatistics | None = None
    ) -> OwnScorer:
        """Return what scores some of a history's customers at a time.

        Parameters
        ----------
        history : PurchaseHistory
            Of any customers.
        statistics : ItemStatistics, optional
            Not looked at.

        Returns
        -------
        OwnScorer
            For ranges of customers.
        """
        return OwnScorer(self.function, history)

    def score(self, history: PurchaseHistory) -> NDArray[np.float32]:
        """Score the pairs of a history.

        Parameters
        ----------
        history : PurchaseHistory
            Of any customers.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities.

        Raises
        ------
        InvalidInput
            If the function does not give a probability for each pair.
        """
        scorer, blocks = self.scorer(history), customer_blocks(history)
        parts = parallel_map(lambda block: scorer.score(*block), blocks, worker_count())
        return np.concatenate([np.zeros(0, np.float32), *parts])


@dataclass(frozen=True)
class OwnScorer:
    """Scores ranges of a history's customers; made by `OwnScores.scorer`.

    Attributes
    ----------
    function : callable
    history : PurchaseHistory
    """

    function: Callable[[PurchaseHistory], Any]
    history: PurchaseHistory

    def score(self, start: int, stop: int) -> NDArray[np.float32]:
        """Score the pairs of the customers start <= i < stop.

        Parameters
        ----------
        start, stop : int
            Range of customers.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities.

        Raises
        ------
        InvalidInput
            If the function does not give a probability for each pair.
        """
        part = customer_part(self.history, start, stop)
        found = np.asarray(self.function(part))
        if found.shape != (len(part),) or found.dtype.kind not in "biuf":
            raise InvalidInput(
                f"OwnScores: expected {len(part):,} probabilities, got {found.dtype} of shape {found.shape}"
            )
        fine = (found >= 0.0) & (found <= 1.0)
        if not fine.all():
            wrong = found[int((~fine).argmax())]
            raise InvalidInput(f"OwnScores: expected probabilities from 0 to 1, got {wrong}")
        return np.minimum(found.astype(np.float32), BELOW_ONE)

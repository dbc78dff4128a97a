"""PersonalModel: the probability that a customer buys again what the customer bought before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import InvalidInput
from ...utils.parallel import parallel_map, worker_count
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from ..parameters import NamedFeatures, Parameters
from .features import (
    Features,
    ItemGroups,
    check_feature_names,
    check_like_fitted,
    customer_blocks,
    groups_of_items,
    stack_features,
)
from .logistic import LogisticRegression, Sample, unweighted
from .personal_features import Named, item_features, personal_features
from .training_windows import (
    LEAST_PURCHASES_THAT_COUNT,
    Window,
    bought_again,
    check_windows,
    known_at_the_end,
)

MOST_LIKELY = np.float32(1.0 - 2.0**-24)
"""The largest probability in float32 below 1: odds are taken of it."""


@dataclass(frozen=True)
class PersonalScorer:
    """Predicts the probabilities of ranges of a history's customers; made by `PersonalModel.scorer`.

    Attributes
    ----------
    model : PersonalModel
    history : PurchaseHistory
    items : dict of str to ndarray of float64, shape (n_items,)
        Features of the history's items.
    groups : mapping of str to ndarray of int, shape (n_items,)
    """

    model: PersonalModel
    history: PurchaseHistory
    items: Named
    groups: ItemGroups

    def score(self, start: int, stop: int) -> NDArray[np.float32]:
        """Predict the probabilities of the pairs of the customers start <= i < stop.

        Parameters
        ----------
        start, stop : int
            Range of customers.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities to buy again within a window.
        """
        scores = np.empty(int(self.history.indptr[stop] - self.history.indptr[start]), np.float32)
        begin = 0
        for block in customer_blocks(self.history, start, stop):
            features = personal_features(self.history, self.items, self.groups, *block)
            check_feature_names(features, self.model.names_)
            found = self.model.regression_.predict_columns(list(features.values()))
            scores[begin : begin + len(found)] = np.minimum(found, MOST_LIKELY)
            begin += len(found)
        return scores


class PersonalModel(NamedFeatures, Parameters):
    """Probability that a customer buys, within a window, what the customer bought before.

    A logistic model on `personal_features`, fitted on an earlier window in seconds, and so calibrated for windows of
    the same length. What it knows of items is part of the fitted model. So a customer's scores depend on what this
    customer bought alone, and have the same bits whoever else is scored, in whatever blocks.

    Parameters
    ----------
    groups : mapping of str to ndarray of int, or callable, optional
        Groupings of the items by name, such as category and brand: the group of each item of the history, or a
        function from a history to that, such as a Catalogue.
    ridge : float
        Penalty on squared coefficients; see LogisticRegression.
    by_customer : bool
        Whether every customer counts the same when coefficients are fitted, however much was bought. It ranks better
        for those who buy little. Probabilities are calibrated for pairs either way.

    Attributes
    ----------
    names_ : list of str
        Names of the features; set by `fit`.
    regression_ : LogisticRegression
        The model of the features; set by `fit`.
    statistics_ : ItemStatistics
        What is known of items; set by `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from couponry.affinity import PurchaseHistory
    >>> random = np.random.default_rng(0)
    >>> week = random.integers(1, 13, 500)
    >>> who, what = random.integers(0, 40, 500), random.integers(0, 10, 500)
    >>> rows = pa.table({"customer": who, "product": what, "week": week})
    >>> before = PurchaseHistory.from_transactions(rows.filter(pa.array(week <= 8)), until=8)
    >>> window = PurchaseHistory.from_transactions(rows.filter(pa.array(week > 8)))
    >>> model = PersonalModel().fit([(before, window)])
    >>> model.score(before).shape == (len(before),)
    True
    """

    names_: list[str]
    regression_: LogisticRegression
    statistics_: ItemStatistics

    def __init__(self, groups: Any = None, *, ridge: float = 1.0, by_customer: bool = False):
        self.groups, self.ridge, self.by_customer = groups, ridge, by_customer

    def fit(self, windows: Sequence[Window], known: PurchaseHistory | None = None) -> PersonalModel:
        """Fit the model on windows of the past; some thousands of customers are enough.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            A history, and what was bought in the window after it; all with the same half-lives.
        known : PurchaseHistory, optional
            What item statistics are taken from for scoring, such as everything up to now, of the same customers or of
            more. Default: the latest window together with its history.

        Returns
        -------
        PersonalModel
            This model.

        Raises
        ------
        InvalidInput
            If there is no window, one is not right after its history, windows are not alike, or nothing or everything
            was bought again.
        """
        check_windows(windows)
        samples = []
        for history, later in windows:
            self.names_, features = self._design(history)
            outcome = bought_again(history, later)
            samples.append(Sample(features, outcome, self._weight(history, outcome)))
        self.regression_ = LogisticRegression(self.ridge).fit(samples)
        if self.by_customer:
            self.regression_.calibrated([unweighted(sample) for sample in samples])
        at_the_end = known_at_the_end(windows) if known is None else known
        self.statistics_ = ItemStatistics.from_history(at_the_end)
        return self

    def score(self, history: PurchaseHistory) -> NDArray[np.float32]:
        """Predict the probabilities of a history's pairs.

        Parameters
        ----------
        history : PurchaseHistory
            Of any customers, with the half-lives and groups that the model was fitted with.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities to buy again within a window; a customer's are the same bits whoever else is in the history,
            and for any number of threads.

        Raises
        ------
        InvalidInput
            If half-lives, groups, the unit or the kind of ids are others.
        """
        scorer = self.scorer(history)
        scores = np.empty(len(history), np.float32)
        begin = 0
        blocks = customer_blocks(history)
        for part in parallel_map(lambda block: scorer.score(*block), blocks, worker_count()):
            scores[begin : begin + len(part)] = part
            begin += len(part)
        return scores

    def scorer(
        self, history: PurchaseHistory, statistics: ItemStatistics | None = None
    ) -> PersonalScorer:
        """Return what predicts the probabilities of some of a history's customers at a time.

        Parameters
        ----------
        history : PurchaseHistory
            As for `score`.
        statistics : ItemStatistics, optional
            What is known of items. Default: that of the model.

        Returns
        -------
        PersonalScorer
            For ranges of customers.

        Raises
        ------
        InvalidInput
            If half-lives, groups, the unit or the kind of ids are others.
        """
        self._check_fitted()
        known = self.statistics_ if statistics is None else statistics
        check_like_fitted(history, known)
        groups = groups_of_items(self.groups, history)
        items = item_features(known.among(history.items), history.half_lives)
        return PersonalScorer(self, history, items, groups)

    def _design(self, history: PurchaseHistory) -> tuple[list[str], NDArray[np.float32]]:
        """Return the names of the features, and the features of all pairs of a history as a matrix."""
        items = item_features(ItemStatistics.from_history(history), history.half_lives)
        groups = groups_of_items(self.groups, history)

        def compute(block: tuple[int, int]) -> tuple[list[str], NDArray[np.float32]]:
            features: Features = personal_features(history, items, groups, *block)
            return list(features), stack_features(features)

        parts = list(parallel_map(compute, customer_blocks(history), worker_count()))
        if not parts:
            raise InvalidInput("windows: expected a history with purchases, got one without")
        return parts[0][0], np.concatenate([features for _, features in parts])

    def _weight(self, history: PurchaseHistory, outcome: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the weight of each pair; 1 on average."""
        if not self.by_customer:
            return np.ones(len(outcome), np.float32)
        summed = np.concatenate([[0], np.cumsum(outcome)])
        bought = summed[history.indptr[1:]] - summed[history.indptr[:-1]]
        weight = 1.0 / np.maximum(bought, LEAST_PURCHASES_THAT_COUNT)
        weight *= len(outcome) / max(float((weight * np.diff(history.indptr)).sum()), 1e-9)
        return np.repeat(weight, np.diff(history.indptr)).astype(np.float32)

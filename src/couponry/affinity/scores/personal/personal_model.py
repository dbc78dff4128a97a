"""PersonalModel: the probability that a customer buys again what the customer bought before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....utils.errors import InvalidInput
from ....utils.parallel import parallel_map, worker_count
from ...history.item_statistics import ItemStatistics
from ...history.purchase_history import PurchaseHistory
from ...parameters import NamedFeatures, Parameters
from ..features import (
    Features,
    ItemGroups,
    check_feature_names,
    check_like_fitted,
    customer_blocks,
    groups_of_items,
    stack_features,
)
from ..guards.blend import Blend, WindowRows, validated_blend
from ..guards.simple_score import log_simple_score
from ..guards.window_weights import weighted_windows
from ..logistic import LogisticRegression, Sample, sigmoid
from ..own.estimator_regression import regression_of
from ..own.own_columns import OwnColumn, OwnFeatures
from ..training_windows import (
    LEAST_PURCHASES_THAT_COUNT,
    Window,
    bought_again,
    check_windows,
    known_at_the_end,
)
from .pair_block import Named
from .personal_features import item_features, personal_features

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
    own : OwnFeatures
        The user's columns.
    """

    model: PersonalModel
    history: PurchaseHistory
    items: Named
    groups: ItemGroups
    own: OwnFeatures

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
        indptr, model = self.history.indptr, self.model
        first = int(indptr[start])
        scores = np.empty(int(indptr[stop]) - first, np.float32)
        for block in customer_blocks(self.history, start, stop):
            pairs = slice(*(int(indptr[customer]) for customer in block))
            features = personal_features(self.history, self.items, self.groups, *block, self.own)
            check_feature_names(features, model.names_)
            log_odds = model.regression_.log_odds_of_columns(list(features.values()))
            if model.blend_ is not None and model.blend_.share < 1.0:
                simple = log_simple_score(self.history, self.items["repeat_rate"], pairs)
                log_odds = model.blend_.log_odds(log_odds, simple)
            found = sigmoid(log_odds).astype(np.float32)
            scores[pairs.start - first : pairs.stop - first] = np.minimum(found, MOST_LIKELY)
        return scores


class PersonalModel(NamedFeatures, Parameters):
    """Probability that a customer buys, within a window, what the customer bought before.

    A logistic model on `personal_features`, fitted on an earlier window in seconds, and so calibrated for windows of
    the same length. Its log odds are blended with those of decayed purchases x repeat rate, in the shares that rank
    best in validation: a model that loses to the simple score is not taken. What it knows of items is part of the
    fitted model. So a customer's scores depend on what this customer bought alone, and have the same bits whoever else
    is scored, in whatever blocks.

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
    guarded : bool
        Whether windows count the less, the shorter their histories are, and the model is validated against the simple
        score. False: the logistic model of all windows alike, as it is.
    columns : mapping of str to OwnColumn, optional
        Features besides its own, by name: of pairs, customers or items.
    estimator : object, optional
        Fitted in place of the logistic regression: a classifier of scikit-learn's kind, with
        ``fit(X, y, sample_weight=...)`` and ``predict_proba``. A copy is fitted. Scores have the same bits in any
        blocks where its probabilities of a row do not depend on other rows.

    Attributes
    ----------
    names_ : list of str
        Names of the features; set by `fit`.
    regression_ : LogisticRegression
        The model of the features, or what stands for the estimator; set by `fit`.
    blend_ : Blend or None
        How much of it is taken, and how it ranked in validation; set by `fit`. None where it is not guarded.
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
    blend_: Blend | None
    statistics_: ItemStatistics

    def __init__(
        self,
        groups: Any = None,
        *,
        ridge: float = 1.0,
        by_customer: bool = False,
        guarded: bool = True,
        columns: Mapping[str, OwnColumn] | None = None,
        estimator: Any = None,
    ):
        self.groups, self.ridge, self.by_customer = groups, ridge, by_customer
        self.guarded, self.columns, self.estimator = guarded, columns, estimator

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
        if self.guarded:
            kept, trusted = weighted_windows(windows)
        else:
            kept, trusted = [(window, 1.0) for window in windows], True
        rows = [self._rows(window, weight) for window, weight in kept]
        self.regression_, self.blend_ = self._regression(rows), None
        if self.guarded:
            log_odds = self.regression_.log_odds
            self.blend_ = validated_blend(
                rows, lambda some: self._regression(some).log_odds, log_odds, trusted=trusted
            )
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
        return PersonalScorer(self, history, items, groups, OwnFeatures(self.columns, history))

    def _regression(self, windows: Sequence[WindowRows]) -> LogisticRegression:
        """Return the logistic model of some windows."""
        fitted = regression_of(self.estimator, self.ridge).fit(rows.sample for rows in windows)
        return fitted.calibrated([rows.alike() for rows in windows]) if self.by_customer else fitted

    def _rows(self, window: Window, weight: float) -> WindowRows:
        """Return the pairs of a window's history, and which of them were bought again."""
        history, later = window
        self.names_, features, simple = self._design(history)
        outcome = bought_again(history, later)
        weights = self._weight(history, outcome) * np.float32(weight)
        periods = history.until - history.start + 1
        return WindowRows(
            Sample(features, outcome, weights),
            simple,
            history.customers,
            history.indptr,
            weight,
            periods,
        )

    def _design(
        self, history: PurchaseHistory
    ) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
        """Return the names of the features, those of all pairs of a history as a matrix, and the simple score."""
        items = item_features(ItemStatistics.from_history(history), history.half_lives)
        groups = groups_of_items(self.groups, history)
        own = OwnFeatures(self.columns, history)

        def compute(block: tuple[int, int]) -> tuple[list[str], NDArray[np.float32]]:
            features: Features = personal_features(history, items, groups, *block, own)
            return list(features), stack_features(features)

        parts = list(parallel_map(compute, customer_blocks(history), worker_count()))
        if not parts:
            raise InvalidInput("windows: expected a history with purchases, got one without")
        simple = log_simple_score(history, items["repeat_rate"])
        return parts[0][0], np.concatenate([features for _, features in parts]), simple

    def _weight(self, history: PurchaseHistory, outcome: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the weight of each pair; 1 on average."""
        if not self.by_customer:
            return np.ones(len(outcome), np.float32)
        summed = np.concatenate([[0], np.cumsum(outcome)])
        bought = summed[history.indptr[1:]] - summed[history.indptr[:-1]]
        weight = 1.0 / np.maximum(bought, LEAST_PURCHASES_THAT_COUNT)
        weight *= len(outcome) / max(float((weight * np.diff(history.indptr)).sum()), 1e-9)
        return np.repeat(weight, np.diff(history.indptr)).astype(np.float32)

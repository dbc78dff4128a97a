"""PersonalModel: the probability that a customer buys again what the customer bought before."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....utils.crew import call_together
from ....utils.errors import InvalidInput
from ....utils.parallel import parallel_map, worker_count
from ....utils.threads import thread_count
from ...history.customer_part import customers_spread
from ...history.item_statistics import ItemStatistics
from ...history.purchase_history import PurchaseHistory
from ...parameters import NamedFeatures, Parameters
from ..boosted_regression import BoostedRegression, trees_to_fit
from ..boosted_trees import BoostedTrees
from ..features import (
    Features,
    check_like_fitted,
    customer_blocks,
    stack_features,
)
from ..guards.blend import (
    Blend,
    LogOdds,
    Validation,
    WindowRows,
    best_of,
    blend_of,
    validation_of,
)
from ..guards.level import CUSTOMERS_OF_LEVEL, periods_of, shift_to_level
from ..guards.simple_score import log_simple_score
from ..guards.window_weights import (
    LEAST_SHARE_FOR_TREES,
    LEAST_SHARE_OF_LATEST,
    weighted_windows,
)
from ..logistic import LogisticRegression, Sample
from ..own.estimator_regression import regression_of
from ..own.own_columns import OwnColumn, OwnFeatures
from ..training_windows import (
    LEAST_PURCHASES_THAT_COUNT,
    Window,
    bought_again,
    check_windows,
    known_at_the_end,
)
from .item_knowledge import ItemKnowledge
from .near_items import NearItems
from .personal_features import personal_features
from .personal_scorer import PersonalScorer

TREES: dict[str, Any] = {
    "trees": 80,
    "leaves": 15,
    "learning_rate": 0.12,
    "least_in_leaf": 200,
    "ridge": 10.0,
    "feature_share": 0.3,
    "row_share": 0.8,
}
"""Arguments of the trees unless others are given: chosen where weeks 17-24 of the Complete Journey are predicted."""

MANY_PAIRS = 1 << 18
"""Pairs of the windows from which trees are tried, and customers do not count the same, unless it is said.

With the 60,000 to 170,000 of UCI Online Retail they rank worse than the logistic model, by as much as 0.01; with the
270,000 and more of the Complete Journey, better. Where customers count the same, lists gain up to 0.015 there, and
nothing that can be told from chance here."""

VALIDATION_MAY_LOSE = 2e-3
"""Share of the NDCG that trees may lose in validation, where they are trained on fewer rows than they are at last."""


class PersonalModel(NamedFeatures, Parameters):
    """Probability that a customer buys, within a window, what the customer bought before.

    A logistic model on `personal_features`, fitted on an earlier window in seconds, and so calibrated for windows of
    the same length; then, where LightGBM is installed, gradient-boosted trees that go on from its log odds, unless they
    rank worse in validation. The log odds are blended with those of decayed purchases x repeat rate, in the shares that
    rank best in validation: a model that loses to the simple score is not taken. What it knows of items is part of the
    fitted model. So a customer's scores depend on what this customer bought alone, and have the same bits whoever else
    is scored, in whatever blocks.

    Parameters
    ----------
    groups : mapping of str to ndarray of int, or callable, optional
        Groupings of the items by name, such as category and brand: the group of each item of the history, or a
        function from a history to that, such as a Catalogue.
    ridge : float
        Penalty on squared coefficients; see LogisticRegression.
    by_customer : bool, optional
        Whether every customer counts the same when coefficients are fitted, however much was bought. It ranks better
        for those who buy little. Probabilities are calibrated for pairs either way. Default: where windows have fewer
        than 262,144 pairs.
    guarded : bool
        Whether windows count the less, the shorter their histories are, and the model is validated against the simple
        score. False: the logistic model of all windows alike, as it is.
    columns : mapping of str to OwnColumn, optional
        Features besides its own, by name: of pairs, customers or items.
    estimator : object, optional
        Fitted in place of the logistic regression: a classifier of scikit-learn's kind, with
        ``fit(X, y, sample_weight=...)`` and ``predict_proba``. A copy is fitted. Scores have the same bits in any
        blocks where its probabilities of a row do not depend on other rows.
    trees : bool or BoostedTrees, optional
        Whether gradient-boosted trees go on from the regression's log odds, or which; they are taken unless they
        rank worse in validation. Default: where windows have 262,144 pairs and LightGBM is installed
        (``pip install "couponry[trees]"``).
    near_items : bool
        Whether what a customer's other items let expect of each is a feature.

    Attributes
    ----------
    names_ : list of str
        Names of the features; set by `fit`.
    regression_ : LogisticRegression
        The model of the features: a logistic one, what stands for the estimator, or a BoostedRegression, whose
        `trees_` go on from one; set by `fit`.
    by_customer_ : bool
        Whether every customer counted the same; set by `fit`.
    blend_ : Blend or None
        How much of it is taken, and how it ranked in validation; set by `fit`. None where it is not guarded.
    notes_ : list of str
        What is to be known of the fitted model: why it has no trees, or is not taken whole; set by `fit`.
    statistics_ : ItemStatistics
        What is known of items; set by `fit`.
    near_ : NearItems or None
        How items go together; set by `fit`. None where it is not looked at.

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
    by_customer_: bool
    blend_: Blend | None
    notes_: list[str]
    statistics_: ItemStatistics
    near_: NearItems | None

    def __init__(
        self,
        groups: Any = None,
        *,
        ridge: float = 1.0,
        by_customer: bool | None = None,
        guarded: bool = True,
        columns: Mapping[str, OwnColumn] | None = None,
        estimator: Any = None,
        trees: bool | BoostedTrees | None = None,
        near_items: bool = True,
    ):
        self.groups, self.ridge, self.by_customer = groups, ridge, by_customer
        self.guarded, self.columns, self.estimator = guarded, columns, estimator
        self.trees, self.near_items = trees, near_items

    def fit(self, windows: Sequence[Window], known: PurchaseHistory | None = None) -> PersonalModel:
        """Fit the model on windows of the past; some thousands of customers are enough.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            A history, and what was bought in the window after it; all with the same half-lives.
        known : PurchaseHistory, optional
            What item statistics are taken from for scoring, such as everything up to now, of the same customers or
            of more. Default: the latest window together with its history.

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
            kept, share = weighted_windows(windows)
        else:
            kept, share = [(window, 1.0) for window in windows], 1.0
        many = sum(len(history) for (history, _), _ in kept) >= MANY_PAIRS
        self.by_customer_ = not many if self.by_customer is None else self.by_customer
        rows = [self._rows(window, weight) for window, weight in kept]
        at_the_end = known_at_the_end(windows) if known is None else known
        learn = partial(self._learn_items, at_the_end)
        self.regression_, self.blend_, self.notes_ = self._chosen(rows, share, learn)
        if self.blend_ is not None:
            self.blend_ = self.blend_.moved(self._shift(rows, at_the_end))
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
        return self._scored(self.scorer(history), history)

    def _scored(self, scorer: PersonalScorer, history: PurchaseHistory) -> NDArray[np.float32]:
        """Return the probabilities of all pairs of a history."""
        scores = np.empty(len(history), np.float32)
        begin = 0
        blocks = customer_blocks(history)
        for part in parallel_map(lambda block: scorer.score(*block), blocks, worker_count()):
            scores[begin : begin + len(part)] = part
            begin += len(part)
        return scores

    def scorer(
        self,
        history: PurchaseHistory,
        statistics: ItemStatistics | None = None,
        asked: NDArray[np.bool_] | None = None,
    ) -> PersonalScorer:
        """Return what predicts the probabilities of some of a history's customers at a time.

        Parameters
        ----------
        history : PurchaseHistory
            As for `score`.
        statistics : ItemStatistics, optional
            What is known of items. Default: that of the model.
        asked : ndarray of bool, shape (n_items,), optional
            The history's items whose pairs are to be predicted; others are 0. Default: all.

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
        items = ItemKnowledge.among(history, known, self.groups, self.near_)
        own = OwnFeatures(self.columns, history)
        model = self.names_, self.regression_, self.blend_
        return PersonalScorer(*model, history, items, own, asked, self.near_)

    def _learn_items(self, known: PurchaseHistory) -> None:
        """Learn of items what scores take."""
        self.statistics_ = ItemStatistics.from_history(known)
        self.near_ = None
        if self._is_near(known):
            self.near_ = NearItems.learned(known, self.statistics_.buyers)

    def _chosen(
        self, rows: Sequence[WindowRows], share: float, learn_items: Callable[[], None]
    ) -> tuple[LogisticRegression, Blend | None, list[str]]:
        """Return the regression that ranks best, how much of it is taken, and what is to be said; learn of items."""
        pairs = sum(len(one.simple) for one in rows)
        usual = self.estimator is None and pairs >= MANY_PAIRS
        usual = usual and share >= LEAST_SHARE_FOR_TREES
        settings, notes = trees_to_fit(self.trees, TREES, usual=usual)
        if not self.guarded:
            learn_items()
            return self._models(rows, settings)[-1], None, notes
        models, validation = list[LogisticRegression](), list[Validation]()
        trusted = share >= LEAST_SHARE_OF_LATEST

        def fit_all() -> None:
            models.extend(self._models(rows, settings))

        def fit_some(some: Sequence[WindowRows]) -> list[LogOdds]:
            return [model.log_odds for model in self._models(some, settings)]

        def validate() -> None:
            validation.extend(validation_of(rows, fit_some, trusted=trusted))
            learn_items()  # here: the models take longer

        # a user's estimator may draw numbers that others draw, too
        call_together(fit_all, validate, thread_count() if self.estimator is None else 1)
        model, judged = models[-1], validation[-1] if validation else None
        least = best_of(validation[0]) * (1.0 - VALIDATION_MAY_LOSE) if validation else 0.0
        if judged is not None and best_of(judged) < least:
            model, judged = models[0], validation[0]
            notes.append("trees rank worse than the model that they start from in validation")
        blend = blend_of(rows, model.log_odds, judged, trusted=trusted)
        return model, blend, notes + [note for note in [blend.note] if note is not None]

    def _models(
        self, windows: Sequence[WindowRows], trees: BoostedTrees | None
    ) -> list[LogisticRegression]:
        """Return the models of some windows: without trees, and with them if there are any."""
        samples = [rows.sample for rows in windows]
        base = regression_of(self.estimator, self.ridge).fit(samples)
        models = [base]
        if trees is not None:
            start = copy.copy(base)  # stays as it is when the other is calibrated
            models.append(BoostedRegression(start, trees, self.names_).fit(samples))
        if self.by_customer_:
            for model in models:
                model.calibrated([rows.alike() for rows in windows])
        return models

    def _shift(self, windows: Sequence[WindowRows], known: PurchaseHistory) -> float:
        """Return what is added to log odds, as customers buy again as often as past windows let expect."""
        if not len(known) or periods_of(known) <= windows[-1].periods:
            return 0.0
        some = customers_spread(known, CUSTOMERS_OF_LEVEL)
        items = ItemKnowledge.among(some, self.statistics_, self.groups, self.near_)
        items = replace(items, seen=self.statistics_.among(some.items))  # as windows were seen
        own = OwnFeatures(self.columns, some)
        scorer = PersonalScorer(self.names_, self.regression_, self.blend_, some, items, own)
        chance = self._scored(scorer, some).astype(np.float64)
        log_odds = np.log(chance) - np.log1p(-chance)
        return shift_to_level([rows.level() for rows in windows], some, log_odds, "reward")

    def _is_near(self, history: PurchaseHistory) -> bool:
        return self.near_items and bool(history.half_lives)

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
        items = ItemKnowledge.of_others(history, self.groups, near=self._is_near(history))
        own = OwnFeatures(self.columns, history)

        def compute(block: tuple[int, int]) -> tuple[list[str], NDArray[np.float32]]:
            features: Features = personal_features(history, items, *block, own)
            return list(features), stack_features(features)

        parts = list(parallel_map(compute, customer_blocks(history), worker_count()))
        if not parts:
            raise InvalidInput("windows: expected a history with purchases, got one without")
        names, features = parts[0][0], np.concatenate([features for _, features in parts])
        simple = log_simple_score(history, features[:, names.index("repeat_rate")])
        return names, features, simple

    def _weight(self, history: PurchaseHistory, outcome: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the weight of each pair; 1 on average."""
        if not self.by_customer_:
            return np.ones(len(outcome), np.float32)
        summed = np.concatenate([[0], np.cumsum(outcome)])
        bought = summed[history.indptr[1:]] - summed[history.indptr[:-1]]
        weight = 1.0 / np.maximum(bought, LEAST_PURCHASES_THAT_COUNT)
        weight *= len(outcome) / max(float((weight * np.diff(history.indptr)).sum()), 1e-9)
        return np.repeat(weight, np.diff(history.indptr)).astype(np.float32)

"""DiscoveryModel: the probability that a customer begins to buy an item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...utils.errors import InvalidInput
from ..history.purchase_history import PurchaseHistory
from ..parameters import NamedFeatures, Parameters
from .boosted_regression import BoostedRegression, trees_to_fit
from .boosted_trees import BoostedTrees
from .discovery.begun_samples import BegunSample, begun_samples
from .discovery.discovery_features import DiscoveryFeatures
from .discovery.discovery_scores import DiscoveryScorer, DiscoveryScores
from .discovery.known_items import KnownItems
from .features import Features, check_feature_names, check_like_fitted
from .item_neighbours import NEIGHBOURS, Neighbours
from .logistic import LogisticRegression
from .own.estimator_regression import regression_of
from .own.own_columns import OwnColumn
from .training_windows import Window, check_windows, known_at_the_end

TREES: dict[str, Any] = {
    "trees": 40,
    "leaves": 7,
    "learning_rate": 0.1,
    "least_in_leaf": 500,
    "feature_share": 0.5,
}
"""Arguments of the trees unless others are given: chosen where weeks 21-24 of the Complete Journey are predicted."""

LEAST_ROWS_FOR_TREES = 1 << 18
"""Rows from which trees are fitted unless it is said: a few hundred customers, for most retailers."""


class DiscoveryModel(NamedFeatures, Parameters):
    """Probability that a customer buys, within a window, an item that the customer did not buy before.

    A logistic model on what neighbours say (items like those that the customer buys, by several similarities), on
    what the customers bought who are most alike, on popularity now and before, and on what the customer buys of the
    item's groups. For each customer the `keep` items that all these rank first together and the `keep` / 10 that sell
    most are scored; others only where they are asked about (`scorer`). What is known of items and of customers is part
    of the fitted model, so a customer's scores depend on what this customer bought alone.

    Parameters
    ----------
    groups : mapping of str to ndarray of int, or callable, optional
        Groupings of the items by name; as for PersonalModel.
    items : int
        How many of the most bought items take part; others have too few buyers to say anything.
    keep : int
        How many items of each customer are scored, a tenth as many bestsellers besides.
    customers : int
        How many customers the model keeps: the 200 of them who bought most of what a customer bought, rare items above
        all, are asked what this customer may begin. It takes most of the time of scoring; 0: none are.
    neighbours : sequence of Neighbours
        Similarities, and how purchases weigh in them.
    ridge : float
        Penalty on squared coefficients; see LogisticRegression.
    by_customer : bool
        Whether every customer counts the same when coefficients are fitted. Probabilities are calibrated for pairs
        either way.
    columns : mapping of str to OwnColumn, optional
        Features besides its own, by name: of customers or items.
    estimator : object, optional
        Fitted in place of the logistic regression; as for PersonalModel.
    trees : bool or BoostedTrees, optional
        Whether gradient-boosted trees go on from the regression's log odds, or which. Default: where there are 260,000
        pairs to fit on and LightGBM is installed (``pip install "couponry[trees]"``).

    Attributes
    ----------
    names_ : list of str
        Names of the features; set by `fit`.
    regression_ : LogisticRegression
        The model of the features; set by `fit`.
    notes_ : list of str
        What is to be known of the fitted model: why it has no trees; set by `fit`.
    known_ : KnownItems
        What is known of items: statistics, neighbours, bestsellers, customers to ask; set by `fit`.

    Raises
    ------
    InvalidInput
        If there are no neighbours.

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
    >>> found = DiscoveryModel(keep=4).fit([(before, window)]).score(before)
    >>> len(found.customer) == len(found.item) == len(found.score)
    True
    """

    names_: list[str]
    regression_: LogisticRegression
    notes_: list[str]
    known_: KnownItems

    def __init__(
        self,
        groups: Any = None,
        *,
        items: int = 4000,
        keep: int = 850,
        customers: int = 2500,
        neighbours: Sequence[Neighbours] = NEIGHBOURS,
        ridge: float = 1.0,
        by_customer: bool = True,
        columns: Mapping[str, OwnColumn] | None = None,
        estimator: Any = None,
        trees: bool | BoostedTrees | None = None,
    ):
        if not neighbours:
            raise InvalidInput("neighbours: expected at least one, got none")
        self.groups, self.items, self.keep, self.customers = groups, items, keep, customers
        self.neighbours, self.ridge, self.by_customer = neighbours, ridge, by_customer
        self.columns, self.estimator, self.trees = columns, estimator, trees

    def fit(
        self, windows: Sequence[Window], known: PurchaseHistory | None = None
    ) -> DiscoveryModel:
        """Fit the model on windows of the past; some thousands of customers are enough.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            A history, and what was bought in the window after it; all with the same half-lives.
        known : PurchaseHistory, optional
            What neighbours and popularity are taken from for scoring, such as everything up to now, of the same
            customers or of more. Default: the latest window together with its history.

        Returns
        -------
        DiscoveryModel
            This model.

        Raises
        ------
        InvalidInput
            If there is no window, one is not right after its history, windows are not alike, or there is nothing to
            begin with.
        """
        check_windows(windows)
        return self.fit_with(
            windows, known_at_the_end(windows) if known is None else known, self.learned
        )

    def fit_with(
        self,
        windows: Sequence[Window],
        known: PurchaseHistory,
        learned: Callable[[PurchaseHistory], KnownItems],
    ) -> DiscoveryModel:
        """Fit the model, with what was learned of histories already.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            As for `fit`.
        known : PurchaseHistory
            What neighbours and popularity are taken from for scoring.
        learned : callable
            What `learned` gives of each of the windows' histories, and of `known`.

        Returns
        -------
        DiscoveryModel
            This model.

        Raises
        ------
        InvalidInput
            If there is nothing to begin with.
        """
        samples = [
            sample
            for history, later in windows
            for sample in begun_samples(
                self.features_of(history, learned(history)),
                history,
                later,
                by_customer=self.by_customer,
            )
        ]
        if not samples:
            raise InvalidInput(
                "windows: expected items that some customers have not bought yet, got none: all customers have "
                "bought all items that take part"
            )
        samples = BegunSample.evened(samples)
        self.names_ = samples[0].names
        rows = sum(len(one.outcome) for one in samples)
        usual = self.estimator is None and rows >= LEAST_ROWS_FOR_TREES
        trees, self.notes_ = trees_to_fit(self.trees, TREES, usual=usual)
        weighted = [one.weighted() for one in samples]
        self.regression_ = regression_of(self.estimator, self.ridge).fit(weighted)
        if trees is not None:
            boosted = BoostedRegression(self.regression_, trees, self.names_)
            self.regression_ = boosted.fit(weighted)
        if self.by_customer:
            self.regression_.calibrated([one.pairs() for one in samples])
        self.known_ = learned(known)
        return self

    def learned(self, history: PurchaseHistory) -> KnownItems:
        """Learn of a history what the model knows of items.

        Parameters
        ----------
        history : PurchaseHistory
            Of the customers that are known.

        Returns
        -------
        KnownItems
            Statistics, neighbours, and customers to ask.
        """
        return KnownItems.learned(
            history,
            self.neighbours,
            items=self.items,
            keep=self.keep,
            customers=self.customers,
        )

    def score(self, history: PurchaseHistory) -> DiscoveryScores:
        """Predict what customers may begin to buy.

        Parameters
        ----------
        history : PurchaseHistory
            Of any customers, with the half-lives and groups that the model was fitted with.

        Returns
        -------
        DiscoveryScores
            All customers' pairs, none where they have bought everything; a customer's are the same bits whoever else
            is in the history, and for any number of threads.

        Raises
        ------
        InvalidInput
            If half-lives, groups, the unit or the kind of ids are others.
        """
        features = self._features(history)
        blocks = list(self._scored(features))
        nothing = np.zeros(0, np.int64)
        return DiscoveryScores(
            np.concatenate([nothing, *(block.customer for block in blocks)]),
            np.concatenate([nothing, *(block.item for block in blocks)]),
            np.concatenate([np.zeros(0, np.float32), *(block.score for block in blocks)]),
            features.items,
        )

    def blocks(self, history: PurchaseHistory) -> Iterator[DiscoveryScores]:
        """Predict what customers may begin to buy, some customers at a time.

        Parameters
        ----------
        history : PurchaseHistory
            As for `score`.

        Yields
        ------
        DiscoveryScores
            The pairs of some customers, one block after the other.

        Raises
        ------
        InvalidInput
            If half-lives, groups, the unit or the kind of ids are others.
        """
        yield from self._scored(self._features(history))

    def scorer(self, history: PurchaseHistory, items: pa.Array) -> DiscoveryScorer:
        """Return what predicts the probabilities of given pairs, such as of offers that were chosen.

        Parameters
        ----------
        history : PurchaseHistory
            As for `score`.
        items : pyarrow.Array, shape (n_items,)
            Ids of the items that pairs are of, ascending; also of such as take no part. The fewer, the faster.

        Returns
        -------
        DiscoveryScorer
            For ranges of customers.

        Raises
        ------
        InvalidInput
            If half-lives, groups, the unit or the kind of ids are others.
        """
        return DiscoveryScorer(self._features(history, items), self.predicted)

    def features_of(
        self, history: PurchaseHistory, known: KnownItems, items: pa.Array | None = None
    ) -> DiscoveryFeatures:
        """Return what computes the model's features.

        Parameters
        ----------
        history : PurchaseHistory
            Of the customers that are asked about.
        known : KnownItems
            What is known of items.
        items : pyarrow.Array, optional
            Ids of the items that are asked about, ascending. Default: those that take part.

        Returns
        -------
        DiscoveryFeatures
            Of pairs that are candidates, or of given ones.
        """
        return DiscoveryFeatures(known, self.groups, history, items, self.columns)

    def predicted(self, features: Features) -> NDArray[np.float32]:
        """Predict the probabilities of pairs from their features.

        Parameters
        ----------
        features : dict of str to ndarray of float32, shape (n_pairs,)
            By name, as the model was fitted with them.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities.

        Raises
        ------
        InvalidInput
            If the model was fitted with others.
        """
        check_feature_names(features, self.names_)
        return self.regression_.predict_columns(list(features.values()))

    def _scored(self, features: DiscoveryFeatures) -> Iterator[DiscoveryScores]:
        """Yield the scores of the blocks that have any."""
        for customer, item, found in features.blocks():
            yield DiscoveryScores(customer, item, self.predicted(found), features.items)

    def _features(
        self, history: PurchaseHistory, items: pa.Array | None = None
    ) -> DiscoveryFeatures:
        self._check_fitted()
        check_like_fitted(history, self.known_.statistics)
        return self.features_of(history, self.known_, items)

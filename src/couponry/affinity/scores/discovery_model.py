"""DiscoveryModel: the probability that a customer begins to buy an item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.errors import InvalidInput
from ..history.purchase_history import PurchaseHistory
from ..parameters import NamedFeatures, Parameters
from .discovery.discovery_features import DiscoveryFeatures, customer_ranges
from .discovery.known_items import KnownItems
from .features import Features, check_feature_names, check_like_fitted, stack_features
from .item_neighbours import NEIGHBOURS, Neighbours
from .logistic import LogisticRegression, Sample
from .own.estimator_regression import regression_of
from .own.own_columns import OwnColumn
from .training_windows import LEAST_PURCHASES_THAT_COUNT, Window, check_windows, known_at_the_end

ONE_IN = 3
"""Of pairs that were not bought, one in so many is fitted on: they are hundreds of times as many as the others."""


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
    model : DiscoveryModel
    features : DiscoveryFeatures
    """

    model: DiscoveryModel
    features: DiscoveryFeatures

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
            parts.append(self.model.predicted(found))
        return np.concatenate(parts)


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

    Attributes
    ----------
    names_ : list of str
        Names of the features; set by `fit`.
    regression_ : LogisticRegression
        The model of the features; set by `fit`.
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
    known_: KnownItems

    def __init__(
        self,
        groups: Any = None,
        *,
        items: int = 4000,
        keep: int = 700,
        customers: int = 2500,
        neighbours: Sequence[Neighbours] = NEIGHBOURS,
        ridge: float = 1.0,
        by_customer: bool = True,
        columns: Mapping[str, OwnColumn] | None = None,
        estimator: Any = None,
    ):
        if not neighbours:
            raise InvalidInput("neighbours: expected at least one, got none")
        self.groups, self.items, self.keep, self.customers = groups, items, keep, customers
        self.neighbours, self.ridge, self.by_customer = neighbours, ridge, by_customer
        self.columns, self.estimator = columns, estimator

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
        samples = [sample for window in windows for sample in self._samples(*window)]
        if not samples:
            raise InvalidInput(
                "windows: expected items that some customers have not bought yet, got none: all customers have "
                "bought all items that take part"
            )
        weighted = [one._replace(weight=one.weight * stands_for) for one, stands_for in samples]
        self.regression_ = regression_of(self.estimator, self.ridge).fit(weighted)
        if self.by_customer:
            pairs = [one._replace(weight=stands_for) for one, stands_for in samples]
            self.regression_.calibrated(pairs)
        self.known_ = self._learned(known_at_the_end(windows) if known is None else known)
        return self

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
        return DiscoveryScorer(self, self._features(history, items))

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
        return DiscoveryFeatures(self.known_, self.groups, history, items, self.columns)

    def _learned(self, history: PurchaseHistory) -> KnownItems:
        return KnownItems.learned(
            history,
            self.neighbours,
            items=self.items,
            keep=self.keep,
            customers=self.customers,
        )

    def _samples(
        self, history: PurchaseHistory, later: PurchaseHistory
    ) -> Iterator[tuple[Sample, NDArray[np.float32]]]:
        """Yield pairs of a window, which of them were bought in it, and how many pairs each stands for."""
        discovery = DiscoveryFeatures(
            self._learned(history), self.groups, history, columns=self.columns
        )
        customer_of_pair = np.repeat(
            tables.positions(later.customers, history.customers), np.diff(later.indptr)
        )
        item_of_pair = tables.positions(later.items, history.items)[later.item]
        known = (customer_of_pair >= 0) & (item_of_pair >= 0)
        truth = np.sort(discovery.key(customer_of_pair, item_of_pair)[known])
        for customer, item, features in discovery.blocks():
            outcome = _among(discovery.key(customer, item), truth)
            self.names_ = list(features)
            weight = self._weight(customer - customer[0], outcome)
            kept, stands_for = _thinned(outcome)
            some = {name: values[kept] for name, values in features.items()}
            yield Sample(stack_features(some), outcome[kept], weight[kept]), stands_for

    def _weight(
        self, customer: NDArray[np.int64], outcome: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the weight of each pair, of customers counted from 0."""
        if not self.by_customer:
            return np.ones(len(outcome), np.float32)
        begun = np.bincount(customer, weights=outcome)
        weight = (1.0 / np.maximum(begun, LEAST_PURCHASES_THAT_COUNT))[customer]
        return weight.astype(np.float32)


def _among(key: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether keys are among others, which ascend."""
    if not len(keys):
        return np.zeros(len(key), bool)
    found: NDArray[np.bool_] = keys[np.minimum(np.searchsorted(keys, key), len(keys) - 1)] == key
    return found


def _thinned(outcome: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return which pairs to fit on, and how many each stands for: all that were bought, and some of the others."""
    others = np.flatnonzero(~outcome)[::ONE_IN]
    stands_for = np.ones(len(outcome), np.float32)
    stands_for[others] = (len(outcome) - outcome.sum()) / max(len(others), 1)
    kept = np.sort(np.concatenate([np.flatnonzero(outcome), others]))
    return kept, stands_for[kept]

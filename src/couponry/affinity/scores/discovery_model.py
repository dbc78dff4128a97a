"""DiscoveryModel: the probability that a customer begins to buy an item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.errors import InvalidInput
from ..history.purchase_history import PurchaseHistory
from ..parameters import NamedFeatures, Parameters
from .discovery_features import DiscoveryFeatures
from .features import check_feature_names, check_like_fitted, stack_features
from .item_neighbours import NEIGHBOURS, Neighbours
from .known_items import KnownItems
from .logistic import LogisticRegression, Sample, unweighted
from .training_windows import LEAST_PURCHASES_THAT_COUNT, Window, check_windows, known_at_the_end


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


class DiscoveryModel(NamedFeatures, Parameters):
    """Probability that a customer buys, within a window, an item that the customer did not buy before.

    A logistic model on what neighbours say (items like those that the customer buys, by several similarities), on
    popularity now and before, and on what the customer buys of the item's groups. For each customer the `keep` items
    that neighbours rank first and the `keep` / 2 that sell most are scored; others are not. Neighbours and popularity
    are part of the fitted model, so a customer's scores depend on what this customer bought alone.

    Parameters
    ----------
    groups : mapping of str to ndarray of int, or callable, optional
        Groupings of the items by name; as for PersonalModel.
    items : int
        How many of the most bought items take part; others have too few buyers to say anything.
    keep : int
        How many items of each customer are scored, half as many bestsellers besides.
    neighbours : sequence of Neighbours
        Similarities, and how purchases weigh in them.
    ridge : float
        Penalty on squared coefficients; see LogisticRegression.
    by_customer : bool
        Whether every customer counts the same when coefficients are fitted. Probabilities are calibrated for pairs
        either way.

    Attributes
    ----------
    names_ : list of str
        Names of the features; set by `fit`.
    regression_ : LogisticRegression
        The model of the features; set by `fit`.
    known_ : KnownItems
        What is known of items: statistics, neighbours, bestsellers; set by `fit`.

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
        keep: int = 300,
        neighbours: Sequence[Neighbours] = NEIGHBOURS,
        ridge: float = 1.0,
        by_customer: bool = True,
    ):
        if not neighbours:
            raise InvalidInput("neighbours: expected at least one, got none")
        self.groups, self.items, self.keep = groups, items, keep
        self.neighbours, self.ridge, self.by_customer = neighbours, ridge, by_customer

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
        self.regression_ = LogisticRegression(self.ridge).fit(samples)
        if self.by_customer:
            self.regression_.calibrated([unweighted(sample) for sample in samples])
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

    def _scored(self, features: DiscoveryFeatures) -> Iterator[DiscoveryScores]:
        """Yield the scores of the blocks that have any."""
        for customer, item, found in features.blocks():
            check_feature_names(found, self.names_)
            score = self.regression_.predict_columns(list(found.values()))
            yield DiscoveryScores(customer, item, score, features.items)

    def _features(self, history: PurchaseHistory) -> DiscoveryFeatures:
        self._check_fitted()
        check_like_fitted(history, self.known_.statistics)
        return DiscoveryFeatures(self.known_, self.groups, history)

    def _learned(self, history: PurchaseHistory) -> KnownItems:
        return KnownItems.learned(history, self.items, self.keep, self.neighbours)

    def _samples(self, history: PurchaseHistory, later: PurchaseHistory) -> Iterator[Sample]:
        """Yield the pairs of a window, and which of them were bought in it."""
        discovery = DiscoveryFeatures(self._learned(history), self.groups, history)
        customer_of_pair = np.repeat(
            tables.positions(later.customers, history.customers), np.diff(later.indptr)
        )
        item_of_pair = tables.positions(later.items, history.items)[later.item]
        known = (customer_of_pair >= 0) & (item_of_pair >= 0)
        truth = np.sort(discovery.key(customer_of_pair, item_of_pair)[known])
        for customer, item, features in discovery.blocks():
            outcome = np.isin(discovery.key(customer, item), truth)
            self.names_ = list(features)
            weight = self._weight(customer - customer[0], outcome)
            yield Sample(stack_features(features), outcome, weight)

    def _weight(
        self, customer: NDArray[np.int64], outcome: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the weight of each pair, of customers counted from 0."""
        if not self.by_customer:
            return np.ones(len(outcome), np.float32)
        begun = np.bincount(customer, weights=outcome)
        weight = (1.0 / np.maximum(begun, LEAST_PURCHASES_THAT_COUNT))[customer]
        return weight.astype(np.float32)

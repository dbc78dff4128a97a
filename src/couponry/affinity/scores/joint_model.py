"""JointModel: what customers bought and what they may begin in one list, by probabilities that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.roles import ROLES
from ...utils.errors import InvalidInput
from ..history.customer_part import customers_spread
from ..history.purchase_history import PurchaseHistory
from ..parameters import Parameters
from .discovery.known_items import KnownItems
from .discovery_model import DiscoveryModel
from .guards.level import CUSTOMERS_OF_LEVEL
from .guards.window_weights import weighted_windows
from .joint.joint_pairs import REWARD, JointPairs
from .joint.merge import (
    BEHIND,
    Calibration,
    JointOutcome,
    Shift,
    calibrated,
    calibration_by_role,
    levelled,
    places,
    validated_shift,
)
from .logistic import sigmoid
from .personal.personal_model import PersonalModel
from .training_windows import Window, check_windows, known_at_the_end

Model = TypeVar("Model", PersonalModel, DiscoveryModel)


@dataclass(frozen=True)
class JointScores:
    """Pairs of customers and items, those bought before and new ones; ordered by customer and item.

    Attributes
    ----------
    customer, item : ndarray of int64, shape (n_pairs,)
        Positions in the history's customers, and in `items`.
    probability : ndarray of float32, shape (n_pairs,)
        To buy the item within a window.
    role : ndarray of uint8, shape (n_pairs,)
        0 reward: the customer bought the item. 1 activation: others of its kind, the model's first group. 2
        innovation: none.
    rank : ndarray of int64, shape (n_pairs,)
        Place of the pair in the customer's list, from 0.
    items : pyarrow.Array
        Ids of items.
    """

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    probability: NDArray[np.float32]
    role: NDArray[np.uint8]
    rank: NDArray[np.int64]
    items: pa.Array

    def best(self, most: int) -> JointScores:
        """Return the first pairs of each customer's list.

        Parameters
        ----------
        most : int
            How many of each customer.

        Returns
        -------
        JointScores
            Ordered as before.
        """
        kept = self.rank < most
        return JointScores(
            self.customer[kept],
            self.item[kept],
            self.probability[kept],
            self.role[kept],
            self.rank[kept],
            self.items,
        )

    def table(self, customers: pa.Array) -> pa.Table:
        """Return the pairs with ids.

        Parameters
        ----------
        customers : pyarrow.Array
            Ids of the history's customers.

        Returns
        -------
        pyarrow.Table
            Columns customer, item, probability, role and rank.
        """
        return pa.table(
            {
                "customer": customers.take(pa.array(self.customer)),
                "item": self.items.take(pa.array(self.item)),
                "probability": self.probability,
                "role": pa.array(ROLES).take(pa.array(self.role)),
                "rank": self.rank,
            }
        )


class _Fitted(NamedTuple):
    """Two models, and the calibration of their log odds by role."""

    personal: PersonalModel
    discovery: DiscoveryModel
    calibration: Calibration


class JointModel(Parameters):
    """Probabilities to buy again and to begin to buy, in one list that is no worse than that of what was bought.

    Both models are fitted on the windows. That of new items is calibrated by role on them, those of shorter histories
    weighing less, as what is begun in one window is by chance more or less than in the next. Models of the earlier
    windows alone are judged on the latest: new items are taken in, with so much less log odds, as lists gain most by
    it, if they do for certain. Where they do not, new items come after all that the customer bought.

    Parameters
    ----------
    personal : PersonalModel
        Not yet fitted.
    discovery : DiscoveryModel
        Not yet fitted.

    Attributes
    ----------
    calibration_ : tuple of LogisticRegression or None
        From the log odds of each role to calibrated ones; None: as they are, such as those of rewards, which the
        personal model calibrates. Set by `fit`.
    shift_ : Shift
        How far new items are moved down, and what lists gained; set by `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> from couponry.affinity import DiscoveryModel, PersonalModel, PurchaseHistory
    >>> random = np.random.default_rng(0)
    >>> week = random.integers(1, 13, 500)
    >>> who, what = random.integers(0, 40, 500), random.integers(0, 10, 500)
    >>> rows = pa.table({"customer": who, "product": what, "week": week})
    >>> before = PurchaseHistory.from_transactions(rows.filter(pa.array(week <= 8)), until=8)
    >>> window = PurchaseHistory.from_transactions(rows.filter(pa.array(week > 8)))
    >>> model = JointModel(PersonalModel(), DiscoveryModel(keep=4)).fit([(before, window)])
    >>> model.score(before).best(3).table(before.customers).column_names
    ['customer', 'item', 'probability', 'role', 'rank']
    """

    calibration_: Calibration
    shift_: Shift

    def __init__(self, personal: PersonalModel, discovery: DiscoveryModel):
        self.personal, self.discovery = personal, discovery

    def fit(self, windows: Sequence[Window], known: PurchaseHistory | None = None) -> JointModel:
        """Fit both models, their calibration and how far new items are moved down.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            A history, and what was bought in the window after it. With one alone, or where the earlier ones say too
            little, new items come after all others.
        known : PurchaseHistory, optional
            What is known of items for scoring. Default: the latest window together with its history.

        Returns
        -------
        JointModel
            This model.

        Raises
        ------
        InvalidInput
            If one of the models cannot be fitted.
        """
        check_windows(windows)
        *earlier, latest = sorted(windows, key=lambda window: window[1].until)
        learned = _Learned(self.discovery)
        self.shift_ = Shift(BEHIND, {})
        if earlier:
            copies = _copy(self.personal), _copy(self.discovery)
            with suppress(InvalidInput):  # earlier windows alone may have nothing to learn from
                self.shift_ = _rehearsed(_fitted(*copies, earlier, latest[0], learned), latest)
        at_the_end = known_at_the_end(windows) if known is None else known
        found = _fitted(self.personal, self.discovery, [*earlier, latest], at_the_end, learned)
        self.calibration_ = found.calibration
        return self

    def score(self, history: PurchaseHistory) -> JointScores:
        """Predict what customers buy again and what they begin to buy.

        Parameters
        ----------
        history : PurchaseHistory
            Of any customers, with the half-lives and groups that the model was fitted with.

        Returns
        -------
        JointScores
            A customer's are the same bits whoever else is in the history.

        Raises
        ------
        InvalidInput
            If half-lives, groups, the unit or the kind of ids are others.
        """
        self._check_fitted()
        pairs = JointPairs.of(self.personal, self.discovery, history)
        log_odds = calibrated(pairs, self.calibration_)
        order, place = places(pairs, log_odds + self.shift_.log_odds * (pairs.role != REWARD))
        rank = np.empty_like(place)
        rank[order] = place
        probability = sigmoid(log_odds).astype(np.float32)
        return JointScores(pairs.customer, pairs.item, probability, pairs.role, rank, pairs.items)


class _Learned:
    """What a discovery model learns of histories, each once."""

    def __init__(self, discovery: DiscoveryModel):
        self._discovery = discovery
        self._known: list[tuple[PurchaseHistory, KnownItems]] = []

    def __call__(self, history: PurchaseHistory) -> KnownItems:
        for one, known in self._known:
            if one is history:
                return known
        known = self._discovery.learned(history)
        self._known.append((history, known))
        return known


def _copy(model: Model) -> Model:
    """Return an unfitted model with the same arguments."""
    return type(model)(**model.get_params(deep=False))


def _fitted(
    personal: PersonalModel,
    discovery: DiscoveryModel,
    windows: Sequence[Window],
    known: PurchaseHistory,
    learned: _Learned,
) -> _Fitted:
    """Return models of some windows; new items are calibrated on them, the older ones weighing less."""
    personal.fit(windows, known)
    discovery.fit_with(windows, known, learned)
    outcomes = []
    for (history, later), weight in weighted_windows(windows)[0]:
        pairs = JointPairs.new(discovery, history, learned(history))
        outcomes.append(JointOutcome(pairs, pairs.outcomes(history, later)[0], history, weight))
    calibration = calibration_by_role(outcomes)
    some = customers_spread(known, CUSTOMERS_OF_LEVEL)
    pairs = JointPairs.new(discovery, some, discovery.known_)
    return _Fitted(personal, discovery, levelled(calibration, outcomes, pairs, some))


def _rehearsed(fitted: _Fitted, latest: Window) -> Shift:
    """Return the shift that is best for models that have not seen the latest window."""
    history, later = latest
    pairs = JointPairs.of(fitted.personal, fitted.discovery, history)
    log_odds = calibrated(pairs, fitted.calibration)
    return validated_shift(pairs, log_odds, *pairs.outcomes(history, later))

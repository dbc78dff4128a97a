"""What customers bought and what they may begin to buy, in one table of pairs, with log odds and roles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ...history.joined_history import with_items
from ...history.purchase_history import PurchaseHistory
from ..discovery.known_items import KnownItems
from ..discovery_model import DiscoveryModel
from ..features import groups_of_items
from ..personal.personal_model import PersonalModel

REWARD, ACTIVATION, INNOVATION = 0, 1, 2

POSSIBLE = (1e-12, 1.0 - 2.0**-24)
"""Probabilities between which log odds are taken."""


@dataclass(frozen=True)
class JointPairs:
    """Pairs ordered by customer and item.

    Attributes
    ----------
    customer, item : ndarray of int64, shape (n_pairs,)
        Positions in the history's customers, and in `items`.
    role : ndarray of uint8, shape (n_pairs,)
        0 reward: the customer bought the item. 1 activation: others of its kind. 2 innovation: none.
    log_odds : ndarray of float32, shape (n_pairs,)
        Of each pair's own model.
    items : pyarrow.Array
        Ids of items.
    """

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    role: NDArray[np.uint8]
    log_odds: NDArray[np.float32]
    items: pa.Array

    @classmethod
    def of(
        cls, personal: PersonalModel, discovery: DiscoveryModel, history: PurchaseHistory
    ) -> JointPairs:
        """Score what customers bought and what they may begin to buy.

        Parameters
        ----------
        personal : PersonalModel
        discovery : DiscoveryModel
        history : PurchaseHistory

        Returns
        -------
        JointPairs
        """
        own = _log_odds(personal.score(history))
        new = cls.new(discovery, history, discovery.known_)
        owner = np.repeat(np.arange(len(history.customers)), np.diff(history.indptr))
        place = tables.positions(history.items, new.items)[history.item]
        customer = np.concatenate([owner, new.customer])
        item = np.concatenate([place, new.item])
        role = np.concatenate([np.full(len(owner), REWARD, np.uint8), new.role])
        log_odds = np.concatenate([own, new.log_odds])
        order = np.lexsort((item, customer))
        return cls(customer[order], item[order], role[order], log_odds[order], new.items)

    @classmethod
    def new(
        cls, discovery: DiscoveryModel, history: PurchaseHistory, known: KnownItems
    ) -> JointPairs:
        """Score what customers may begin to buy.

        Parameters
        ----------
        discovery : DiscoveryModel
        history : PurchaseHistory
        known : KnownItems
            What is known of items.

        Returns
        -------
        JointPairs
        """
        features = discovery.features_of(history, known)
        history = with_items(history, features.items)
        nothing = np.zeros(0, np.int64)
        customers, items, scores = [nothing], [nothing], [np.zeros(0, np.float32)]
        for customer, item, columns in features.blocks():
            customers.append(customer)
            items.append(item)
            scores.append(discovery.predicted(columns))
        pairs = np.concatenate(customers), np.concatenate(items)
        kind = list(groups_of_items(discovery.groups, history).values())[:1]
        role = _roles(kind, history, *pairs)
        return cls(*pairs, role, _log_odds(np.concatenate(scores)), features.items)

    def outcomes(
        self, history: PurchaseHistory, later: PurchaseHistory
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which pairs were bought in a window, and how many items each customer bought in it.

        Parameters
        ----------
        history, later : PurchaseHistory
            The history that was scored, and the window after it.

        Returns
        -------
        bought : ndarray of bool, shape (n_pairs,)
        count : ndarray of int64, shape (n_customers,)
            Of the items that have a position.
        """
        customer = tables.positions(later.customers, history.customers)
        customer_of_pair = np.repeat(customer, np.diff(later.indptr))
        item_of_pair = tables.positions(later.items, self.items)[later.item]
        known = (customer_of_pair >= 0) & (item_of_pair >= 0)
        size = len(self.items)
        truth = customer_of_pair[known] * size + item_of_pair[known]
        count = np.bincount(customer_of_pair[known], minlength=len(history.customers))
        return np.isin(self.customer * size + self.item, truth), count


def _log_odds(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    chance = np.clip(probability.astype(np.float64), *POSSIBLE)
    found: NDArray[np.float32] = (np.log(chance) - np.log1p(-chance)).astype(np.float32)
    return found


def _roles(
    kinds: list[NDArray[np.integer]],
    history: PurchaseHistory,
    customer: NDArray[np.int64],
    item: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Return whether customers bought others of the kind of what they did not buy; without kinds none did."""
    role = np.full(len(customer), INNOVATION, np.uint8)
    for kind in kinds:
        size = int(kind.max(initial=-1)) + 1
        owner = np.repeat(np.arange(len(history.customers)), np.diff(history.indptr))
        bought = np.unique(owner * size + kind[history.item])
        wanted = customer * size + kind[item]
        place = np.minimum(np.searchsorted(bought, wanted), max(len(bought) - 1, 0))
        role[bought[place] == wanted] = ACTIVATION
    return role

"""What customers bought and what they may begin to buy, in one table of pairs, with log odds and roles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....utils.parallel import parallel_map, worker_count
from ...history.item_statistics import ItemStatistics
from ...history.joined_history import with_items
from ...history.purchase_history import PurchaseHistory
from ..discovery.known_items import KnownItems
from ..discovery_model import DiscoveryModel
from ..features import customer_blocks, groups_of_items
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
        cls,
        personal: PersonalModel,
        discovery: DiscoveryModel,
        history: PurchaseHistory,
        known: KnownItems | None = None,
    ) -> JointPairs:
        """Score a history.

        Parameters
        ----------
        personal : PersonalModel
        discovery : DiscoveryModel
        history : PurchaseHistory
        known : KnownItems, optional
            What is known of items. Default: what each of the models knows.

        Returns
        -------
        JointPairs
        """
        known_items = discovery.known_ if known is None else known
        own = _own_scores(personal, history, None if known is None else known.statistics)
        features = discovery.features_of(history, known_items)
        history = with_items(history, features.items)
        owner = np.repeat(np.arange(len(history.customers)), np.diff(history.indptr))
        customers, items, scores = [owner], [history.item.astype(np.int64)], [own]
        for customer, item, columns in features.blocks():
            customers.append(customer)
            items.append(item)
            scores.append(discovery.predicted(columns))
        customer, item = np.concatenate(customers), np.concatenate(items)
        role = np.full(len(customer), REWARD, np.uint8)
        kind = list(groups_of_items(discovery.groups, history).values())[:1]
        role[len(owner) :] = _roles(kind, history, customer[len(owner) :], item[len(owner) :])
        order = np.lexsort((item, customer))
        chance = np.clip(np.concatenate(scores).astype(np.float64), *POSSIBLE)
        log_odds = (np.log(chance) - np.log1p(-chance)).astype(np.float32)
        return cls(customer[order], item[order], role[order], log_odds[order], features.items)

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


def _own_scores(
    personal: PersonalModel, history: PurchaseHistory, statistics: ItemStatistics | None
) -> NDArray[np.float32]:
    scorer = personal.scorer(history, statistics)
    parts = parallel_map(
        lambda block: scorer.score(*block), customer_blocks(history), worker_count()
    )
    return np.concatenate([np.zeros(0, np.float32), *parts])


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

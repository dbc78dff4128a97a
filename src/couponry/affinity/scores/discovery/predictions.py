"""What is said of items for customers: by items like theirs, by customers like them, by the kinds that they buy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....kernels.scores_contract import LATE_WEEKS
from ....utils.lazy_imports import sparse as sp
from ...history.purchase_history import PurchaseHistory
from ..features import ItemGroups
from ..item_neighbours import PurchaseWeights, recent_weights, unit_weights
from .known_customers import AlikeCustomers
from .known_items import KnownItems, purchase_matrix, share_of_begun

WEEKS_OF_KINDS = LATE_WEEKS.index(8)
"""Weeks in which customers began an item of a kind, where it is said of kinds."""

WEIGHT_OF_KINDS = 0.5
"""How much kinds count among what is said, where what neighbours say, and customers alike, counts 1."""


class Predictions(NamedTuple):
    """What is said of the items asked about, for some customers.

    Attributes
    ----------
    bought : ndarray of bool, shape (n_customers, n_asked)
        Whether a customer bought an item.
    neighbours : list of ndarray of float32, shape (n_customers, n_asked)
        By each of the model's neighbours.
    alike : ndarray of float32, shape (n_customers, n_asked)
        Share of the customers alike who bought an item.
    kind : ndarray of float32, shape (n_customers, n_asked), optional
        What a customer buys lately of the item's kind, times the item's share of what others lately began of it.
    """

    bought: NDArray[np.bool_]
    neighbours: list[NDArray[np.float32]]
    alike: NDArray[np.float32]
    kind: NDArray[np.float32] | None

    def together(self, scales: list[float]) -> NDArray[np.float64]:
        """Add up what is said, each in units of its mean size for the customer.

        Parameters
        ----------
        scales : list of float
            Of the neighbours.

        Returns
        -------
        ndarray of float64, shape (n_customers, n_asked)
        """
        near = np.zeros(self.alike.shape)
        for said, scale in zip(self.neighbours, scales, strict=True):
            near += said / scale
        total = _in_units(near) + _in_units(self.alike)
        if self.kind is not None:
            total += WEIGHT_OF_KINDS * _in_units(np.sqrt(self.kind))
        return total


def _in_units(said: NDArray[np.floating]) -> NDArray[np.float64]:
    size = np.abs(said).mean(axis=1, dtype=np.float64)
    size[size == 0.0] = 1.0
    found: NDArray[np.float64] = said / size[:, None]
    return found


class Predictor:
    """Computes what is said of items, for some customers at a time.

    Parameters
    ----------
    known : KnownItems
    history : PurchaseHistory
        Of the customers, with all known items.
    groups : mapping of str to ndarray of int, shape (n_items,)
        Groupings of the history's items; the first one is their kind.
    taking_part : ndarray of int64, shape (n_taking_part,)
        Positions of those that take part among the history's items.
    asked : ndarray of int64, shape (n_asked,)
        Which of those that take part are asked about; -1 for items that take no part.
    """

    def __init__(
        self,
        known: KnownItems,
        history: PurchaseHistory,
        groups: ItemGroups,
        taking_part: NDArray[np.int64],
        asked: NDArray[np.int64],
    ):
        self._known, self._history = known, history
        self._column = np.full(len(history.items), -1)
        self._column[taking_part] = np.arange(len(taking_part))
        takes_part = asked >= 0
        chosen = (asked[takes_part], np.flatnonzero(takes_part))
        shape = len(taking_part), len(asked)
        self._selection = sp.csr_array((np.ones(len(chosen[0]), np.float32), chosen), shape=shape)
        everything = np.array_equal(asked, np.arange(len(taking_part)))
        self._similarities = [
            one if everything else np.take(one, asked, axis=1) * takes_part.astype(np.float32)
            for one in known.similarities
        ]
        self._alike = AlikeCustomers(known.customers, self._selection)
        self._place = known.customers.places(history.customers)
        self._kinds: _Kinds | None = None
        for codes in list(groups.values())[:1]:
            begun = known.statistics.among(known.items).begun[:, WEEKS_OF_KINDS]
            self._kinds = _Kinds.of(begun, codes[taking_part].astype(np.int64), self._selection)

    def predictions(self, start: int, stop: int) -> Predictions:
        """Compute what is said for the customers start <= i < stop.

        Parameters
        ----------
        start, stop : int
            Range of customers.

        Returns
        -------
        Predictions
            A customer's are the same bits whoever else is in the range.
        """
        bought: dict[PurchaseWeights, sp.csr_array] = {}
        for weights in (unit_weights, recent_weights, *(n.weights for n in self._known.neighbours)):
            if weights not in bought:
                bought[weights] = purchase_matrix(
                    self._history, weights, self._column, (start, stop)
                )
        unit = bought[unit_weights]
        neighbours = [
            bought[one.weights] @ similarity
            for one, similarity in zip(self._known.neighbours, self._similarities, strict=True)
        ]
        return Predictions(
            (unit @ self._selection).toarray() > 0,
            neighbours,
            self._alike.shares(unit, self._place[start:stop]),
            None if self._kinds is None else self._kinds.said(bought[recent_weights]),
        )


class _Kinds(NamedTuple):
    """Kinds of the items that take part, as a matrix; the kind and the share of it of those asked about."""

    of_items: sp.csr_array
    asked: NDArray[np.int64]
    share: NDArray[np.float32]

    @classmethod
    def of(
        cls, begun: NDArray[np.float64], kind: NDArray[np.int64], selection: sp.csr_array
    ) -> _Kinds:
        """Return the shares of what was lately begun of each kind; 0 for items that take no part."""
        ones = np.ones(len(kind), np.float32)
        shape = len(kind), int(kind.max(initial=-1)) + 1
        of_items = sp.csr_array((ones, (np.arange(len(kind)), kind)), shape=shape)
        of_kinds = np.bincount(kind, weights=begun).astype(np.float64, copy=False)
        share = share_of_begun(begun, kind, of_kinds)
        asked = selection.T @ kind
        return cls(of_items, asked.astype(np.int64), (selection.T @ share).astype(np.float32))

    def said(self, lately: sp.csr_array) -> NDArray[np.float32]:
        """Return what customers buy lately of the kinds of the items asked about, times their shares."""
        amount: NDArray[np.float32] = (lately @ self.of_items).toarray()
        return amount[:, self.asked] * self.share

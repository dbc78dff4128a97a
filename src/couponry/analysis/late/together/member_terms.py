"""The terms of late customers who are decided together: items of each member, refunds, and coupons that are held.

An item here is an offer in one role, for one member of a unit, of one kind of customer, given before or not. So prices
and limits of each member are told by items, and all units are of one kind. Behind these items are the refunds that
stand for what messages cost. Refunds, and what was given before, use nothing of any limit; what refunds are worth an
attribute of their own says.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....kernels import Packing
from ....model.items import Items
from ....utils.arrays.ragged import ranges
from ..charges import ChargedRows
from ..terms import Kind, Terms

WORTH = "worth of refunds"
"""Name of the attribute that ordinary candidates have 0 of."""


class MemberItems(NamedTuple):
    """What items are made of.

    Attributes
    ----------
    items : Items
    base : ndarray of int64, shape (n_items,)
        Number of the item among those of single customers.
    kind : ndarray of int64, shape (n_items,)
        Number of the kind of customer.
    is_held : ndarray of bool, shape (n_items,)
        Whether it was given before.
    """

    items: Items
    base: NDArray[np.int64]
    kind: NDArray[np.int64]
    is_held: NDArray[np.bool_]

    def covered(self, terms: Terms, kinds: Sequence[Kind], charges: ChargedRows) -> ChargedRows:
        """Say what coupons of these items use of the rows.

        Parameters
        ----------
        terms : Terms
            Of single customers.
        kinds : sequence of Kind
        charges : ChargedRows
            Likewise.

        Returns
        -------
        ChargedRows
            Whose rows are about everybody.
        """
        covers = np.stack([terms.covers(kind) for kind in kinds])
        first = np.searchsorted(charges.item, self.base)
        count = np.searchsorted(charges.item, self.base, side="right") - first
        count[self.is_held] = 0
        pair, item = ranges(first, count), np.repeat(np.arange(len(self.base)), count)
        about = covers[self.kind[item], charges.row[pair]]
        nothing = np.zeros((len(charges.item), 1))
        return charges.of_items(
            item[about],
            pair[about],
            np.concatenate([charges.weight, nothing], axis=1),
            len(self.base) + self.items.n_refunds,
        )


class MemberTerms(Terms):
    """The terms of single customers, by items of members.

    Parameters
    ----------
    terms : Terms
        Of single customers.
    made : MemberItems
    kinds : list of Kind
    refunds : int
        Of each unit.
    """

    def __init__(self, terms: Terms, made: MemberItems, kinds: list[Kind], refunds: int):
        vars(self).update(vars(copy.copy(terms)))
        self.of_single, self._made, self._kinds, self._refunds = terms, made, kinds, refunds
        self.items = made.items
        self.attributes = [*terms.attributes, WORTH]
        self.packing = self._packing_of_members()

    def _packing_of_members(self) -> Packing:
        """Packing by item; that of refunds, and of what was given before, is of nothing."""
        base, made = self.of_single.packing, self._made
        every = len(made.base) + self._refunds
        shape = len(self.attributes), every
        low, high, step = np.full(shape, np.inf), np.full(shape, -np.inf), np.zeros(shape)
        own = np.flatnonzero(~made.is_held)
        for out, of_items in ((low, base.low), (high, base.high), (step, base.step)):
            out[:-1, own] = of_items[:, made.base[own]]
        low[-1, own] = high[-1, own] = 0.0
        return Packing(
            low, high, step, np.append(base.quantity_of, -1).astype(base.quantity_of.dtype)
        )

    @property
    def n_items(self) -> int:
        """How many items candidates and refunds are of."""
        return len(self.items) + self._refunds

    def covers(self, kind: Kind) -> NDArray[np.bool_]:
        """Tell which rows are about a kind of unit: all, as items tell their customers' kinds."""
        return np.ones(len(self.price), bool)

    def tables(
        self, kinds: Sequence[Kind], raised: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Price items; see `Terms.tables`.

        Parameters
        ----------
        kinds : sequence of Kind
            The only one of units.
        raised : ndarray of float64, shape (n_rows,), optional

        Returns
        -------
        price : ndarray of float32, shape (1 + n_quantities, 1, n_items)
        reduced : ndarray of float64, shape (1 + n_attributes, 1, n_items)
        """
        made = self._made
        price, reduced = self.of_single.tables(self._kinds, raised)
        every = len(made.base) + self._refunds
        found = np.zeros((len(price), 1, every), np.float32)
        worth = np.zeros((len(reduced) + 1, 1, every))
        own = np.flatnonzero(~made.is_held)
        found[:, 0, own] = price[:, made.kind[own], made.base[own]]
        worth[:-1, 0, own] = reduced[:, made.kind[own], made.base[own]]
        worth[-1] = 1.0
        worth[-1, 0, own] = 0.0
        return found, worth

"""Costs of a unit's k-th message, as refunds that compete with coupons for a rule's messages.

A rule lets a unit have m messages, of which the k-th costs c_k, no less than the one before. To pay for the first n of
them is as good as to pay for all m, and to take the m - n dearest of the refunds c_1, ..., c_m. So each unit gets m
*refunds*: candidates of items of their own, behind its others, that are worth their cost, and that no limit and no
other rule knows of. Coupons and refunds together are at most m. What all messages cost is a constant. So where rules
nest the greedy choice stays the best one, and every bound on choices is one on choices less what their messages cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....data.candidate_checks import offer_dtype
from ....kernels import Backend
from ....utils.arrays.array_store import MemoryStore
from ....utils.arrays.blocks import row_blocks
from ....utils.lazy_imports import sparse as sp
from ....utils.process.cached_property import cached_property
from ...contact_history import ContactHistory
from ...customers import Customers
from ...items import Items
from ...rules import CustomerRule
from ..compile_limits import CompiledLimits
from ..measures import Amounts
from ..quantisation import Attribute, Packed, Span, quantise
from .cost_rule import CostRule, costs_of
from .exact_sums import exact_sum

COST = "cost of messages"
"""Name of the attribute that refunds have where customers differ in what messages cost."""


@dataclass(frozen=True)
class MessageCosts:
    """All rules that say what messages cost, and the refunds that stand for them.

    Attributes
    ----------
    rules : list of CostRule
    items : Items
    indptr : ndarray of int64, shape (n_units + 1,)
        Where each unit's candidates begin, refunds left out.
    candidate_items : ndarray of uint16 or uint32, shape (n_candidates,)
        Items of candidates.
    known_constant : float or None
        What all messages cost, where these are not all units.
    """

    rules: list[CostRule]
    items: Items
    indptr: NDArray[np.int64]
    candidate_items: NDArray[np.uint16] | NDArray[np.uint32]
    known_constant: float | None = None

    @classmethod
    def of(
        cls,
        rules: Sequence[CustomerRule],
        items: Items,
        item: NDArray[np.uint16] | NDArray[np.uint32],
        indptr: NDArray[np.int64],
        customers: Customers,
        history: ContactHistory,
    ) -> MessageCosts | None:
        """Look up what messages cost.

        Parameters
        ----------
        rules : sequence of CustomerRule
        items : Items
        item : ndarray of uint16 or uint32, shape (n_candidates,)
            Of each candidate.
        indptr : ndarray of int64, shape (n_units + 1,)
            Where each unit's candidates begin.
        customers : Customers
        history : ContactHistory

        Returns
        -------
        MessageCosts or None
            None where no rule says so.

        Raises
        ------
        InvalidInput
            Where a rule names columns that do not exist, or costs that fall.
        """
        found: list[CostRule] = []
        first = 0
        for number, rule in enumerate(rules):
            if rule.cost is None:
                continue
            cost = costs_of(customers, rule)
            had = np.bincount(history.unit[history.where(rule)], minlength=len(indptr) - 1)
            found.append(CostRule(number, rule, cost, had, customers.scope_of(rule), first))
            first += cost.shape[1]
        return cls(found, items, indptr, item) if found else None

    @property
    def n_refunds(self) -> int:
        """Refunds of each unit."""
        return sum(rule.messages for rule in self.rules)

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return len(self.indptr) - 1

    @property
    def of_all(self) -> CostRule | None:
        """The only rule that says what messages cost, if it is about all coupons: it bounds all candidates together."""
        only = len(self.rules) == 1 and self.rules[0].rule.is_about_all
        return self.rules[0] if only else None

    @cached_property
    def constant(self) -> float:
        """What all messages cost that units may have."""
        if self.known_constant is not None:
            return self.known_constant
        return float(self.constant_of(slice(None)))

    def constant_of(self, units: slice) -> Fraction:
        """Say what all messages cost that some units may have.

        Parameters
        ----------
        units : slice

        Returns
        -------
        Fraction
        """
        return sum((exact_sum(rule.constant(units)) for rule in self.rules), Fraction(0))

    @property
    def with_refunds(self) -> NDArray[np.int64]:
        """Where each unit's candidates begin, refunds among them, shape (n_units + 1,)."""
        return self.indptr + self.n_refunds * np.arange(self.n_units + 1)

    def group(self, rule: CostRule) -> NDArray[np.int64]:
        """Put what counts under a rule into one group.

        Parameters
        ----------
        rule : CostRule

        Returns
        -------
        ndarray of int64, shape (n_items + n_refunds,)
            0 for its coupons and refunds, else -1.
        """
        return self._groups[rule.number]

    @cached_property
    def _groups(self) -> dict[int, NDArray[np.int64]]:
        """What `group` returns, by the number of the rule: blocks of units ask for it again and again."""
        found = {}
        for rule in self.rules:
            group = np.full(len(self.items) + self.n_refunds, -1)
            group[: len(self.items)][self.items.where(rule.rule.where, rule.rule.label)] = 0
            own = len(self.items) + rule.first
            group[own : own + rule.messages] = 0
            found[rule.number] = group
        return found

    def beside(self, values: NDArray[Any], refunds: NDArray[Any]) -> NDArray[Any]:
        """Put the refunds of each unit behind its candidates.

        Parameters
        ----------
        values : ndarray, shape (n_candidates,)
        refunds : ndarray, shape (n_units or 1, n_refunds)

        Returns
        -------
        ndarray, shape (n_candidates + n_units * n_refunds,)
        """
        found = np.empty(len(values) + self.n_units * self.n_refunds, values.dtype)
        begins = self.with_refunds
        for start, stop in row_blocks(self.indptr):
            part = slice(int(self.indptr[start]), int(self.indptr[stop]))
            place = np.arange(part.start, part.stop) + self.n_refunds * np.repeat(
                np.arange(start, stop), np.diff(self.indptr[start : stop + 1])
            )
            found[place] = values[part]
            ends = begins[start + 1 : stop + 1, None] - self.n_refunds + np.arange(self.n_refunds)
            found[ends] = refunds if len(refunds) == 1 else refunds[start:stop]
        return found

    def flags(self, flags: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Put a flag of 0 beside those of candidates for each refund; none where there are none.

        Parameters
        ----------
        flags : ndarray of uint8, shape (n_candidates or 0,)

        Returns
        -------
        ndarray of uint8, shape (n_candidates + n_units * n_refunds or 0,)
        """
        if not len(flags):
            return flags
        made: NDArray[np.uint8] = self.beside(flags, np.zeros((1, self.n_refunds), np.uint8))
        return made

    @cached_property
    def item(self) -> NDArray[np.uint16] | NDArray[np.uint32]:
        """Items of candidates and refunds, shape (n_candidates + n_units * n_refunds,)."""
        number = len(self.items) + np.arange(self.n_refunds)
        wide = self.candidate_items.astype(
            offer_dtype(len(self.items) + self.n_refunds), copy=False
        )
        made: NDArray[np.uint16] = self.beside(wide, number[None].astype(wide.dtype))
        return made

    @property
    def differ(self) -> bool:
        """Whether units differ in what a message costs."""
        return any(len(rule.cost) > 1 for rule in self.rules)

    def costs(self) -> NDArray[np.float64]:
        """List what each refund is worth, shape (n_units or 1, n_refunds)."""
        length = max(len(rule.cost) for rule in self.rules)
        return np.concatenate(
            [np.broadcast_to(r.cost, (length, r.messages)) for r in self.rules], axis=1
        )

    def attributes(self, amounts: Amounts) -> list[Attribute]:
        """List the attributes of candidates and refunds.

        Parameters
        ----------
        amounts : Amounts

        Returns
        -------
        list of Attribute
        """
        nothing = np.zeros((1, self.n_refunds))
        none, every = np.zeros(self.n_refunds), len(self.items) + self.n_refunds
        found = [
            Attribute(
                attribute.source,
                self.beside(attribute.values, nothing.astype(attribute.values.dtype)),
                Span(*(np.concatenate([end, none]) for end in attribute.span)),
            )
            for attribute in amounts.attributes.values()
        ]
        if self.differ:
            costs = self.costs()
            low, high = np.zeros(every), np.zeros(every)
            low[len(self.items) :], high[len(self.items) :] = costs.min(axis=0), costs.max(axis=0)
            values = self.beside(np.zeros(int(self.indptr[-1])), costs)
            found.append(Attribute(COST, values, Span(low, high)))
        return found

    def packed(self, attributes: list[Attribute], backend: Backend) -> Packed:
        """Pack the attributes of candidates and refunds.

        Parameters
        ----------
        attributes : list of Attribute
            Of `attributes`.
        backend : Backend

        Returns
        -------
        Packed
        """
        every = len(self.items) + self.n_refunds
        return Packed(**quantise(self.item, every, attributes, MemoryStore(), backend)._asdict())

    def limits(self, limits: CompiledLimits) -> CompiledLimits:
        """Widen limits to usage tables that refunds have a place in; none of them counts.

        Parameters
        ----------
        limits : CompiledLimits

        Returns
        -------
        CompiledLimits
            Its objective is that of coupons alone.
        """
        names = [*limits.attributes, *([COST] if self.differ else [])]
        old = limits.objective.shape
        new = (1 + len(names), old[1], old[2] + self.n_refunds)

        def wide(matrix: sp.csr_array) -> sp.csr_array:
            cell = np.unravel_index(matrix.indices, old)
            at = np.ravel_multi_index(cell, new)
            shape = (matrix.shape[0], int(np.prod(new)))
            return sp.csr_array((matrix.data, at, matrix.indptr), shape=shape)

        objective = np.zeros(new)
        objective[: old[0], :, : old[2]] = limits.objective
        return replace(
            limits,
            attributes=names,
            objective=objective,
            numerator=wide(limits.numerator),
            denominator=wide(limits.denominator),
            rows=wide(limits.rows),
        )

    def objective(self, limits: CompiledLimits) -> NDArray[np.float64]:
        """Say what the solver maximises: coupons' objective, and refunds.

        Parameters
        ----------
        limits : CompiledLimits
            Of `limits`.

        Returns
        -------
        ndarray of float64, shape (1 + n_attributes, segments, n_items + n_refunds)
        """
        objective = limits.objective.copy()
        if self.differ:
            objective[-1, :, len(self.items) :] = 1.0
        else:
            objective[0, :, len(self.items) :] = self.costs()[0]
        return objective

    def given(self, start: int, chosen: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Find which candidates are chosen, refunds left out.

        Parameters
        ----------
        start : int
            First unit of a block.
        chosen : ndarray of uint8
            1 for what is chosen of its candidates and refunds.

        Returns
        -------
        ndarray of int64
            Their positions among the candidates, ascending.
        """
        begins = self.with_refunds
        at = begins[start] + np.flatnonzero(chosen.view(bool))
        unit = np.searchsorted(begins, at, side="right") - 1
        is_coupon = at < begins[unit + 1] - self.n_refunds
        return np.asarray(at[is_coupon] - self.n_refunds * unit[is_coupon])

    def complete(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Add the refunds that a choice of few units leaves room for.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_candidates,)

        Returns
        -------
        ndarray of bool, shape (n_candidates + n_units * n_refunds,)
        """
        given = self.messages(np.flatnonzero(chosen), 0, self.n_units)
        refunds = np.zeros((self.n_units, self.n_refunds), bool)
        for rule, messages in zip(self.rules, given, strict=True):
            left = rule.left(slice(0, self.n_units), messages)
            refunds[:, rule.first : rule.first + rule.messages] = left
        return self.beside(chosen, refunds)

    def messages(
        self, positions: NDArray[np.int64], start: int, stop: int
    ) -> list[NDArray[np.int64]]:
        """Count the messages of units start <= u < stop under each rule.

        Parameters
        ----------
        positions : ndarray of int64
            Of coupons given, among the candidates.
        start, stop : int

        Returns
        -------
        list of ndarray of int64, shape (stop - start,)
        """
        unit = np.searchsorted(self.indptr, positions, side="right") - 1 - start
        found = []
        for rule in self.rules:
            counts = self.group(rule)[self.candidate_items[positions]] >= 0
            found.append(np.bincount(unit[counts], minlength=stop - start))
        return found

"""The compiled campaign as the solver sees it: packed candidates, rules, and limits as rows over usage tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules, Shard
from ..utils.lazy_imports import sparse as sp
from .set_table import where_sets_begin

UNLIMITED = np.iinfo(np.int32).max
LEVELS = 65_535  # largest quantity of an attribute
ALIKE = 4 / 256  # steps that attributes which share a quantity may be apart within an item
SAME = 128  # `fine` of such an attribute that lies where the first one does


@dataclass(frozen=True)
class RuleNames:
    """Which customer rules the compiled rules stand for.

    lower, upper: each rule that bounds the number of coupons, with its bound, int32 (n or 1). groups: (R) the rule
    behind each row of groups. sets: the rules that sets name by their number.
    """

    lower: Sequence[tuple[str, NDArray[np.int32]]] = ()
    upper: Sequence[tuple[str, NDArray[np.int32]]] = ()
    groups: Sequence[str] = ()
    sets: Sequence[str] = ()

    def all(self) -> list[str]:
        return [*(name for name, _ in (*self.lower, *self.upper)), *self.groups, *self.sets]

    def of(self, customer: int) -> RuleNames:
        """The names with the bounds of one customer alone."""

        def own(
            bounds: Sequence[tuple[str, NDArray[np.int32]]],
        ) -> Sequence[tuple[str, NDArray[np.int32]]]:
            return [(name, b if len(b) == 1 else b[[customer]]) for name, b in bounds]

        return replace(self, lower=own(self.lower), upper=own(self.upper))

    def only(self, rules: Rules, names: Sequence[str], indptr: NDArray[np.int64]) -> Rules:
        """The rules with none but those of these names; indptr: of the customers' candidates (n + 1)."""
        kept = np.array([group in names for group in self.groups], bool)
        if len(rules.sets):
            rules = _only_sets(rules, np.array([name in names for name in self.sets], bool), indptr)
        return rules._replace(
            lower=lower_bound([bound for name, bound in self.lower if name in names]),
            upper=upper_bound([bound for name, bound in self.upper if name in names]),
            group=np.where(kept[:, None], rules.group, np.int32(-1)),
        )


def _only_sets(rules: Rules, kept: NDArray[np.bool_], indptr: NDArray[np.int64]) -> Rules:
    """The rules with those sets alone whose rule is kept; customers who are left with none do with groups."""
    customer, head, of_set = where_sets_begin(rules, indptr)
    stays = kept[(rules.sets[head] >> np.where(of_set[customer] == 1, 44, 32)) & 0xFFFF]
    ptr = np.zeros(len(rules.ptr), np.int64)
    np.cumsum(np.bincount(customer[stays], minlength=len(of_set)) * of_set, out=ptr[1:])
    return rules._replace(ptr=ptr, sets=rules.sets[np.repeat(stays, of_set[customer])])


def lower_bound(bounds: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """The largest of some lower bounds, (n or 1)."""
    largest = np.zeros(1, np.int32)
    for bound in bounds:
        largest = np.maximum(largest, bound)
    return largest


def upper_bound(bounds: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """The smallest of some upper bounds, (n or 1)."""
    smallest = np.full(1, UNLIMITED, np.int32)
    for bound in bounds:
        smallest = np.minimum(smallest, bound)
    return smallest


@dataclass(frozen=True)
class Problem:
    """Maximise the objective over each customer's choices, subject to lower <= rows @ usage <= upper.

    A usage table is (1 + C, S, K): coupons given, and the sum of each attribute over them, by segment and item; rows
    and tables are linear in it. Letters as in `kernels.contract`.

    attributes: C arrays (e) of float32 or float64, as given. low, step, error: float64 (C, K), an attribute is
    low + step * quantity, at most `error` away. quantity_of: int64 (C), which of the shard's quantities that is:
    attributes that go with each other within every item share one. fine: uint8 (C, e), fine_error: float64 (C, K),
    closer it is low + step * (quantity - 1/2 + parts / 256), at most `fine_error` away; `parts` is fine for the first
    attribute of a quantity, and for another one the first one's fine + its own - SAME.
    objective: float64 (1 + C, S, K), objective per unit of usage.
    rows: CSR (L, (1 + C) * S * K). lower, upper: (L), -inf and inf for none. penalty: (L), objective lost per unit
    missed, inf: the row must hold. integer: (L), whether every weight and thus every activity is a whole number.
    """

    shard: Shard
    rules: Rules
    attributes: tuple[NDArray[np.floating], ...]
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    error: NDArray[np.float64]
    quantity_of: NDArray[np.int64]
    fine: NDArray[np.uint8]
    fine_error: NDArray[np.float64]
    objective: NDArray[np.float64]
    rows: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    penalty: NDArray[np.float64]
    integer: NDArray[np.bool_]
    rule_names: RuleNames = RuleNames()

    @property
    def customers(self) -> int:
        return len(self.shard.indptr) - 1

    @property
    def candidates(self) -> int:
        return len(self.shard.item)

    @property
    def quantities(self) -> int:
        """How many quantities a candidate is packed with."""
        return int(self.quantity_of.max(initial=-1)) + 1

    def fines_of(self, attribute: int) -> list[int]:
        """The attributes whose `fine` add up to where in a quantity's step this one lies."""
        first = int((self.quantity_of == self.quantity_of[attribute]).argmax())
        return [first] if first == attribute else [first, attribute]

    @property
    def hard(self) -> NDArray[np.bool_]:
        return np.isinf(self.penalty)

    def cells(self, positions: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.int64]:
        """segment * K + item of the candidates at these positions, int64."""
        return cell_of(self.shard, self.objective.shape[2], positions)

    def customer_of(self, positions: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.int64]:
        """Number of the customer of the candidates at these positions, int64."""
        return customer_of(self.shard.indptr, positions)

    @property
    def exact(self) -> NDArray[np.float64]:
        """The attributes as the kernels of local search take them, float64 (C, e); a single one is not copied."""
        if len(self.attributes) == 1:
            return self.attributes[0].astype(np.float64, copy=False).reshape(1, -1)
        return np.array(self.attributes, float).reshape(len(self.attributes), self.candidates)

    def usage(self, chosen: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        """Usage table of the candidates at these positions, from the attributes as given, summed in their order."""
        shape = self.objective.shape
        cell = self.cells(chosen)
        size = shape[1] * shape[2]
        usage = np.empty((shape[0], size))
        usage[0] = np.bincount(cell, minlength=size)
        for c, attribute in enumerate(self.attributes):
            usage[1 + c] = np.bincount(cell, weights=attribute[chosen], minlength=size)
        return usage.reshape(shape)

    def missed(self, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each row's activity is outside its bounds (L)."""
        return np.maximum(0.0, np.maximum(self.lower - activity, activity - self.upper))

    def penalties(self, activity: NDArray[np.float64]) -> float:
        """Objective lost to soft rows that are missed."""
        soft = ~self.hard
        return float(self.missed(activity)[soft] @ self.penalty[soft])


def cell_of(
    shard: Shard, items: int, positions: NDArray[np.int64] | slice = slice(None)
) -> NDArray[np.int64]:
    """segment * K + item of the candidates of a shard at these positions, int64."""
    item = shard.item[positions].astype(np.int64)
    if len(shard.segment) == 1:
        return item + int(shard.segment[0]) * items
    customer = customer_of(shard.indptr, positions)
    return item + shard.segment[customer].astype(np.int64) * items


def customer_of(
    indptr: NDArray[np.int64], positions: NDArray[np.int64] | slice = slice(None)
) -> NDArray[np.int64]:
    """Number within a shard of the customer of the candidates at these positions, int64."""
    if isinstance(positions, slice):
        return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))[positions]
    return np.searchsorted(indptr, positions, side="right") - 1

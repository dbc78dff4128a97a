"""The compiled campaign as the solver sees it: packed candidates, rules, and limits as rows over usage tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..engines.cells import candidate_cells, candidate_customers
from ..kernels import MAX_QUANTITY, Rules, Shard
from ..utils.arrays.fixed_order import dot_in_order
from ..utils.lazy_imports import sparse as sp
from ..utils.process.cached_property import cached_property
from .packed import Attributes, HeldCandidates, PackedCandidates, RuleFacts
from .rule_names import RuleNames

ALIKE_STEPS = 4 / 256
"""Steps that attributes which share a quantity may be apart within an item."""

SAME_FINE = 128
"""`fine` of such an attribute that lies where the first one does."""


@dataclass(frozen=True)
class Problem:
    """Maximise the objective over each customer's choices, subject to lower <= rows @ usage <= upper.

    A usage table holds the coupons and the sum of each attribute over them, by segment and item. Rows and objective are
    linear in it.

    Attributes
    ----------
    packed : PackedCandidates
        The packed candidates, the compiled customer rules, attributes and fine values.
    low, step, error : ndarray of float64, shape (n_attributes, n_items)
        An attribute is low + step * quantity, at most `error` away.
    quantity_of : ndarray of int64, shape (n_attributes,)
        Which of the shard's quantities that is: attributes that go with each other within every item share one.
    fine_error : ndarray of float64, shape (n_attributes, n_items)
    objective : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Objective per unit of usage.
    rows : csr_array of float64, shape (n_rows, (1 + n_attributes) * n_segments * n_items)
        Weights of the limits.
    lower, upper : ndarray of float64, shape (n_rows,)
        Bounds; -inf and inf for none.
    penalty : ndarray of float64, shape (n_rows,)
        Objective lost per unit of violation; infinite where the row is hard.
    integer : ndarray of bool, shape (n_rows,)
        Whether every weight, and thus every activity, is a whole number.
    rule_names : RuleNames
        The customer rules that the compiled ones stand for.
    constant : float
        What every objective and bound of the user's is beyond those of this problem; gaps are relative to these.
    """

    packed: PackedCandidates
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    error: NDArray[np.float64]
    quantity_of: NDArray[np.int64]
    fine_error: NDArray[np.float64]
    objective: NDArray[np.float64]
    rows: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    penalty: NDArray[np.float64]
    integer: NDArray[np.bool_]
    rule_names: RuleNames = field(default_factory=RuleNames)
    constant: float = 0.0

    @property
    def shard(self) -> Shard:
        """The packed candidates."""
        return self.packed.shard

    @property
    def rules(self) -> Rules:
        """The compiled customer rules."""
        return self.packed.rules

    @property
    def attributes(self) -> Attributes:
        """Each attribute as given, float32 or float64, shape (n_candidates,) each."""
        return self.packed.attributes

    @property
    def fine(self) -> NDArray[np.uint8]:
        """Where in its quantity's step an attribute lies, shape (n_attributes, n_candidates).

        It is low + step * (quantity - 1/2 + parts / 256), at most `fine_error` away. `parts` is `fine` for the first
        attribute of a quantity. For another one it is the first one's `fine` plus its own, less SAME_FINE. Shape
        (n_attributes, 0) where candidates are elsewhere, with their engine.
        """
        return self.packed.fine

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return self.packed.customers

    @property
    def candidates(self) -> int:
        """How many candidates there are."""
        return self.packed.candidates

    @property
    def rule_facts(self) -> RuleFacts:
        """What is known of customer rules without a look at customers."""
        return self.packed.rule_facts

    def kept_rules(self, names: Sequence[str]) -> Rules:
        """The customer rules of some names alone."""
        return self.packed.kept_rules(self.rule_names, names)

    @property
    def counts_alone(self) -> bool:
        """Whether the rows sum numbers of coupons alone, and no attribute."""
        return bool(self.rows.indices.max(initial=-1) < self.objective[0].size)

    def with_rules(self, rules: Rules) -> Problem:
        """The same problem under other customer rules."""
        packed = HeldCandidates(self.shard, rules, self.attributes, self.fine)
        return replace(self, packed=packed)

    @property
    def quantities(self) -> int:
        """How many quantities a candidate is packed with."""
        return int(self.quantity_of.max(initial=-1)) + 1

    def no_prices(self) -> NDArray[np.float32]:
        """Make a price table at which no coupon is worth anything, shape (1 + n_quantities, n_segments, n_items)."""
        return np.zeros((1 + self.quantities, *self.objective.shape[1:]), np.float32)

    def fines_of(self, attribute: int) -> list[int]:
        """The attributes whose `fine` add up to where in a quantity's step this one lies."""
        first = int((self.quantity_of == self.quantity_of[attribute]).argmax())
        return [first] if first == attribute else [first, attribute]

    @cached_property
    def columns(self) -> sp.csr_array:
        """Its transpose: what a unit of usage weighs in each row, by column of `rows`."""
        return self.rows.T.tocsr()

    @cached_property
    def column_sizes(self) -> sp.csr_array:
        """The sizes of these weights."""
        return abs(self.columns)

    @property
    def hard(self) -> NDArray[np.bool_]:
        """Rows that must hold, shape (n_rows,)."""
        return np.isinf(self.penalty)

    def cells(self, positions: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.int64]:
        """Cell, segment * n_items + item, of the candidates at some positions."""
        return candidate_cells(self.shard, self.objective.shape[2], positions)

    def customer_of(self, positions: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.int64]:
        """Number of the customer of the candidates at some positions."""
        return candidate_customers(self.shard.indptr, positions)

    def values_at(self, reduced: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each candidate is worth where usage is worth so much, shape (n_candidates,)."""
        cell, flat = self.cells(), reduced.reshape(len(reduced), -1)
        return np.asarray(flat[0, cell] + (flat[1:, cell] * self.exact).sum(axis=0))

    @property
    def exact(self) -> NDArray[np.float64]:
        """The attributes in float64, shape (n_attributes, n_candidates); not copied where they are that already."""
        if len(self.attributes) == 1:
            return self.attributes[0].astype(np.float64, copy=False).reshape(1, -1)
        together = np.asarray(self.attributes, float)
        return together.reshape(len(self.attributes), self.candidates)

    def usage(self, chosen: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        """Sum the attributes as given of some candidates, in their order.

        Parameters
        ----------
        chosen : ndarray of int64 or slice
            Positions of the candidates.

        Returns
        -------
        ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            Usage table.
        """
        shape = self.objective.shape
        cell = self.cells(chosen)
        size = shape[1] * shape[2]
        usage = np.empty((shape[0], size))
        usage[0] = np.bincount(cell, minlength=size)
        for c, attribute in enumerate(self.attributes):
            usage[1 + c] = np.bincount(cell, weights=attribute[chosen], minlength=size)
        return usage.reshape(shape)

    def usage_size(self, chosen: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        """Sum the attributes of some candidates by their sizes, so that nothing cancels.

        Parameters
        ----------
        chosen : ndarray of int64 or slice
            Positions of the candidates.

        Returns
        -------
        ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        """
        cell, cells = self.cells(chosen), self.objective[0].size
        sizes = [np.abs(attribute[chosen]) for attribute in self.attributes]
        parts = [np.bincount(cell, weights=size, minlength=cells) for size in (None, *sizes)]
        return np.array(parts, float).reshape(self.objective.shape)

    def largest_usage_size(self, coupons: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bound `usage_size` by how many coupons there are of each item, without a look at candidates.

        Parameters
        ----------
        coupons : ndarray of float64, shape (n_segments, n_items)

        Returns
        -------
        ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        """
        high = self.low + MAX_QUANTITY * self.step
        largest = np.maximum(np.abs(self.low), np.abs(high)) + self.error
        return np.concatenate([coupons[None], largest[:, None, :] * coupons])

    def activity_rounding(self, size: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bound what rounding may make of activities; sums of whole numbers are exact.

        Parameters
        ----------
        size : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            From `usage_size`.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        rounding = self.summation_rounding(size) * (abs(self.rows) @ size.ravel())
        return np.where(self.integer, 0.0, rounding)

    def objective_rounding(self, size: NDArray[np.float64]) -> float:
        """Bound what rounding may make of an objective, penalties included.

        Parameters
        ----------
        size : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            From `usage_size`.
        """
        soft = ~self.hard
        bounds = np.abs([self.lower[soft], self.upper[soft]])
        bounds = np.where(np.isfinite(bounds), bounds, 0.0).max(axis=0, initial=0.0)
        charged = dot_in_order(self.penalty[soft], abs(self.rows[soft]) @ size.ravel() + bounds)
        worth = float((np.abs(self.objective) * size).sum())
        return self.summation_rounding(size) * (worth + charged)

    def summation_rounding(self, size: NDArray[np.float64]) -> float:
        """Bound the relative error of sums over a usage table, each cell of which is summed one candidate at a time.

        Parameters
        ----------
        size : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            From `usage_size`.
        """
        widest = int(np.diff(self.rows.indptr).max(initial=0)) + size.size
        return float(size[0].max(initial=0.0) + widest + 8.0) * 2.0**-53

    def violation(self, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each row's activity is outside its bounds, shape (n_rows,)."""
        return np.maximum(0.0, np.maximum(self.lower - activity, activity - self.upper))

    def keeps_hard_rows(
        self, activity: NDArray[np.float64], chosen: Callable[[], NDArray[np.int64]]
    ) -> bool:
        """Tell whether an allocation keeps all hard rows, but for how sums are rounded.

        Parameters
        ----------
        activity : ndarray of float64, shape (n_rows,)
        chosen : callable
            Lists the positions of its candidates, whose sums these are; asked where a row is beyond its bounds.
        """
        violation = np.where(self.hard, self.violation(activity), 0.0)
        if not violation.any():
            return True
        positions = chosen()
        size = abs(self.rows) @ self.usage_size(positions).ravel()
        rounding = (len(positions) + 4.0) * 2.0**-53 * size
        return bool((violation <= np.where(self.integer, 0.0, rounding)).all())

    def penalties(self, activity: NDArray[np.float64]) -> float:
        """Objective lost to violated soft rows."""
        soft = ~self.hard
        return dot_in_order(self.violation(activity)[soft], self.penalty[soft])

"""Checks the certificate in result.json: objective, worst violation, bound and gap."""

from __future__ import annotations

import math
import sys

from .block import Addition, Block
from .claims import Claims
from .customer_rules.messages import CostOfMessages
from .inputs import Inputs
from .limit_sums.cell_sums import CellSums
from .recomputed_limits import RecomputedLimit
from .rounding import PACKED_ROUNDING, ROUNDING, Integers

LEAST_SIZE = 1e-300
"""What stands for a bound of 0 where a gap is divided by it."""


class ObjectiveSum:
    """Sums the objective of the coupons given, a block of customers at a time.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.

    Attributes
    ----------
    total, size : float
        Sum of the value column, and of its absolute values.
    packed : float
        What the total may be off if it is summed as packed.
    """

    def __init__(self, inputs: Inputs):
        self._value = inputs.data.value
        self._total, self._size = CellSums(len(inputs.cells)), CellSums(len(inputs.cells))
        self._coupons, self._low, self._high = 0, float("inf"), -float("inf")
        self._costs = [CostOfMessages(rule, inputs) for rule in inputs.data.rules if rule.cost]
        self._spent: list[float] = []

    @property
    def has_costs(self) -> bool:
        """Whether any rule says what messages cost."""
        return bool(self._costs)

    @property
    def message_costs(self) -> float:
        """What the messages cost."""
        return math.fsum(self._spent)

    @property
    def total(self) -> float:
        """Sum of the value column."""
        return math.fsum(self._total.finish())

    @property
    def size(self) -> float:
        """Sum of its absolute values."""
        return math.fsum(self._size.finish())

    @property
    def packed(self) -> float:
        """What the total may be off if it is summed as packed."""
        return self._coupons * max(0.0, self._high - self._low) * PACKED_ROUNDING

    def examine(self, block: Block, rows: Integers) -> Addition:
        """Look up what the coupons of a block are worth.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.

        Returns
        -------
        Addition
        """
        every = block.whole(self._value, "objective")
        low, high = float(every.min()), float(every.max())
        customer, cell = block.start + block.customer[rows], block.cell(rows)
        values, sizes = block.amounts(self._value, rows, "objective")
        spent = [cost.spent(block, rows) for cost in self._costs]

        def add() -> None:
            self._low, self._high = min(self._low, low), max(self._high, high)
            self._total.add(customer, cell, values)
            self._size.add(customer, cell, sizes)
            self._coupons += len(rows)
            for each in spent:
                self._spent.extend(each)

        return add


def check_certificate(
    objective: ObjectiveSum, limits: list[RecomputedLimit], claims: Claims
) -> None:
    """Compare result.json with the objective, violation, bound and gap of the allocated candidates.

    Parameters
    ----------
    objective : ObjectiveSum
        Of the whole allocation.
    limits : list of RecomputedLimit
    claims : Claims
        Receives what is true, and the problems found.
    """
    soft = [limit for limit in limits if limit.mode == "soft"]
    hard = [limit for limit in limits if limit.mode == "hard"]
    penalties = sum(limit.penalty * limit.violation for limit in soft)
    costs = objective.message_costs
    worth = objective.total - penalties - costs
    error = ROUNDING * (objective.size + penalties + costs)
    error += sum(limit.penalty * limit.tolerance for limit in soft)
    packed = objective.packed + sum(limit.penalty * limit.packed for limit in soft)
    claims.true["penalties"] = penalties
    if objective.has_costs:
        claims.check("message_costs", costs, ROUNDING * costs)
    below = claims.admitted("objective_error", error + 2 * packed)
    claims.check("objective", worth, error, below)
    violation = max((limit.violation for limit in hard), default=0.0)
    tolerance = max((limit.tolerance for limit in hard), default=0.0)
    claims.check("max_violation", violation, tolerance)
    if claims.is_result:
        _check_bound(worth, error, below, objective.size, claims)


def _check_bound(
    objective: float, error: float, below: float, objective_size: float, claims: Claims
) -> None:
    """Check bound and gap; the claimed objective may be lower than this one by `error` and `below`."""
    bound = claims.true["bound"]
    if bound is None:
        if claims.get("bound") is not None:
            claims.differs("result.json: bound", "a number", repr(claims.get("bound")))
        if claims.get("gap") is not None:
            claims.differs("result.json: gap", "null without a bound", claims.get("gap"))
        if claims.get("status") == "optimal":
            claims.note("result.json: status: optimal, but there is no bound")
        return
    if bound < objective - error:
        claims.note(f"result.json: bound {bound} is below the objective {objective}")
    size = abs(bound) or LEAST_SIZE
    gap = 0.0 if bound == 0 and abs(objective) <= error else (bound - objective) / size
    gap = min(gap, sys.float_info.max)
    claims.check("gap", gap, error / size + ROUNDING * abs(gap), above=below / size)
    proved = claims.true["bound_from_prices"]
    if proved is not None:
        claims.true["bound_is_proved"] = proved <= bound + ROUNDING * max(
            abs(bound), objective_size
        )

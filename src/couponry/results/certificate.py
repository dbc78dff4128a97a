"""The certificate of a result: objective, bound and gap by the user's own cost of soft limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..engines.cells import chosen_positions
from ..model.compiled_campaign import CompiledCampaign
from ..model.compiling.messages.exact_sums import exact_sum
from ..model.compiling.messages.message_costs import MessageCosts
from ..solver.assertions import are_on, summed_usage
from ..solver.plan import Plan
from ..solver.solve import Solution
from ..solver.solve_state import checked_bound, relative_gap
from ..utils.arrays.fixed_order import dot_in_order
from ..utils.errors import CertificateError

COSTS_ROUNDING = 2.0**-40
"""What sums of messages' costs may be off, as a share."""


@dataclass(frozen=True)
class Certificate:
    """What an allocation is worth, and how good that is; see `CampaignSolution`."""

    objective: float | None = None
    objective_error: float | None = None
    bound: float | None = None
    gap: float | None = None
    message_costs: float = 0.0


def certificate_of(
    compiled: CompiledCampaign,
    solution: Solution,
    spent_of: Callable[[Plan], float] | None = None,
) -> Certificate:
    """Compute objective, bound and gap of what the solver found.

    Parameters
    ----------
    compiled : CompiledCampaign
    solution : Solution
    spent_of : callable, optional
        Says what the messages of a plan cost, where its customers are elsewhere.

    Returns
    -------
    Certificate

    Raises
    ------
    CertificateError
        Where the objective is above the bound by more than rounding.
    """
    bound, plan = solution.bound if math.isfinite(solution.bound) else None, solution.plan
    if bound is not None and compiled.costs is not None:
        spare = COSTS_ROUNDING * (abs(bound) + compiled.costs.constant)
        bound += compiled.problem.constant + spare
    if plan is None:
        return Certificate(bound=bound)
    worth, off = compiled.limits.worth(plan.usage, plan.usage_error)
    if are_on():
        _assert_worth(compiled, plan, worth, off + _rounding(compiled, solution, plan))
    spent = message_costs(compiled, plan) if spent_of is None else spent_of(plan)
    objective, gap = worth - spent - off, None
    if bound is not None:
        if bound < objective:
            bound = checked_bound(bound, objective, _rounding(compiled, solution, plan))
        gap = relative_gap(bound, objective)
    return Certificate(objective, 2 * off, bound, gap, spent)


def message_costs(compiled: CompiledCampaign, plan: Plan) -> float:
    """Say what the messages of an allocation cost, in a pass over it where anything says that they do.

    Parameters
    ----------
    compiled : CompiledCampaign
    plan : Plan

    Returns
    -------
    float
    """
    costs = compiled.costs
    if costs is None:
        return 0.0
    return float(spent_on(costs, plan.blocks()))


def spent_on(costs: MessageCosts, blocks: Iterable[tuple[int, int, NDArray[np.uint8]]]) -> Fraction:
    """Say what the messages of units cost.

    Parameters
    ----------
    costs : MessageCosts
    blocks : iterable of (int, int, ndarray of uint8)
        Of a plan: units in a row, and which of their candidates and refunds are chosen.

    Returns
    -------
    Fraction
    """
    total = Fraction(0)
    for start, stop, chosen in blocks:
        given = costs.messages(costs.given(start, chosen), start, stop)
        for rule, messages in zip(costs.rules, given, strict=True):
            total += exact_sum(rule.spent(messages, slice(start, stop)))
    return total


def _assert_worth(compiled: CompiledCampaign, plan: Plan, worth: float, rounding: float) -> None:
    """Derive once more, limit by limit from the coupons' own numbers, what an allocation summed as given is worth."""
    if plan.usage_error.any():
        return
    if len(compiled.item) != compiled.problem.candidates:  # customers whom this process never saw
        return
    choice, limits = plan.whole_choice(), compiled.limits
    chosen = chosen_positions(choice)
    flat = summed_usage(compiled.problem, chosen).ravel()
    value = compiled.campaign.value
    values = compiled.coupon_values([value], compiled.given(0, choice)).get(value)
    derived = np.longdouble(0.0 if values is None else values.astype(np.longdouble).sum())
    for m, measure in enumerate(limits.measures):
        if measure.mode != "soft":
            continue
        above, below = (
            (matrix.data * flat[matrix.indices]).sum()
            for matrix in (limits.numerator[[m]], limits.denominator[[m]])
        )
        if limits.is_ratio[m] and below == 0:
            continue
        achieved = above / below if limits.is_ratio[m] else above
        low = -math.inf if measure.min is None else measure.min
        high = math.inf if measure.max is None else measure.max
        derived -= measure.penalty * max(0.0, low - achieved, achieved - high)
    if not abs(derived - worth) <= rounding:
        raise CertificateError(f"an objective of {worth!r} comes to {derived!r} once more")


def _rounding(compiled: CompiledCampaign, solution: Solution, plan: Plan) -> float:
    """What rounding may make of objective and bound."""
    problem, limits = compiled.problem, compiled.limits
    size = problem.largest_usage_size(plan.usage[0])
    summed = np.maximum(abs(limits.numerator) @ size.ravel(), 0.0)
    below = np.where(limits.is_ratio, limits.denominator @ plan.usage.ravel(), 1.0)
    achieved = np.divide(summed, below, out=np.zeros(len(summed)), where=below > 0)
    measures = limits.measures
    bounds = np.fmax(np.abs(np.nan_to_num(measures.low)), np.abs(np.nan_to_num(measures.high)))
    lost = measures.penalty * (2 * achieved + bounds)
    charged = float(lost[measures.of_mode("soft")].sum())
    worth = float((np.abs(limits.objective) * size).sum())
    # limits are kept but for rounding, and the prices say what that is worth
    kept = dot_in_order(np.abs(solution.prices), problem.activity_rounding(size))
    return float(problem.summation_rounding(size) * (worth + charged) + kept)

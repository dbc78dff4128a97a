"""What a result comes to, in one sentence and a few figures."""

from __future__ import annotations

from typing import NamedTuple

from ..results.missed_limits import penalties
from ..results.solution import CampaignSolution
from .chart import Number, number
from .limit_charts import UNITS, limit_name
from .numbers import NONE, PERCENT, amount, counted, percent_at_most

NAMED = 3
"""Limits that cannot hold which are named; the others are counted."""

LEAST_SHARE = 1e-9
"""Share of the objective below which what another allocation might gain is rounding."""


class Figure(NamedTuple):
    """A figure of the head of a report: what it is called, the number, and a word more."""

    name: str
    number: Number
    small: str = ""


def verdict(result: CampaignSolution, cost: float | None) -> str:
    """Say what a result comes to.

    Parameters
    ----------
    result : CampaignSolution
    cost : float or None
        Of all coupons; None where coupons have none.

    Returns
    -------
    str
        One sentence.
    """
    if result.objective is None:
        return _without_allocation(result)
    coupons, reached = counted(result.allocated, "coupon"), result.customers_with_coupons
    whom = counted(result.customers, "customer")
    whom = whom if reached == result.customers else f"{reached:,} of {whom}"
    costing = "" if cost is None else f", at a cost of {amount(cost)}"
    return f"{coupons} for {whom} {brings(result)}{costing}; {gap_in_words(result)}."


def _without_allocation(result: CampaignSolution) -> str:
    """What is said of a result without an allocation."""
    if result.infeasible is None:
        return f"No allocation was found: {result.message}."
    limits = result.infeasible["limits"]
    names = [limit_name({"name": each["limit"], "group": each["group"]}) for each in limits]
    left = len(names) - NAMED
    said = [*names[:NAMED], *([counted(left, "limit") + " more"] if left > 0 else [])]
    whom = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"Not all that was asked can be had: {whom} cannot hold{' together' * (len(said) > 1)}."


def brings(result: CampaignSolution) -> str:
    """Say what the coupons come to, by the column whose sum is maximised.

    Parameters
    ----------
    result : CampaignSolution

    Returns
    -------
    str
        With its verb.
    """
    objective, column = amount(result.objective), result.campaign.value
    if column == "response":
        return f"bring {objective} expected redemptions"
    return f"are worth {objective}" + ("" if column == "value" else f" of {column}")


def gap_in_words(result: CampaignSolution) -> str:
    """Say how much more another allocation could be worth at most.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.

    Returns
    -------
    str
    """
    if result.bound is None or result.objective is None:
        return "how much more is possible was not found out"
    more = result.bound - result.objective
    if more <= LEAST_SHARE * abs(result.objective) or more <= 0:
        return "no other allocation can be worth more"
    if result.objective <= 0:
        return f"no other allocation can be worth more than {amount(more)} more"
    share = percent_at_most(more / result.objective)
    return f"no other allocation can be worth more than {share} more"


def figures(result: CampaignSolution, cost: float | None) -> list[Figure]:
    """Return the figures of the head.

    Parameters
    ----------
    result : CampaignSolution
    cost : float or None
        Of all coupons.

    Returns
    -------
    list of Figure
    """
    if result.objective is None:
        return []
    reached = result.customers_with_coupons
    share = f"{100 * reached / result.customers:.1f}{PERCENT}" if result.customers else NONE
    gap = result.gap
    gap_text = NONE if gap is None else percent_at_most(gap) if gap > LEAST_SHARE else f"0{PERCENT}"
    return [
        Figure(
            UNITS.get(result.campaign.value, result.campaign.value),
            number(result.objective),
            "objective",
        ),
        *([] if cost is None else [Figure("cost", number(cost))]),
        Figure("coupons", number(result.allocated)),
        Figure("customers reached", number(reached), f"{share} of {result.customers:,}"),
        Figure("gap", Number(gap, gap_text), "certified"),
        *_taken_off(result),
        *_beside(result),
    ]


def _taken_off(result: CampaignSolution) -> list[Figure]:
    """Figures of what the objective is less than the coupons' sum, where it is."""
    taken = {
        "messages cost": (result.message_costs, "taken off the objective"),
        "penalties": (
            penalties(result.limits, result.campaign.limits),
            "of soft limits not kept, taken off the objective",
        ),
    }
    return [Figure(name, number(value), small) for name, (value, small) in taken.items() if value]


def _beside(result: CampaignSolution) -> list[Figure]:
    """Figures of what stays of the plan before, and of what comes next where a coupon falls out."""
    found = []
    if result.previous is not None:
        small = f"of {counted(result.previous['pairs'], 'coupon')} of the plan before"
        found.append(Figure("coupons that stay", number(result.previous["stayed"]), small))
    if result.backups is not None:
        small = f"for {counted(result.backups.customers, 'customer')}, counted in no limit"
        found.append(Figure("backups", number(len(result.backups)), small))
    return found

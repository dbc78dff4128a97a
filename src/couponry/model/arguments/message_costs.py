"""What messages cost, as a customer rule says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...utils.checks import is_number, is_text, shown
from ...utils.errors import InvalidInput

MOST_MESSAGES = 64
"""Costs of a rule, at most: each of them is a candidate more of every unit."""

LARGEST_COST = 1e30
"""Of a message."""

WHY_NOT_LESS = (
    "messages that grow cheaper may pay together alone, and the best ones are not found one by one"
)
"""Why costs must not fall."""


def check_costs(costs: Any, label: str) -> None:
    """Refuse costs of messages that make no sense.

    Parameters
    ----------
    costs : sequence of float or of str
        Of a customer's first message, the second, and so on; or columns of customers.
    label : str
        What messages call them.

    Raises
    ------
    InvalidInput
    """
    if isinstance(costs, (str, Mapping)) or not isinstance(costs, Sequence) or not len(costs):
        raise InvalidInput(
            f"{label}: expected a list of numbers or of columns of customers, got {shown(costs)}"
        )
    if len(costs) > MOST_MESSAGES:
        raise InvalidInput(f"{label}: expected at most {MOST_MESSAGES} costs, got {len(costs):,}")
    if all(is_text(cost) for cost in costs):
        return
    before = 0.0
    for number, cost in enumerate(costs, 1):
        if not is_number(cost) or not 0 <= cost <= LARGEST_COST:
            raise InvalidInput(
                f"{label} {number}: expected a number from 0 to {LARGEST_COST:g}, as the others, or columns for all "
                f"of them, got {shown(cost)}"
            )
        if cost < before:
            raise InvalidInput(
                f"{label} {number}: {cost} is below {before}, that of the one before: {WHY_NOT_LESS}"
            )
        before = float(cost)

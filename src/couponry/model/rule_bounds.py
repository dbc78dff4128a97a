"""Bounds of customer rules that contradict each other for a customer: refused alike wherever rules are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..solver.rule_names import largest_lower_bound, smallest_upper_bound
from ..utils.errors import InvalidInput
from .customers import Customers
from .rules import CustomerRule

NamedBounds = list[tuple[str, NDArray[np.int32]]]
"""Bounds on units' numbers of coupons, shape (n_units or 1,) each, and the rules that they are of."""


def refuse_contradictions(rules: Sequence[CustomerRule], customers: Customers) -> None:
    """Refuse rules whose bounds contradict each other for a customer.

    Parameters
    ----------
    rules : sequence of CustomerRule
    customers : Customers

    Raises
    ------
    InvalidInput
    """
    lowers: NamedBounds = []
    uppers: NamedBounds = []
    for rule in rules:
        if rule.conflicts is not None or rule.cost is not None:
            continue
        least, most = customers.bounds_of(rule)
        if rule.is_about_all:
            lowers.extend([(rule.name, least)] if rule.min is not None else [])
            uppers.extend([(rule.name, most)] if rule.max is not None else [])
        else:
            refuse_min_above_max(rule, least, most, customers)
    refuse_above_all(lowers, uppers, customers)


def refuse_min_above_max(
    rule: CustomerRule, least: NDArray[np.int32], most: NDArray[np.int32], customers: Customers
) -> None:
    """Refuse a rule about part of the offers whose `min` is above its `max` for a customer.

    Parameters
    ----------
    rule : CustomerRule
    least, most : ndarray of int32, shape (n_units or 1,)
        Of `Customers.bounds_of`.
    customers : Customers

    Raises
    ------
    InvalidInput
    """
    contradiction = _first_above(least, most, customers.naming(rule))
    if contradiction is not None:
        low, high, who = contradiction
        raise InvalidInput(f"{rule.label}: min {low} is above max {high}{who}")


def refuse_above_all(lowers: NamedBounds, uppers: NamedBounds, customers: Customers) -> None:
    """Refuse rules about all coupons where the largest `min` is above the smallest `max` for a customer.

    Parameters
    ----------
    lowers, uppers : list of (str, ndarray of int32)
        Of each rule that has one.
    customers : Customers

    Raises
    ------
    InvalidInput
    """
    lower = largest_lower_bound([bound for _, bound in lowers])
    upper = smallest_upper_bound([bound for _, bound in uppers])
    contradiction = _first_above(lower, upper, customers.naming())
    if contradiction is not None:
        low, high, who = contradiction
        raise InvalidInput(
            f"customer_rule {lowers[-1][0]!r}: min {low} is above max {high} of customer_rule {uppers[-1][0]!r}{who}"
        )


def _first_above(
    lower: NDArray[np.int32], upper: NDArray[np.int32], name: Callable[[int], str]
) -> tuple[int, int, str] | None:
    """Both bounds of the first customer whose lower bound is above the upper one, and who it is if that matters."""
    above = np.broadcast_to(lower > upper, max(len(lower), len(upper)))
    if not above.any():
        return None
    i = int(above.argmax())
    who = f" for {name(i)}" if len(above) > 1 else ""
    return int(lower[i % len(lower)]), int(upper[i % len(upper)]), who

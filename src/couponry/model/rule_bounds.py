"""Bounds of customer rules that contradict each other for a customer: refused alike wherever rules are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..data import tables
from ..solver.rule_names import largest_lower_bound, smallest_upper_bound
from ..utils.errors import InvalidInput
from .customers import Customers, check_column
from .rules import CustomerRule

Bound = NDArray[np.int32] | NDArray[np.float64]
"""A bound by customer, or the same for all: of a number of coupons, or of a sum."""

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
        if not rule.has_bounds or rule.cost is not None:
            continue
        if rule.sum is not None:
            refuse_min_above_max(rule, *sums_of(customers, rule), customers)
            continue
        least, most = customers.bounds_of(rule)
        if rule.is_about_all:
            lowers.extend([(rule.name, least)] if rule.min is not None else [])
            uppers.extend([(rule.name, most)] if rule.max is not None else [])
        else:
            refuse_min_above_max(rule, least, most, customers)
    refuse_above_all(lowers, uppers, customers)


def refuse_min_above_max(
    rule: CustomerRule, least: Bound, most: Bound, customers: Customers
) -> None:
    """Refuse a rule about part of the offers, or about a sum, whose `min` is above its `max` for a customer.

    Parameters
    ----------
    rule : CustomerRule
    least, most : ndarray of int32 or float64, shape (n_units or 1,)
        Of `Customers.bounds_of`, or `sums_of`.
    customers : Customers

    Raises
    ------
    InvalidInput
    """
    contradiction = _first_above(least, most, customers.naming(rule))
    if contradiction is not None:
        low, high, who, _ = contradiction
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
        low, high, who, i = contradiction
        one, other = _rule_of(lowers, i, low), _rule_of(uppers, i, high)
        raise InvalidInput(
            f"customer_rule {one!r}: min {low} is above max {high} of customer_rule {other!r}{who}"
        )


def _rule_of(bounds: NamedBounds, i: int, bound: float) -> str:
    """The first rule that has a bound for a customer."""
    return next(name for name, each in bounds if each[i % len(each)] == bound)


def _first_above(
    lower: Bound, upper: Bound, name: Callable[[int], str]
) -> tuple[float, float, str, int] | None:
    """Both bounds of the first customer whose lower bound is above the upper one, who it is if that matters, number."""
    above = np.broadcast_to(lower > upper, max(len(lower), len(upper)))
    if not above.any():
        return None
    i = int(above.argmax())
    who = f" for {name(i)}" if len(above) > 1 else ""
    return lower[i % len(lower)].item(), upper[i % len(upper)].item(), who, i


def sums_of(
    customers: Customers, rule: CustomerRule
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Look up a rule's bounds of a sum for each unit: infinite ones for those that it is not about.

    Parameters
    ----------
    customers : Customers
    rule : CustomerRule
        With a `sum`.

    Returns
    -------
    least, most : ndarray of float64, shape (n_units,), or (1,) where they are the same for all
        For each customer where the rule holds for each.

    Raises
    ------
    InvalidInput
        Also where the customers of a unit differ in what the rule asks of all of them together.
    """
    least = _sum(customers, rule.min, -np.inf, rule.label)
    most = _sum(customers, rule.max, np.inf, rule.label)
    least = customers.for_rule(least, rule, f"min {rule.min!r}")
    most = customers.for_rule(most, rule, f"max {rule.max!r}")
    if rule.customers:
        inside = customers.scope_of(rule)
        least, most = np.where(inside, least, -np.inf), np.where(inside, most, np.inf)
    return least, most


def _sum(
    customers: Customers, bound: float | str | None, default: float, by_whom: str
) -> NDArray[np.float64]:
    """A bound of a sum for each customer, or the same for all."""
    if not isinstance(bound, str):
        return np.array([default if bound is None else float(bound)])
    rows = customers.rows(by_whom)
    check_column(customers.table, bound, by_whom)
    return tables.numbers(customers.table, "customers", bound)[rows]

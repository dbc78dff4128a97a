"""Explains one customer of a result of this session.

Only the one customer's candidates are looked at, however many customers there are.
"""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import kernels
from ..data import tables
from ..engines.local import LocalEngine
from ..results.beside.listed_backups import backups_of_customer
from ..results.solution import CampaignSolution
from ..solver.plan import Plan
from ..utils.checks import is_whole, shown
from ..utils.errors import InvalidInput
from .customer_subproblem import CustomerSubproblem
from .decisions import Explanation
from .reasons import Reasons

NO_ALLOCATION = "explain: expected a result with an allocation"


def explain_result(result: CampaignSolution, customer: Any) -> Explanation:
    """Explain why a customer got its coupons and not others.

    Parameters
    ----------
    result : CampaignSolution
    customer : int or str
        Id of the customer.

    Returns
    -------
    Explanation

    Raises
    ------
    InvalidInput
        If the customer has no candidates, or the result no allocation.
    """
    if isinstance(customer, uuid.UUID):
        customer = str(customer)  # as tables of UUIDs are read
    _plan_of(result)
    return explain_numbered(
        result, number_of_customer(result.campaign.candidates.customers, customer)
    )


def explain_numbered(result: CampaignSolution, number: int) -> Explanation:
    """Explain why a customer got its coupons and not others.

    Parameters
    ----------
    result : CampaignSolution
    number : int
        Of the customer, among those who have candidates.

    Returns
    -------
    Explanation

    Raises
    ------
    InvalidInput
        If the result has no allocation.
    """
    plan, backend = _plan_of(result), kernels.load(result.backend)
    units = result.campaign.units
    unit = number if units is None else int(units.of_customer[number])
    subproblem = CustomerSubproblem.at_prices(
        result.compiled.problem, unit, result.prices, backend, result.seed
    )
    allocated = _allocated(result, plan, unit)
    listed = backups_of_customer(
        result.compiled, result.prices, unit, allocated, backend, result.seed
    )
    reasons = Reasons(
        result.campaign,
        result.campaign.candidates.customers[number].as_py(),
        subproblem,
        result.compiled.limits,
        allocated,
        plan.activity,
        backups=listed,
    )
    return reasons.explanation(unit)


def _plan_of(result: CampaignSolution) -> Plan:
    """The plan of a result, which is refused without one."""
    if result.plan is None:
        raise InvalidInput(f"{NO_ALLOCATION}, got one that is {result.status}")
    return result.plan


def _allocated(result: CampaignSolution, plan: Plan, number: int) -> NDArray[np.bool_]:
    """Which of a customer's or unit's candidates a plan allocates."""
    problem = result.compiled.problem
    at = int(np.searchsorted(plan.free, number))
    if at < len(plan.free) and plan.free[at] == number:
        before = plan.free[:at]
        first, last = problem.shard.indptr[[number, number + 1]]
        start = int((problem.shard.indptr[before + 1] - problem.shard.indptr[before]).sum())
        chosen = plan.free_choice[start : start + int(last - first)]
    else:
        backend = kernels.load(result.backend)
        shard, rules = plan.engine.of_customers(np.array([number]))
        engine = LocalEngine(shard._replace(first=number), rules, backend, 1, result.seed)
        chosen, _ = engine.choose(plan.price)
    return chosen.astype(bool)


def number_of_customer(customers: pa.Array, customer: Any) -> int:
    """Find the number of a customer by its id.

    Parameters
    ----------
    customers : pyarrow.Array
        Ids of those who have candidates.
    customer : object
        What was asked for.

    Returns
    -------
    int

    Raises
    ------
    InvalidInput
        If it has no candidates.
    """
    expected = tables.kind_of_ids(customers)
    if not (is_whole(customer) if expected == "integers" else isinstance(customer, str)):
        raise InvalidInput(
            f"explain: customer: expected one of {expected}, as in table candidates, got {shown(customer)}"
        )
    try:
        wanted = pa.array([customer], customers.type)
    except (OverflowError, UnicodeEncodeError):  # no table holds such an id
        raise without_candidates(customer) from None
    number = int(tables.positions(wanted, customers)[0])
    if number < 0:
        raise without_candidates(customer)
    return number


def without_candidates(customer: Any) -> InvalidInput:
    """Say that a customer is not among those who have candidates.

    Parameters
    ----------
    customer : object
        What was asked for.

    Returns
    -------
    InvalidInput
    """
    return InvalidInput(f"explain: customer {shown(customer)} has no candidates")

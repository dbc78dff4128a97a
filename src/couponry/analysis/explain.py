"""Why one customer got these coupons and not others, from a result of this session.

Only the one customer's candidates are looked at, however many customers there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..data import tables
from ..engines.local import LocalEngine
from ..engines.subset import customers_of
from ..results.solution import CampaignSolution
from ..utils.errors import InvalidInput
from .customer_subproblem import Portfolio
from .decisions import Explanation
from .reasons import Reasons

NO_ALLOCATION = "explain: expected a result with an allocation"


def explain_result(result: CampaignSolution, customer: Any) -> Explanation:
    """See `couponry.Result.explain`."""
    if result.plan is None:
        raise InvalidInput(f"{NO_ALLOCATION}, got one that is {result.status}")
    campaign, plan, problem = result.campaign, result.plan, result.compiled.problem
    number = _number(campaign.candidates.customers, customer)
    backend = kernels.load(result.backend)
    at = int(np.searchsorted(plan.movers, number))
    first, last = problem.shard.indptr[[number, number + 1]]
    if at < len(plan.movers) and plan.movers[at] == number:
        movers = plan.movers[:at]
        start = int((problem.shard.indptr[movers + 1] - problem.shard.indptr[movers]).sum())
        given = plan.chosen[start : start + int(last - first)]
    else:
        shard, rules = customers_of(plan.engine.shard, problem.rules, np.array([number]))
        engine = LocalEngine(shard._replace(first=number), rules, backend, 1, result.seed)
        given, _ = engine.choose(plan.price)
    portfolio = Portfolio.of(problem, number, result.prices, backend, result.seed)
    return Reasons(
        campaign, customer, portfolio, result.compiled.limits, given.astype(bool), plan.activity
    ).explanation(number)


def _number(customers: pa.Array, customer: Any) -> int:
    """Number of a customer by its id; refused where it has no candidates."""
    expected = tables.kind_of_ids(customers)
    whole = isinstance(customer, (int, np.integer)) and not isinstance(customer, bool)
    if not (whole if expected == "integers" else isinstance(customer, str)):
        raise InvalidInput(
            f"explain: customer: expected one of {expected}, as in table candidates, got {customer!r}"
        )
    wanted = tables.ids(pa.table({"customer": [customer]}), "candidates", "customer")
    number = int(tables.positions(wanted, customers)[0])
    if number < 0:
        raise InvalidInput(f"explain: customer {customer!r} has no candidates")
    return number

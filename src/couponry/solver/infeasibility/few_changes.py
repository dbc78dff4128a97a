"""The campaign in which few bounds give way: those that a proof says are the cheapest, while all others are kept.

What a coupon is worth counts beside the changes, though little. Without it all allocations are tied, and hardly any is
found that keeps thousands of limits; with it this is a campaign like others, and solved in their time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..dual.lagrangian import Lagrangian
from ..dual.price_space import PriceSpace
from ..dual.stretched_prices import stretched
from ..options import RelaxationOptions
from ..problem import Problem
from .elastic_problem import ElasticProblem, RelaxationRequest


@dataclass(frozen=True)
class FewChanges:
    """A campaign some of whose hard limits are soft.

    Attributes
    ----------
    problem : Problem
        With the bounds soft that give way.
    all_soft : Problem
        With all bounds soft, for where the others cannot hold: a change of any by the same share costs the same.
    gap : float
        Relative gap at which the changes are about as small as they can be.
    """

    problem: Problem
    all_soft: Problem
    gap: float


def few_give_way(
    request: RelaxationRequest, elastic: ElasticProblem, options: RelaxationOptions
) -> FewChanges | None:
    """Make limits soft whose price in the proof is as high as changes of the bound are worth.

    Parameters
    ----------
    request : RelaxationRequest
    elastic : ElasticProblem
    options : RelaxationOptions

    Returns
    -------
    FewChanges or None
        None without a proof by prices, or with ratios, whose changes are no linear costs.
    """
    problem, start = request.problem, elastic.start(request.proof)
    worth = Lagrangian(problem, request.engine).bound(np.zeros(len(problem.lower)))
    if start is None or elastic.is_ratio.any() or worth <= 0.0:
        return None
    changed = elastic.problem()
    dual = Lagrangian(changed, request.engine)
    space = PriceSpace.for_problem(changed, np.ones(len(changed.lower)))
    prices = stretched(dual, space, start.prices)
    least = max(0.0, -dual.bound(prices)) / elastic.factor
    gives_way = np.abs(prices) >= options.giving_share * changed.penalty
    if least <= 0.0 or not gives_way.any():
        return None
    unit = np.full(len(problem.lower), np.inf)
    np.minimum.at(unit, elastic.row, elastic.unit)
    soft = np.zeros(len(problem.lower), bool)
    soft[elastic.row[gives_way]] = True
    typical = worth / max(1, problem.candidates)
    factor = options.change_worths * typical * float((request.scales.per_coupon * unit)[soft].max())
    penalty = factor / unit
    gap = options.few_changes_share * factor * least / worth
    return FewChanges(
        replace(problem, penalty=np.where(soft, penalty, problem.penalty)),
        replace(problem, penalty=np.where(problem.hard, penalty, problem.penalty)),
        float(np.clip(gap, options.least_few_changes_gap, options.gap_of_many)),
    )

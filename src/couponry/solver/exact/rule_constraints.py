"""Every customer's rules as explicit cardinality constraints, those of laminar groups included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..cardinality_constraints import CardinalityConstraints
from ..problem import Problem
from ..row_tables.customer_rows import CustomerRowTable


def constraints_of_everybody(problem: Problem) -> CardinalityConstraints:
    """List the cardinality constraints of customers who have any, and the other customers' groups that can bind.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    CardinalityConstraints
        Bounds on the number of coupons of a customer are not among them.
    """
    explicit = CardinalityConstraints.of(problem.shard, problem.rules)
    customer = problem.customer_of()
    is_grouped = np.ones(problem.customers, bool)
    is_grouped[explicit.customer] = False
    is_grouped[CustomerRowTable.of(problem.rules, problem.shard.indptr).customer] = False
    parts = [explicit]
    for rule in range(len(problem.rules.group)):
        parts.append(_groups_that_bind(problem, rule, customer, is_grouped))
    before = np.cumsum([0] + [len(part.customer) for part in parts])
    return CardinalityConstraints(
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.cap for part in parts]),
        np.concatenate([part.least for part in parts]),
        np.concatenate([part.mandatory for part in parts]),
        np.concatenate(
            [part.member_of + first for part, first in zip(parts, before, strict=False)]
        ),
        np.concatenate([part.member for part in parts]),
    )


def _groups_that_bind(
    problem: Problem, rule: int, customer: NDArray[np.int64], is_grouped: NDArray[np.bool_]
) -> CardinalityConstraints:
    """One rule's groups of which a customer has more candidates than it may be given."""
    rules = problem.rules
    of_candidate = rules.group[rule][problem.shard.item].astype(np.int64)
    inside = np.flatnonzero((of_candidate >= 0) & is_grouped[customer])
    key = customer[inside] * rules.groups + of_candidate[inside]
    cell, row, size = np.unique(key, return_inverse=True, return_counts=True)
    owner = cell // rules.groups
    cap = np.broadcast_to(rules.cap[rule], problem.customers)[owner]
    binds = size > cap
    number = np.cumsum(binds) - 1
    kept = binds[row]
    nothing = np.zeros(int(binds.sum()), np.int64)
    return CardinalityConstraints(
        owner[binds],
        cap[binds].astype(np.int64),
        nothing,
        nothing.astype(bool),
        number[row[kept]],
        inside[kept],
    )

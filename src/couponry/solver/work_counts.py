"""What things take, in candidates that a plain pass sees in that time, about."""

from __future__ import annotations

from .options import WorkOptions
from .packed import RuleFacts
from .problem import Problem


def pass_work(rules: RuleFacts, candidates: int, options: WorkOptions) -> float:
    """Count a pass under some customer rules."""
    weight = options.in_groups if rules.groups else 1.0
    weight = options.in_constraints if rules.has_constraints else weight
    return options.a_pass + weight * candidates


def compiling_work(problem: Problem, options: WorkOptions) -> float:
    """Count what a solve takes beside its passes, and before them."""
    rows = options.a_row * len(problem.lower)
    return options.solve + rows + options.packing * problem.candidates


def cutting_planes_work(problem: Problem, prices: int, planes: int, options: WorkOptions) -> float:
    """Count a linear programme over so many cutting planes, and the planes that it had last."""
    coefficients = options.programme + options.coefficient * prices * planes
    return coefficients + options.planes * problem.candidates


def programme_work(problem: Problem, options: WorkOptions) -> float:
    """Count a programme over all candidates."""
    rows = min(float(len(problem.lower)), 1.0 + problem.rows.nnz / problem.objective[0].size)
    return float(options.programme + options.coefficient * problem.candidates * rows)

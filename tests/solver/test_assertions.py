"""Assertions find what is wrong with a certificate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.campaigns import random_tables
from tests.support.compiled import compiled

from couponry import Campaign, CustomerRule, Limit
from couponry.solver.assertions import are_on, assert_allocation, assert_dual
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.primal.exact_dual import exact_dual
from couponry.solver.primal.repair import MeasuredChoice, Repair
from couponry.solver.problem import Problem
from couponry.solver.solve_state import checked_bound
from couponry.utils.errors import CertificateError

PRICES = np.array([0.3, 0.7, -0.2])


@pytest.fixture(scope="module", params=[False, True])
def parts(request: pytest.FixtureRequest) -> tuple[Problem, Lagrangian, Repair]:
    """A campaign whose rules are laminar, or also a conflict of minimums."""
    tables = random_tables(customers=40)
    rules = [CustomerRule("slots", max=3), CustomerRule("products", by="product", max=1)]
    if request.param:
        rules.append(CustomerRule("a brand", where={"brand": ["A"]}, min=1))
    limits = [
        Limit("count", where={"brand": ["A"]}, max=45),
        Limit("weight", sum="weight", max=60.0),
        Limit("wish", where={"brand": ["B"]}, min=50, mode="soft", penalty=0.4),
    ]
    campaign = Campaign(tables["offers"], tables["candidates"], rules=rules, limits=limits)
    problem, engine, repair = compiled(campaign)
    return problem, Lagrangian(problem, engine), repair


def measured(parts: tuple[Problem, Lagrangian, Repair]) -> MeasuredChoice:
    _, lagrangian, repair = parts
    chosen, _ = lagrangian.choose(PRICES)
    return repair.repair_and_fill(chosen, lagrangian.reduced(PRICES), lambda: None)


def test_they_are_on_in_tests() -> None:
    assert are_on()


def test_what_holds_is_left_alone(parts: tuple[Problem, Lagrangian, Repair]) -> None:
    problem, lagrangian, repair = parts
    assert_allocation(problem, measured(parts))
    chosen, _ = lagrangian.choose(PRICES)
    exact = exact_dual(repair, lagrangian, chosen, PRICES).bound
    certified = lagrangian.bound(PRICES)
    assert exact <= certified
    for bound in (exact, certified):
        assert_dual(problem, PRICES, bound)


def test_wrong_numbers_are_found(parts: tuple[Problem, Lagrangian, Repair]) -> None:
    problem, found = parts[0], measured(parts)
    assert found.feasible
    for wrong in (
        replace(found, objective=found.objective * (1 + 1e-12)),
        replace(found, activity=found.activity + np.array([0.0, 1e-10, 0.0])),
    ):
        with pytest.raises(CertificateError, match="differs from"):
            assert_allocation(problem, wrong)


def test_broken_limits_and_rules_are_found(parts: tuple[Problem, Lagrangian, Repair]) -> None:
    problem, _, repair = parts
    everything = repair.measure(np.ones(problem.candidates, np.uint8))
    assert not everything.feasible
    with pytest.raises(CertificateError, match="rules allow"):
        assert_allocation(problem, everything)
    with pytest.raises(CertificateError, match="violates a hard limit"):
        assert_allocation(problem, replace(everything, feasible=True))


def test_a_bound_below_the_dual_value_is_found(parts: tuple[Problem, Lagrangian, Repair]) -> None:
    problem, lagrangian, repair = parts
    chosen, _ = lagrangian.choose(PRICES)
    bound = exact_dual(repair, lagrangian, chosen, PRICES).bound
    with pytest.raises(CertificateError, match="dual value"):
        assert_dual(problem, PRICES, bound * (1 - 1e-11))


def test_a_bound_below_an_objective_is_never_a_result() -> None:
    assert checked_bound(2.0, 1.0, 0.0) == 2.0
    assert checked_bound(1.0, 1.0 + 1e-15, 1e-14) == 1.0 + 1e-15
    with pytest.raises(CertificateError, match="please report it"):
        checked_bound(1.0, 1.0 + 1e-13, 1e-14)
    with pytest.raises(CertificateError):
        checked_bound(float("nan"), 1.0, 1e-14)

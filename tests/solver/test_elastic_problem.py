"""The elastic problem: the most that ratios' denominators can be, and what their changes are measured as."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine
from couponry.solver.dual.scaling import Scales
from couponry.solver.infeasibility import elastic_problem
from couponry.solver.infeasibility.elastic_problem import ElasticProblem, RelaxationRequest
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.primal.repair import MeasuredChoice, Repair
from couponry.solver.problem import Problem
from couponry.utils.clock import Clock

CUSTOMERS, OFFERS = 300, 40


def request() -> RelaxationRequest:
    """Returns by brand, of which one is much larger than the others, with a minimum and a maximum each."""
    rng = np.random.default_rng(5)
    brand = np.where(np.arange(OFFERS) < 20, 0, np.arange(OFFERS) - 19)
    pairs = {
        "customer": np.repeat(np.arange(CUSTOMERS), 8),
        "offer": np.argsort(rng.random((CUSTOMERS, OFFERS)), axis=1)[:, :8].ravel(),
        "value": rng.gamma(2.0, 1.0, 8 * CUSTOMERS),
        "cost": rng.uniform(0.0, 1.5, 8 * CUSTOMERS),
    }
    limits = [Limit("return", by="brand", ratio=("value", "cost"), min=3.0, max=4.0)]
    campaign = Campaign(
        pa.table({"offer": np.arange(OFFERS), "brand": brand}),
        pa.table(pairs),
        rules=[CustomerRule("slots", max=2)],
        limits=limits,
    )
    backend = kernels.load(None)
    compiled = campaign.compile(backend)
    problem, found = compiled.problem, compiled.limits
    engine = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
    measure = found.measure_of_row
    return RelaxationRequest(
        problem,
        engine,
        Scales.measure(problem, engine),
        np.stack([problem.lower, problem.upper], axis=1),
        np.ones((len(measure), 2)),
        found.is_ratio[measure],
        found.denominator[measure],
        np.zeros(len(measure)),
    )


def test_the_most_of_many_denominators(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request()
    most, passes = [], []
    for at_most in (0, 8, 1_000):
        monkeypatch.setattr(elastic_problem, "MOST_PASSES", at_most)
        before = asked.engine.passes
        most.append(ElasticProblem(asked, Clock()).most)
        passes.append(asked.engine.passes - before)
    assert passes == [0, 8, 21]  # one for both bounds of a ratio
    assert (most[0] >= most[1] * (1 - 1e-9)).all() and (most[1] >= most[2] * (1 - 1e-9)).all()
    assert (
        most[0] / most[2]
    ).max() > 1.4  # the large brand: two slots are too few for what there is
    assert (most[1] / most[2]).max() < 1.01


# ---- changes of ratios, which are no linear cost, measured by linear ones


def choices(asked: RelaxationRequest, count: int) -> list[MeasuredChoice]:
    """Allocations of up to two coupons each, drawn by lot."""
    repair = Repair(asked.problem, asked.engine, asked.scales, DEFAULT_OPTIONS.repair)
    rng = np.random.default_rng(1)
    lots = rng.random((count, CUSTOMERS, 8))
    chosen = (np.argsort(lots, axis=2) < 2) & (lots < rng.uniform(0.3, 1.0, (count, 1, 1)))
    return [repair.measure(choice.ravel().astype(np.uint8)) for choice in chosen]


def cost(elastic: ElasticProblem, problem: Problem, choice: MeasuredChoice) -> float:
    """The sum of shares that a problem's soft rows say that a choice asks for; infinite outside its hard ones."""
    activity = problem.rows @ choice.usage.ravel()
    missed = np.maximum(0.0, np.maximum(problem.lower - activity, activity - problem.upper))
    if (missed[problem.hard] > 0).any():
        return np.inf
    soft = ~problem.hard
    return float(missed[soft] @ problem.penalty[soft]) / elastic.factor


def test_changes_of_ratios_are_never_overstated_between_denominators() -> None:
    asked = request()
    elastic, found = ElasticProblem(asked, Clock()), choices(asked, 12)
    below = np.array([elastic.denominators(choice) for choice in found])
    is_ratio = elastic.is_ratio
    least = np.where(is_ratio, 0.9 * below.min(axis=0), 0.0)
    most = np.where(is_ratio, 1.1 * below.max(axis=0), 1.0)
    stated, plain = [], []
    for choice in found:
        shares = elastic.shares(choice)
        largest = 1.2 * float(shares.max())
        now = cost(elastic, elastic.problem_between(least, most, largest), choice)
        assert now <= shares.sum() * (1 + 1e-9)
        off = elastic.understated(choice, least, most, largest)[is_ratio].sum()
        assert now + off == pytest.approx(shares.sum(), rel=1e-9)
        stated.append(now / shares.sum())
        plain.append(cost(elastic, elastic.problem_between(least, most, np.inf), choice))
        plain[-1] /= shares.sum()
    assert np.mean(stated) > np.mean(plain) + 0.05


def test_changes_of_ratios_are_exact_at_the_ends_of_denominators() -> None:
    asked = request()
    elastic = ElasticProblem(asked, Clock())
    for choice in choices(asked, 4):
        below, shares = elastic.denominators(choice), elastic.shares(choice)
        largest = 1.2 * float(shares.max())
        for least, most in ((below, 2.0 * below), (0.5 * below, below)):
            problem = elastic.problem_between(least, most, largest)
            assert cost(elastic, problem, choice) == pytest.approx(shares.sum(), rel=1e-7)
        outside = elastic.problem_between(1.1 * below, 2.0 * below, largest)
        assert cost(elastic, outside, choice) == np.inf


def test_near_an_allocation_changes_are_exact_where_denominators_are() -> None:
    asked = request()
    elastic = ElasticProblem(asked, Clock())
    here, there = choices(asked, 2)
    for choice in (here, there):
        problem = elastic.problem_near(here, elastic.denominators(choice))
        assert cost(elastic, problem, choice) == pytest.approx(
            elastic.shares(choice).sum(), rel=1e-9
        )

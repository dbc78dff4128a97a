"""Solves that start from a result take over its curvature: fewer passes than from none, and samples are asked once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.instances.changed_week import changed_week
from benchmarks.instances.synthetic import Synthetic
from tests.support.large_campaign import FEW_FREE, GAP, campaign

from couponry import Campaign, Limit, Result, kernels
from couponry.engines.local import LocalEngine
from couponry.results.warm_start import warm_start
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.dual.newton.curvature import Curvature
from couponry.solver.dual.newton.row_curvature import RowCurvature
from couponry.solver.dual.warm_start import corrected_dual, with_known_usage

SIZE = Synthetic(40_000, 32, offers=200, brands=60)

MOST_PASSES = 15.0
"""A pass more than solves of two weeks from a start once took, whatever they take without one."""


def solved(campaign: Campaign, start: Any = None) -> Result:
    found = campaign.solve(gap=GAP, threads=1, start=start, solver_options=FEW_FREE)
    assert found.status == "optimal" and found.max_violation == 0.0
    return found


@pytest.fixture(scope="module")
def result() -> Result:
    return solved(campaign())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RowCurvature]:
    """Every curvature that a sample is asked for."""
    found: list[RowCurvature] = []
    at = Curvature.at

    def counted(self: Curvature, prices: np.ndarray) -> RowCurvature:
        found.append(at(self, prices))
        return found[-1]

    monkeypatch.setattr(Curvature, "at", counted)
    return found


def test_a_week_later_takes_fewer_passes_and_hardly_asks_samples(
    result: Result, asked: list[RowCurvature], tmp_path: Path
) -> None:
    passes = 0.0
    for move in (0.025, -0.025):
        later = changed_week(campaign(), SIZE, move, seed=0)
        cold = solved(later)
        asked.clear()
        warm = solved(later, result)
        assert not asked
        assert warm.objective is not None and cold.objective is not None
        assert warm.objective >= (1 - GAP) * cold.objective
        assert warm.full_passes < cold.full_passes
        passes += warm.full_passes
    assert passes <= MOST_PASSES
    result.write(tmp_path / "out")
    asked.clear()
    solved(later, tmp_path / "out")  # prices alone
    assert asked


def test_rows_are_matched_by_limit(result: Result) -> None:
    assert result.curvature is not None
    names = [(m.name, m.group) for m in result.compiled.limits.measures]
    caps, minimums, budget = result.campaign.limits
    other = Campaign.from_data(result.campaign).with_limits([budget, caps])
    start = warm_start(result, other.compile())
    assert start.curvature is not None
    limits = other.compile().limits
    rows = [
        names.index((limits.measures[m].name, limits.measures[m].group))
        for m in limits.measure_of_row
    ]
    expected = result.curvature.matrix.toarray()[np.ix_(rows, rows)]
    assert np.array_equal(start.curvature.matrix.toarray(), expected)
    new = other.with_limits([budget, caps, minimums, Limit("more", sum="cost", min=0.0)])
    assert warm_start(result, new.compile()).curvature is None


def test_of_fewer_customers_less_falls(result: Result) -> None:
    assert result.curvature is not None
    rows = np.arange(len(result.curvature.bandwidth))
    half = result.curvature.of_rows(rows, 0.5)
    assert np.array_equal(half.matrix.toarray(), 0.5 * result.curvature.matrix.toarray())
    again = RowCurvature.of_arrays(half.as_arrays())
    assert np.array_equal(again.matrix.toarray(), half.matrix.toarray())
    assert np.array_equal(again.bandwidth, half.bandwidth) and again.unit == half.unit


def test_a_sample_is_asked_once_at_the_prices_at_which_usage_is_known(result: Result) -> None:
    compiled = campaign().compile()
    start = warm_start(result, compiled)
    engine = LocalEngine(compiled.problem.shard, compiled.rules.rules, kernels.load(), 1, 0)
    everybody = Lagrangian(compiled.problem, engine)
    known = with_known_usage(replace(start, known=None), everybody).known
    assert known is not None
    some = np.arange(0, engine.customers, 4)
    sample = Lagrangian(compiled.problem, engine.sample(some), engine.customers / len(some))
    close = corrected_dual(sample, known, start.prices)
    passes = engine.passes
    found = close.evaluate(start.prices)
    assert engine.passes == passes
    close.known = None
    passed = close.evaluate(start.prices)
    assert engine.passes > passes
    assert found.dual == passed.dual and np.array_equal(found.usage, passed.usage)
    assert np.array_equal(found.activity, passed.activity)
    assert corrected_dual(sample, known, 1.01 * start.prices).known is None

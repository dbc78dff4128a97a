"""The elastic problem: the most that ratios' denominators can be, from few passes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine
from couponry.solver.dual.scaling import Scales
from couponry.solver.infeasibility import elastic_problem
from couponry.solver.infeasibility.elastic_problem import ElasticProblem, RelaxationRequest
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

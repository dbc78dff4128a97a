"""Samples are nested, spread evenly, and stand for everybody."""

from __future__ import annotations

import itertools
import weakref

import numpy as np
import pytest
from tests.support.large_campaign import campaign

from couponry import kernels
from couponry.engines.local import LocalEngine
from couponry.engines.streamed import StreamedEngine
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.dual.sampling import Samples, nested_samples
from couponry.solver.options import SampleSize, SamplingOptions


def test_samples_are_nested_and_spread_evenly() -> None:
    samples = nested_samples(100_003, [50, 400, 3200], 8)
    assert [len(s) for s in samples] == [50, 400, 3200]
    for small, large in itertools.pairwise(samples):
        assert np.isin(small, large).all()
    for sample in samples:
        assert (np.diff(sample) > 0).all() and sample[0] >= 0 and sample[-1] < 100_003
        stretch = np.arange(len(sample) + 1) * 100_003 // len(sample)
        assert (np.histogram(sample, stretch - 0.5)[0] == 1).all()


@pytest.mark.parametrize(
    ("most", "expected"), [(1 << 40, [256, 1_024]), (20_000, [256]), (5_000, [156])]
)
def test_samples_are_no_larger_than_one_process_can_work_on(most: int, expected: list[int]) -> None:
    problem = campaign().compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    samples = Samples(engine, 0, SamplingOptions(first_candidates=1 << 13, most_candidates=most))
    assert [samples.dual(problem, n).engine.customers for n in range(len(samples))] == expected


def test_a_sample_stands_for_everybody() -> None:
    problem = campaign().compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    samples = Samples(engine, 0, SamplingOptions(first_candidates=1 << 15))
    assert len(samples) >= 1
    nothing = np.zeros(len(problem.lower))
    whole = Lagrangian(problem, engine).evaluate(nothing)
    part = samples.dual(problem, len(samples) - 1).evaluate(nothing)
    assert part.dual == pytest.approx(whole.dual, rel=0.03)


def test_samples_that_were_let_go_of_are_gathered_again() -> None:
    problem = campaign().compile().problem
    parts = problem.shard, problem.rules, kernels.load(), 2, 0
    engine = StreamedEngine(*parts, kept=problem.candidates)
    samples = Samples(engine, 0, SamplingOptions(first_candidates=1 << 13))

    def gathered() -> list[Lagrangian]:
        nested = [samples.dual(problem, level) for level in range(len(samples))]
        return [*nested, samples.for_curvature(problem)]

    before = [part.engine.shard.item for part in gathered()]
    whole = weakref.ref(before[0])
    samples.let_go()
    after = [part.engine.shard.item for part in gathered()]
    assert [item.tolist() for item in before] == [item.tolist() for item in after]
    del before
    assert whole() is None


def test_of_samples_to_start_from_the_first_is_gathered_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = campaign().compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    large = SampleSize(1 << 15, 0.0, 1 << 15)
    samples = Samples(engine, 0, SamplingOptions(first_candidates=1 << 13, warm_start=large))
    gathered, sample = [], LocalEngine.sample

    def noted(self: LocalEngine, customers: np.ndarray) -> LocalEngine:
        gathered.append(len(customers))
        return sample(self, customers)

    monkeypatch.setattr(LocalEngine, "sample", noted)
    first = samples.first_for_start(problem)
    assert first is not None and gathered == [256] == [first.engine.customers]
    small, larger = samples.for_start(problem)
    assert small.engine is first.engine and gathered == [256, 1_024]
    assert (small.scale, larger.scale) == (engine.customers / 256, engine.customers / 1_024)
    few = SamplingOptions(customers_per_warm_sampled=1e9)
    assert Samples(engine, 0, few).first_for_start(problem) is None

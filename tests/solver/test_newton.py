"""Newton's method: steps minimise its model, and few passes reach a small gap."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from tests.support.large_campaign import FEW_FREE, campaign

from couponry import kernels
from couponry.engines.protocol import Engine
from couponry.solver.dual.lagrangian import Evaluation
from couponry.solver.dual.newton.quadratic_model import QuadraticModel
from couponry.solver.dual.newton.steps import Newton
from couponry.solver.dual.newton.trust_region import StepOutcome
from couponry.solver.dual.search.descent import stop_among_ties
from couponry.solver.options import DEFAULT_OPTIONS

ENGINE = cast(Engine, SimpleNamespace(kernels=kernels.load().kernels))


def test_limits_that_move_no_other_take_one_solve() -> None:
    rng, solves = np.random.default_rng(2), list[int]()

    def counted(*arguments: Any) -> int:
        solves.append(kernels.load().kernels.minimise_in_box(*arguments))
        return solves[-1]

    curved, gradient, side = rng.random(50) + 0.1, rng.normal(size=50), rng.random(50)
    engine = cast(Engine, SimpleNamespace(kernels=SimpleNamespace(minimise_in_box=counted)))
    options = DEFAULT_OPTIONS.newton
    model = QuadraticModel(sp.csr_array(np.diag(curved)), options.damping, options, engine)
    step, _ = model.minimum(gradient, -side, side)
    assert solves == [1]
    expected = np.clip(-gradient / model._diagonal, -side, side)
    np.testing.assert_allclose(step, expected, rtol=1e-6)


def modelled(seed: int) -> tuple[float, float]:
    """What a step promises in a random model, and the least value that L-BFGS-B finds there."""
    size, edges = 1 + seed % 12, 1 + seed % 40
    rng = np.random.default_rng(seed)
    changes = sp.csr_array(rng.normal(size=(edges, size)) * (rng.random((edges, size)) < 0.5))
    options = DEFAULT_OPTIONS.newton
    matrix = sp.csr_array(changes.T @ changes)
    model = QuadraticModel(matrix, options.damping, options, ENGINE)
    gradient = rng.normal(size=size)
    low, high = -rng.random(size) * (rng.random(size) < 0.7), rng.random(size)
    step, promised = model.minimum(gradient, low, high)
    assert (step >= low).all() and (step <= high).all()
    matrix = model._matrix.toarray() + np.diag(model._damping)

    def value(x: Any) -> float:
        return float(gradient @ x + 0.5 * x @ matrix @ x)

    best = scipy.optimize.minimize(
        value, np.zeros(size), jac=lambda x: gradient + matrix @ x, method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)), options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10},
    )  # fmt: skip
    assert promised == pytest.approx(-value(step), abs=1e-9)
    return promised, float(best.fun)


def test_steps_minimise_the_model_within_their_box() -> None:
    """Active sets may go round in a circle; then a step is still downhill."""
    found = [modelled(seed) for seed in range(250)]
    assert min(promised for promised, _ in found) >= 0.0
    close = [-promised <= least + 2e-4 * (1e-3 + abs(least)) for promised, least in found]
    assert np.mean(close) > 0.95


def test_few_coordinates_that_go_back_and_forth_end_the_active_sets() -> None:
    """Fewer solves of random models than without that rule, for steps that promise about as much."""
    solves = [0, 0]
    promises = np.zeros((2, 30))
    for rule, share in enumerate((0.0, DEFAULT_OPTIONS.newton.restless_share)):
        options = replace(DEFAULT_OPTIONS.newton, restless_share=share, active_sets=20)

        def counted(*given: Any, rule: int = rule) -> int:
            solves[rule] += (made := int(ENGINE.kernels.minimise_in_box(*given)))
            return made

        engine = cast(Engine, SimpleNamespace(kernels=SimpleNamespace(minimise_in_box=counted)))
        for seed in range(promises.shape[1]):
            rng = np.random.default_rng(seed)
            size, shape = 400, (300, 400)
            changes = sp.csr_array(rng.normal(size=shape) * (rng.random(shape) < 0.05))
            matrix = sp.csr_array(changes.T @ changes)
            model = QuadraticModel(matrix, options.damping, options, engine)
            low, high = -rng.random(size) * (rng.random(size) < 0.7), rng.random(size)
            promises[rule, seed] = model.minimum(rng.normal(size=size), low, high)[1]
    assert solves[1] < 0.95 * solves[0]
    assert (promises[1] > 0.0).all() and promises[1].sum() > 0.99 * promises[0].sum()


def test_few_passes_reach_a_gap_that_many_would() -> None:
    result = campaign().solve(gap=2e-4, threads=2, solver_options=FEW_FREE)
    assert result.status == "optimal" and result.full_passes <= 30


def test_a_descent_ends_among_ties_once_steps_promise_little() -> None:
    far, near = (cast(Evaluation, SimpleNamespace(dual=100.0, far=far)) for far in (True, False))
    stop = stop_among_ties(lambda _, promised: promised < 0.01, lambda found: found.far, 1e-3)  # type: ignore[attr-defined]
    assert [stop(far, promised) for promised in (0.2, 0.1, 0.001)] == [False, True, True]
    assert [stop(near, promised) for promised in (0.2, 0.1, 0.001)] == [False, False, True]


def test_curvature_is_stretched_by_what_slopes_did_under_noise_alone() -> None:
    """Limits whose slopes changed twice as much as foretold, and half; one that did not move; one that moved back."""
    few = DEFAULT_OPTIONS.newton.stretch_noise
    options = replace(DEFAULT_OPTIONS.newton, most_stretch=1.75)
    matrix = sp.csr_array(np.diag(np.ones(4)))
    sample = SimpleNamespace(engine=SimpleNamespace(candidates=1))
    space = SimpleNamespace(row=np.arange(4), scale=np.ones(4))
    curvature: Any = SimpleNamespace(space=space, unit=1.0, sample=sample)
    dual: Any = SimpleNamespace(engine=SimpleNamespace(candidates=1))
    scales: Any = SimpleNamespace(per_coupon=np.ones(4))
    step = np.array([few, 2 * few, 0.0, few])
    changed = np.array([2 * few, few, 0.0, -few])
    outcome = StepOutcome(step, step, np.zeros(4), changed, np.full(4, 0.1), True)
    for noise, expected in ((0.1, [3 / 2, 2 / 3, 1.0, 1.0]), (0.0, [1.0, 1.0, 1.0, 1.0])):
        newton = Newton(dual, curvature, scales, options, least_price=noise)
        newton._learn(QuadraticModel(matrix, options.damping, options, ENGINE), outcome)
        assert newton._stretched(matrix).diagonal() == pytest.approx(np.array(expected))
        newton._learn(QuadraticModel(matrix, options.damping, options, ENGINE), outcome)
        at_most = np.array(expected) ** 2
        assert newton._stretched(matrix).diagonal() == pytest.approx(at_most)

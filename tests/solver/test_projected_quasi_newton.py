"""Steps of limited memory are those of two loops over the last ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from couponry import kernels
from couponry.engines.protocol import Engine
from couponry.solver.dual.projected_quasi_newton import _LastSteps
from couponry.solver.options import QuasiNewtonOptions

ENGINE = cast(Engine, SimpleNamespace(kernels=kernels.load().kernels))
OPTIONS = QuasiNewtonOptions(memory=4)
Steps = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def by_two_loops(
    steps: Steps, slope: NDArray[np.float64], is_free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Nocedal's two loops, one step after the other."""
    rest, used, scale = slope[is_free], [], None
    for step, change in reversed(steps):
        moved, turned = step[is_free], change[is_free]
        product, square = float((moved * turned).sum()), float((turned * turned).sum())
        if product <= OPTIONS.least_curvature * square:
            continue
        scale = product / square if scale is None else scale
        share = float((moved * rest).sum()) / product
        rest = rest - share * turned
        used.append((moved, turned, product, share))
    if scale is None:
        scale = 1.0 / max(1.0, np.sqrt(float((rest * rest).sum())))
    rest = scale * rest
    for moved, turned, product, share in reversed(used):
        rest = rest + (share - float((turned * rest).sum()) / product) * moved
    towards = np.zeros(len(slope))
    towards[is_free] = -rest
    return towards


@pytest.mark.parametrize("size", [1, 7, 130, 900])
@pytest.mark.parametrize("free", [0.0, 0.7, 1.0])
def test_steps_are_those_of_two_loops(size: int, free: float) -> None:
    random = np.random.default_rng(size)
    last, steps = _LastSteps(size, ENGINE, OPTIONS), Steps()
    for _ in range(7):  # more than are kept
        slope, is_free = random.normal(size=size), random.random(size) < free
        found = last.following(slope, is_free)
        expected = by_two_loops(steps[-OPTIONS.memory :], slope, is_free)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
        assert not found[~is_free].any()
        step = random.normal(size=size)
        change = step * random.random(size) + 0.3 * random.normal(size=size)  # some turn back
        last.add(step, change)
        steps.append((step, change))

"""Newton's method: steps minimise its model, and few passes reach a small gap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.large_campaign import campaign

from couponry.solver.dual.newton import _Model


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 12), edges=st.integers(1, 40))
def test_steps_minimise_the_model_within_their_box(seed: int, size: int, edges: int) -> None:
    rng = np.random.default_rng(seed)
    changes = sp.csr_array(rng.normal(size=(edges, size)) * (rng.random((edges, size)) < 0.5))
    model = _Model(sp.csr_array(changes.T @ changes))
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
    assert value(step) <= best.fun + 2e-4 * (1e-3 + abs(best.fun))


def test_few_passes_reach_a_gap_that_many_would(few_free: None) -> None:
    result = campaign().solve(gap=2e-4, threads=2)
    assert result.status == "optimal" and result.full_passes <= 30

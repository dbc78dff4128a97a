"""Products and solutions in a fixed order: right, and the same bits on any number of BLAS's threads."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from couponry.utils.arrays.fixed_order import (
    PIECE_ROWS,
    inverse_in_order,
    inverse_with_ridge,
    product_in_order,
    solve_in_order,
)


def test_products() -> None:
    random = np.random.default_rng(0)
    for rows, width in (0, 3), (PIECE_ROWS, 1), (5 * PIECE_ROWS, 70), (3 * PIECE_ROWS, 100):
        left = random.normal(size=(rows, width)).astype(np.float32)
        right = random.normal(size=(rows, 2 * width)).astype(np.float32)
        exact = left.T.astype(np.float64) @ right
        assert np.allclose(product_in_order(left, right), exact, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 60])
def test_solutions(size: int) -> None:
    random = np.random.default_rng(size)
    half = random.normal(size=(size, size + 3))
    matrix, right = half @ half.T, random.normal(size=size)
    given = matrix.copy()
    assert np.allclose(matrix @ solve_in_order(matrix, right), right)
    assert (matrix == given).all()


def test_combinations_of_earlier_rows_and_zeros_are_left_alone() -> None:
    design = np.random.default_rng(1).normal(size=(50, 3))
    design = np.column_stack([design, design @ [1.0, -2.0, 0.5], np.zeros(50)])
    matrix, right = design.T @ design, design.T @ np.arange(50.0)
    solution = solve_in_order(matrix, right)
    assert solution[3:].tolist() == [0.0, 0.0]
    assert np.allclose(matrix @ solution, right)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 330])
def test_inverses(size: int) -> None:
    half = np.random.default_rng(size).normal(size=(size, size + 3))
    matrix = half @ half.T + np.eye(size)
    given = matrix.copy()
    inverse = inverse_in_order(matrix)
    assert np.allclose(inverse @ matrix, np.eye(size)) and (inverse == inverse.T).all()
    assert (matrix == given).all()


@pytest.mark.parametrize("size", [0, 1, 65, 200])
@pytest.mark.parametrize("ridge", [1e-3, 10.0, 1e4])
def test_inverses_with_a_ridge(size: int, ridge: float) -> None:
    half = np.random.default_rng(size).normal(size=(size, size + 3))
    matrix = half @ half.T
    exact = np.linalg.inv(matrix + ridge * np.eye(size))
    found = inverse_with_ridge(matrix.copy(), ridge)
    if size > 1:
        assert found.dtype == (np.float32 if ridge > 1.0 else np.float64)
    assert np.allclose(found, exact, rtol=0, atol=1e-5 * np.abs(exact).max(initial=0.0))
    assert (found == found.T).all()


FIT = """
import hashlib, numpy as np
from couponry.affinity import LogisticRegression, Sample
from couponry.utils.arrays.fixed_order import dot_in_order, inverse_in_order
random = np.random.default_rng(0)
digest = hashlib.sha256()
for rows, width in (701, 30), (9_001, 61), (5_000, 100):
    x = random.normal(size=(rows, width)).astype(np.float32)
    y = random.random(rows) < 0.3 + 0.4 * (x[:, 0] > x[:, 1])
    model = LogisticRegression(most_steps=2).fit([Sample(x, y, random.random(rows, np.float32))])
    digest.update(model.coef_.tobytes() + model.log_odds(x).tobytes())
print(digest.hexdigest())
half = random.normal(size=(900, 70))
inverse = inverse_in_order(np.einsum("ij,kj->ik", half, half) + np.eye(900))
left, right = random.normal(size=(2, 100_000))
print(hashlib.sha256(inverse.tobytes()).hexdigest(), dot_in_order(left, right).hex())
"""


@pytest.mark.parametrize("processor", [None, "Haswell", "Nehalem"])
def test_the_same_bits_on_any_number_of_threads(processor: str | None) -> None:
    names = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"
    own = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    if processor is not None:
        own["OPENBLAS_CORETYPE"] = (
            processor  # which of its kernels OpenBLAS takes, where it has several
        )
    found = [
        subprocess.run(
            [sys.executable, "-c", FIT],
            env=own | dict.fromkeys(names, threads),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert found[0] == found[1] and found[0]

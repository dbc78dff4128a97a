"""The deletion filter: exactly the rows that a proof needs, found with few proofs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from couponry.solver.infeasibility.infeasible_set import deletion_filter

NO_RULES = SimpleNamespace(all_names=list, kept=lambda *_: None)
PROBLEM: Any = SimpleNamespace(rule_names=NO_RULES, rules=None, shard=SimpleNamespace(indptr=None))


class Known:
    """Proves exactly where all of some rows are there; names all that it was given, or half of what it can spare."""

    def __init__(self, rows: NDArray[np.int64], narrows: bool):
        self._rows, self.narrows, self.asked = rows, narrows, 0

    def proof(self, rows: NDArray[np.int64], rules: Any) -> NDArray[np.int64] | None:
        self.asked += 1
        if not np.isin(self._rows, rows).all():
            return None
        if not self.narrows:
            return rows
        spare = np.setdiff1d(rows, self._rows)
        return np.union1d(self._rows, spare[::2])

    def range_end(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        raise NotImplementedError


@pytest.mark.parametrize("narrows", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 11, 60, 200])
@pytest.mark.parametrize("seed", range(3))
def test_it_keeps_exactly_what_a_proof_needs(size: int, seed: int, narrows: bool) -> None:
    rows = np.sort(np.random.default_rng(seed).choice(1000, 200, replace=False))
    asked = np.sort(np.random.default_rng(100 + seed).choice(rows, size, replace=False))
    prover = Known(asked, narrows)
    found, rules = deletion_filter(PROBLEM, prover, rows, [])
    assert found.tolist() == asked.tolist() and rules == []
    if not narrows:
        assert prover.asked <= size * (2 * np.log2(200 / size) + 4)
    else:
        assert prover.asked <= size + np.log2(200) + 2

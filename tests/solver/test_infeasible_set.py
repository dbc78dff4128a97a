"""The deletion filter: exactly the rows that a proof needs, found with few proofs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from couponry.solver.infeasibility.infeasible_set import (
    ProvedSet,
    deletion_filter,
    find_infeasible_set,
)
from couponry.utils.errors import OutOfTime

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
    found = ProvedSet(rows, [])
    deletion_filter(PROBLEM, prover, found)
    assert found.rows.tolist() == asked.tolist() and found.rules == []
    if not narrows:
        assert prover.asked <= size * (2 * np.log2(200 / size) + 4)
    else:
        assert prover.asked <= size + np.log2(200) + 2


class Shifting:
    """Without rule "b", row 1 is enough; with it, rows 1 and 2 are needed. Rule "a" is."""

    narrows = False

    def proof(self, rows: NDArray[np.int64], rules: Any) -> NDArray[np.int64] | None:
        needed = [1, 2] if "b" in rules.names else [1]
        return rows if "a" in rules.names and np.isin(needed, rows).all() else None

    range_end = Known.range_end


@pytest.mark.parametrize("minimum", [0, 1])
def test_rows_are_looked_at_again_where_a_rule_less_needs_fewer(minimum: int) -> None:
    """Only minimums do that: with one rule less, more may have to be given."""

    def kept_rules(names: list[str]) -> Any:
        least, nobody = np.full(1, minimum), np.zeros(1, np.int64)
        return SimpleNamespace(names=names, lower=least, constraint_ptr=nobody)

    names = SimpleNamespace(all_names=lambda: ["a", "b"])
    problem: Any = SimpleNamespace(
        rule_names=names, rules=kept_rules(["a", "b"]), kept_rules=kept_rules
    )
    found = ProvedSet(np.arange(4), ["a", "b"])
    deletion_filter(problem, Shifting(), found)
    assert found.rules == ["a"]
    assert found.rows.tolist() == ([1] if minimum else [1, 2])


class Hasty(Known):
    """Has time for so many proofs, and for no range."""

    def __init__(self, rows: NDArray[np.int64], proofs: int):
        super().__init__(rows, narrows=True)
        self._proofs = proofs

    def proof(self, rows: NDArray[np.int64], rules: Any) -> NDArray[np.int64] | None:
        if self.asked == self._proofs:
            raise OutOfTime
        return super().proof(rows, rules)

    def range_end(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        raise OutOfTime


@pytest.mark.parametrize("proofs", [1, 3, 1000])
def test_a_proof_outlives_the_time_limit(proofs: int) -> None:
    """What was proved is said, though nobody had time to find out whether less would do."""
    bound = np.where(np.arange(60) < 40, 5.0, np.inf)
    rows = SimpleNamespace(
        hard=np.ones(60, bool), lower=np.full(60, -np.inf), upper=bound, **vars(PROBLEM)
    )
    needed = np.arange(0, 30, 3)
    found = find_infeasible_set(cast(Any, rows), Hasty(needed, proofs))
    assert found is not None
    assert found.is_irreducible == (proofs == 1000)
    named = [entry.row for entry in found.bounds]
    assert set(needed.tolist()) <= set(named) and (len(named) == len(needed)) == (proofs == 1000)
    assert all(entry.achievable is None for entry in found.bounds)


def test_no_proof_in_time_is_no_proof() -> None:
    rows = SimpleNamespace(hard=np.ones(5, bool), **vars(PROBLEM))
    with pytest.raises(OutOfTime):
        find_infeasible_set(cast(Any, rows), Hasty(np.arange(2), 0))

"""Proofs of infeasibility by prices and by HiGHS: what they prove, and the achievable ranges that they find."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.support.compiled import compiled

from couponry import Campaign, CustomerRule, Limit
from couponry.solver.dual.scaling import Scales
from couponry.solver.infeasibility.highs_prover import HighsProver
from couponry.solver.infeasibility.infeasible_set import Prover, find_infeasible_set
from couponry.solver.infeasibility.price_prover import PriceProver
from couponry.solver.infeasibility.work import Work
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.problem import Problem
from couponry.utils.clock import Clock

CUSTOMERS = 50


def campaign(promise: int) -> Campaign:
    """Six offers for everybody, at most two coupons each and one of a kind; 'promise' is about the first kind."""
    rng = np.random.default_rng(1)
    n = 6 * CUSTOMERS
    return Campaign(
        pa.table({"offer": np.arange(6), "kind": np.arange(6) // 2}),
        pa.table(
            {
                "customer": np.repeat(np.arange(CUSTOMERS), 6),
                "offer": np.tile(np.arange(6), CUSTOMERS),
                "value": rng.gamma(2.0, 1.0, n),
            }
        ),
        rules=[CustomerRule("slots", max=2), CustomerRule("one a kind", by="kind", max=1)],
        limits=[
            Limit("idle", where={"kind": 2}, max=4 * CUSTOMERS),
            Limit("promise", where={"kind": 0}, min=promise),
        ],
    )


def prover(kind: str, promise: int) -> tuple[Problem, Prover]:
    problem, engine, _ = compiled(campaign(promise))
    if kind == "HiGHS":
        return problem, HighsProver(problem, engine, Clock(), DEFAULT_OPTIONS)
    scales = Scales.measure(problem, engine)
    work = Work(problem, engine, Clock(), DEFAULT_OPTIONS)
    return problem, PriceProver(problem, engine, scales, 1.0, Clock(), DEFAULT_OPTIONS, work)


either = pytest.mark.parametrize("kind", ["prices", "HiGHS"])


@either
def test_what_can_hold_is_not_disproved(kind: str) -> None:
    problem, by = prover(kind, CUSTOMERS)
    assert by.proof(np.arange(2), problem.rules) is None
    assert by.proof(np.zeros(0, np.int64), problem.rules) is None
    assert find_infeasible_set(problem, by) is None


@either
def test_an_irreducible_set_names_what_is_needed(kind: str) -> None:
    problem, by = prover(kind, CUSTOMERS + 1)
    found = find_infeasible_set(problem, by)
    assert found is not None and found.rules == ["one a kind"]
    (bound,) = found.bounds
    assert (bound.row, bound.is_min, bound.bound) == (1, True, CUSTOMERS + 1)
    assert bound.achievable == CUSTOMERS


@either
def test_ends_of_a_range(kind: str) -> None:
    _, by = prover(kind, 10)
    assert by.range_end(0, True, np.array([0, 1])) == CUSTOMERS
    assert by.range_end(1, False, np.array([1])) == 10  # its own other bound holds


def test_small_amounts_beside_a_large_one_are_reachable() -> None:
    """Packing and float32 hide them beside it, within one item."""
    amounts = [1.5e9, 0.625, 0.25, -0.5, 1.375]
    candidates = pa.table(
        {"customer": range(5), "offer": [1] * 5, "value": [-1.0] * 5, "net": amounts}
    )
    limits = [Limit("net", sum="net", min=1.7e9)]
    problem, engine, _ = compiled(Campaign(pa.table({"offer": [1]}), candidates, limits=limits))
    scales, clock = Scales.measure(problem, engine), Clock()
    work = Work(problem, engine, clock, DEFAULT_OPTIONS)
    by = PriceProver(problem, engine, scales, 1.0, clock, DEFAULT_OPTIONS, work)
    reachable = by.range_end(0, True, np.zeros(1, np.int64))
    assert reachable == 1.5e9 + 0.625 + 0.25 + 1.375

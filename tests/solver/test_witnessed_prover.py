"""Proofs that are not looked for: where an allocation is known that keeps the rows, or where the work is done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.support.compiled import compiled

from couponry import Campaign, CustomerRule, Limit
from couponry.solver.dual.scaling import Scales
from couponry.solver.infeasibility.infeasible_set import find_infeasible_set
from couponry.solver.infeasibility.price_prover import PriceProver
from couponry.solver.infeasibility.witnessed_prover import Witness, WitnessedProver
from couponry.solver.infeasibility.work import OutOfWork, Work
from couponry.solver.options import DEFAULT_OPTIONS, ConflictOptions, SolverOptions, WorkOptions
from couponry.utils.clock import Clock

CUSTOMERS, BRANDS, SLOTS = 200, 5, 2
SPENT = replace(DEFAULT_OPTIONS, work=WorkOptions(solves=0.0))


def campaign(promise: int, idle: int = 0) -> Campaign:
    """An offer of each brand for everybody, two coupons each; every brand is promised so many."""
    candidates = {
        "customer": np.repeat(np.arange(CUSTOMERS), BRANDS),
        "offer": np.tile(np.arange(BRANDS), CUSTOMERS),
        "value": np.random.default_rng(1).gamma(2.0, 1.0, CUSTOMERS * BRANDS),
    }
    return Campaign(
        {"offer": np.arange(BRANDS), "brand": np.arange(BRANDS)},
        pa.table(candidates),
        rules=[CustomerRule("slots", max=SLOTS), CustomerRule("idle", max=BRANDS)],
        limits=[Limit("idle", min=idle), Limit("brands", by="brand", min=promise)],
    )


class Counted(PriceProver):
    """Proofs by prices, and how often one is looked for."""

    asked = 0

    def proof(self, rows: NDArray[np.int64], rules: Any) -> NDArray[np.int64] | None:
        self.asked += 1
        return super().proof(rows, rules)


class Case:
    """A campaign's parts, with a prover whose questions are counted, and a witness."""

    def __init__(
        self, promise: int, options: SolverOptions = DEFAULT_OPTIONS, clock: Clock | None = None
    ):
        self.clock = Clock() if clock is None else clock
        self.problem, self.engine, _ = compiled(campaign(promise))
        scales = Scales.measure(self.problem, self.engine)
        self.work = Work(self.problem, self.engine, self.clock, options)
        start = np.zeros((1 + self.problem.quantities, *self.problem.objective.shape[1:]))
        self.witness = Witness(
            self.problem, self.engine, scales, start.astype(np.float32), self.clock, self.work,
            options,
        )  # fmt: skip
        self.prover = Counted(
            self.problem, self.engine, scales, 1.0, self.clock, options, self.work
        )
        self.witnessed = WitnessedProver(self.prover, self.prover, self.witness, self.work)

    def keeps(self, rows: NDArray[np.int64], rules: Any) -> bool:
        """Whether there is a witness, sought from an allocation that is near to nothing."""
        return self.witness.keeps(rows, rules, lambda: self.problem)


def test_needed_members_ask_for_no_proof() -> None:
    case = Case(promise=1 + CUSTOMERS * SLOTS // BRANDS)
    found = find_infeasible_set(case.problem, case.witnessed)
    assert found is not None and found.is_irreducible
    assert len(found.bounds) == BRANDS and found.rules == ["slots"]
    assert case.prover.asked == 1  # that the rule "idle" is not needed, the same prices prove


def test_what_was_kept_is_not_looked_for_again() -> None:
    case = Case(promise=60)
    problem, rules = case.problem, case.problem.rules
    rows = np.flatnonzero(problem.lower == 60)
    assert case.keeps(rows, rules)
    before = case.engine.passes
    assert case.keeps(rows[1:], rules) and case.keeps(rows[:2], rules)
    fewer = problem.rule_names.kept(rules, ["slots"], problem.shard.indptr)
    assert case.keeps(rows, fewer)  # an allocation under all rules is one under fewer
    assert case.engine.passes == before
    no_rules = problem.rule_names.kept(rules, [], problem.shard.indptr)
    assert case.keeps(rows, no_rules) and case.engine.passes == before


def test_what_fewer_rules_allow_is_not_taken_for_what_all_do() -> None:
    case = Case(promise=100)
    problem, rules = case.problem, case.problem.rules
    rows = np.flatnonzero(problem.lower == 100)
    fewer = problem.rule_names.kept(rules, ["idle"], problem.shard.indptr)
    assert case.keeps(rows, fewer)
    assert not case.keeps(rows, rules)


def test_done_work_ends_the_search_for_fewer_members() -> None:
    case = Case(promise=81, options=SPENT)
    found = find_infeasible_set(case.problem, case.witnessed)
    assert found is not None and not found.is_irreducible
    # what the proof at hand does not need is left out all the same
    assert len(found.bounds) == BRANDS and found.rules == ["slots"]
    with pytest.raises(OutOfWork):
        case.keeps(np.arange(2, BRANDS + 1), case.problem.rules)


def test_a_search_that_was_ended_is_said() -> None:
    result = campaign(81).solve(threads=1, solver_options=SPENT)
    assert result.infeasible is not None and result.infeasible["irreducible"] is False
    assert "(fewer might do: the search for them was ended)" in result.message
    assert campaign(81).solve(threads=1).infeasible["irreducible"] is True  # type: ignore[index]


def test_known_prices_are_the_first_proof() -> None:
    """No more than a look at them, and at which of them are needed, where cutting planes would take too long."""
    problem, engine, _ = compiled(campaign(81))
    scales, work = Scales.measure(problem, engine), Work(problem, engine, Clock(), DEFAULT_OPTIONS)
    prices = np.where(problem.lower == 81, -1.0, 0.0)
    no_planes = replace(DEFAULT_OPTIONS.cutting_planes, candidates=0)
    options = replace(DEFAULT_OPTIONS, cutting_planes=no_planes)
    prover = PriceProver(problem, engine, scales, 1.0, Clock(), options, work, prices)
    before = engine.passes
    proved = prover.proof(np.arange(len(prices)), problem.rules)
    assert proved is not None and proved.tolist() == np.flatnonzero(prices).tolist()
    assert engine.passes - before <= 1 + 2 + np.log2(len(prices))  # two say that it is one conflict
    assert prover.first_proof is not None and prover.first_proof.tolist() == prices.tolist()


@pytest.mark.parametrize("searched", [0, 1000])
def test_ends_of_ranges_from_the_proof_alone(searched: int) -> None:
    """Brands take coupons from each other one by one, so that the proof says it to the last coupon."""
    options = replace(DEFAULT_OPTIONS, conflict=ConflictOptions(searched_ranges=searched))
    case = Case(promise=90, options=options)
    found = find_infeasible_set(case.problem, case.prover)
    assert found is not None and len(found.bounds) == BRANDS
    most = CUSTOMERS * SLOTS - 90 * (BRANDS - 1)
    assert [bound.achievable for bound in found.bounds] == [most] * BRANDS

"""Repair keeps what it has when time runs out, and finds everybody's exact choice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.checked_solve import SLOTS, pairs

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.dual.scaling import Scales
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.primal import new_choices
from couponry.solver.primal.repair import Repair
from couponry.utils.errors import OutOfTime


def test_what_is_repaired_is_kept_when_time_runs_out_while_filling() -> None:
    rng = np.random.default_rng(5)
    offers, candidates = pairs(200, 6, rng.gamma(2.0, 1.0, 1200))
    campaign = Campaign(
        offers, candidates, rules=[SLOTS], limits=[Limit("cap", by="offer", max=40)]
    )
    backend = kernels.load()
    problem = campaign.compile(backend).problem
    engine = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
    repair = Repair(problem, engine, Scales.measure(problem, engine), DEFAULT_OPTIONS.repair)
    lagrangian = Lagrangian(problem, engine)
    prices = np.zeros(len(problem.lower))
    chosen, _ = lagrangian.choose(prices)
    assert problem.violation(repair.activity(chosen)).any()

    def out_of_time_once_nothing_is_broken() -> None:
        if broken[0] == 0:
            raise OutOfTime
        broken[0] -= 1

    found = []
    for calls in range(50):
        broken = [calls]
        try:
            found.append(
                repair.repair_and_fill(
                    chosen, lagrangian.reduced(prices), out_of_time_once_nothing_is_broken
                )
            )
        except OutOfTime:
            continue
        if broken[0] > 0:  # it ran to its end
            break
    assert len(found) >= 2  # cut off while filling, and not at all
    assert all(rounded.feasible for rounded in found)
    assert found[0].objective <= found[-1].objective


@pytest.mark.parametrize("seed", range(4))
def test_exact_choice_is_the_best_one_from_any_start(seed: int) -> None:
    rng = np.random.default_rng(seed)
    _, candidates = pairs(40, 8, rng.normal(size=320))
    offers = {"offer": np.arange(8), "brand": np.arange(8) // 3}
    rules = [CustomerRule("slots", min=2, max=4), CustomerRule("brand", by="brand", max=2)]
    backend = kernels.load()
    problem = Campaign(offers, candidates, rules=rules).compile(backend).problem
    engine = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
    lagrangian = Lagrangian(problem, engine)
    best, _ = lagrangian.choose(np.zeros(0))
    ones = np.zeros(problem.objective.shape, np.float32)
    ones[0] = 1.0
    other, _ = engine.choose(ones)  # as many as can be had, whatever they are worth
    assert not np.array_equal(other, best)
    for start in (best, other):
        repair = Repair(problem, engine, Scales.measure(problem, engine), DEFAULT_OPTIONS.repair)
        chosen, worth = repair.exact_choice(start, problem.objective)
        assert np.array_equal(chosen, best)
        assert worth == pytest.approx(candidates["value"][best == 1].sum())


def test_customers_choose_anew_where_no_single_move_gives_what_is_promised() -> None:
    customers = 40
    offers = {
        "offer": [0, 1, 2],
        "day": [1, 5, 10],
    }  # the second one takes the place of both others
    rng = np.random.default_rng(3)
    candidates = {
        "customer": np.repeat(np.arange(customers), 3),
        "offer": np.tile([0, 1, 2], customers),
        "value": 1.0 + rng.random(3 * customers),
    }
    rules = [CustomerRule("any seven days", max=1, window=7)]
    promise = Limit("promise", by="offer", table={"offer": [1], "min": [12]})
    backend = kernels.load()
    problem = Campaign(offers, candidates, rules=rules, limits=[promise]).compile(backend).problem
    engine = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
    prices = np.zeros(len(problem.lower))
    lagrangian = Lagrangian(problem, engine)
    chosen, _ = lagrangian.choose(prices)
    found = {}
    for rounds in (0, 6):
        options = replace(DEFAULT_OPTIONS.repair, new_choice_rounds=rounds)
        repair = Repair(problem, engine, Scales.measure(problem, engine), options)
        reduced = lagrangian.reduced(prices)
        found[rounds] = repair.repair_and_fill(chosen, reduced, lambda: None)
    assert not found[0].feasible
    assert found[6].feasible
    value = candidates["value"].reshape(-1, 3)
    lost = np.sort(value[:, 0] + value[:, 2] - value[:, 1])
    best = value[:, 0].sum() + value[:, 2].sum() - lost[:12].sum()
    assert found[6].objective == pytest.approx(best, rel=0.02)


def test_only_customers_who_are_concerned_choose_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    customers = 60  # every third of whom has a candidate that is promised
    rng = np.random.default_rng(4)
    offer = np.concatenate([[0, 1, 2] if i % 3 == 0 else [0, 2] for i in range(customers)])
    customer = np.repeat(np.arange(customers), [3 if i % 3 == 0 else 2 for i in range(customers)])
    candidates = {"customer": customer, "offer": offer, "value": 1.0 + rng.random(len(offer))}
    rules = [CustomerRule("any seven days", max=1, window=7)]
    limits = [
        Limit("promise", by="offer", table={"offer": [1], "min": [8]}),
        Limit("cap", by="offer", table={"offer": [0], "max": [customers - 5]}),
    ]
    offers = {"offer": [0, 1, 2], "day": [1, 5, 10]}
    backend = kernels.load()
    problem = Campaign(offers, candidates, rules=rules, limits=limits).compile(backend).problem
    engine = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
    lagrangian = Lagrangian(problem, engine)
    reduced = lagrangian.reduced(np.zeros(len(problem.lower)))
    start, _ = lagrangian.choose(np.zeros(len(problem.lower)))
    asked: list[int] = []
    choose, look_for = LocalEngine.choose, new_choices._Concerned._look_for

    def counted(self: LocalEngine, price: NDArray[np.float32]) -> Any:
        asked.append(self.customers)
        return choose(self, price)

    def everybody(self: Any, violated: NDArray[np.bool_]) -> None:
        look_for(self, violated)
        self._positions, self._asked = np.arange(problem.candidates), engine

    monkeypatch.setattr(LocalEngine, "choose", counted)
    scales = Scales.measure(problem, engine)
    found = []
    for look in (look_for, everybody):
        monkeypatch.setattr(new_choices._Concerned, "_look_for", look)
        asked.clear()
        repair = Repair(problem, engine, scales, DEFAULT_OPTIONS.repair)
        found.append(repair.repair_and_fill(start, reduced, lambda: None))
        assert set(asked) == {20 if look is look_for else customers}
    assert found[0].feasible
    assert np.array_equal(found[0].chosen, found[1].chosen)

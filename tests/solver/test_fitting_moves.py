"""Moves of a few customers end within corridors that are narrower than a coupon, and gain as much as any that do."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine
from couponry.solver.dual.scaling import Scales
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.primal.fitting_moves import FittingMoves
from couponry.solver.primal.repair import Repair
from couponry.solver.problem import Problem


def campaign(customers: int, width: float, *, brands: int = 1, cost: str = "any") -> Campaign:
    """A budget of each brand that is spent to the last part in `1 / width`, and a cap on each offer."""
    rng = np.random.default_rng(customers)
    offers, of_each = 30, 10
    offer = np.argsort(rng.random((customers, offers)), axis=1)[:, :of_each].ravel()
    costs = rng.gamma(2.0, 0.5, len(offer))
    candidates = pa.table(
        {
            "customer": np.repeat(np.arange(customers), of_each),
            "offer": offer,
            "value": rng.gamma(2.0, 1.0, len(offer)),
            "cost": np.round(costs, 2) if cost == "cents" else costs,
        }
    )
    budget = float(costs.sum()) * 0.18 / brands
    if cost == "cents":
        budget = float(round(budget))
    return Campaign(
        pa.table({"offer": np.arange(offers), "brand": np.arange(offers) % brands}),
        candidates,
        rules=[CustomerRule("slots", max=3)],
        limits=[
            Limit("budget", sum="cost", by="brand", min=budget, max=budget * (1 + width)),
            Limit("caps", by="offer", max=customers // 8),
        ],
    )


@pytest.mark.parametrize(
    ("customers", "width", "brands", "gap"),
    [(300, 1e-9, 1, 2e-3), (300, 1e-11, 1, 2e-3), (1000, 1e-9, 3, 5e-3), (2000, 1e-12, 1, 5e-4)],
)
def test_budgets_are_met_to_the_last_part(
    customers: int, width: float, brands: int, gap: float
) -> None:
    given = campaign(customers, width, brands=brands)
    result = given.solve(gap=gap, threads=1)
    assert (result.status, result.max_violation) == ("optimal", 0.0)
    spent = result.limits.filter(pc.equal(result.limits["name"], "budget")).to_pydict()
    for least, most, achieved in zip(spent["min"], spent["max"], spent["achieved"], strict=True):
        assert least * (1 - 1e-13) <= achieved <= most * (1 + 1e-13)


def test_cents_are_met_exactly() -> None:
    result = campaign(300, 0.0, cost="cents").solve(threads=1)
    assert result.status == "optimal"
    spent = sum(result.allocation.to_arrow()["cost"].to_pylist())
    assert spent == pytest.approx(round(spent), abs=1e-9)


class _Small:
    """A problem of a few customers whose moves are enumerated."""

    def __init__(self, seed: int):
        rng = np.random.default_rng(seed)
        customers, offers = 7, 5
        self.value, self.cost = rng.gamma(2.0, 1.0, (2, customers, offers))
        customer, offer = np.divmod(np.arange(customers * offers), offers)
        self.chosen = np.zeros((customers, offers), np.uint8)
        self.chosen[np.arange(customers), rng.integers(0, offers, customers)] = 1
        self.cap = int(self.chosen.sum(axis=0).max())
        self.spent = float((self.cost * self.chosen).sum())
        self.wanted = self.spent + 0.37
        self.width = 0.02
        candidates = {"value": self.value.ravel(), "cost": self.cost.ravel()}
        given = Campaign(
            pa.table({"offer": np.arange(offers)}),
            pa.table({"customer": customer, "offer": offer, **candidates}),
            rules=[CustomerRule("slots", max=2)],
            limits=[
                Limit("budget", sum="cost", min=self.wanted, max=self.wanted + self.width),
                Limit("caps", by="offer", max=self.cap),
            ],
        )
        self.problem: Problem = given.compile(kernels.load()).problem

    def fitted(self, threads: int = 1) -> tuple[float, np.ndarray, bool]:
        """What is spent and gained, and the choice, after `fit`; and whether that keeps all limits."""
        problem = self.problem
        engine = LocalEngine(problem.shard, problem.rules, kernels.load(), threads, 0)
        repair = Repair(problem, engine, Scales.measure(problem, engine), DEFAULT_OPTIONS.repair)
        prices, options = np.zeros(len(problem.lower)), DEFAULT_OPTIONS.fitting
        fitting = FittingMoves(problem, engine, repair, prices, options)
        found = fitting.fit(repair.measure(self.chosen.ravel()), lambda: None)
        return found.objective, found.chosen.reshape(self.chosen.shape), found.feasible

    def best_of_few(self, most: int) -> float:
        """The best objective after single moves of 2 to `most` customers, each within slots and caps by itself."""
        each = [self._moves_of(customer) for customer in range(len(self.chosen))]
        best = -np.inf
        for count in range(2, most + 1):
            for who in combinations(range(len(each)), count):
                for rows in product(*(each[customer] for customer in who)):
                    chosen = self.chosen.copy()
                    chosen[list(who)] = rows
                    spent = float((self.cost * chosen).sum())
                    keeps = (chosen.sum(axis=0) <= self.cap).all()
                    if keeps and self.wanted <= spent <= self.wanted + self.width:
                        best = max(best, float((self.value * chosen).sum()))
        return best

    def _moves_of(self, customer: int) -> list[np.ndarray]:
        mine, found = self.chosen[customer], []
        full = self.chosen.sum(axis=0) >= self.cap
        for leaving in (None, *np.flatnonzero(mine)):
            for into in (None, *np.flatnonzero((mine == 0) & ~full)):
                row = mine.copy()
                if leaving is not None:
                    row[leaving] = 0
                if into is not None:
                    row[into] = 1
                if abs(row.astype(int) - mine.astype(int)).sum() > 0 and row.sum() <= 2:
                    found.append(row)
        return found


@pytest.mark.parametrize("seed", range(6))
def test_no_other_moves_of_few_customers_gain_more(seed: int) -> None:
    small = _Small(seed)
    objective, chosen, feasible = small.fitted()
    assert feasible and (chosen.sum(axis=1) <= 2).all()
    assert small.wanted <= float((small.cost * chosen).sum()) <= small.wanted + small.width
    assert objective >= small.best_of_few(2) - 1e-9  # and pairs of pairs besides
    changed = int((chosen != small.chosen).any(axis=1).sum())
    assert 2 <= changed <= 4


def test_any_number_of_threads_makes_the_same_moves() -> None:
    small = _Small(11)
    objective, chosen, _ = small.fitted()
    again = small.fitted(threads=3)
    assert again[0] == objective and (again[1] == chosen).all()

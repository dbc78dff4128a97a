"""The stages of a solve: which are run, in which order, and what options change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.compiled import compiled

from couponry import Campaign, CustomerRule, Limit
from couponry.solver import solve as solve_module
from couponry.solver.options import CoreOptions, MasterOptions, SizeOptions, SolverOptions
from couponry.solver.solve import STAGES, Stage, solve
from couponry.solver.solve_state import SolveRequest, SolveState, relative_gap
from couponry.utils.clock import Clock


def campaign(*limits: Limit, customers: int = 60, offers: int = 8) -> Campaign:
    random = np.random.default_rng(0)
    return Campaign(
        {"offer": np.arange(offers)},
        {
            "customer": np.repeat(np.arange(customers), offers),
            "offer": np.tile(np.arange(offers), customers),
            "value": random.gamma(2.0, 1.0, customers * offers),
            "cost": random.uniform(0.5, 1.5, customers * offers),
        },
        rules=[CustomerRule("slots", max=2)],
        limits=list(limits),
    )


def request(*limits: Limit, gap: float = 1e-7, **settings: Any) -> SolveRequest:
    problem, engine, _ = compiled(campaign(*limits))
    return SolveRequest(problem, engine, gap, 0, Clock(), **settings)


@pytest.fixture
def stages_run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the stages that are run, as they are."""
    names: list[str] = []

    def noted(stage: Stage) -> Stage:
        def run(state: SolveState) -> None:
            names.append(stage.name)
            stage.run(state)

        return Stage(stage.name, run, stage.when)

    monkeypatch.setattr(solve_module, "STAGES", tuple(noted(stage) for stage in STAGES))
    return names


TIGHT = Limit("spend", sum="cost", max=40.0)  # a gap is left at the best prices
NO_MASTER = MasterOptions(candidates=0)
ALWAYS_LARGE = SizeOptions(tiny_candidates=0)


def test_nothing_follows_where_no_price_is_needed(stages_run: list[str]) -> None:
    assert solve(request(Limit("cap", by="offer", max=60), gap=1e-3)).status == "optimal"
    assert stages_run == ["best choice without prices"]


def test_a_tiny_campaign_goes_to_highs_before_prices_are_looked_for_again(
    stages_run: list[str],
) -> None:
    found = solve(request(TIGHT, options=SolverOptions(master=NO_MASTER)))
    assert found.status == "optimal" and found.method == "dual+milp"
    assert stages_run == [
        "best choice without prices", "prices from samples", "core of a tiny campaign",
    ]  # fmt: skip


def test_nothing_follows_a_bound_below_what_is_of_use(stages_run: list[str]) -> None:
    best = solve(request(TIGHT)).bound
    stages_run.clear()
    found = solve(request(TIGHT, options=SolverOptions(master=NO_MASTER), enough=1.05 * best))
    assert best <= found.bound < 1.05 * best
    assert stages_run == ["best choice without prices", "prices from samples"]


def test_a_campaign_that_is_not_tiny_goes_through_all_stages_for_prices_first(
    stages_run: list[str],
) -> None:
    options = SolverOptions(master=NO_MASTER, sizes=ALWAYS_LARGE, core=CoreOptions(candidates=0))
    solve(request(TIGHT, options=options))
    assert stages_run == [
        "best choice without prices", "prices from samples", "cutting planes",
        "patient prices", "prices under noise", "core",
    ]  # fmt: skip


def test_corridors_narrower_than_a_coupon_are_met_by_moves_of_few_customers(
    stages_run: list[str],
) -> None:
    corridor = Limit("spent", sum="cost", min=40.0, max=40.0 + 1e-6)
    found = solve(request(corridor, gap=0.03, options=SolverOptions(master=NO_MASTER)))
    assert found.status == "optimal" and found.method == "dual"
    assert stages_run[-1] == "corridors"


def test_columns_close_the_gap_of_a_campaign_with_few_prices(stages_run: list[str]) -> None:
    found = solve(request(TIGHT, options=SolverOptions(sizes=ALWAYS_LARGE)))
    assert found.status == "optimal" and stages_run[2:4] == ["cutting planes", "columns"]


def test_a_proof_of_infeasibility_ends_a_solve(stages_run: list[str]) -> None:
    found = solve(request(Limit("too many", min=121)))
    assert found.status == "infeasible" and found.certificate is not None
    assert stages_run[-1] == "proof of infeasibility"


def test_highs_is_not_asked_where_it_may_not_be() -> None:
    options = SolverOptions(master=NO_MASTER)
    found = solve(request(TIGHT, options=options, use_highs=False))
    assert found.method == "dual" and found.status == "feasible"


@pytest.mark.parametrize(
    ("bound", "objective", "gap"),
    [(2.0, 1.0, 0.5), (-1.0, -2.0, 1.0), (3.0, 3.0, 0.0), (0.0, 0.0, 0.0), (np.inf, 1.0, np.inf)],
)
def test_relative_gap(bound: float, objective: float, gap: float) -> None:
    assert relative_gap(bound, objective) == gap

"""What an infeasible campaign costs is bounded by counted work, and what there is no more work for is left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from tests.support.compiled import compiled

from couponry import Campaign, CustomerRule, Limit
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.dual.price_space import PriceSpace
from couponry.solver.dual.scaling import Scales
from couponry.solver.dual.stretched_prices import stretched
from couponry.solver.infeasibility.price_prover import PriceProver
from couponry.solver.infeasibility.work import Work
from couponry.solver.options import DEFAULT_OPTIONS, WorkOptions
from couponry.utils.clock import Clock

CUSTOMERS, WIDTH, SLOTS = 1_250, 8, 3


def minimums(ask: float, offers: int) -> dict[int, float]:
    """A minimum of each offer, which together ask for such a share of all slots."""
    return dict.fromkeys(range(offers), float(np.floor(ask * CUSTOMERS * SLOTS / offers)))


def campaign(least: dict[int, float]) -> Campaign:
    """So many coupons of each offer at least."""
    offers = len(least)
    random = np.random.default_rng(5)
    offer = np.argsort(random.random((CUSTOMERS, offers)), axis=1)[:, :WIDTH]
    candidates = {
        "customer": np.repeat(np.arange(CUSTOMERS), WIDTH),
        "offer": offer.ravel(),
        "value": random.gamma(2.0, 1.0, offer.size),
    }
    table = pa.table({"offer": list(least), "min": list(least.values())})
    return Campaign(
        {"offer": np.arange(offers)},
        pa.table(candidates),
        rules=[CustomerRule("slots", max=SLOTS)],
        limits=[Limit("offers", by="offer", table=table)],
    )


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Work]]:
    """What campaigns were allowed, as they are solved."""
    made: list[Work] = []
    begin = Work.__init__

    def kept(self: Work, *arguments: object) -> None:
        begin(self, *arguments)  # type: ignore[arg-type]
        made.append(self)

    monkeypatch.setattr(Work, "__init__", kept)
    yield made


@pytest.mark.parametrize("offers", [16, 200])
def test_an_infeasible_campaign_costs_so_many_times_what_the_solve_did_before(
    works: list[Work], offers: int
) -> None:
    sibling = campaign(minimums(0.95, offers)).solve(threads=1)
    assert sibling.status == "optimal" and not works
    result = campaign(minimums(1.04, offers)).solve(threads=1)
    assert result.infeasible is not None and "way_out" in result.infeasible
    (work,) = works
    assert work.share_done <= 1.2  # what is begun is done
    assert result.full_passes < 60 * sibling.full_passes  # 8,000 beside 23, once


def test_there_is_a_proof_and_a_way_out_whatever_is_allowed() -> None:
    """A way out that would do, though its bound may be loose; and the set may be no smallest one."""
    options = replace(DEFAULT_OPTIONS, work=WorkOptions(solves=0.0))
    asked = minimums(1.04, 16)
    conflict = campaign(asked).solve(threads=1, solver_options=options).infeasible
    assert conflict is not None and not conflict["irreducible"]
    assert conflict["way_out_share"] >= conflict["way_out_share_at_least"]
    would_do = {int(entry["group"]): entry["would_do"] for entry in conflict["way_out"]}
    assert campaign(asked | would_do).solve(threads=1).status in ("optimal", "feasible")


def test_work_ends_in_the_same_place_on_any_number_of_threads(works: list[Work]) -> None:
    asked = minimums(1.04, 200)
    one, three = (campaign(asked).solve(threads=threads).infeasible for threads in (1, 3))
    assert one is not None and not one["irreducible"] and one == three
    assert works[0].share_done == works[1].share_done


def test_a_clock_is_late_when_work_is_done() -> None:
    clock, is_done = Clock(), False
    limited = clock.until(lambda: is_done)
    with limited.stage("way out"):
        limited.counted.candidates += 5.0
    assert limited.left == clock.left == np.inf
    is_done = True
    assert limited.left < 0 < clock.left
    assert clock.counted.candidates == 5.0 and "way out" in clock.seconds


def test_prices_are_tried_at_several_lengths() -> None:
    """A direction whose prices differ by far, where the least dual is at the corner of the box."""
    problem, engine, _ = compiled(campaign(minimums(1.04, 16)))
    bare = Lagrangian(replace(problem, objective=np.zeros_like(problem.objective)), engine)
    space = PriceSpace.for_problem(bare.problem, np.ones(len(problem.lower)))
    space = replace(space, highest=np.ones(len(space.row)))
    start = -np.linspace(0.05, 1.0, len(problem.lower))
    before = engine.passes
    best = stretched(bare, space, start)
    assert engine.passes - before <= 6
    assert best.tolist() == [-1.0] * len(best)
    assert bare.evaluate(best).dual < bare.evaluate(start).dual


def test_a_proof_is_of_one_conflict_where_there_are_several() -> None:
    """Three kinds of offers, each with slots of its own and minimums that ask for more."""
    random = np.random.default_rng(3)
    offers, kinds = np.arange(12), 3
    candidates = pa.table(
        {
            "customer": np.repeat(np.arange(400), 12),
            "offer": np.tile(offers, 400),
            "value": random.gamma(2.0, 1.0, 4800),
        }
    )
    stated = Campaign(
        {"offer": offers, "kind": offers % kinds},
        candidates,
        rules=[CustomerRule("one of a kind", by="kind", max=1)],
        limits=[Limit("offers", by="offer", min=101)],
    )
    problem, engine, _ = compiled(stated)
    scales, clock = Scales.measure(problem, engine), Clock()
    work = Work(problem, engine, clock, DEFAULT_OPTIONS)
    prices = np.full(len(problem.lower), -1.0)
    prover = PriceProver(problem, engine, scales, 1.0, clock, DEFAULT_OPTIONS, work, prices)
    proved = prover.proof(np.arange(len(prices)), problem.rules)
    assert proved is not None and len(proved) == 12 // kinds
    assert len(set((proved % kinds).tolist())) == 1
    assert prover.first_proof is not None and prover.first_proof.all()  # a way out is about all

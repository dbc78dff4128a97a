"""Time limits are kept at every stage, by a clock that goes on as work is done and not as time passes."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from tests.solver.test_witnessed_prover import BRANDS
from tests.solver.test_witnessed_prover import campaign as promises
from tests.support.clocks import PassClock
from tests.support.comparison import verify
from tests.support.contradictions import Contradiction
from tests.support.large_campaign import FEW_FREE
from tests.support.large_campaign import campaign as large_campaign
from tests.support.random_campaigns import RandomCampaign, draw

from couponry import Campaign, CustomerRule, Limit
from couponry.result import Result

A_PASS = 0.01  # seconds; HiGHS measures time itself, so that it has little of it, too
GAP = 1e-6
# of few customers each, once the time is up: stages still end properly, and hand on what they have
PASSES_AFTER = 40
BUNDLES, CORE, CONFLICT = 5, 9, 4  # seeds of campaigns that come to these stages


@functools.cache
def drawn(seed: int) -> RandomCampaign:
    return draw(seed, 400)


def solve(seed: int, time_limit: float | None) -> Result:
    """Solve a random campaign; CONFLICT's with limits that cannot be kept. Whatever comes of it must hold."""
    found = drawn(seed)
    limits = Contradiction(found).limits()[1] if seed == CONFLICT else found.limits
    result = found.campaign(limits=limits).solve(threads=1, gap=GAP, time_limit=time_limit)
    if result.allocation is None:
        assert result.status in ("unsolved", "infeasible") and result.objective is None
        return result
    oracle = found.oracle(limits=limits)
    assert verify(oracle, oracle.reach(), result)[1] == []
    assert result.status in ("optimal", "feasible")
    assert result.objective is not None and result.bound is not None
    assert result.objective <= result.bound
    return result


def with_costs() -> Campaign:
    """Five offers for each of 200 customers, two coupons each, at costs."""
    rng = np.random.default_rng(3)
    candidates = {
        "customer": np.repeat(np.arange(200), 5),
        "offer": np.tile(np.arange(5), 200),
        "value": rng.gamma(2.0, 1.0, 1000),
        "cost": rng.uniform(0.5, 1.5, 1000),
    }
    return Campaign({"offer": np.arange(5)}, candidates, rules=[CustomerRule("slots", max=2)])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> PassClock:
    return PassClock(monkeypatch)


def passes_after(clock: PassClock, limit: float) -> int:
    return sum(when >= limit for when in clock.passes)


@pytest.mark.parametrize("passes", [1, 4, 10, 20, 40, 80])
@pytest.mark.parametrize("seed", [BUNDLES, CORE, CONFLICT])
def test_a_limit_of_so_many_passes_is_kept(seed: int, passes: int, clock: PassClock) -> None:
    limit = passes * A_PASS
    clock.a_pass = A_PASS
    solve(seed, limit)
    assert clock.passes
    assert passes_after(clock, limit) <= PASSES_AFTER


@pytest.mark.parametrize(
    ("seed", "stage", "entry"),
    [
        (BUNDLES, "dual", 1),
        (BUNDLES, "rounding", 1),
        (BUNDLES, "bundles", 1),
        (CORE, "dual", 2),
        (CORE, "dual", 3),
        (CORE, "rounding", 2),
        (CORE, "milp", 1),
        (CONFLICT, "infeasibility", 1),
        (CONFLICT, "way out", 1),
    ],
)
def test_time_may_run_out_in_any_stage(seed: int, stage: str, entry: int, clock: PassClock) -> None:
    limit = 1.0

    def entered(name: str) -> None:
        if [found for found, _ in clock.stages].count(stage) == entry:
            clock.seconds = 2.0 * limit

    clock.entered = entered
    solve(seed, limit)
    assert clock.seconds > limit  # the stage was come to
    assert clock.stages[-1][0] == "result"
    assert passes_after(clock, limit) <= PASSES_AFTER


def test_a_limit_that_is_over_at_once_leaves_nothing_solved(clock: PassClock) -> None:
    clock.entered = lambda stage: setattr(clock, "seconds", 1.0)
    result = solve(BUNDLES, 1e-6)
    assert result.status == "unsolved" and result.allocation is None


def test_a_limit_that_is_far_changes_nothing(clock: PassClock) -> None:
    clock.a_pass = A_PASS
    limited, free = solve(BUNDLES, 1e6), solve(BUNDLES, None)
    assert limited.status == "optimal"
    assert limited.allocation.to_arrow().equals(free.allocation.to_arrow())
    assert (limited.objective, limited.bound) == (free.objective, free.bound)


@pytest.mark.parametrize("passes", [1, 10, 30, 50])
def test_limits_of_large_campaigns_are_kept(passes: int, clock: PassClock) -> None:
    clock.a_pass = 1.0
    result = large_campaign().solve(
        threads=2, gap=5e-4, time_limit=float(passes), solver_options=FEW_FREE
    )
    assert passes_after(clock, passes) <= PASSES_AFTER
    assert result.status == ("unsolved" if passes <= 30 else "feasible")


def test_more_time_never_leaves_less(clock: PassClock) -> None:
    """A solve that is stopped later has done all that one stopped earlier had."""
    clock.a_pass, gaps = A_PASS, []
    for passes in (10, 20, 40, 80):
        result = solve(CORE, passes * A_PASS)
        gaps.append(float("inf") if result.gap is None else result.gap)
    assert gaps[-1] <= gaps[0]


def test_price_ranges_end_with_the_time(clock: PassClock) -> None:
    result = large_campaign().solve(threads=2)
    clock.a_pass = 1.0
    found = result.price_ranges(most=2, time_limit=2.0)
    assert found.table.num_rows < 4  # two limits, each moved both ways


@pytest.mark.parametrize(("passes", "is_irreducible"), [(40, False), (100, True)])
def test_a_proof_leaves_time_for_a_way_out(
    passes: int, is_irreducible: bool, clock: PassClock
) -> None:
    """What is known of a conflict outlives the search for a smaller one, and half of the time is the way out's."""
    clock.a_pass = A_PASS
    result = promises(81).solve(threads=1, time_limit=passes * A_PASS)
    assert result.status == "infeasible" and result.infeasible is not None
    assert result.infeasible["irreducible"] == is_irreducible
    assert len(result.infeasible["limits"]) == BRANDS
    assert result.infeasible["way_out_share"] < 0.5
    # each 81st coupon of a brand; the bound is there even where the time was too short for an allocation near it
    assert result.infeasible["way_out_share_at_least"] == pytest.approx(BRANDS / 81, rel=1e-3)
    assert passes_after(clock, passes * A_PASS) <= PASSES_AFTER


def test_denominators_of_ratios_are_tried_no_longer_than_there_is_time(clock: PassClock) -> None:
    """Each is a solve of its own, which makes some passes however late it is."""
    limits = [Limit("return", ratio=("value", "cost"), min=9.0), Limit("volume", min=380)]
    hopeless = with_costs().with_limits(limits)
    left, limit = 0.25 * A_PASS, 100.0

    def entered(name: str) -> None:
        if name == "dual" and "way out" in [found for found, _ in clock.stages]:
            clock.seconds = max(clock.seconds, limit - left)

    clock.a_pass, clock.entered = A_PASS, entered
    result = hopeless.solve(threads=1, time_limit=limit)
    assert result.infeasible is not None and "way_out" in result.infeasible
    assert passes_after(clock, limit) <= 8

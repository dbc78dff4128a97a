"""Certificates at every scale: no bound is below an allocation, and what is called optimal or infeasible is that.

Every allocation of a small campaign is looked at in fractions (`tests.fuzz`), with the stages that a larger campaign
goes through forced: HiGHS is asked although everything could be tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fuzz.checks import Checked
from tests.fuzz.drawing import draw
from tests.fuzz.solving import STAGES, solve
from tests.support.campaigns import random_tables, replaced

from couponry import Campaign, CustomerRule, Limit, cli
from couponry.result import Result
from couponry.solver.dual.lagrangian import Evaluation, Lagrangian
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.solve_state import relative_gap

BY_HIGHS = STAGES["highs"]
NAMES = ("default", "highs", "many by highs")


@pytest.mark.parametrize("number", [365, 722, 801, 1922])
def test_numbers_of_all_scales(number: int) -> None:
    """Campaigns that had a bound below an allocation."""
    drawn = draw(number)
    for stages in ("highs", "many by highs"):
        small = replace(drawn, settings=replace(drawn.settings, stages=stages))
        for solved, result in solve(small):
            wrong = [w for w in Checked(solved, result).check() if not w.startswith("way out")]
            assert [w for w in wrong if not w.startswith("unsolved")] == []


# ---- known ones


def best_of(value: list[float], cost: list[float], slots: int, most: float) -> Fraction:
    """The best worth of any allocation within a budget, of four customers' offers."""
    each = len(value) // 4
    picks = [p for p in product((0, 1), repeat=each) if sum(p) <= slots]
    totals = {(Fraction(0), Fraction(0))}
    for i in range(4):
        own = [
            tuple(
                sum((Fraction(c[i * each + j]) * p[j] for j in range(each)), Fraction(0))
                for c in (value, cost)
            )
            for p in picks
        ]
        totals = {(v + a, c + b) for v, c in totals for a, b in own if c + b <= Fraction(most)}
    return max(v for v, _ in totals)


def four_customers(scale: float) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(7)
    return (rng.gamma(2.0, 1.0, 16) * scale).tolist(), (rng.gamma(2.0, 1.0, 16) + 0.1).tolist()


def solve_four(value: list[float], cost: list[float], limit: Limit, **settings: Any) -> Result:
    offers = {"offer": np.arange(4)}
    candidates = {
        "customer": np.repeat(np.arange(4), 4),
        "offer": np.tile(np.arange(4), 4),
        "value": value,
        "cost": cost,
    }
    campaign = Campaign(offers, candidates, rules=[CustomerRule("slots", max=2)], limits=[limit])
    return campaign.solve(**{"threads": 1, "gap": 1e-6, **settings})


@pytest.mark.parametrize("options", [DEFAULT_OPTIONS, BY_HIGHS], ids=["default", "by HiGHS"])
@pytest.mark.parametrize("power", [-12, -9, -7, 0, 12])
def test_small_and_large_values_under_hard_limits(power: int, options: Any) -> None:
    """At 1e-7 and below HiGHS's tolerances were larger than what coupons are worth."""
    value, cost = four_customers(10.0**power)
    best = best_of(value, cost, 2, 6.0)
    result = solve_four(value, cost, Limit("budget", sum="cost", max=6.0), solver_options=options)
    assert result.status == "optimal"
    assert result.bound is not None and result.objective is not None
    assert Fraction(result.bound) >= best * (1 - Fraction(1, 10**15))
    assert float(best) * (1 - 1e-6) <= result.objective <= result.bound
    assert result.bound <= float(best) * (1 + 2e-6)


def test_scales_by_powers_of_two_change_nothing_else() -> None:
    """Whatever is asked of HiGHS is the same to the bit, and so is the allocation."""
    found = []
    for bits in (-40, 0, 40):
        value, cost = four_customers(2.0**bits)
        limit = Limit("budget", sum="cost", max=6.0)
        result = solve_four(value, cost, limit, solver_options=BY_HIGHS)
        assert result.allocation is not None and result.objective is not None
        table = result.allocation.to_arrow()
        found.append(
            (
                table["customer"].to_pylist(),
                table["offer"].to_pylist(),
                result.objective / 2.0**bits,
            )
        )
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("options", [DEFAULT_OPTIONS, BY_HIGHS], ids=["default", "by HiGHS"])
def test_large_values_and_a_soft_equality(options: Any) -> None:
    value, cost = four_customers(7e11)
    asked, penalty = 5.5, 1e12
    result = solve_four(
        value,
        cost,
        Limit("spend", sum="cost", min=asked, max=asked, mode="soft", penalty=penalty),
        solver_options=options,
    )
    exact = solve_four(
        value,
        cost,
        Limit("spend", sum="cost", min=asked, max=asked, mode="soft", penalty=penalty),
    )
    assert result.bound is not None and exact.objective is not None
    assert result.bound >= exact.objective
    assert exact.status == "optimal" and result.bound <= exact.objective * (1 + 1e-3)


@pytest.mark.parametrize("options", [DEFAULT_OPTIONS, BY_HIGHS], ids=["default", "by HiGHS"])
def test_costs_of_two_scales(options: Any) -> None:
    """1e11 beside 1e-8: what costs 1e11 fits into no budget of 3e-8."""
    value, _ = four_customers(1.0)
    cost = [1e11 if j % 4 == 0 else 1e-8 * (1 + j % 3) for j in range(16)]
    best = best_of(value, cost, 2, 7e-8)
    result = solve_four(value, cost, Limit("budget", sum="cost", max=7e-8), solver_options=options)
    assert result.bound is not None and result.objective is not None
    assert Fraction(result.bound) >= best * (1 - Fraction(1, 10**15))
    assert result.objective == pytest.approx(float(best), rel=1e-6)


@pytest.mark.parametrize("options", [DEFAULT_OPTIONS, BY_HIGHS], ids=["default", "by HiGHS"])
def test_a_huge_penalty_is_as_good_as_hard(options: Any) -> None:
    value, cost = four_customers(1e-3)
    best = best_of(value, cost, 2, 6.0)
    soft = Limit("budget", sum="cost", max=6.0, mode="soft", penalty=1e15)
    result = solve_four(value, cost, soft, solver_options=options)
    assert result.bound is not None and result.objective is not None
    assert Fraction(result.bound) >= best * (1 - Fraction(1, 10**15))
    assert result.objective == pytest.approx(float(best), rel=1e-6)


# ---- soft ratios over nothing


@pytest.mark.parametrize("options", [DEFAULT_OPTIONS, BY_HIGHS], ids=["default", "by HiGHS"])
def test_a_ratio_to_nothing_misses_nothing(options: Any) -> None:
    """No coupon has a cost: no ratio is missed, and the bound says so."""
    value = [0.05] * 16
    ratio = Limit("return", ratio=("value", "cost"), max=1.0, mode="soft", penalty=1.0)
    result = solve_four(value, [0.0] * 16, ratio, solver_options=options)
    assert (result.status, result.allocated) == ("optimal", 8)
    assert result.objective == pytest.approx(0.4) and result.bound is not None
    assert result.bound >= result.objective and result.gap is not None and 0 <= result.gap < 1e-6


@pytest.mark.parametrize("options", [DEFAULT_OPTIONS, BY_HIGHS], ids=["default", "by HiGHS"])
def test_giving_only_what_costs_nothing_may_be_best(options: Any) -> None:
    """With the coupons that cost something the ratio is missed by more than they are worth."""
    value = [1.0 if j % 4 else 0.5 for j in range(16)]
    cost = [0.01 if j % 4 else 0.0 for j in range(16)]
    ratio = Limit("return", ratio=("value", "cost"), max=1.0, mode="soft", penalty=10.0)
    result = solve_four(value, cost, ratio, solver_options=options)
    assert result.objective == pytest.approx(2.0)  # four times 0.5 at no cost
    assert result.bound is not None and result.bound >= 2.0


@pytest.mark.parametrize("side", ["min", "max"])
def test_a_ratio_that_every_coupon_has_is_kept_by_all(side: str) -> None:
    """0.3 is 3 times 0.1, and 2.1 is 3 times 0.7, but for rounding: no coupon is lost to that, and none is refused."""
    offers = {"offer": [0, 1], "cost": [0.1, 0.7]}
    candidates = {"customer": [0, 0, 1, 1], "offer": [0, 1, 0, 1], "value": [0.3, 2.1, 0.3, 2.1]}
    one = CustomerRule("one", min=1, max=1)
    ratio = Limit("return", ratio=("value", "cost"), **{side: 3.0})
    result = Campaign(offers, candidates, rules=[one], limits=[ratio]).solve(threads=1)
    assert (result.status, result.objective) == ("optimal", 4.2)
    assert result.max_violation is not None and result.max_violation < 1e-15


# ---- more than can be tried


SCALES = [(0, 0), (-9, 0), (-12, 6), (10, -11)]
"""Powers of ten that values and weights are multiplied by."""


def at_scale(by_value: float, by_weight: float, minimum: bool = False) -> Result:
    """The same campaign of some 174 candidates in other units, a weight in seven far larger; decided by HiGHS."""
    tables = random_tables(customers=29, seed=11)
    candidates = tables["candidates"]
    weight = candidates["weight"].to_numpy() * np.where(np.arange(174) % 7, 1.0, 1e5)
    candidates = replaced(candidates, "value", candidates["value"].to_numpy() * by_value)
    candidates = replaced(candidates, "weight", weight * by_weight)
    limits = [
        Limit("few", where={"brand": ["A"]}, max=8),
        Limit("weight", sum="weight", max=26.0 * by_weight),
    ]
    if minimum:
        most = float(weight[np.arange(174) % 7 > 0].max())
        limits.append(Limit("heavy", sum="weight", min=most * 7.5 * by_weight))
    rules = [CustomerRule("slots", max=2), CustomerRule("products", by="product", max=1)]
    campaign = Campaign(tables["offers"], candidates, rules=rules, limits=limits)
    return campaign.solve(threads=1, gap=1e-5, solver_options=BY_HIGHS)


@pytest.mark.parametrize("minimum", [False, True], ids=["maxima", "and a minimum"])
def test_no_unit_has_a_bound_below_what_another_unit_found(minimum: bool) -> None:
    found = [
        (at_scale(10.0**value, 10.0**weight, minimum), 10.0**value) for value, weight in SCALES
    ]
    assert {result.status for result, _ in found} == {"optimal"}
    objectives = [result.objective / unit for result, unit in found if result.objective]
    bounds = [result.bound / unit for result, unit in found if result.bound]
    assert len(objectives) == len(bounds) == len(SCALES)
    assert max(objectives) <= min(bounds) * (1 + 1e-14)


@pytest.mark.parametrize("asserts", ["0", "1"])
def test_a_certificate_that_contradicts_itself_is_one_sentence_and_no_result(
    folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    asserts: str,
) -> None:
    """Exit status 1, nothing written, and a request to report it; with assertions or without."""
    certify = Lagrangian.certify

    def too_low(self: Lagrangian, prices: Any, objective: float = 1.0) -> Evaluation:
        return replace(certify(self, prices, objective), bound=0.5)

    monkeypatch.setattr(Lagrangian, "certify", too_low)
    monkeypatch.setenv("COUPONRY_ASSERTIONS", asserts)
    out = tmp_path / "out"
    assert cli.run(["solve", str(folder()), "--out", str(out)]) == 1
    said = capfd.readouterr().err.splitlines()[-1]
    assert said.startswith("couponry: internal error: CertificateError: ")
    assert "please report it" in said
    assert not out.exists()


# ---- numbers next to nothing


@pytest.mark.parametrize("tiny", [5e-324, 1e-320, 1e-300, 1e-150, 1e-40])
def test_weights_and_bounds_next_to_nothing_that_cannot_be_met(tiny: float) -> None:
    """The conflict and the way out are told: nobody divides by such a number, or prices it."""
    offers = {"offer": [0, 1]}
    candidates = {"customer": [0, 0, 1], "offer": [0, 1, 0], "value": [0.2, 0.3, 0.7]}
    weight, other = [tiny, 0.0, tiny], [1.0, tiny, 0.0]
    limits = [Limit("w", sum="w", min=3 * tiny), Limit("o", sum="o", max=tiny)]
    campaign = Campaign(offers, {**candidates, "w": weight, "o": other}, limits=limits)
    result = campaign.solve(threads=1)
    assert result.status == "infeasible" and result.infeasible is not None
    assert [limit["limit"] for limit in result.infeasible["limits"]] == ["w"]
    assert [change["limit"] for change in result.infeasible["way_out"]] == ["w"]


@pytest.mark.parametrize("tiny", [5e-324, 1e-320, 1e-300, 1e-150, 1e-40])
def test_weights_and_bounds_next_to_nothing_hold(tiny: float) -> None:
    """One coupon is at the bound, and the other one beyond it."""
    offers = {"offer": [0, 1]}
    candidates = {"customer": [0, 1], "offer": [0, 1], "value": [0.25, 0.5], "w": [tiny, 1.0]}
    limit = Limit("w", sum="w", min=tiny, max=tiny)
    result = Campaign(offers, candidates, limits=[limit]).solve(threads=1)
    assert (result.status, result.objective) == ("optimal", 0.25)


def test_a_small_gap_of_small_numbers_is_none() -> None:
    """A bound of 1e-320 is infinitely far above nothing, as 1 is."""
    assert relative_gap(1e-320, 0.0) == 1.0
    assert relative_gap(2e-305, 1e-305) == 0.5
    assert relative_gap(0.0, -1e30) == np.finfo(float).max
    assert relative_gap(0.0, 0.0) == 0.0

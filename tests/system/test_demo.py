"""The demo on real data: it covers what it promises, sees nothing of the campaigns' own outcomes, and writes files."""

from __future__ import annotations

import runpy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.cases.figures import DEMO
from tests.support.journey import journey as loaded
from tests.support.journey import scored as scored_once

from couponry.demo.journey import Journey
from couponry.demo.run import SLOTS, demo_campaign, run_demo
from couponry.demo.scoring import ScoredCampaign, score_campaign
from couponry.verify import verify_result

LEAST_COVERAGE = {13: 0.53, 18: 0.57}
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


pytestmark = pytest.mark.xdist_group("demo")  # what one worker has loaded and scored serves all


@pytest.fixture(scope="module")
def journey() -> Journey:
    return loaded()


@pytest.fixture(scope="module", params=[18])
def number(request: pytest.FixtureRequest) -> int:
    chosen: int = request.param
    return chosen


@pytest.fixture(scope="module")
def scored(journey: Journey, number: int) -> ScoredCampaign:
    return scored_once(number)


def test_demo(tmp_path: Path) -> None:
    lines: list[str] = []
    covered = run_demo(tmp_path / "demo", overwrite=False, threads=2, say=lines.append)
    assert any("incremental" in line for line in lines)
    for number, least in LEAST_COVERAGE.items():
        share = covered[number]
        assert share.couponry >= least
        assert share.couponry > 2 * share.popularity > 2 * share.random > 0
        folder, out = (
            tmp_path / "demo" / f"{part}-{number}" for part in ("campaign", "allocation")
        )
        report = verify_result(folder, out)
        assert report.ok, report.problems
    printed = {str(number): asdict(share) for number, share in covered.items()}
    assert not list(DEMO.differences(printed))


def test_sixteen_coupons_between_half_and_twice_the_average(scored: ScoredCampaign) -> None:
    result = demo_campaign(scored, scored.candidates, "response", "demo").solve(threads=1)
    assert result.allocation is not None
    given = np.unique(result.allocation.to_arrow()["customer"].to_numpy(), return_counts=True)[1]
    households = scored.candidates.num_rows // scored.offers.num_rows
    assert len(given) == households
    assert (given == SLOTS).all()
    times = np.bincount(
        np.searchsorted(
            scored.offers["offer"].to_numpy(), result.allocation.to_arrow()["offer"].to_numpy()
        ),
        minlength=scored.offers.num_rows,
    )
    average = households * SLOTS / scored.offers.num_rows
    assert times.min() >= average / 2
    assert times.max() <= average * 2


def test_nothing_from_the_first_day_on_is_used(
    journey: Journey, number: int, scored: ScoredCampaign
) -> None:
    first_day = journey.campaigns[number].first_day
    purchases = journey.purchases
    late = purchases.day >= first_day
    assert late.any()
    # everything bought from then on is bought by somebody else, and half of the later redemptions never happen
    order = np.arange(len(purchases.day))
    order[late] = np.random.default_rng(0).permutation(order[late])
    household = purchases.household[order]
    redemptions = journey.redemptions
    kept = (redemptions["day"] < first_day) | (np.arange(len(redemptions)) % 2 == 0)
    assert not kept.all()
    changed = replace(
        journey,
        purchases=replace(purchases, household=household),
        redemptions=redemptions[kept],
    )
    before, after = scored, score_campaign(changed, number)
    assert before.candidates.equals(after.candidates)
    assert before.offers.equals(after.offers)
    assert np.array_equal(before.popularity, after.popularity)
    assert len(after.redeemed) < len(before.redeemed)


def test_the_example_from_raw_transactions(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "from_transactions.py"))
    printed = capsys.readouterr().out
    assert "status       optimal" in printed and "'history'" in printed
    assert float(printed.splitlines()[-1].split()[0]) > 0.5

"""The demo: two real campaigns scored, allocated, compared with what households redeemed, and written as files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..campaign import Campaign
from ..folders import write_campaign
from ..model.limits import Limit
from ..model.rules import CustomerRule
from ..result import Result
from ..utils.atomic_folder import check_new_folder
from .journey import Journey, load_journey
from .scoring import ScoredCampaign, score_campaign

CAMPAIGNS = (13, 18)
SLOTS = 16
NOTE = """\
Coverage is the share of the (household, coupon) redemptions that really happened in a campaign which its
allocation covers. Only purchases and redemptions before a campaign's first day were used. It validates ranking:
whether the coupons that households chose to redeem are put before them. It says nothing of incremental sales,
since a coupon for what a household would have bought anyway counts as a success here."""


@dataclass(frozen=True)
class RedemptionCoverage:
    """Share of actual redemptions that an allocation covers under the same limits, by what was maximised.

    Attributes
    ----------
    couponry : float
        The response that couponry.affinity estimates.
    popularity : float
        How many households bought what the coupon is good for.
    random : float
        Random numbers.
    """

    couponry: float
    popularity: float
    random: float


def run_demo(
    folder: Path, *, overwrite: bool, threads: int | None, say: Callable[[str], None]
) -> dict[int, RedemptionCoverage]:
    """Score, allocate and compare campaigns 13 and 18; write campaign-N and allocation-N.

    Parameters
    ----------
    folder : Path
        Folder to write into; must not exist.
    overwrite : bool
        Replace the folder if it exists.
    threads : int or None
        None: COUPONRY_THREADS, else all usable cores.
    say : callable
        Called with each line of the report.

    Returns
    -------
    dict of int to RedemptionCoverage
        By campaign.

    Raises
    ------
    ImportError
        If the data package is not installed; names the extra.
    """
    check_new_folder(folder, overwrite=overwrite)
    say("loading dunnhumby's Complete Journey: 2,469 households, a year of groceries")
    journey = load_journey()
    covered = {}
    for number in CAMPAIGNS:
        covered[number] = _one(journey, number, folder, overwrite, threads, say)
    say("")
    say(f"{'coverage':<12}{'couponry':>10}{'popularity':>12}{'random':>10}")
    for number, share in covered.items():
        say(
            f"{f'campaign {number}':<12}{share.couponry:>10.3f}{share.popularity:>12.3f}{share.random:>10.3f}"
        )
    say("")
    say(NOTE)
    say("")
    say(
        f"files: {folder}/campaign-N, the campaign as couponry solve takes it, and {folder}/allocation-N"
    )
    last = CAMPAIGNS[-1]
    say(f"next: couponry report {folder}/campaign-{last} {folder}/allocation-{last} -o report.html")
    return covered


def _one(
    journey: Journey,
    number: int,
    folder: Path,
    overwrite: bool,
    threads: int | None,
    say: Callable[[str], None],
) -> RedemptionCoverage:
    """Score, allocate and compare one campaign."""
    scored = score_campaign(journey, number)
    campaign = demo_campaign(scored, scored.candidates, "response", f"campaign {number}")
    result = campaign.solve(threads=threads)
    write_campaign(campaign, folder / f"campaign-{number}", overwrite=overwrite)
    result.save(folder / f"allocation-{number}", overwrite=overwrite)
    say("")
    say(result.summary())

    offers = scored.offers.num_rows
    households = scored.candidates.num_rows // offers
    baselines = {
        "popularity": np.tile(scored.popularity, households),
        "random": np.random.default_rng(number).random(households * offers),
    }
    shares = {"couponry": coverage(result, scored.redeemed)}
    for name, score in baselines.items():
        candidates = scored.candidates.append_column("score", pa.array(score, pa.float64()))
        other = demo_campaign(scored, candidates, "score", name).solve(threads=threads)
        shares[name] = coverage(other, scored.redeemed)
    return RedemptionCoverage(**shares)


def demo_campaign(scored: ScoredCampaign, candidates: pa.Table, value: str, name: str) -> Campaign:
    """Return a campaign of exactly 16 coupons for each household.

    Every coupon is given between half and twice the average number of times.

    Parameters
    ----------
    scored : ScoredCampaign
    candidates : pyarrow.Table
        Of `scored`, with the column `value`.
    value : str
        Column whose sum is maximised.
    name : str

    Returns
    -------
    Campaign
        Ready to solve.
    """
    average = scored.candidates.num_rows / scored.offers.num_rows * SLOTS / scored.offers.num_rows
    return Campaign(
        scored.offers,
        candidates,
        rules=[CustomerRule("slots", min=SLOTS, max=SLOTS)],
        limits=[Limit("fair share", by="offer", min=0.5 * average, max=2.0 * average)],
        value=value,
        name=name,
    )


def coverage(result: Result, redeemed: NDArray[np.int64]) -> float:
    """Return the share of the redeemed (customer, offer) pairs that were allocated.

    Parameters
    ----------
    result : Result
        A solved campaign.
    redeemed : ndarray of int64, shape (n_pairs, 2)
        Customer and offer of each redemption.

    Returns
    -------
    float
        From 0 to 1.
    """
    if result.allocation is None:
        raise RuntimeError(f"the demo found no allocation: {result.message}")
    allocated = result.allocation.to_arrow().select(["customer", "offer"])
    truth = pa.table({"customer": redeemed[:, 0], "offer": redeemed[:, 1]})
    covered: int = truth.join(allocated, ["customer", "offer"], join_type="inner").num_rows
    return covered / len(redeemed)

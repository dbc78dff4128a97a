"""Response to coupons on the Complete Journey: each campaign of 2017 by a model of those that had ended before it.

Columns, the ridge and the shift's prior were chosen on campaigns that began before August; those from August on that
ended within the data are reported. Of the others the last redemptions are missing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import _paths  # noqa: F401
import numpy as np
import scipy.stats
from benchmarks.support.hardware import describe
from benchmarks.support.redemptions import COUNTED, LAST_DAY, Columns, Scored, all_scored
from numpy.typing import NDArray

from couponry.affinity import ResponseModel, recent_shift
from couponry.affinity.response.response_model import RIDGE
from couponry.affinity.scores.logistic import sigmoid
from couponry.demo.journey import load_journey
from couponry.utils.threads import thread_count

REPORTED_FROM = np.datetime64("2017-08-01")
LEAST_REDEMPTIONS = 5  # of ended campaigns, for a model to be fitted on them
RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


def auc(score: NDArray[np.floating], happened: NDArray[np.bool_]) -> float:
    """The chance that a pair that was redeemed is ranked before one that was not; ties count half."""
    rank = scipy.stats.rankdata(score)
    positive = int(happened.sum())
    above = rank[happened].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(happened) - positive)))


@dataclass(frozen=True)
class Foretold:
    """A campaign, and the log odds of its pairs by a model of those that had ended."""

    scored: Scored
    log_odds: NDArray[np.float64]
    shift: float = 0.0

    @property
    def expected(self) -> float:
        """Redemptions that are foretold, without a shift."""
        return float(sigmoid(self.log_odds).sum())

    @property
    def expected_lately(self) -> float:
        """The same, shifted by what came of the campaigns before."""
        return float(sigmoid(self.log_odds + self.shift).sum())


def without(*names: str) -> Callable[[Columns], Columns]:
    """All columns but some, and but counts of redemptions."""
    left_out = (COUNTED, *names)
    return lambda columns: {n: v for n, v in columns.items() if not n.startswith(left_out)}


def counted(columns: Columns) -> Columns:
    """Counts of redemptions in the place of rates."""
    return {n: v for n, v in columns.items() if not n.startswith("redemptions")}


def rolling(
    campaigns: list[Scored],
    kept: Callable[[Columns], Columns] | None = None,
    ridge: float = RIDGE,
) -> list[Foretold]:
    """Each campaign by a model of those that had ended, shifted by what came of those that were foretold before."""
    kept = kept or without()
    found: list[Foretold] = []
    for one in campaigns:
        day = one.campaign.first_day
        ended = [(kept(s.columns), s.redeemed) for s in campaigns if s.has_ended(day)]
        if sum(int(redeemed.sum()) for _, redeemed in ended) < LEAST_REDEMPTIONS:
            continue
        known = [f for f in found if f.scored.has_ended(day)]
        shift = recent_shift(
            [f.expected for f in known],
            [f.scored.redeemed.sum() for f in known],
            [float((day - f.scored.campaign.last_day).astype(int)) for f in known],
        )
        model = ResponseModel(ridge=ridge).fit(ended)
        found.append(Foretold(one, model.log_odds(kept(one.columns)), shift))
    return found


def ranking(scores: list[NDArray[np.floating]], campaigns: list[Scored]) -> dict[str, float]:
    """AUC within each campaign, averaged by its redemptions."""
    values = np.array([auc(s, c.redeemed) for s, c in zip(scores, campaigns, strict=True)])
    count = np.array([c.redeemed.sum() for c in campaigns])
    small = np.array([c.campaign.kind != "Type A" for c in campaigns])
    return {
        "all": round(float(np.average(values, weights=count)), 4),
        "types B+C": round(float(np.average(values[small], weights=count[small])), 4),
    }


def calibration(expected: list[float], campaigns: list[Scored]) -> dict[str, float]:
    """Redemptions foretold beside those that came, in all and campaign by campaign."""
    came = np.array([c.redeemed.sum() for c in campaigns])
    off = np.abs(np.array(expected) - came)
    return {
        "foretold / came": round(sum(expected) / float(came.sum()), 3),
        "off by campaign": round(float(off.sum() / came.sum()), 3),
    }


def judged(foretold: list[Foretold]) -> dict[str, Any]:
    """Ranking and calibration of campaigns that had redemptions."""
    some = [f for f in foretold if f.scored.redeemed.any()]
    campaigns = [f.scored for f in some]
    return {
        "campaigns": len(campaigns),
        "redeemed": sum(int(c.redeemed.sum()) for c in campaigns),
        "auc": ranking([f.log_odds for f in some], campaigns),
        "plain": calibration([f.expected for f in some], campaigns),
        "shifted": calibration([f.expected_lately for f in some], campaigns),
    }


def choices(early: list[Scored]) -> dict[str, Any]:
    """What was chosen on early campaigns: the ridge, and columns."""
    columns = {
        "counts of redemptions for rates": counted,
        "without purchases of its type and maker": without("buys of its"),
        "without late trips": without("trips lately"),
        "without redemptions of buyers": without("redemptions of"),
    }
    return {
        "ridge": {f"{ridge:g}": judged(rolling(early, ridge=ridge)) for ridge in RIDGES},
        **{name: judged(rolling(early, kept)) for name, kept in columns.items()},
    }


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    report: dict[str, Any] = describe(thread_count())
    journey = load_journey()
    campaigns = all_scored(journey)
    report["chosen on"] = choices([s for s in campaigns if s.campaign.first_day < REPORTED_FROM])
    reported = {
        "response model": rolling(campaigns),
        "counts, ridge 1": rolling(campaigns, counted, ridge=1.0),
    }
    for name, foretold in reported.items():
        reported[name] = [
            f
            for f in foretold
            if f.scored.campaign.first_day >= REPORTED_FROM and f.scored.has_ended(LAST_DAY + 1)
        ]
        report[name] = judged(reported[name])
    found = reported["response model"]
    tested = [f.scored for f in found]
    report["p0 alone"] = ranking([s.columns["p0"] for s in tested], tested)
    report["coupon popularity"] = ranking([s.popularity for s in tested], tested)
    report["campaigns"] = [
        {
            "campaign": f.scored.campaign.id,
            "kind": f.scored.campaign.kind,
            "auc": round(auc(f.log_odds, f.scored.redeemed), 4),
            "foretold": round(f.expected, 1),
            "shifted": round(f.expected_lately, 1),
            "redeemed": int(f.scored.redeemed.sum()),
            "pairs": len(f.scored.redeemed),
        }
        for f in found
    ]
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

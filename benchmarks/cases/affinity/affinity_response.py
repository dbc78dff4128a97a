"""Response to coupons on the Complete Journey: campaigns from August 2017 on, ranked by a model of the earlier ones."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
import scipy.sparse as sp
import scipy.stats
from benchmarks.support.hardware import describe
from numpy.typing import NDArray

from couponry.affinity import LogisticRegression, PurchaseHistory, ResponseModel, Sample
from couponry.affinity.scores.offer_features import offer_features
from couponry.data import tables
from couponry.demo.journey import Journey, JourneyCampaign, load_journey
from couponry.utils.threads import thread_count

FIRST_DAY = np.datetime64("2017-01-01")
HISTORY, WINDOW = 28, 28  # days: what a campaign needs before it, and what p0 is about
TRAINED_BEFORE = np.datetime64("2017-08-01")
HALF_LIVES = (1.0, 4.0, 8.0, 16.0, 32.0)
LATELY = "trips_4"  # half-life in weeks, as of the following ones
GROUPS = ("type_4", "type_32", "maker_4", "maker_32")
STORE_COUPONS = (10_000_000_000, 10_001_000_000)  # numbers of the retailer's own


@dataclass(frozen=True)
class Scored:
    """The pairs of a campaign: what the model is given, what sells, and what was redeemed."""

    campaign: JourneyCampaign
    columns: dict[str, NDArray[Any]]
    popularity: NDArray[np.float64]
    redeemed: NDArray[np.bool_]


class Eve:
    """What was known before a day: histories by coupon, product type and maker, of a campaign's coupons."""

    def __init__(self, journey: Journey, campaign: JourneyCampaign, day: np.datetime64):
        pairs = journey.coupon_products(campaign.id)
        products = journey.products
        about = {
            "type": products["category"].astype(str) + " / " + products["type"].astype(str),
            "maker": products["manufacturer"],
        }
        bought = journey.purchases.before(day)
        self.rows = pa.table(
            {
                "customer": journey.households[bought.household],
                "product": products["product_id"].to_numpy()[bought.product],
                "day": (bought.day - FIRST_DAY).astype(np.int64),
                "discount": bought.coupon.astype(np.float64),
            }
        )
        until = int((day - FIRST_DAY).astype(int)) - 1
        self.coupons = pa.array(journey.campaign_coupons(campaign.id))
        good_for = {
            "product": pairs["product_id"].to_numpy(),
            "item": pairs["coupon_upc"].to_numpy(),
        }
        self.history = self._history(good_for, until)
        ids = products["product_id"].to_numpy()
        place = np.searchsorted(ids, self.rows["product"].to_numpy())
        sold = np.bincount(place, minlength=len(ids)) + 1e-3
        coupon = np.searchsorted(self.coupons.to_numpy(), good_for["item"])
        product = np.searchsorted(ids, good_for["product"])
        self.mixes = {}
        for name, labels in about.items():
            by_group = self._history({"product": ids, "item": labels.to_numpy()}, until)
            group = tables.positions(
                tables.ids(pa.table({"g": pa.array(labels)}), "products", "g"), by_group.items
            )[product]
            weight = np.where(group >= 0, sold[product], 0.0)
            shape = (len(self.coupons), len(by_group.items))
            mix = sp.coo_array((weight, (coupon, np.maximum(group, 0))), shape=shape).tocsr()
            total = np.bincount(coupon, weights=sold[product], minlength=len(self.coupons))
            self.mixes[name] = (by_group, (sp.diags_array(1.0 / total) @ mix).tocsr())

    def _history(self, catalogue: dict[str, Any], until: int) -> PurchaseHistory:
        return PurchaseHistory.from_transactions(
            self.rows, catalogue=pa.table(catalogue), half_lives=HALF_LIVES, until=until
        )

    def features(self, customers: pa.Array) -> dict[str, NDArray[np.float32]]:
        return offer_features(self.history, customers, self.coupons, self.mixes)


class Pairs:
    """Every mailed household and coupon of a campaign, looked up in what was known the day before."""

    def __init__(self, eve: Eve, households: pa.Array):
        self.eve, self.households = eve, households
        self.shape = (len(households), len(eve.coupons))
        history = eve.history
        household = tables.positions(history.customers, households)
        self.row = np.repeat(household, np.diff(history.indptr))  # -1: was not mailed
        self.column = tables.positions(history.items, eve.coupons)[history.item]

    def spread(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Values of households, of coupons or of both, for each pair."""
        return np.broadcast_to(values, self.shape).astype(np.float64).ravel()

    def bought_lately(self) -> NDArray[np.bool_]:
        """Whether each household bought in the last four weeks what each coupon is good for."""
        history = self.eve.history
        kept = (history.pairs.last > history.until - WINDOW) & (self.row >= 0)
        bought = np.zeros(self.shape, bool)
        bought[self.row[kept], self.column[kept]] = True
        return bought.ravel()

    def decayed_purchases(self) -> NDArray[np.float64]:
        """Decayed purchases of what each coupon is good for, (households, coupons)."""
        kept, decayed = self.row >= 0, self.eve.history.decay(slice(None))[:, 2]
        found = np.zeros(self.shape)
        found[self.row[kept], self.column[kept]] = decayed[kept]
        return found

    def popularity(self) -> NDArray[np.float64]:
        """Households that ever bought what each coupon is good for."""
        found = np.zeros(self.shape[1])
        np.add.at(found, self.column, 1.0)
        return found

    def trips(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Trips of each household, and how many of them at a discount."""
        trips, discounted = np.zeros((2, self.shape[0]))
        place = tables.positions(self.households, self.eve.history.customers)
        known = place >= 0
        trips[known] = self.eve.history.trips.times[place[known]]
        discounted[known] = self.eve.history.trips.discounted[place[known]]
        return trips, discounted

    def redeemed(self, redemptions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each pair is among these (household, coupon)."""
        row = tables.positions(pa.array(redemptions[:, 0]), self.households)
        column = tables.positions(pa.array(redemptions[:, 1]), self.eve.coupons)
        known = (row >= 0) & (column >= 0)
        found = np.zeros(self.shape, bool)
        found[row[known], column[known]] = True
        return found.ravel()


def scored(journey: Journey, campaign: JourneyCampaign) -> Scored:
    """p0 is fitted on who bought what the coupons are good for in the four weeks before the campaign."""
    households = pa.array(journey.mailed_households(campaign.id))
    day = campaign.first_day
    earlier, eve = Eve(journey, campaign, day - WINDOW), Eve(journey, campaign, day)
    pairs = Pairs(eve, households)
    lately = pairs.bought_lately()
    weight = np.ones(lately.size, np.float32)
    sample = Sample(_stacked(earlier.features(households)), lately, weight)
    features = eve.features(households)
    p0 = LogisticRegression().fit([sample]).predict(_stacked(features)).astype(np.float64)
    columns = {
        "p0": p0,
        **_purchase_columns(pairs, _past_redemptions(journey, day, households)),
        **_trip_columns(pairs, day),
        "trips lately": features[LATELY].astype(np.float64),
        **_store_columns(pairs),
        **{f"buys of its {name}": features[name].astype(np.float64) for name in GROUPS},
    }
    truth = pairs.redeemed(journey.redemptions_of(campaign.id).to_numpy(np.int64))
    return Scored(campaign, columns, pairs.spread(pairs.popularity()[None, :]), truth)


def _past_redemptions(
    journey: Journey, day: np.datetime64, households: pa.Array
) -> NDArray[np.int64]:
    """Coupons that each household redeemed before a day."""
    past = journey.redemptions_before(day)
    count = np.bincount(
        np.searchsorted(journey.households, past["household_id"].to_numpy()),
        minlength=len(journey.households),
    )
    return count[np.searchsorted(journey.households, households.to_numpy())]


def _purchase_columns(pairs: Pairs, redemptions: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Whether the household buys it, how often, and what it redeemed before."""
    own = pairs.decayed_purchases()
    buys = np.where(own > 0, 1.0, 0.0)
    return {
        "buys it": pairs.spread(buys),
        "buys it often": pairs.spread(np.log(own + 0.1)),
        "redemptions": pairs.spread(np.log1p(redemptions)[:, None]),
        "redemptions of buyers": pairs.spread(np.log1p(redemptions)[:, None] * buys),
    }


def _trip_columns(pairs: Pairs, day: np.datetime64) -> dict[str, NDArray[Any]]:
    """Trips a week, and those at a discount; later campaigns have seen more weeks."""
    trips, discounted = pairs.trips()
    weeks = float((day - FIRST_DAY).astype(int)) / 7
    return {
        "discounted trips": pairs.spread(np.log((discounted + 0.5) / weeks)[:, None]),
        "trips": pairs.spread(np.log((trips + 0.5) / weeks)[:, None]),
    }


def _store_columns(pairs: Pairs) -> dict[str, NDArray[Any]]:
    """Whether the coupon is the retailer's own, and the household buys what it is good for."""
    coupons = pairs.eve.coupons.to_numpy()
    own_brand = (coupons >= STORE_COUPONS[0]) & (coupons < STORE_COUPONS[1])
    buys = np.where(pairs.decayed_purchases() > 0, 1.0, 0.0)
    return {
        "the retailer's": pairs.spread(own_brand[None, :]),
        "buys the retailer's": pairs.spread(buys * own_brand[None, :]),
    }


def _stacked(features: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.stack(list(features.values()), axis=1)


def auc(score: NDArray[np.floating], happened: NDArray[np.bool_]) -> float:
    """The chance that a pair that was redeemed is ranked before one that was not; ties count half."""
    rank = scipy.stats.rankdata(score)
    positive = int(happened.sum())
    above = rank[happened].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(happened) - positive)))


def summary(scores: list[NDArray[np.floating]], campaigns: list[Scored]) -> dict[str, Any]:
    """Each campaign's own AUC, averaged by its redemptions, and plainly."""
    values = np.array([auc(s, c.redeemed) for s, c in zip(scores, campaigns, strict=True)])
    count = np.array([c.redeemed.sum() for c in campaigns])
    small = np.array([c.campaign.kind != "Type A" for c in campaigns])

    def means(chosen: NDArray[np.bool_]) -> dict[str, float]:
        by_redemptions = np.average(values[chosen], weights=count[chosen])
        return {
            "by_redemptions": round(float(by_redemptions), 4),
            "plain": round(float(values[chosen].mean()), 4),
        }

    return {"all": means(np.ones(len(count), bool)), "types B and C": means(small)}


def left_out(train: list[Scored], without: str | None = None) -> dict[str, Any]:
    """Each of the earlier campaigns ranked by a model of the others: what columns are chosen by."""

    def columns(s: Scored) -> dict[str, NDArray[Any]]:
        return {n: v for n, v in s.columns.items() if without is None or not n.startswith(without)}

    found = []
    for one in train:
        others = [(columns(s), s.redeemed) for s in train if s is not one]
        found.append(ResponseModel().fit(others).log_odds(columns(one)))
    return summary(found, train)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    report: dict[str, Any] = describe(thread_count())
    journey = load_journey()
    all_scored = [
        scored(journey, campaign)
        for campaign in journey.campaigns.values()
        if campaign.first_day >= FIRST_DAY + HISTORY
    ]
    train = [s for s in all_scored if s.campaign.first_day < TRAINED_BEFORE]
    test = [s for s in all_scored if s.campaign.first_day >= TRAINED_BEFORE]
    model = ResponseModel().fit([(s.columns, s.redeemed) for s in train])
    report["earlier campaigns, each by the others"] = {
        "all columns": left_out(train),
        "without purchases of its type and maker": left_out(train, "buys of its"),
        "without late trips": left_out(train, "trips lately"),
        "without redemptions of buyers": left_out(train, "redemptions of"),
    }
    report["campaigns"] = {"trained_on": len(train), "tested_on": len(test)}
    report["coefficients"] = {n: round(c, 3) for n, c in model.coefficients_.items()}
    report["response model"] = summary([model.log_odds(s.columns) for s in test], test)
    report["p0 alone"] = summary([s.columns["p0"] for s in test], test)
    report["coupon popularity"] = summary([s.popularity for s in test], test)
    report["calibration"] = [
        {
            "campaign": s.campaign.id,
            "kind": s.campaign.kind,
            "predicted": round(float(model.score(s.columns).sum()), 1),
            "redeemed": int(s.redeemed.sum()),
            "pairs": len(s.redeemed),
        }
        for s in test
    ]
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

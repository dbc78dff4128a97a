"""Coupons of the Complete Journey as pairs of household and coupon: columns of what was known the day before, truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from couponry.affinity import LogisticRegression, PurchaseHistory, Sample, redemption_rates
from couponry.affinity.scores.offer_features import offer_features
from couponry.data import tables
from couponry.demo.journey import Journey, JourneyCampaign

FIRST_DAY, LAST_DAY = np.datetime64("2017-01-01"), np.datetime64("2017-12-31")
HISTORY, WINDOW = 28, 28  # days: what a campaign needs before it, and what p0 is about
HALF_LIVES = (1.0, 4.0, 8.0, 16.0, 32.0)
LATELY = "trips_4"  # half-life in weeks, as of the following ones
GROUPS = ("type_4", "type_32", "maker_4", "maker_32")
STORE_COUPONS = (10_000_000_000, 10_001_000_000)  # numbers of the retailer's own
COUNTED = "count of redemptions"  # beside the rate that replaced it

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Scored:
    """The pairs of a campaign: what the model is given, what sells, and what was redeemed."""

    campaign: JourneyCampaign
    columns: Columns
    popularity: NDArray[np.float64]
    redeemed: NDArray[np.bool_]

    def has_ended(self, day: np.datetime64) -> bool:
        """Whether all its redemptions are known on the eve of a day."""
        return bool(self.campaign.last_day < day)


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
    """Everything that a model is given of a campaign, and what was redeemed.

    p0 is fitted on who bought what the coupons are good for in the four weeks before the campaign."""
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
        **_purchase_columns(pairs, *_past_redemptions(journey, day, households)),
        **_trip_columns(pairs, day),
        "trips lately": features[LATELY].astype(np.float64),
        **_store_columns(pairs),
        **{f"buys of its {name}": features[name].astype(np.float64) for name in GROUPS},
    }
    truth = pairs.redeemed(journey.redemptions_of(campaign.id).to_numpy(np.int64))
    return Scored(campaign, columns, pairs.spread(pairs.popularity()[None, :]), truth)


def _past_redemptions(
    journey: Journey, day: np.datetime64, households: pa.Array
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coupons that each household redeemed before a day, and how many it redeems of a campaign."""
    everybody = journey.households
    redeemed, mailed = np.zeros((2, len(everybody)))
    past = journey.redemptions_before(day)
    np.add.at(redeemed, np.searchsorted(everybody, past["household_id"].to_numpy()), 1.0)
    for campaign in journey.campaigns.values():
        if campaign.first_day < day:
            mailed[np.searchsorted(everybody, journey.mailed_households(campaign.id))] += 1.0
    mine = np.searchsorted(everybody, households.to_numpy())
    return redeemed[mine], redemption_rates(redeemed, mailed)[mine]


def _purchase_columns(
    pairs: Pairs, redemptions: NDArray[np.float64], rate: NDArray[np.float64]
) -> Columns:
    """Whether the household buys it, how often, and how readily it redeems."""
    own = pairs.decayed_purchases()
    buys = np.where(own > 0, 1.0, 0.0)
    return {
        "buys it": pairs.spread(buys),
        "buys it often": pairs.spread(np.log(own + 0.1)),
        "redemptions": pairs.spread(rate[:, None]),
        "redemptions of buyers": pairs.spread(rate[:, None] * buys),
        COUNTED: pairs.spread(np.log1p(redemptions)[:, None]),
        f"{COUNTED} of buyers": pairs.spread(np.log1p(redemptions)[:, None] * buys),
    }


def _trip_columns(pairs: Pairs, day: np.datetime64) -> Columns:
    """Trips a week, and those at a discount; later campaigns have seen more weeks."""
    trips, discounted = pairs.trips()
    weeks = float((day - FIRST_DAY).astype(int)) / 7
    return {
        "discounted trips": pairs.spread(np.log((discounted + 0.5) / weeks)[:, None]),
        "trips": pairs.spread(np.log((trips + 0.5) / weeks)[:, None]),
    }


def _store_columns(pairs: Pairs) -> Columns:
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


def all_scored(journey: Journey) -> list[Scored]:
    """Every campaign with enough history before it, by first day."""
    return [
        scored(journey, campaign)
        for campaign in journey.campaigns.values()
        if campaign.first_day >= FIRST_DAY + HISTORY
    ]

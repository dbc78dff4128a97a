"""Scores every mailed household and coupon of a campaign by couponry.affinity, from what was known before it began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..affinity import PurchaseHistory, ResponseModel
from ..affinity.scores.offer_features import offer_features
from ..data import tables
from ..utils.lazy_imports import sparse as sp
from .journey import Journey, JourneyCampaign

HALF_LIVES = (4.0, 16.0)
"""Weeks after which a purchase counts half."""

P0_WEEKS = 4.0
"""Weeks that p0 is about."""

STORE_COUPONS = range(10_000_000_000, 10_001_000_000)
"""The coupon_upc that the retailer numbers itself; those of the makers' coupons start with 5."""

UNSOLD_WEIGHT = 1e-3
"""Weight of a product nobody bought beside one purchase, when a coupon's types are summed up."""


@dataclass(frozen=True)
class ScoredCampaign:
    """A campaign ready for allocation, and the truth to judge its outcome by.

    Attributes
    ----------
    campaign : JourneyCampaign
    offers : pyarrow.Table
        One row for each coupon, ascending: `offer` (int64, the coupon_upc), `category` (the product category most of
        its products' purchases fall in), `products` (int64, how many products it is good for).
    candidates : pyarrow.Table
        Every mailed household with every coupon, households outermost, both ascending: `customer` (int64, household
        id), `offer` (int64), `response` (float64, probability of redemption, strictly between 0 and 1).
    popularity : ndarray of float64, shape (n_offers,)
        Households of the retailer that bought one of the coupon's products before the campaign. The baseline.
    redeemed : ndarray of int64, shape (n_pairs, 2)
        Distinct (customer, offer) redeemed in this campaign, among its candidates, ascending. For judging only:
        nothing else is computed from it.
    """

    campaign: JourneyCampaign
    offers: pa.Table
    candidates: pa.Table
    popularity: NDArray[np.float64]
    redeemed: NDArray[np.int64]


def score_campaign(journey: Journey, campaign_id: int) -> ScoredCampaign:
    """Score all mailed households and coupons of a campaign, in a few seconds.

    The response model is fitted on the campaigns of the same type that ended before this one began. Features use
    purchases and redemptions strictly before the first day of the campaign they belong to. This campaign's own
    redemptions are read last, into `redeemed` alone.

    Parameters
    ----------
    journey : Journey
    campaign_id : int

    Returns
    -------
    ScoredCampaign

    Raises
    ------
    KeyError
        For an unknown campaign.
    ValueError
        If no earlier campaign of its type has ended.
    """
    campaign = journey.campaigns[campaign_id]
    model = fit_response(journey, campaign)
    households = journey.mailed_households(campaign_id)
    features = CampaignFeatures(journey, campaign)
    coupons = features.coupons.to_numpy()
    candidates = pa.table(
        {
            "customer": np.repeat(households, len(coupons)),
            "offer": np.tile(coupons, len(households)),
            "response": model.score(features.columns(households)).astype(np.float64),
        }
    )
    offers = pa.table(
        {
            "offer": coupons,
            "category": pa.array(features.main_categories(), pa.string()),
            "products": np.diff(features.good_for.indptr).astype(np.int64),
        }
    )
    truth = journey.redemptions_of(campaign_id).sort_values(["household_id", "coupon_upc"])
    redeemed = truth.to_numpy(np.int64)
    return ScoredCampaign(
        campaign=campaign,
        offers=offers,
        candidates=candidates,
        popularity=features.popularity(),
        redeemed=redeemed[_is_candidate(redeemed, households, coupons)],
    )


def fit_response(journey: Journey, campaign: JourneyCampaign) -> ResponseModel:
    """Fit the response model for a campaign on the earlier campaigns of its type.

    Only campaigns whose last day lies before `campaign.first_day` count, and of their redemptions only those made
    before that day.

    Parameters
    ----------
    journey : Journey
    campaign : JourneyCampaign

    Returns
    -------
    ResponseModel

    Raises
    ------
    ValueError
        If there is no such campaign.
    """
    earlier = [
        other
        for other in journey.campaigns.values()
        if other.kind == campaign.kind and other.last_day < campaign.first_day
    ]
    if not earlier:
        raise ValueError(
            f"campaign {campaign.id}: no earlier campaign of {campaign.kind} to learn from"
        )
    past = journey.redemptions_before(campaign.first_day)
    campaigns = []
    for other in earlier:
        households = journey.mailed_households(other.id)
        features = CampaignFeatures(journey, other)
        coupons = features.coupons.to_numpy()
        mine = past.loc[past["campaign_id"] == other.id, ["household_id", "coupon_upc"]]
        pairs = mine.to_numpy(np.int64)
        pairs = pairs[_is_candidate(pairs, households, coupons)]
        redeemed = np.zeros((len(households), len(coupons)), bool)
        row = np.searchsorted(households, pairs[:, 0])
        redeemed[row, np.searchsorted(coupons, pairs[:, 1])] = True
        campaigns.append((features.columns(households), redeemed.ravel()))
    return ResponseModel().fit(campaigns)


class CampaignFeatures:
    """What was known the day before a campaign began.

    Parameters
    ----------
    journey : Journey
    campaign : JourneyCampaign

    Attributes
    ----------
    coupons : pyarrow.Array
        Ids, ascending.
    history : PurchaseHistory
        By coupon; a purchase counts for every coupon that is good for the product.
    by_type : PurchaseHistory
        By product type.
    good_for : sparse array, shape (n_coupons, n_products)
        1 where a coupon is good for a product.
    """

    def __init__(self, journey: Journey, campaign: JourneyCampaign) -> None:
        self._journey, self._day = journey, campaign.first_day
        past = journey.purchases.before(campaign.first_day)
        ids = journey.products["product_id"].to_numpy()
        day = past.day.astype(np.int64)
        rows = pa.table(
            {
                "customer": journey.households[past.household],
                "product": ids[past.product],
                "day": day,
                "discount": past.coupon.astype(np.float32),
            }
        )
        until = int(campaign.first_day.astype(np.int64)) - 1
        pairs = journey.coupon_products(campaign.id)
        good_for = {
            "product": pairs["product_id"].to_numpy(),
            "item": pairs["coupon_upc"].to_numpy(),
        }
        types = self._codes("type")

        def history(catalogue: dict[str, Any]) -> PurchaseHistory:
            return PurchaseHistory.from_transactions(
                rows, catalogue=pa.table(catalogue), half_lives=HALF_LIVES, until=until
            )

        self.coupons = pa.array(journey.campaign_coupons(campaign.id))
        self.history = history(good_for)
        self.by_type = history({"product": ids, "item": types})
        coupon = np.searchsorted(self.coupons.to_numpy(), good_for["item"])
        product = np.searchsorted(ids, good_for["product"])
        self.good_for = _matrix(np.ones(len(pairs)), coupon, product, (len(self.coupons), len(ids)))
        sold = np.bincount(past.product, minlength=len(ids)) + UNSOLD_WEIGHT
        self._weighted = (self.good_for @ sp.diags_array(sold)).tocsr()

    def columns(self, households: NDArray[np.int64]) -> dict[str, NDArray[np.floating]]:
        """Return the columns of the response model for households and coupons, households outermost.

        Parameters
        ----------
        households : ndarray of int64, shape (n_households,)

        Returns
        -------
        dict of str to ndarray of float, shape (n_households * n_coupons,)
            `p0` is the chance to buy what the coupon is good for within four weeks, were purchases to come at random
            at the rate of late. Others tell a lapsed habit, or one due again, from one just served; the coupon's types;
            trips; uses of any coupon so far.
        """
        shape = len(households), len(self.coupons)
        types = self._codes("type")
        mix = self._share(types, int(types.max()) + 1)[:, self.by_type.items.to_numpy()]
        customers = pa.array(households)
        found = offer_features(self.history, customers, self.coupons, {"type": (self.by_type, mix)})
        life = HALF_LIVES[-1]
        # decayed purchases at a rate of r a week come to r * half-life / log 2 in the long run
        rate = (np.exp(found[f"bought_{life:g}"].astype(np.float64)) - 0.03) * np.log(2.0) / life
        p0 = 1.0 - np.exp(-P0_WEEKS * np.maximum(rate, 0.0))

        def pairs(values: Any) -> NDArray[np.float64]:
            return np.broadcast_to(values, shape).astype(np.float64).ravel()

        ids = self.coupons.to_numpy()
        store = (ids >= STORE_COUPONS.start) & (ids < STORE_COUPONS.stop)
        place = tables.positions(customers, self.history.customers)
        known = np.flatnonzero(place >= 0)
        uses = np.zeros(len(households))
        uses[known] = self.history.trips.discounted[place[known]]
        uses += self._redemptions(households)
        return {
            "p0": np.clip(p0, 0.001, 0.999),
            "times": found["times"],
            "ever": found["ever"],
            "type": found[f"type_{life:g}"],
            "trips": found[f"trips_{life:g}"],
            "uses": pairs(np.log1p(uses)[:, None]),
            "the retailer's": pairs(store[None, :]),
        }

    def popularity(self) -> NDArray[np.float64]:
        """Return how many households bought one of each coupon's products.

        Returns
        -------
        ndarray of float64, shape (n_coupons,)
            Households of the retailer.
        """
        place = tables.positions(self.history.items, self.coupons)[self.history.item]
        return np.bincount(place, minlength=len(self.coupons)).astype(np.float64)

    def main_categories(self) -> list[str]:
        """Return the category with most purchases of each coupon.

        Returns
        -------
        list of str
            "unknown" where a category has no name.
        """
        codes = self._codes("category")
        best = self._share(codes, int(codes.max()) + 1).toarray().argmax(axis=1)
        names = self._journey.products["category"].cat.categories[best]
        return [name or "unknown" for name in names]

    def _codes(self, column: str) -> NDArray[np.int64]:
        """The code of each product's category or type."""
        codes: NDArray[np.int64] = self._journey.products[column].cat.codes.to_numpy(np.int64)
        return codes

    def _share(self, codes: NDArray[np.int64], groups: int) -> sp.csr_array:
        """Share of each coupon's sales in each group of products, shape (n_coupons, n_groups)."""
        ones = np.ones(len(codes))
        total = self._weighted @ _matrix(ones, np.arange(len(codes)), codes, (len(codes), groups))
        return (
            sp.diags_array(1.0 / np.asarray(self._weighted.sum(axis=1)).ravel()) @ total
        ).tocsr()

    def _redemptions(self, households: NDArray[np.int64]) -> NDArray[np.int64]:
        """Redemptions of each household so far."""
        past = self._journey.redemptions_before(self._day)["household_id"].to_numpy()
        count = np.bincount(
            np.searchsorted(self._journey.households, past), minlength=len(self._journey.households)
        )
        return count[np.searchsorted(self._journey.households, households)]


def _matrix(
    values: NDArray[Any], row: NDArray[Any], column: NDArray[Any], shape: tuple[int, int]
) -> sp.csr_array:
    """Values at (row, column); entries at the same place add up."""
    return sp.coo_array((values, (row, column)), shape=shape).tocsr()


def _is_candidate(
    pairs: NDArray[np.int64], households: NDArray[np.int64], coupons: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mask of the pairs whose household and coupon are among some."""
    return np.isin(pairs[:, 0], households) & np.isin(pairs[:, 1], coupons)

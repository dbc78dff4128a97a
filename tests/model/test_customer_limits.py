"""Limits by columns of customers, sums of such columns, shares, and limits relative to other coupons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import couponry
from couponry import Campaign, CustomerRule, InvalidInput, Limit, read_campaign, verify_result
from couponry.analysis.explain_files import explain_written
from couponry.model.limits import group_text

STORES = ("north", "south", "mid, old")
CUSTOMERS, OFFERS = 240, 6
SLOTS = CustomerRule("slots", max=2)


def tables() -> dict[str, Any]:
    """Six offers of two brands, everybody a candidate for all; one customer without a store, two without candidates."""
    rng = np.random.default_rng(11)
    stores: list[Any] = [STORES[k] for k in rng.integers(0, 3, CUSTOMERS + 2)]
    stores[7] = None
    return {
        "offers": {
            "offer": np.arange(OFFERS),
            "brand": ["A", "A", "A", "B", "B", "B"],
            "category": ["fresh", "dry"] * 3,
        },
        "candidates": {
            "customer": np.repeat(np.arange(CUSTOMERS), OFFERS),
            "offer": np.tile(np.arange(OFFERS), CUSTOMERS),
            "value": rng.gamma(2.0, 1.0, CUSTOMERS * OFFERS).round(3),
            "cost": rng.uniform(0.5, 1.5, CUSTOMERS * OFFERS).round(2),
        },
        "customers": {
            "customer": np.arange(CUSTOMERS + 2),
            "store": stores,
            "segment": ["gold" if i % 3 == 0 else "silver" for i in range(CUSTOMERS + 2)],
            "kids": rng.integers(0, 4, CUSTOMERS + 2),
        },
    }


def stated(*limits: Limit, **parts: Any) -> Campaign:
    return Campaign(**tables(), rules=[SLOTS], limits=limits, **parts)


def stock(most: int = 20) -> Limit:
    """What each store has of each offer."""
    pairs = [(store, offer) for store in STORES for offer in range(OFFERS)]
    store, offer = zip(*pairs, strict=True)
    table = pa.table({"store": store, "offer": offer, "max": [most + n for n in range(len(pairs))]})
    return Limit("stock", by=("store", "offer"), table=table)


EVERY = [
    stock(),
    Limit("budgets", sum="cost", by="store", max=60.0),
    Limit("toys", sum="kids", where={"brand": "B"}, max=150),
    Limit("fresh", where={"category": "fresh"}, share=True, min=0.55),
    Limit("brands", by=("store", "brand"), relative_to={"by": "store"}, max=0.6),
    Limit(
        "gold",
        customers={"segment": "gold"},
        relative_to={"customers": {"segment": "silver"}},
        per_head=True,
        min=1.2,
    ),
]


def given(campaign: Campaign) -> list[dict[str, Any]]:
    """The coupons, each with what is known of its customer and offer."""
    known = tables()
    rows: list[dict[str, Any]] = (
        campaign.solve(gap=5e-3, threads=1).allocation.to_arrow().to_pylist()
    )
    for row in rows:
        for name in ("store", "segment", "kids"):
            row[name] = known["customers"][name][row["customer"]]
        for name in ("brand", "category"):
            row[name] = known["offers"][name][row["offer"]]
    return rows


def test_each_store_keeps_its_stock() -> None:
    limit = stock()
    rows = given(stated(limit))
    used: dict[tuple[Any, Any], int] = {}
    for row in rows:
        used[row["store"], row["offer"]] = used.get((row["store"], row["offer"]), 0) + 1
    bounds = {(row["store"], row["offer"]): row["max"] for row in limit.table.to_pylist()}
    assert all(used.get(pair, 0) <= most for pair, most in bounds.items())
    assert sum(used.get(pair, 0) == most for pair, most in bounds.items()) > 3
    assert (
        used.get((None, 0), 0) + used.get((None, 1), 0) <= 2
    )  # whoever has no store is in no group


def test_the_same_as_limits_written_one_by_one() -> None:
    rows = stock().table.to_pylist()
    by_hand = [
        Limit(
            f"{n}", where={"offer": row["offer"]}, customers={"store": row["store"]}, max=row["max"]
        )
        for n, row in enumerate(rows)
    ]
    one, other = (stated(*limits).solve(gap=1e-3, threads=1) for limits in ([stock()], by_hand))
    assert one.objective == pytest.approx(other.objective, rel=2e-3)
    assert one.bound == pytest.approx(other.bound, rel=2e-3)


def test_groups_without_a_table_are_those_that_customers_have() -> None:
    result = stated(Limit("most", by=("brand", "store"), max=50)).solve(threads=1)
    names = [row["group"] for row in result.limits.to_pylist()]
    assert names == [f"{b}, {s}" for b in "AB" for s in ('"mid, old"', "north", "south")]


def test_what_is_summed_of_customers() -> None:
    kids = tables()["customers"]["kids"]
    limit = Limit("toys", sum="kids", where={"brand": "B"}, max=150)
    rows = given(stated(limit))
    assert sum(row["kids"] for row in rows if row["brand"] == "B") <= 150
    result = stated(value="kids").solve(threads=1)
    best = 2 * kids[:CUSTOMERS].sum()
    assert result.objective == best
    assert sum(row["kids"] for row in result.allocation.to_arrow().to_pylist()) == best


def test_shares_and_what_is_relative() -> None:
    rows = given(stated(*EVERY))
    assert sum(row["category"] == "fresh" for row in rows) >= 0.55 * len(rows)
    for store in STORES:
        own = [row for row in rows if row["store"] == store]
        for brand in "AB":
            assert sum(row["brand"] == brand for row in own) <= 0.6 * len(own)
    heads = {name: tables()["customers"]["segment"].count(name) for name in ("gold", "silver")}
    each = {name: sum(row["segment"] == name for row in rows) / heads[name] for name in heads}
    assert each["gold"] >= 1.2 * each["silver"]


def test_what_the_table_of_limits_says_of_them() -> None:
    result = stated(*EVERY).solve(gap=5e-3, threads=1)
    said = {(row["name"], row["group"]): row for row in result.limits.to_pylist()}
    assert said["fresh", None]["sum"] == "share of count"
    assert said["gold", None]["sum"] == "relative count per head"
    assert said["stock", '"mid, old", 3']["max"] == 35
    fresh = said["fresh", None]
    rows = given(stated(*EVERY))
    assert fresh["second_sum"] == len(rows)
    assert fresh["achieved"] == sum(row["category"] == "fresh" for row in rows) / len(rows)


def test_a_share_of_nothing_is_unknown() -> None:
    nothing = Limit("nothing", max=0)
    share = Limit("fresh", where={"category": "fresh"}, share=True, min=0.5)
    result = stated(nothing, share).solve(threads=1)
    row = result.limits.to_pylist()[1]
    assert (row["achieved"], row["second_sum"], result.status) == (None, 0.0, "optimal")


def test_folder_and_verifier(tmp_path: Path) -> None:
    campaign = stated(*EVERY)
    result = campaign.solve(gap=5e-3, threads=1)
    folder = couponry.write_campaign(campaign, tmp_path / "campaign")
    again = read_campaign(folder)
    assert again.data.limits[0].by == ("store", "offer")
    assert again.solve(gap=5e-3, threads=1).objective == result.objective
    out = result.write(tmp_path / "out")
    report = verify_result(folder, out)
    assert report.problems == []
    assert report.bound_is_proved
    explained = explain_written(folder, out, 3)
    assert explained == result.explain(3)


@pytest.mark.parametrize("place", range(len(EVERY)))
def test_the_verifier_notices_an_allocation_of_looser_limits(tmp_path: Path, place: int) -> None:
    one = EVERY[place]
    folder = couponry.write_campaign(stated(one), tmp_path / "campaign")
    free = stated().solve(threads=1).write(tmp_path / "free")
    report = couponry.verify_allocation(folder, free / "allocation.parquet")
    assert any(f"limit {one.name!r}" in problem for problem in report.problems)


def test_late_customers_keep_them() -> None:
    known = tables()
    campaign = stated(*EVERY[1:5])
    prices = couponry.Prices.of(campaign.solve(gap=5e-3, threads=1))
    late = {
        "customer": np.arange(1000, 1040),
        "store": ["north"] * 20 + ["nowhere"] * 20,
        "segment": ["gold"] * 40,
        "kids": [2] * 40,
    }
    rows = {
        "customer": np.repeat(late["customer"], OFFERS),
        "offer": np.tile(np.arange(OFFERS), 40),
        "value": known["candidates"]["value"][: 40 * OFFERS],
        "cost": known["candidates"]["cost"][: 40 * OFFERS],
    }
    room = prices.room()
    decided = prices.decide(rows, late, room=room, threads=1)
    # the north has spent its budget; nobody has set one for the others' store
    assert set(decided.to_arrow()["customer"].to_pylist()) == set(range(1020, 1040))
    used = room.to_arrow().to_pylist()
    assert all(row["left"] is None or row["left"] >= -1e-9 for row in used)
    stores = {row["group"] for row in used if row["used"] and row["name"] == "budgets"}
    assert stores <= {"north"}  # the others' store has no budget
    with pytest.raises(InvalidInput, match="relative to those of other customers"):
        couponry.Prices.of(stated(EVERY[5]).solve(gap=5e-3, threads=1))


def test_groups_have_names_that_no_two_share() -> None:
    assert group_text(("a, b", "c")) == '"a, b", c'
    assert group_text(("a", "b, c")) == 'a, "b, c"'
    assert group_text(7) == "7"


WRONG = {
    "no such column": (Limit("L", by="shop", max=1), "neither offers nor customers have a column 'shop'"),
    "a column twice": (Limit("L", by=("store", "store"), max=1), "each column once"),
    "nobody has children": (Limit("L", sum="children", max=1), "neither candidates, offers nor customers"),
    "text is summed": (Limit("L", sum="segment", max=1), "column 'segment'"),
    "share and ratio": (Limit("L", share=True, ratio=("value", "cost"), min=1), "got two of them"),
    "share and relative": (Limit("L", share=True, relative_to={}, min=1), "share or relative_to"),
    "heads of nothing": (Limit("L", per_head=True, min=1), "per_head: expected relative_to"),
    "a column that it is not by": (
        Limit("L", by="store", relative_to={"by": "brand"}, max=1),
        "expected some of the limit's own by",
    ),
    "an unknown key": (Limit("L", relative_to={"wo": {}}, max=1), "unknown key 'wo'"),
    "a combination twice": (
        Limit("L", by=("store", "offer"), table={"store": ["north"] * 2, "offer": [1, 1], "max": [1, 2]}),
        "columns 'store', 'offer', row 1",
    ),
    "stores are text": (Limit("L", by="store", table={"store": [1], "max": [1]}), "as in table customers"),
    "a slip": (Limit("L", by="store", table={"store": ["nort"], "max": [1]}), "did you mean 'north'"),
    "negative": (Limit("L", sum="value", by="brand", share=True, max=0.5), "expected 'value' from 0 up"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_sense_is_refused(name: str, tmp_path: Path) -> None:
    limit, message = WRONG[name]
    known = tables()
    if name == "negative":
        known["candidates"]["value"][5] = -1.0
    with pytest.raises(InvalidInput) as refused:
        Campaign(**known, rules=[SLOTS], limits=[limit]).solve(threads=1)
    assert message in str(refused.value)


def test_changes_by_group() -> None:
    result = stated(stock()).solve(threads=1)
    fewer = result.what_if(limits={("stock", ("north", 2)): {"max": 3}})
    said = {row["group"]: row["max"] for row in fewer.after.limits.to_pylist()}
    assert said["north, 2"] == 3
    assert said["north, 1"] == 21
    ranges = result.price_ranges(limits=[("stock", ("north", 2))])
    assert {row["group"] for row in ranges.to_arrow().to_pylist()} <= {"north, 2"}


@pytest.mark.parametrize("threads", [1, 2])
def test_same_bits(threads: int) -> None:
    one, other = (stated(*EVERY).solve(gap=5e-3, threads=n) for n in (1, threads))
    assert one.allocation.to_arrow().equals(other.allocation.to_arrow())
    assert one.bound == other.bound


def test_what_binds_is_at_its_bound() -> None:
    """A limit on a count binds where it is reached, one on money where no typical coupon fits any more."""
    limits = [
        Limit("many", where={"brand": "A"}, max=100),
        Limit("more", where={"brand": "B"}, max=10_000),
        Limit("budget", sum="cost", max=200.0),
        Limit("wide", sum="cost", where={"brand": "A"}, max=199.0),
        Limit("measured", max=5, mode="report"),
        Limit("missed", where={"offer": 5}, min=200, mode="soft", penalty=0.01),
    ]
    rows = stated(*limits).solve(gap=5e-3, threads=1).limits.to_pylist()
    said = {row["name"]: row for row in rows}
    assert {name for name, row in said.items() if row["binding"]} == {"many", "budget", "missed"}
    assert said["many"]["achieved"] == 100
    budget = said["budget"]
    assert 0 <= 200.0 - budget["achieved"] < 1.0
    assert budget["price"] == budget["dual"] > 0


def test_a_share_binds_where_one_coupon_more_would_break_it() -> None:
    share = Limit("fresh", where={"category": "fresh"}, share=True, min=0.55)
    loose = Limit("dry", where={"category": "dry"}, share=True, max=0.9)
    fresh, dry = stated(share, loose).solve(gap=5e-3, threads=1).limits.to_pylist()
    assert fresh["binding"]
    assert not dry["binding"]
    assert fresh["achieved"] - 0.55 < 2 / fresh["second_sum"]
    assert fresh["price"] == fresh["dual"] * fresh["second_sum"]

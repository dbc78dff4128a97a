"""Families of offers: quotas count them, and whoever gets one is a candidate for all of its offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import couponry as cp
from couponry.affinity import Assortment, variants
from couponry.affinity.candidates.families import Families
from couponry.affinity.candidates.top_offers import TopOffers

PRODUCTS, DEPTHS = 30, (0.1, 0.2, 0.3, 0.4)
RESPONSE = {"intercept": -2.0, "p0": 0.8, "depth": 4.0}


def transactions(seed: int = 0) -> pa.Table:
    random, n = np.random.default_rng(seed), 6000
    customer = random.integers(0, 150, n)
    product = (customer * 7 + random.geometric(0.15, n)) % PRODUCTS
    return pa.table({"customer": customer, "product": product, "week": random.integers(1, 25, n)})


def products() -> pa.Table:
    kinds = [f"kind {p // 5}" for p in range(PRODUCTS)]
    return pa.table({"product": np.arange(PRODUCTS), "category": kinds})


def offers(depths: tuple[float, ...] = DEPTHS) -> pa.Table:
    """Every product at each depth; ids of one product's offers are far apart."""
    plain = pa.table(
        {
            "offer": [f"p{p:02d}" for p in range(PRODUCTS)],
            "product": np.arange(PRODUCTS),
            "price": np.linspace(1, 9, PRODUCTS),
        }
    )
    found = variants(plain, depths)
    both = zip(found["depth"].to_pylist(), found["family"].to_pylist(), strict=True)
    names = [f"{depth:g} {family}" for depth, family in both]
    found = found.set_column(found.column_names.index("offer"), "offer", pa.array(names))
    margin = np.full(len(found), 1.0)
    return found.append_column("margin", pa.array(margin))


def campaign(table: pa.Table, **targeting: Any) -> cp.Campaign:
    quota = {"reward": 3, "activation": 2, "innovation": 2, "kind": "category"}
    asked = cp.Targeting(**{**quota, "response": RESPONSE, **targeting})
    return cp.Campaign.from_transactions(
        table, transactions(), products=products(), targeting=asked, value="response"
    )


def rows(made: cp.Campaign) -> pa.Table:
    found = pa.concat_tables(made.data.candidates_tables())
    family = {row["offer"]: row for row in made.offers.to_pylist()}
    return found.append_column(
        "family", pa.array([family[offer]["product"] for offer in found["offer"].to_pylist()])
    ).append_column("depth", pa.array([family[o]["depth"] for o in found["offer"].to_pylist()]))


def test_quotas_count_families_and_each_has_all_its_depths() -> None:
    found = rows(campaign(offers()))
    alone = rows(campaign(offers((0.1,))))
    # the same products, in the same roles, as where each has one coupon
    keys = ["customer", "family", "role"]
    counted = found.group_by(keys).aggregate([("depth", "count_distinct")])
    assert set(counted["depth_count_distinct"].to_pylist()) == {len(DEPTHS)}
    once = counted.select(keys).sort_by([(key, "ascending") for key in keys])
    assert once.equals(alone.select(keys).sort_by([(key, "ascending") for key in keys]))
    # and as likely at the depth that both have
    same = found.filter(pa.array(np.array(found["depth"].to_pylist()) == 0.1))
    order = [("customer", "ascending"), ("family", "ascending")]
    assert np.array_equal(same.sort_by(order)["response"], alone.sort_by(order)["response"])


def test_response_rises_with_depth() -> None:
    found = rows(campaign(offers())).sort_by(
        [(key, "ascending") for key in ("customer", "family", "depth")]
    )
    response = found["response"].to_numpy().reshape(-1, len(DEPTHS))
    assert (np.diff(response, axis=1) > 0).all()


def test_without_families_depths_fill_the_quota() -> None:
    plain = offers().drop_columns(["family"])
    found = rows(campaign(plain)).group_by("customer").aggregate([("offer", "count")])
    assert max(found["offer_count"].to_pylist()) <= 7
    named = campaign(plain, family="product")
    assert rows(named).equals(rows(campaign(offers())))


def test_the_same_bits_from_a_folder_and_a_store(tmp_path: Path) -> None:
    made = campaign(offers())
    folder = tmp_path / "campaign"
    folder.mkdir()
    for name, table in (
        ("offers", offers()),
        ("transactions", transactions()),
        ("products", products()),
    ):
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "campaign.toml").write_text(
        'schema = 1\n[tables]\noffers = "offers.parquet"\ntransactions = "transactions.parquet"\n'
        'products = "products.parquet"\n[objective]\nvalue = "response"\n[candidates]\nreward = 3\n'
        'activation = 2\ninnovation = 2\nkind = "category"\nfamily = "family"\n'
        "response = { intercept = -2.0, p0 = 0.8, depth = 4.0 }\n"
    )
    read = cp.read_campaign(folder)
    stored = cp.read_campaign(folder, store=tmp_path / "store")
    again = cp.read_campaign(folder, store=tmp_path / "store")
    for other in read, stored, again:
        assert rows(other).equals(rows(made))
    estimate = cp.memory_estimate(folder)
    assert estimate.candidates >= len(made.candidates)
    pq.write_table(offers().drop_columns(["family"]), folder / "offers.parquet")
    with pytest.raises(cp.InvalidInput, match="expected a column 'family'"):
        cp.read_campaign(folder)


def test_offers_of_a_family_in_the_order_of_all_offers() -> None:
    families = Families.of_column(pa.chunked_array([["b", None, "a", "b", None, "a"]]), "column")
    assert families.of_offer.tolist() == [0, 1, 2, 0, 3, 2] and families.largest == 2
    chosen = TopOffers(
        5,
        np.array([2, 0, 1], np.int32),
        np.array([0, 2, 3], np.int32),
        np.array([1, 0, 2], np.uint8),
        np.array([0.5, 0.25, 0.1], np.float32),
    )
    found = families.all_of(chosen)
    assert found.customer.tolist() == [5, 5, 5, 5, 7]
    assert found.offer.tolist() == [0, 2, 3, 5, 4]
    assert found.role.tolist() == [1, 0, 1, 0, 2]
    assert found.score.tolist() == pytest.approx([0.5, 0.25, 0.5, 0.25, 0.1])


def test_refused() -> None:
    table = pa.table({"offer": [1, 2], "product": [1, 2], "family": [[1], [2]]})
    with pytest.raises(cp.InvalidInput, match="table offers, column 'family': expected text"):
        Assortment(table, family="family")
    with pytest.raises(cp.InvalidInput, match="family: expected a column of offers, got 3"):
        cp.Targeting(family=3).check()  # type: ignore[arg-type]

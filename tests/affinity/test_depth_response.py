"""Response to the depth of discounts: found where past campaigns tell, and said not to be where they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from tests.affinity.test_families import DEPTHS, offers, products, rows, transactions

import couponry as cp
from couponry.affinity import DepthResponse

RESPONSE = {"intercept": -2.0, "p0": 0.8}


def past(
    seed: int,
    mean: float,
    spread: float,
    *,
    customers: int = 600,
    each: int = 30,
    depths: Any = DEPTHS,
) -> tuple[pa.Table, NDArray[np.float64]]:
    """Coupons at discounts drawn by lot, and the slope that each customer has; some redeem more of everything."""
    random, n = np.random.default_rng(seed), customers * each
    customer = np.repeat(np.arange(customers), each)
    family, campaign = random.integers(0, 20, n), random.integers(0, 4, n)
    depth = random.choice(depths, n)
    slope = np.maximum(0.0, random.normal(mean, spread, customers))
    prone = random.normal(0, 0.8, customers)
    product = random.normal(-2.5, 1, (20, 4))[family, campaign]
    chance = 1 / (1 + np.exp(-(product + prone[customer] + slope[customer] * depth)))
    columns = {"customer": customer, "family": family, "campaign": campaign, "depth": depth}
    return pa.table({**columns, "redeemed": random.random(n) < chance}), slope


@pytest.mark.parametrize("seed", range(3))
def test_slopes_are_found_and_drawn_to_their_mean(seed: int) -> None:
    coupons, true = past(seed, 4.0, 3.0)
    found = DepthResponse().fit(coupons)
    assert found.is_known_ and abs(found.slope_ - true.mean()) < 4 * found.error_
    assert 1.0 < found.spread_ < 4.0 and f"{found.slope_:.2f}" in found.note_
    off, at_mean = found.slopes_ - true, found.slope_ - true
    assert (off**2).mean() < 0.9 * (at_mean**2).mean()  # better than one slope for all
    assert np.corrcoef(found.slopes_, true)[0, 1] > 0.35
    assert (found.slopes_ >= 0).all() and found.slopes_.std() < true.std()


def test_where_customers_do_not_differ_they_are_not_told_apart() -> None:
    coupons, true = past(5, 4.0, 0.0)
    found = DepthResponse().fit(coupons)
    assert found.is_known_ and np.abs(found.slopes_ - true).max() < 1.5
    assert np.abs(found.slopes_ - found.slope_).mean() < 0.4


def test_the_order_of_rows_is_no_matter() -> None:
    coupons, _ = past(1, 4.0, 2.0, customers=200)
    shuffled = coupons.take(pa.array(np.random.default_rng(0).permutation(len(coupons))))
    one, other = DepthResponse().fit(coupons), DepthResponse().fit(shuffled)
    assert one.digest() == other.digest() and one.note_ == other.note_
    known = one.slopes(pa.array([3, 10**6, 7]))
    assert known[1] == np.float32(one.slope_)  # nothing is known of this one
    assert known[[0, 2]].tolist() == one.slopes_[[3, 7]].tolist()


def test_what_is_not_known_is_said() -> None:
    flat, _ = past(0, 0.0, 0.0)
    one_depth, _ = past(0, 4.0, 1.0, depths=[0.2])
    few, _ = past(0, 4.0, 1.0, customers=4, each=20)
    # each product has a depth of its own: deep discounts are of other products, which says nothing
    by_product, _ = past(0, 4.0, 1.0)
    family = by_product["family"].to_numpy()
    confounded = by_product.set_column(3, "depth", pa.array(np.array(DEPTHS)[family % 4]))
    for coupons, said in (
        (flat, "not redeemed more than by chance"),
        (one_depth, "no product had several discounts at once"),
        (confounded, "no product had several discounts at once"),
        (few, "are needed"),
    ):
        found = DepthResponse().fit(coupons)
        assert not found.is_known_ and said in found.note_
        assert not found.slopes(pa.array([0, 1])).any()


def campaign(coupons: Any, response: dict[str, float] | None = None, **more: Any) -> cp.Campaign:
    targeting = cp.Targeting(
        reward=3, activation=2, innovation=2, kind="category", response=response or RESPONSE
    )
    return cp.Campaign.from_transactions(
        offers(), transactions(), products=products(), targeting=targeting, value="response",
        redemptions=coupons, **more,
    )  # fmt: skip


def by_depth(made: cp.Campaign) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log odds of redeeming, a row for each customer and product and a column for each depth; and customers."""
    keys = ("customer", "family", "depth")
    found = rows(made).sort_by([(key, "ascending") for key in keys])
    response = found["response"].to_numpy().astype(float).reshape(-1, len(DEPTHS))
    return np.log(response / (1 - response)), found["customer"].to_numpy()[:: len(DEPTHS)]


def test_each_customer_answers_to_depth_in_its_own_way() -> None:
    coupons, _ = past(2, 6.0, 4.0, customers=150)
    known = DepthResponse().fit(coupons)
    made = campaign(coupons)
    assert known.note_ in made.candidates.notes
    log_odds, customer = by_depth(made)
    assert (np.diff(log_odds, axis=1) >= -1e-5).all()
    slopes = (log_odds[:, -1] - log_odds[:, 0]) / (DEPTHS[-1] - DEPTHS[0])
    assert slopes == pytest.approx(known.slopes(pa.array(customer)), abs=2e-3)
    # customers differ from a coefficient that is given as they differ from the mean
    given, customer = by_depth(campaign(coupons, {**RESPONSE, "depth": 3.0}))
    slopes = (given[:, -1] - given[:, 0]) / (DEPTHS[-1] - DEPTHS[0])
    expected = np.maximum(3.0 + known.slopes(pa.array(customer)) - known.slope_, 0)
    assert slopes == pytest.approx(expected, abs=2e-3)


def test_where_nothing_is_known_the_coefficient_stands() -> None:
    coupons, _ = past(0, 0.0, 0.0, customers=150)
    given = {**RESPONSE, "depth": 3.0}
    made, plain = campaign(coupons, given), campaign(None, given)
    assert np.array_equal(by_depth(made)[0], by_depth(plain)[0])
    assert [note for note in made.candidates.notes if "response to depth is not known" in note]


def test_from_a_folder(tmp_path: Path) -> None:
    coupons, _ = past(2, 6.0, 4.0, customers=150)
    given = {"offers": offers(), "transactions": transactions(), "products": products()}
    for name, table in {**given, "redemptions": coupons}.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    named = "".join(f'{name} = "{name}.parquet"\n' for name in (*given, "redemptions"))
    text = (
        f'schema = 1\n[tables]\n{named}[objective]\nvalue = "response"\n[candidates]\nreward = 3\n'
        'activation = 2\ninnovation = 2\nkind = "category"\n'
    )
    (tmp_path / "campaign.toml").write_text(f"{text}response = {{ intercept = -2.0, p0 = 0.8 }}\n")
    read = cp.read_campaign(tmp_path, store=tmp_path / "store")
    assert rows(read).equals(rows(campaign(coupons)))
    pq.write_table(past(3, 6.0, 4.0, customers=150)[0], tmp_path / "redemptions.parquet")
    other = cp.read_campaign(tmp_path, store=tmp_path / "store")
    assert not rows(other)["response"].equals(rows(read)["response"])
    (tmp_path / "campaign.toml").write_text(text)
    with pytest.raises(cp.InvalidInput, match="redemptions: expected coefficients of a response"):
        cp.read_campaign(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"depth": [1.5]}, "column 'depth', row 0: expected a share of the price from 0 to 1"),
        ({"redeemed": [1]}, "column 'redeemed': expected true or false in each row, got int64"),
        ({"redeemed": pa.array([None], pa.bool_())}, "bool with nulls"),
        ({"family": None}, "table redemptions: expected a column 'family'"),
    ],
)
def test_refused(changes: dict[str, Any], said: str) -> None:
    coupons = {"customer": [1], "family": [1], "depth": [0.1], "redeemed": [True], **changes}
    coupons = {name: values for name, values in coupons.items() if values is not None}
    with pytest.raises(cp.InvalidInput) as error:
        DepthResponse().fit(coupons)
    assert said in str(error.value)

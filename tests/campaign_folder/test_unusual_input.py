"""Unusual input that is right: many offers, ids of any size, names of any alphabet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import couponry as cp
from couponry import Campaign, CustomerRule, Limit


def test_more_than_65535_offers(tmp_path: Path) -> None:
    """Item numbers need 32 bits then; the best coupon of each customer is still the one given."""
    offers, customers = 70_000, 300
    rng = np.random.default_rng(3)
    first = np.concatenate([np.arange(65_000, 70_000, 50), rng.integers(0, 69_990, 200)])
    offer = np.unique(first[:customers])
    candidates = pa.table(
        {
            "customer": np.repeat(np.arange(len(offer)), 2),
            "offer": np.stack([offer, offer + 1], axis=1).ravel(),
            "value": np.tile([1.0, 2.0], len(offer)),
        }
    )
    result = Campaign(
        {"offer": np.arange(offers), "points": np.arange(offers)},
        candidates,
        rules=[CustomerRule("slots", max=1)],
        limits=[Limit("points", sum="points", mode="report")],
    ).solve()
    assert result.allocation.to_arrow()["offer"].to_pylist() == (offer + 1).tolist()
    assert result.objective == 2.0 * len(offer)
    assert result.limits["achieved"].to_pylist() == [float((offer + 1).sum())]


def test_offers_just_below_and_above_16_bits_agree() -> None:
    candidates = {"customer": [1, 1, 2], "offer": [0, 65_535, 65_535], "value": [1.0, 2.0, 3.0]}
    limit = Limit("cap", max=1, where={"last": 1})
    found = []
    for offers in (65_536, 65_537):
        table = {"offer": np.arange(offers), "last": (np.arange(offers) == 65_535).astype(int)}
        result = Campaign(
            table, candidates, rules=[CustomerRule("slots", max=1)], limits=[limit]
        ).solve()
        found.append(result.allocation.to_arrow().to_pylist())
    assert found[0] == found[1]
    assert [(row["customer"], row["offer"]) for row in found[0]] == [(1, 0), (2, 65_535)]


def test_uint64_ids_within_int64_and_large_ids_are_kept() -> None:
    big = 2**63 - 1
    result = Campaign(
        {"offer": pa.array([big - 1, big], pa.uint64())},
        {"customer": [-big - 1, big], "offer": [big, big - 1], "value": [1.0, 2.0]},
        limits=[Limit("all", mode="report")],
    ).solve()
    assert result.allocation.to_arrow()["customer"].to_pylist() == [-big - 1, big]
    assert result.allocation.to_arrow()["offer"].to_pylist() == [big, big - 1]


def test_names_and_ids_of_any_alphabet() -> None:
    customers = ["", "ß", "日本", "a\nb", "😀"]
    result = Campaign(
        {"offer": ["Ärmel", ""]},
        {"customer": customers, "offer": ["", "Ärmel", "", "", "Ärmel"], "value": [1.0] * 5},
        limits=[Limit("größtes „Limit“ 😀", max=4)],
    ).solve()
    given = result.allocation.to_arrow()["customer"].to_pylist()
    assert len(given) == 4 and given == sorted(given, key=str.encode)
    assert result.limits["name"].to_pylist() == ["größtes „Limit“ 😀"]


def test_times_of_an_unknown_zone_are_kept_and_no_days(tmp_path: Path) -> None:
    zone = pa.timestamp("us", tz="Mars/Olympus")
    offers = pa.table({"offer": [1, 2], "day": pa.array([0, None], zone)})
    candidates = {"customer": [1, 1], "offer": [1, 2], "value": [1.0, 2.0]}
    campaign = Campaign(offers, candidates)
    folder = cp.write_campaign(campaign, tmp_path / "campaign")
    out = cp.read_campaign(folder).solve().save(tmp_path / "out")
    assert cp.read_result(out).objective == 3.0
    window = CustomerRule("any week", window=7, max=1)
    with pytest.raises(cp.InvalidInput, match="column 'day': Cannot locate or parse timezone"):
        Campaign(offers, candidates, rules=[window]).solve()

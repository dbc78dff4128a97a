"""Bounds recomputed from prices: never below what an allocation is worth, exact where rules nest."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import random_tables, replaced
from tests.support.spoilt_results import change_json

import couponry
from couponry import read_campaign, verify_result
from couponry.verify.block import blocks
from couponry.verify.customer_rules.bounded_rule import bounded_rule
from couponry.verify.dual_bound import best_rows, nested_rules
from couponry.verify.inputs import Inputs

Folder = Callable[..., Path]
LIMITS: list[dict[str, Any]] = [
    {"name": "cap", "max": 40.5, "where": {"brand": ["A", "B"]}},
    {"name": "gold", "sum": "cost", "max": 4.0, "customers": {"segment": "gold"}},
    {"name": "return", "by": "brand", "ratio": ["value", "cost"], "min": 5.0},
    {"name": "wish", "where": {"role": ["reward"]}, "min": 60, "mode": "soft", "penalty": 0.05},
]
NESTED = [
    {"name": "slots", "max": "slots", "min": 1},
    {"name": "products", "by": "product", "max": 1},
]


def test_it_proves_what_was_claimed(folder: Folder, tmp_path: Path) -> None:
    path = folder(limit=LIMITS, customer_rule=NESTED)
    out = read_campaign(path).solve(gap=1e-2).write(tmp_path / "out")
    report = verify_result(path, out)
    assert (
        report.problems == [] and report.bound is not None and report.bound_from_prices is not None
    )
    assert report.objective is not None and report.objective <= report.bound_from_prices
    assert report.bound_from_prices <= 1.05 * report.objective
    proved = report.bound_from_prices <= report.bound * (1 + 1e-9)
    assert report.bound_is_proved is proved
    assert ("prices" in report.summary()) and report.as_dict()["bound_is_proved"] is proved


@pytest.mark.parametrize("seed", range(4))
def test_any_prices_bound_any_allocation(seed: int, folder: Folder, tmp_path: Path) -> None:
    """Prices of any size and sign, under rules that cross, with mandatory offers and conflicts left out."""
    rng = np.random.default_rng(seed)
    rules = [
        {"name": "slots", "max": "slots", "min": int(rng.integers(0, 2))},
        {"name": "products", "by": "product", "max": 1},
        {"name": "mails", "where": {"channel": "mail"}, "max": 1, "min": int(rng.integers(0, 2))},
    ]
    path = folder(random_tables(seed), limit=LIMITS, customer_rule=rules[: rng.integers(1, 4)])
    result = read_campaign(path).solve()
    out = result.write(tmp_path / "out")
    assert result.objective is not None and result.limits is not None
    for _ in range(5):
        limits = result.limits
        price = pa.array(rng.normal(size=len(limits)) * 10.0 ** rng.integers(-3, 2))
        limits = replaced(
            replaced(limits, "price", price), "binding", pa.array([True] * len(limits))
        )
        pq.write_table(limits, out / "limits.parquet")
        report = verify_result(path, out)
        assert report.bound_from_prices is not None
        assert report.bound_from_prices >= result.objective * (1 - 1e-12)


def test_a_price_relative_to_nothing_counts(tmp_path: Path) -> None:
    """Silver customers get nothing, since gold ones would then have to: no price per unit says so."""
    campaign = couponry.Campaign(
        {"offer": [1, 2]},
        {"customer": [1, 2, 2], "offer": [1, 1, 2], "value": [-1.0, 0.5, 0.25]},
        {"customer": [1, 2], "segment": ["gold", "silver"]},
        limits=[
            couponry.Limit(
                "gold",
                customers={"segment": "gold"},
                relative_to={"customers": {"segment": "silver"}},
                per_head=True,
                min=0.8,
            )
        ],
    )
    result = campaign.solve()
    limits = pa.table(result.limits)
    assert result.objective == 0.0 and limits["second_sum"].to_pylist() == [0.0]
    couponry.write_campaign(campaign, tmp_path / "campaign")
    out = result.write(tmp_path / "out")
    rows = replaced(limits, "dual", pa.array([-1.0]))
    pq.write_table(rows, out / "limits.parquet")
    report = verify_result(tmp_path / "campaign", out)
    assert report.problems == [] and report.bound_from_prices == 0.0


def test_a_bound_that_is_too_low_is_not_proved(folder: Folder, tmp_path: Path) -> None:
    path = folder(limit=[LIMITS[0]], customer_rule=NESTED)
    result = read_campaign(path).solve()
    out = result.write(tmp_path / "out")
    assert verify_result(path, out).bound_is_proved is True
    assert result.objective is not None
    change_json(out, bound=result.objective, gap=0.0)
    report = verify_result(path, out)
    assert report.bound_from_prices is not None
    assert report.bound_is_proved is bool(report.bound_from_prices <= result.objective * (1 + 1e-9))
    assert result.bound is not None
    change_json(out, bound=result.objective * (1 - 1e-6), gap=-1e-6)
    assert not verify_result(path, out).ok


@pytest.mark.parametrize("seed", range(6))
def test_best_rows_against_every_choice(seed: int, folder: Folder) -> None:
    rng = np.random.default_rng(seed)
    tables = random_tables(seed, customers=8, offers=9, each=6)
    rules = [
        {"name": "brands", "by": "brand", "max": int(rng.integers(1, 4))},
        {"name": "some", "where": {"brand": ["A", "B"]}, "max": "slots"},
        {"name": "slots", "max": int(rng.integers(2, 6))},
    ]
    inputs = Inputs(folder(tables, customer_rule=rules))
    nested = nested_rules([bounded_rule(r, inputs) for r in inputs.data.rules])
    assert [rule.rule.name for rule in nested][-1] == "slots" and len(nested) == 3
    (block,) = blocks(inputs)
    worth = rng.normal(size=len(block))
    kept = best_rows(worth, block, nested, np.arange(len(block))).rows
    subsets = np.array(list(itertools.product([0, 1], repeat=6)))
    for customer in range(8):
        own = np.flatnonzero(block.customer == customer)
        fits = np.ones(len(subsets), bool)
        for rule in nested:
            code = rule.code_of_cell()[block.all_cells[own]]
            for one in set(code.tolist()) - {-1}:
                fits &= subsets[:, code == one].sum(axis=1) <= rule.most[customer]
        mine = kept[block.customer[kept] == customer]
        for size in range(7):
            those = subsets[fits & (subsets.sum(axis=1) == size)]
            if len(those):
                assert worth[mine[:size]].sum() == pytest.approx((those @ worth[own]).max())
            else:
                assert len(mine) < size


def test_crossing_rules_are_left_out(folder: Folder) -> None:
    rules = [
        {"name": "brands", "by": "brand", "max": 1},
        {"name": "mail", "by": "channel", "max": 2},
    ]
    inputs = Inputs(folder(customer_rule=rules))
    nested = nested_rules([bounded_rule(r, inputs) for r in inputs.data.rules])
    assert len(nested) == 1


@pytest.mark.parametrize("unit", [None, "home"])
@pytest.mark.parametrize("seed", range(3))
def test_costs_of_messages_are_taken_off(seed: int, unit: str | None, tmp_path: Path) -> None:
    """Under rules that nest and without limits the bound is what the best choice of everybody is worth."""
    rng = np.random.default_rng(seed)
    customers, width = 90, 8
    mail = ["mail" if number % 2 else "email" for number in range(width)]
    steps = np.sort(rng.random((customers // 3, 3)), axis=1).repeat(3, axis=0)
    table = {f"cost {k}": steps[:, k] for k in range(3)}
    past = rng.integers(0, customers, 40)
    campaign = couponry.Campaign(
        {"offer": np.arange(width), "channel": mail},
        {
            "customer": np.arange(customers).repeat(width),
            "offer": np.tile(np.arange(width), customers),
            "value": rng.normal(0.6, 0.5, customers * width),
        },
        {"customer": np.arange(customers), "home": np.arange(customers) // 3, **table},
        {"customer": past, "offer": rng.integers(0, width, 40)},
        rules=[
            couponry.CustomerRule(
                "mails", where={"channel": "mail"}, cost=list(table), history=True
            ),
            couponry.CustomerRule("all", cost=[0.0, 0.1, 0.1, 0.4, 0.4, 0.6]),
            couponry.CustomerRule("slots", max=5),
        ],
        unit=unit,
    )
    result = campaign.solve(gap=0.0)
    folder = couponry.write_campaign(campaign, tmp_path / "campaign")
    report = verify_result(folder, result.save(tmp_path / "out"))
    assert report.problems == [] and report.message_costs is not None and report.message_costs > 0
    assert report.bound_from_prices == pytest.approx(result.objective, rel=1e-6)

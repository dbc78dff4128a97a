"""Every claim that verify says it checks, moved by a little and by much: each is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import random_tables, spec, write_folder
from tests.support.spoilt_results import cell, change_json

from couponry import read_campaign, verify_result

RULES = [
    {"name": "slots", "max": 3, "min": 2},
    {"name": "one per product", "by": "product", "max": 1},
]
LIMITS: list[dict[str, Any]] = [
    {"name": "cap", "max": 40, "where": {"brand": ["A", "B"]}},
    {"name": "gold", "sum": "cost", "max": 4.0, "customers": {"segment": "gold"}},
    {"name": "return", "by": "brand", "ratio": ["value", "cost"], "min": 5.0},
    {"name": "wish", "where": {"role": ["reward"]}, "min": 60, "mode": "soft", "penalty": 0.05},
]
COUNTS = (
    "allocated", "customers", "candidates", "customers_below_min", "customers_without_mandatory",
    "customers_with_coupons",
)  # fmt: skip
AMOUNTS = ("objective", "gap", "max_violation")
OF_LIMITS = ("min", "max", "achieved", "second_sum")
OF_COUPONS = ("value", "response", "cost")
TINY, LARGE = 1e-7, 1e3
"""Shares: TINY is a hundred times what sums may differ by rounding."""


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    path = tmp_path_factory.mktemp("tampering")
    folder = write_folder(
        path / "campaign", random_tables(), spec(customer_rule=RULES, limit=LIMITS)
    )
    return folder, read_campaign(folder).solve().write(path / "out")


def _moved(value: float, share: float) -> float:
    return value + share * max(abs(value), 1.0)


def _attacks(out: Path) -> dict[str, Callable[[Path], None]]:
    """What can be done to the files of a result."""
    said = json.loads((out / "result.json").read_text())
    found: dict[str, Callable[[Path], None]] = {}

    def one(key: str, value: Any) -> None:
        found[f"{key} {said[key]} -> {value}"] = lambda place: change_json(place, **{key: value})

    for key in COUNTS:
        for value in (said[key] + 1, said[key] - 1, None):
            one(key, value)
    for key in AMOUNTS:
        for share in (TINY, -TINY, LARGE):
            one(key, _moved(said[key], share))
        one(key, None)
    one("bound", said["objective"] - TINY * abs(said["objective"]))
    for share in (TINY, LARGE):  # true, but the gap is not that of this bound
        one("bound", _moved(said["bound"], share))
    for name, columns in (("limits", OF_LIMITS), ("allocation", OF_COUPONS)):
        table = pq.read_table(out / f"{name}.parquet")
        for column in columns:
            rows = [row for row in range(len(table)) if table[column][row].is_valid]
            for row, share in zip(rows[-2:], (TINY, -LARGE), strict=False):
                value = table[column][row].as_py()
                text = f"{name}: {column}, row {row}: {value} by {share}"
                found[text] = cell(name, column, row, _moved(value, share))
                if column != "second_sum":
                    found[f"{text}, and to null"] = cell(name, column, row, None)
    return found


def test_each_is_noticed(solved: tuple[Path, Path], tmp_path: Path) -> None:
    folder, out = solved
    assert verify_result(folder, out).problems == []
    unnoticed = []
    attacks = _attacks(out)
    assert len(attacks) > 50
    files = {file.name: file.read_bytes() for file in out.iterdir()}
    for text, attack in attacks.items():
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        attack(tmp_path)
        if verify_result(folder, tmp_path).ok:
            unnoticed.append(text)
    assert unnoticed == []


def test_coupons_moved_between_customers(solved: tuple[Path, Path], tmp_path: Path) -> None:
    """Any coupon taken away."""
    folder, out = solved
    for file in out.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    table = pq.read_table(out / "allocation.parquet")
    for row in range(0, len(table), 60):
        pq.write_table(
            pa.concat_tables([table.slice(0, row), table.slice(row + 1)]),
            tmp_path / "allocation.parquet",
        )
        change_json(tmp_path, allocated=len(table) - 1)
        assert not verify_result(folder, tmp_path).ok

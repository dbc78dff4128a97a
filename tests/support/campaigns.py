"""Small random campaigns for tests: their tables, and folders made of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from couponry.utils.toml_writer import dumps

ROLES = ("reward", "activation", "innovation")
SLOTS = {"name": "slots", "max": 3}
SPEC: dict[str, Any] = {
    "schema": 1,
    "name": "small",
    "tables": {"offers": "offers.parquet", "candidates": "candidates.parquet"},
    "customer_rule": [SLOTS],
}

Tables = dict[str, pa.Table]


def random_tables(
    seed: int = 1, customers: int = 60, offers: int = 12, each: int = 6, strings: bool = False
) -> Tables:
    """Tables offers, candidates and customers, in canonical order; `each` candidates per customer.

    Ids are integers that do not start at 0, or strings that are not all ASCII.
    """
    rng = np.random.default_rng(seed)
    customer_ids: list[Any] = [1000 + 7 * i for i in range(customers)]
    offer_ids: list[Any] = [50 + 3 * j for j in range(offers)]
    if strings:
        customer_ids = sorted((f"Zoë {i:04d}" for i in customer_ids), key=str.encode)
        offer_ids = sorted((f"½-Preis {j:03d}" for j in offer_ids), key=str.encode)
    j = np.arange(offers)
    offer_table = pa.table(
        {
            "offer": offer_ids,
            "margin": rng.uniform(1, 4, offers).round(2),
            "face_value": rng.uniform(0.2, 1, offers).round(2),
            "issue_cost": rng.uniform(0, 0.05, offers).round(3),
            "product": [f"p{n}" for n in j // 2],
            "brand": [None if n == offers - 1 else "ABC"[n % 3] for n in range(offers)],
            "supplier": j % 4,
            "channel": ["mail" if n % 2 else "email" for n in range(offers)],
            "day": 1 + 3 * j,
            "points": rng.integers(1, 9, offers),
            "tags": [["all", "even"] if n % 2 == 0 else ["all"] for n in range(offers)],
        }
    )
    chosen = np.sort([rng.choice(offers, each, replace=False) for _ in range(customers)], axis=1)
    e = customers * each
    candidate_table = pa.table(
        {
            "customer": [c for c in customer_ids for _ in range(each)],
            "offer": [offer_ids[n] for n in chosen.ravel()],
            "response": rng.beta(2, 20, e),
            "value": rng.gamma(2.0, 1.0, e),
            "weight": rng.uniform(0, 2, e),
            "role": [ROLES[n] for n in rng.integers(0, 3, e)],
        }
    )
    customer_table = pa.table(
        {
            "customer": customer_ids,
            "segment": [("gold", "silver", None)[n % 3] for n in range(customers)],
            "age": 18 + np.arange(customers) % 50,
            "slots": 1 + np.arange(customers) % 4,
            "least": np.arange(customers) % 2,
        }
    )
    return {"offers": offer_table, "candidates": candidate_table, "customers": customer_table}


def spec(**sections: Any) -> dict[str, Any]:
    """The smallest campaign.toml with these sections instead of its own."""
    return {**copy.deepcopy(SPEC), **sections}


def write_folder(
    folder: Path, tables: Mapping[str, pa.Table], content: Mapping[str, Any], **more: pa.Table
) -> Path:
    """A campaign folder of Parquet tables named as the content names them, and `more` tables by file stem."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in {**tables, **more}.items():
        pq.write_table(table, folder / f"{name}.parquet")
    names = dict(content.get("tables", {}))
    if "customers" in tables:
        names["customers"] = "customers.parquet"
    whole = {**content, "tables": names}
    (folder / "campaign.toml").write_text(dumps(whole), encoding="utf-8")
    return folder


def replaced(table: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with a column replaced or added."""
    column = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)
    if name not in table.column_names:
        return table.append_column(name, column)
    return table.set_column(table.column_names.index(name), name, column)


def shuffled(table: pa.Table, seed: int = 0) -> pa.Table:
    return table.take(pa.array(np.random.default_rng(seed).permutation(table.num_rows)))


def proportional(customers: int = 400, offers: int = 6) -> tuple[pa.Table, pa.Table]:
    """A weight that is so many times the value, by offer."""
    random = np.random.default_rng(3)
    customer, offer = np.nonzero(random.random((customers, offers)) < 0.7)
    scale = random.uniform(0.5, 3.0, offers)
    value = random.gamma(2.0, 0.1, len(offer))
    columns = {
        "customer": customer,
        "offer": offer,
        "value": value.astype(np.float32),
        "weight": (scale[offer] * value).astype(np.float32),
    }
    return pa.table({"offer": np.arange(offers), "scale": scale}), pa.table(columns)

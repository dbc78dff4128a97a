"""A campaign or a result becomes a folder, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ..data import tables
from ..model.campaign_data import CampaignData
from ..model.limits import Limit
from ..model.rules import CustomerRule
from ..utils.atomic_folder import atomic_folder
from ..utils.toml_writer import dumps
from .spec import SCHEMA


def write_campaign_data(
    campaign: CampaignData, folder: str | Path, *, overwrite: bool = False
) -> Path:
    """Write a campaign as a folder that `read_campaign` and `couponry solve` take.

    Candidates carry the columns that the campaign uses. The folder appears whole or not at all.
    """
    spec: dict[str, Any] = {
        "schema": SCHEMA,
        "name": campaign.name,
        "tables": {"offers": "offers.parquet", "candidates": "candidates.parquet"},
        "objective": {"value": campaign.value},
    }
    with atomic_folder(folder, overwrite=overwrite) as draft:
        pq.write_table(campaign.offers, draft / "offers.parquet")
        _write_parts(campaign.candidates_tables(), draft / "candidates.parquet")
        if campaign.customers is not None:
            spec["tables"]["customers"] = "customers.parquet"
            pq.write_table(campaign.customers, draft / "customers.parquet")
        if campaign.history is not None:
            spec["tables"]["history"] = "history.parquet"
            pq.write_table(campaign.history, draft / "history.parquet")
        spec["customer_rule"] = []
        for number, rule in enumerate(campaign.rules, 1):
            part = _given(rule)
            if rule.conflicts is not None:
                part["conflicts"] = f"conflicts-{number}.parquet"
                pq.write_table(
                    tables.as_table(rule.conflicts, f"of {rule.label}"), draft / part["conflicts"]
                )
            spec["customer_rule"].append(part)
        spec["limit"] = []
        for number, limit in enumerate(campaign.limits, 1):
            part = _given(limit)
            if limit.table is not None:
                part["table"] = f"limit-{number}.parquet"
                pq.write_table(
                    tables.as_table(limit.table, f"of {limit.label}"), draft / part["table"]
                )
            if limit.ratio is not None:
                part.pop("sum")
            spec["limit"].append(part)
        (draft / "campaign.toml").write_text(dumps(spec), encoding="utf-8")
    return Path(folder)


def _write_parts(parts: Iterator[pa.Table], path: Path) -> None:
    """Write a table's parts, of which there is one at least, to one file."""
    first = next(parts)
    with pq.ParquetWriter(path, first.schema) as writer:
        for part in chain([first], parts):
            writer.write_table(part)


def _given(part: CustomerRule | Limit) -> dict[str, Any]:
    """A rule's or limit's fields that say something."""
    fields = {name: getattr(part, name) for name in part.__dataclass_fields__}
    return {
        name: value
        for name, value in fields.items()
        if value is not None and not (isinstance(value, Mapping) and not value)
    }


class Written(Protocol):
    """What is written of an allocation."""

    def write(self, path: Path) -> None:
        """Write it to a Parquet file, or to a folder of them."""


def write_result(
    folder: str | Path,
    allocation: Written | None,
    limits: pa.Table | None,
    infeasible: Mapping[str, Any] | None,
    content: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> Path:
    """Write a result: allocation.parquet and limits.parquet, or infeasible.json; and result.json.

    The folder appears whole or not at all. `content` is what result.json holds.

    Raises
    ------
    InvalidInput
        Where the folder exists, unless `overwrite` says to replace it.
    """
    with atomic_folder(folder, overwrite=overwrite) as draft:
        if allocation is not None and limits is not None:
            allocation.write(draft / "allocation.parquet")
            pq.write_table(limits, draft / "limits.parquet")
        if infeasible is not None:
            _write_json(draft / "infeasible.json", infeasible)
        _write_json(draft / "result.json", content)
    return Path(folder)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")

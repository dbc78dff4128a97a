"""What tests of candidate stores share: the campaign, the bits of what it is compiled to, processes that are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from couponry import Campaign, CustomerRule, Limit
from couponry.model.compiled_campaign import CompiledCampaign

RULES = [CustomerRule("slots", max=3), CustomerRule("one each", by="product", max=1)]
LIMITS = [
    Limit("budget", sum="cost", max=4.0),
    Limit("weights", sum="weight", max=30.0),
    Limit("gold", max=12, customers={"segment": ["gold"]}),
]
BY_ROLE = [Limit("roles", max=40, by="role")]
Sizes = tuple[int, int, int]


def fields(compiled: CompiledCampaign, campaign: Campaign) -> dict[str, Any]:
    """Every array of a compiled problem, and what it is about."""
    problem, candidates = compiled.problem, campaign.candidates
    arrays = {
        "item": problem.shard.item,
        "quantity": problem.shard.quantity,
        "indptr": problem.shard.indptr,
        "segment": problem.shard.segment,
        "offer": candidates.offer,
        "rows": problem.rows.toarray(),
        **{
            name: getattr(problem, name)
            for name in (
                "low",
                "step",
                "error",
                "fine",
                "fine_error",
                "objective",
                "lower",
                "upper",
            )
        },
        **{f"attribute {c}": values for c, values in enumerate(problem.attributes)},
        **{f"rules {n}": np.array(part) for n, part in enumerate(problem.rules)},
    }
    return {
        "customers": candidates.customers.to_pylist(),
        **{name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()},
    }


def whole(tables: dict[str, Any], **how: Any) -> dict[str, Any]:
    """The `fields` of a campaign of these tables, with other limits or a store."""
    campaign = Campaign(**tables, rules=RULES, **{"limits": LIMITS, **how})
    return fields(campaign.compile(), campaign)


def batches(table: pa.Table, rows: int) -> Iterator[pa.RecordBatch]:
    """A table in batches of so many rows."""
    yield from table.combine_chunks().to_batches(rows)


def stamp(store: Path) -> tuple[int, int]:
    """What changes whenever a store is built anew."""
    found = (store / "store.json").stat()
    return found.st_ino, found.st_mtime_ns


def run_python(code: str, *arguments: Any) -> subprocess.Popen[bytes]:
    """Start a programme in a process of its own, which finds what this one finds."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": path, "COUPONRY_THREADS": "2"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )

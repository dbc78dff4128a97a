"""The mixed campaign a week later: other responses, some customers gone and some new, every bound moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

import couponry

from .synthetic import Synthetic

NOISE, GONE, NEW = 0.1, 0.02, 0.03
LEAST_MOVE, MOST_MOVE = 0.02, 0.03
EASED = 0.03  # minimums: tightened beside tightened caps, they may be out of reach


def changed_week(
    campaign: couponry.Campaign, size: Synthetic, budget_move: float, seed: int
) -> couponry.Campaign:
    """The campaign with noise on response, some customers gone, some new ones, and every bound moved."""
    random = np.random.default_rng([seed, 16])
    caps, minimums, budget = campaign.limits
    later = couponry.Campaign(
        size.offers_table(), _candidates(size, random), rules=campaign.rules, name="a week later"
    )
    return later.with_limits(
        [
            couponry.Limit("caps", by="offer", table=_moved(caps.table, "max", 0.0, random)),
            couponry.Limit(
                "brand minimums", by="brand", table=_moved(minimums.table, "min", EASED, random)
            ),
            couponry.Limit("budget", sum="cost", max=budget.max * (1 + budget_move)),
        ]
    )


def _moved(table: pa.Table, bound: str, eased: float, random: np.random.Generator) -> pa.Table:
    """Each bound up or down by 2 to 3 %; where they are eased, down alone, and by so much more."""
    values = table[bound].to_numpy()
    move = random.uniform(LEAST_MOVE, MOST_MOVE, len(values))
    sign = -1.0 if eased else random.choice([1.0, -1.0], len(values))
    moved = pa.array(np.floor(values * (1 + sign * move - eased)))
    return table.set_column(table.column_names.index(bound), bound, moved)


def _candidates(size: Synthetic, random: np.random.Generator) -> Iterator[pa.RecordBatch]:
    is_gone = random.random(size.customers) < GONE
    for batch in size.batches(1):
        response = batch["response"].to_numpy()
        response = response * np.exp(random.normal(0.0, NOISE, len(response)))
        noisy = pa.array(np.clip(response, 1e-6, 1.0).astype(np.float32))
        changed = batch.set_column(batch.schema.get_field_index("response"), "response", noisy)
        yield changed.filter(pa.array(~is_gone[batch["customer"].to_numpy()]))
    new = replace(size, customers=int(NEW * size.customers), seed=size.seed + 99)
    for batch in new.batches(1):
        number = pa.array(batch["customer"].to_numpy() + size.customers)
        yield batch.set_column(batch.schema.get_field_index("customer"), "customer", number)

"""A campaign whose candidates are made of transactions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..affinity import candidate_pipeline
from ..affinity.targeting import Targeting
from ..data import memory_estimate, tables
from ..data.candidate_store import is_kept
from ..model.campaign_data import CampaignData
from ..utils.clock import Clock
from ..utils.memory import parse_size
from ..utils.progress import reporter


def campaign_from_transactions(
    offers: Any,
    transactions: Any,
    covers: Any,
    products: Any,
    customers: Any,
    history: Any,
    *,
    targeting: Targeting,
    store: str | Path | None,
    memory_limit: int | str | None,
    progress: bool,
    **agreed: Any,
) -> CampaignData:
    """See `couponry.Campaign.from_transactions`; `agreed` are rules, limits, value and name."""
    table = tables.as_table(offers, "offers")
    limit = parse_size(memory_limit, "memory_limit")
    with reporter(progress) as report:
        clock = Clock(None, report)
        known = None if customers is None else tables.as_table(customers, "customers")
        given = candidate_pipeline.Tables(table, transactions, covers, products, known)
        blocks = candidate_pipeline.candidate_blocks(given, targeting, limit=limit, clock=clock)
        if blocks.source is not None and (store is None or not is_kept(store, blocks.source)):
            files = [path for path, *_ in blocks.source["files"]]
            needed = candidate_pipeline.estimate(files, len(table), targeting)
            memory_estimate.check(needed, limit, with_store=store is not None)
            if store is not None:
                memory_estimate.check_disk(needed, store)
        made = CampaignData.make(table, blocks, known, history, store=store, **agreed)
    return replace(made, seconds=clock.seconds)

"""A campaign whose candidates are made of transactions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..affinity import candidate_pipeline
from ..affinity.targeting import Targeting
from ..data import tables
from ..data.candidate_store import is_made_from
from ..data.sizes.too_large import check_disk, check_memory
from ..model.campaign_data import CampaignData
from ..utils.clock import Clock
from ..utils.memory import parse_size
from ..utils.progress.watch import Progress, watch


@dataclass(frozen=True)
class TransactionTables:
    """The tables of a campaign whose candidates are made of transactions.

    Attributes
    ----------
    offers, transactions : table
    covers, products, customers, history, redemptions : table or None
        As `couponry.Campaign.from_transactions` takes them.
    """

    offers: Any
    transactions: Any
    covers: Any = None
    products: Any = None
    customers: Any = None
    history: Any = None
    redemptions: Any = None


def campaign_from_transactions(
    inputs: TransactionTables,
    *,
    targeting: Targeting,
    store: str | Path | None,
    memory_limit: int | str | None,
    progress: Progress,
    **agreed: Any,
) -> CampaignData:
    """Make a campaign of transactions.

    Parameters
    ----------
    inputs : TransactionTables
    targeting : Targeting
    store : str, Path or None
    memory_limit : int, str or None
    progress : bool or callable
        As `couponry.Campaign.from_transactions` takes them.
    **agreed
        Rules, limits, value, name, backups, previous and unit.

    Returns
    -------
    CampaignData

    Raises
    ------
    InvalidInput
        With one line that names what is wrong, or the sizes of what cannot fit.
    """
    table = tables.as_table(inputs.offers, "offers")
    limit = parse_size(memory_limit, "memory_limit")
    with watch(progress):
        clock = Clock()
        known = None
        if inputs.customers is not None:
            known = tables.as_table(inputs.customers, "customers")
        sources = candidate_pipeline.Tables(
            table, inputs.transactions, inputs.covers, inputs.products, known, inputs.redemptions
        )
        blocks = candidate_pipeline.candidate_blocks(sources, targeting, limit=limit, clock=clock)
        if blocks.source is not None and (store is None or not is_made_from(store, blocks.source)):
            files = [path for path, *_ in blocks.source["files"]]
            families = candidate_pipeline.count_families(table, targeting)
            needed = candidate_pipeline.estimate(files, len(table), targeting, families)
            check_memory(needed, limit, with_store=store is not None)
            if store is not None:
                check_disk(needed, store)
        made = CampaignData.make(table, blocks, known, inputs.history, store=store, **agreed)
    return replace(made, seconds=clock.seconds)

"""Reads a campaign folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from ..affinity.history.building.transaction_columns import transaction_columns
from ..affinity.targeting import Targeting
from ..data import tables
from ..data.candidate_store import is_built_from
from ..data.earlier.previous_pairs import PREVIOUS
from ..data.sizes import memory_estimate
from ..data.sizes.too_large import check_disk, check_memory
from ..data.streams import stream_files
from ..model.campaign_checks import candidate_columns, sorted_offers
from ..model.campaign_data import CampaignData
from ..model.inputs.previous_plan import PreviousPlan
from ..utils.files.unreplaced import unreplaced
from ..utils.memory import parse_size
from ..utils.progress.watch import Progress
from .from_transactions import TransactionTables, campaign_from_transactions
from .size import campaign_size
from .spec import Spec, read_spec, read_table


def read_campaign_data(
    folder: str | Path,
    store: str | Path | None = None,
    memory_limit: int | str | None = None,
    progress: Progress = False,
) -> CampaignData:
    """Read a campaign folder.

    Parameters
    ----------
    folder : str or Path
    store : str or Path, optional
    memory_limit : int or str, optional
    progress : bool or callable
        As `couponry.read_campaign` takes them.

    Returns
    -------
    CampaignData

    Raises
    ------
    InvalidInput
        With one line that names what is wrong. What cannot fit is refused before it is read.
    """
    folder = Path(folder)
    with unreplaced(folder, "campaign folder"):
        campaign = _read(folder, store, memory_limit, progress)
    return replace(campaign, folder=str(folder.absolute()))


def _read(
    folder: Path, store: str | Path | None, memory_limit: int | str | None, progress: Progress
) -> CampaignData:
    """Read a campaign folder that stays as it is."""
    spec = read_spec(folder)
    if spec.targeting is not None:
        return _of_transactions(folder, spec, spec.targeting, store, memory_limit, progress)
    names = spec.tables
    columns = candidate_columns(spec.limits, spec.value, spec.rules)
    limit = parse_size(memory_limit, "memory_limit")
    needed = memory_estimate.estimate(campaign_size(folder, spec))
    check_memory(needed, limit, with_store=store is not None)
    offers = tables.read(folder, names["offers"], "offers")
    rows = stream_files(folder, names["candidates"], "candidates", sorted(columns))
    if store is not None and not is_built_from(
        store, rows, tables.ids(sorted_offers(offers), "offers", "offer")
    ):
        check_disk(needed, store)
    return CampaignData.make(
        offers,
        rows,
        read_table(folder, spec, "customers"),
        read_table(folder, spec, "history"),
        rules=spec.rules,
        limits=spec.limits,
        value=spec.value,
        name=spec.name,
        store=store,
        backups=spec.backups,
        previous=previous_plan(folder, spec),
        unit=spec.unit,
    )


def previous_plan(folder: Path, spec: Spec) -> PreviousPlan | None:
    """Find the earlier plan that a campaign folder names.

    Parameters
    ----------
    folder : Path
    spec : Spec
        Its campaign.toml.

    Returns
    -------
    PreviousPlan or None
    """
    if PREVIOUS not in spec.tables:
        return None
    given = stream_files(folder, spec.tables[PREVIOUS], PREVIOUS, ["customer", "offer"])
    return PreviousPlan(given, **spec.previous)


def _of_transactions(
    folder: Path,
    spec: Spec,
    targeting: Targeting,
    store: str | Path | None,
    memory_limit: int | str | None,
    progress: Progress,
) -> CampaignData:
    """A campaign folder that has transactions in place of candidates."""
    columns = transaction_columns(targeting.columns, with_spend=False)
    inputs = TransactionTables(
        tables.read(folder, spec.tables["offers"], "offers"),
        stream_files(folder, spec.tables["transactions"], "transactions", columns),
        read_table(folder, spec, "covers"),
        read_table(folder, spec, "products"),
        read_table(folder, spec, "customers"),
        read_table(folder, spec, "history"),
        read_table(folder, spec, "redemptions"),
    )
    return campaign_from_transactions(
        inputs,
        targeting=targeting,
        rules=spec.rules,
        limits=spec.limits,
        value=spec.value,
        name=spec.name,
        store=store,
        backups=spec.backups,
        previous=previous_plan(folder, spec),
        unit=spec.unit,
        memory_limit=memory_limit,
        progress=progress,
    )


def read_candidates(folder: Path, spec: Spec, columns: list[str] | None = None) -> pa.Table:
    """Return the candidates in a campaign folder: its table, or what is made again of its transactions.

    Parameters
    ----------
    folder : Path
    spec : Spec
    columns : list of str, optional
        Columns to read of a table; default: all of them.

    Returns
    -------
    pyarrow.Table
    """
    if spec.targeting is None:
        return tables.read(folder, spec.tables["candidates"], "candidates", columns)
    return pa.concat_tables(
        _of_transactions(folder, spec, spec.targeting, None, None, False).candidates_tables()
    )

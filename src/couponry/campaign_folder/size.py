"""Estimates what a campaign folder needs of memory and disk, from the footers of its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..affinity import candidate_pipeline
from ..data import tables
from ..data.arrow_columns import labels
from ..data.candidate_checks import KEYS
from ..data.earlier.previous_pairs import PREVIOUS
from ..data.formats.parquet_metadata import read_parquet_metadata
from ..data.sizes import memory_estimate
from ..data.sizes.memory_estimate import CampaignSize, Estimate
from ..data.table_files import list_files
from ..data.where.filters import rows_where
from ..model.campaign_checks import candidate_columns
from ..model.compiling.rule_sizes import expected_constraints, expected_row_words
from ..utils.files.disk_rate import measured_rate
from .spec import Spec, read_spec

CANDIDATES_PER_CUSTOMER = 8
"""Assumed where files do not say how many customers there are."""


def folder_estimate(folder: str | Path) -> Estimate:
    """Estimate what the campaign in a folder needs, from the footers of its Parquet files alone.

    CSV files have no footers, and count as nothing. Where passes would read a store from the disk, a part of the files
    is read to tell how fast that is.

    Parameters
    ----------
    folder : str or Path
        Campaign folder.

    Returns
    -------
    Estimate
        Memory and disk, with and without a store.

    Raises
    ------
    InvalidInput
        With one line that names what is wrong.
    """
    folder = Path(folder)
    spec = read_spec(folder)
    table = "candidates" if spec.targeting is None else "transactions"
    files = [str(path) for path in list_files(folder, spec.tables[table], table)]
    if spec.targeting is None:
        needed = memory_estimate.estimate(campaign_size(folder, spec))
    else:
        offers = tables.read(folder, spec.tables["offers"], "offers")
        families = candidate_pipeline.count_families(offers, spec.targeting)
        needed = candidate_pipeline.estimate(files, len(offers), spec.targeting, families)
    rate = measured_rate(files) if needed.pass_bytes_from_disk else None
    return needed if rate is None else replace(needed, disk_rate=rate, disk_rate_measured=True)


def campaign_size(folder: Path, spec: Spec) -> CampaignSize:
    """Return what decides how much a campaign with a table of candidates needs.

    Parameters
    ----------
    folder : Path
        Campaign folder.
    spec : Spec
        Its campaign.toml.

    Returns
    -------
    CampaignSize
        From the footers of its files.
    """
    names = spec.tables
    rows = read_parquet_metadata(folder, names["candidates"], "candidates", "customer")
    offers = read_parquet_metadata(folder, names["offers"], "offers")
    wanted = candidate_columns(spec.limits, spec.value, spec.rules) - {*KEYS}
    kinds = [rows.schema.field(name).type for name in rows.schema.names if name in wanted]
    # no more customers than rows of table customers, or than integers between the least and the largest id
    known, table_bytes = [], 0
    if rows.id_range is not None and isinstance(rows.id_range[0], int):
        known.append(rows.id_range[1] - rows.id_range[0] + 1)
    if "customers" in names:
        table = read_parquet_metadata(folder, names["customers"], "customers")
        known.append(table.rows)
        table_bytes = table.decoded_bytes
    previous = 0
    if PREVIOUS in names:
        previous = read_parquet_metadata(folder, names[PREVIOUS], PREVIOUS).rows
    possible = [count for count in known if 0 < count <= rows.rows]
    customers = min(possible) if possible else -(-rows.rows // CANDIDATES_PER_CUSTOMER)
    return CampaignSize(
        candidates=rows.rows,
        customers=customers,
        offers=offers.rows,
        columns=len(kinds) + (PREVIOUS in names),
        column_bytes=sum(4 if kind == pa.float32() else 8 for kind in kinds)
        + 4 * (PREVIOUS in names),
        roles="role" in rows.schema.names,
        text_ids=rows.id_range is None or isinstance(rows.id_range[0], str),
        in_order=rows.is_in_order,
        table_bytes=table_bytes,
        constraints=expected_constraints(spec.rules, rows.rows / max(1, customers), offers.rows),
        previous=previous,
        row_words=expected_row_words(spec.rules, rows.rows / max(1, customers), offers.rows),
        bounds=sum(isinstance(bound, str) for rule in spec.rules for bound in (rule.min, rule.max)),
        segments=segment_count(folder, spec, offers.schema.names),
    )


def segment_count(folder: Path, spec: Spec, of_offers: Sequence[str]) -> int:
    """Count the segments of customers that limits tell apart, from the columns that they ask for.

    Parameters
    ----------
    folder : Path
        Campaign folder.
    spec : Spec
        Its campaign.toml.
    of_offers : sequence of str
        Columns of the table offers.

    Returns
    -------
    int
        1 where no limit asks for any, or the table does not have them.
    """
    by = {name for limit in spec.limits for name in limit.by_columns} - {"role", *of_offers}
    asked = by.union(*(limit.asked_of_customers for limit in spec.limits))
    if not asked or "customers" not in spec.tables:
        return 1
    table = tables.read(folder, spec.tables["customers"], "customers", sorted(asked))
    if not asked <= set(table.column_names):  # refused when the campaign is read
        return 1
    segment = np.zeros(table.num_rows, np.int64)
    for limit in spec.limits:
        whole = (limit.whole or {}).get("customers", {})
        parts = [
            rows_where(table, "customers", where, limit.label, "customers").astype(np.int64)
            for where in (limit.customers, whole)
            if where
        ]
        parts += [
            labels(table[name], f"{limit.label}: by: column {name!r} of customers")[0] + 1
            for name in limit.by_columns
            if name in by
        ]
        for part in parts:
            segment = np.unique(np.stack([segment, part]), axis=1, return_inverse=True)[1]
            segment = segment.reshape(-1)
    return int(segment.max(initial=0)) + 1

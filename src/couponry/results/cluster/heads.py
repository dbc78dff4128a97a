"""How many customers there are, for limits per head: counted where customers are stated, by what limits ask of them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ...model.campaign_data import CampaignData
from ...model.customers import HEADS
from ...model.limits import Limit
from ...utils.errors import InvalidInput


def head_columns(limits: Sequence[Limit], known: Iterable[str]) -> list[str]:
    """List the columns of customers that limits per head look at.

    Parameters
    ----------
    limits : sequence of Limit
    known : iterable of str
        Columns of the table customers.

    Returns
    -------
    list of str
        Ascending.
    """
    asked: set[str] = set()
    for limit in limits:
        if limit.per_head and limit.whole is not None:
            asked |= {*limit.customers, *limit.by_columns, *limit.whole.get("customers", {})}
    return sorted(asked & set(known))


def heads_of(customers: pa.Table | None, campaign: CampaignData) -> pa.Table | None:
    """Count customers by the columns that limits per head look at.

    Parameters
    ----------
    customers : pyarrow.Table or None
        Some rows of the table customers.
    campaign : CampaignData
        Stated without customers.

    Returns
    -------
    pyarrow.Table or None
        A row for each combination of values; None where no limit is per head, or there is no table.
    """
    if customers is None or not any(limit.per_head for limit in campaign.limits):
        return None
    columns = head_columns(campaign.limits, customers.column_names)
    one = pa.array([1] * len(customers), pa.int64())
    return added_heads([customers.select(columns).append_column(HEADS, one)])


def added_heads(parts: Sequence[pa.Table | None]) -> pa.Table | None:
    """Add up counts of several parts.

    Parameters
    ----------
    parts : sequence of pyarrow.Table or None
        Of `heads_of`.

    Returns
    -------
    pyarrow.Table or None
    """
    counted = [part for part in parts if part is not None]
    if not counted:
        return None
    whole = pa.concat_tables(counted)
    columns = whole.column_names[:-1]
    if not columns:
        return pa.table({HEADS: pa.array([pc.sum(whole[HEADS]).as_py() or 0], pa.int64())})
    added = whole.group_by(columns).aggregate([(HEADS, "sum")])
    return added.select([*columns, f"{HEADS}_sum"]).rename_columns([*columns, HEADS])


def check_heads(campaign: CampaignData) -> None:
    """Refuse limits per head about customers who were not counted by what these ask.

    Parameters
    ----------
    campaign : CampaignData
        Stated without customers.

    Raises
    ------
    InvalidInput
    """
    for limit in campaign.limits:
        if not limit.per_head or campaign.customers is None:
            continue
        counted = None if campaign.heads is None else set(campaign.heads.column_names)
        asked = head_columns([limit], campaign.customers.column_names)
        if counted is None or not set(asked) <= counted:
            raise InvalidInput(
                f"{limit.label}: per_head: expected customers to have been counted by {asked} where they were stated; "
                "state candidates and customers again, with this limit"
            )


def written_heads(heads: pa.Table) -> str:
    """Write heads as text.

    Parameters
    ----------
    heads : pyarrow.Table

    Returns
    -------
    str
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, heads.schema) as writer:
        writer.write_table(heads)
    return base64.b64encode(sink.getvalue()).decode()


def read_heads(written: str) -> pa.Table:
    """Read heads.

    Parameters
    ----------
    written : str
        Of `written_heads`.

    Returns
    -------
    pyarrow.Table
    """
    return pa.ipc.open_stream(base64.b64decode(written)).read_all()

"""What an earlier plan gave to customers who are with workers: a column of their candidates, and how many pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from ...data import tables
from ...data.candidates import Candidates
from ...data.earlier.previous_pairs import PREVIOUS, PairCounts, with_previous
from ...data.streams import Stream, stream
from ...model.campaign_checks import check_parts
from ...model.campaign_data import CampaignData
from ...model.inputs.previous_plan import PreviousPlan
from ...model.limits import Limit
from ...utils.errors import InvalidInput

PAIR = ["customer", "offer"]
"""Columns of an earlier plan."""


def given_before(previous: PreviousPlan | None, takes: Callable[[Any], bool]) -> Any:
    """Return the pairs of an earlier plan as workers are handed them.

    Parameters
    ----------
    previous : PreviousPlan or None
    takes : callable
        Tells whether a table is one of the cluster's own.

    Returns
    -------
    table or None
        Of the cluster, or of PyArrow.

    Raises
    ------
    InvalidInput
    """
    if previous is None or takes(previous.table):
        return None if previous is None else previous.table
    given = previous.table
    rows = given if isinstance(given, Stream) else stream(given, PREVIOUS, PAIR)
    return pa.concat_tables([rows.schema.empty_table(), *rows.blocks(lambda: 1 << 18)])


def check_pairs(campaign: CampaignData, schema: pa.Schema) -> None:
    """Refuse an earlier plan whose ids are of another kind.

    Parameters
    ----------
    campaign : CampaignData
        Stated without customers.
    schema : pyarrow.Schema
        Of the earlier plan.

    Raises
    ------
    InvalidInput
    """
    empty = schema.empty_table()
    tables.require(empty, PREVIOUS, *PAIR)
    offers = tables.ids(campaign.offers, "offers", "offer")
    for name, known, of in (
        ("customer", campaign.candidates.customers, "candidates"),
        ("offer", offers, "offers"),
    ):
        ids = tables.ids(empty, PREVIOUS, name)
        tables.check_kind_of_ids(ids, known, f"table {PREVIOUS}", of)


def look_up(
    candidates: Candidates, campaign: CampaignData, pairs: pa.Table, threads: int
) -> tuple[Candidates, PairCounts]:
    """Add the column to some customers' candidates.

    Parameters
    ----------
    candidates : Candidates
    campaign : CampaignData
        Stated without customers.
    pairs : pyarrow.Table
        What the earlier plan gave these customers, and others who have no candidates.
    threads : int

    Returns
    -------
    Candidates
    PairCounts

    Raises
    ------
    InvalidInput
    """
    offers = tables.ids(campaign.offers, "offers", "offer")
    rows = pairs.select(PAIR)
    return with_previous(candidates, offers, stream(rows, PREVIOUS, PAIR), threads)


def has_column(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return the column of candidates of nobody, where there is an earlier plan.

    Parameters
    ----------
    schemas : mapping of str to pyarrow.Schema

    Returns
    -------
    dict of str to ndarray
    """
    return {PREVIOUS: np.zeros(0, np.float32)} if PREVIOUS in schemas else {}


def added_counts(parts: Sequence[PairCounts | None]) -> PairCounts | None:
    """Add up counts of several parts.

    Parameters
    ----------
    parts : sequence of PairCounts or None

    Returns
    -------
    PairCounts or None
        None where there is no earlier plan.
    """
    counted = [part for part in parts if part is not None]
    if not counted:
        return None
    pairs, candidates = (sum(numbers) for numbers in zip(*counted, strict=True))
    return PairCounts(pairs, candidates)


def after(campaign: CampaignData, previous: PreviousPlan | None) -> CampaignData:
    """State limits on what stays of an earlier plan, as `CampaignData.make` does.

    Parameters
    ----------
    campaign : CampaignData
        Stated without customers, with the counts of the earlier plan.
    previous : PreviousPlan or None

    Returns
    -------
    CampaignData

    Raises
    ------
    InvalidInput
        Where customers were stated without an earlier plan.
    """
    if previous is None:
        return campaign
    counts = campaign.previous
    if counts is None:
        raise InvalidInput(
            "previous: customers were stated without an earlier plan; state the candidates again, with this one"
        )
    counts = counts._replace(pairs=counts.pairs + int(previous.gone))
    limits = [*campaign.limits, *previous.limits(counts, campaign.limits)]
    return replace(campaign, limits=check_parts(limits, "limit", Limit), previous=counts)

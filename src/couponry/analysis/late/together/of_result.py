"""What a result knows of the units of late customers: coupons, history and columns of their other members."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .... import kernels
from ....data import tables
from ....data.arrow_columns import without_dictionaries
from ....data.roles import ROLES
from ....engines.subset import positions_of
from ....results.solution import CampaignSolution
from ....utils.errors import InvalidInput, first_line
from ....utils.table_types import Table
from ...fallen.replacements import choice_of


class Beside(NamedTuple):
    """What late customers are decided with.

    Attributes
    ----------
    customers, history, given : table or None
        As `Prices.decide` takes them.
    """

    customers: Table | None
    history: Table | None
    given: Table | None


def with_members(
    result: CampaignSolution,
    customers: Table | None,
    history: Table | None,
    given: Table | None,
) -> Beside:
    """Add what the result has of members of late customers' units.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    customers, history, given : table or None
        As the user has them.

    Returns
    -------
    Beside
        The same where the campaign has no units, or late customers are in none of them.
    """
    units, campaign, plan = result.campaign.units, result.campaign, result.plan
    if units is None or customers is None or plan is None or campaign.customers is None:
        return Beside(customers, history, given)
    late = tables.as_table(customers, "customers")
    tables.require(late, "customers", "customer", units.column)
    unit = np.unique(units.units_of(late, tables.ids(late, "customers", "customer")))
    unit = unit[unit >= 0]
    if not len(unit):
        return Beside(customers, history, given)
    known = tables.ids(campaign.customers, "customers", "customer")
    theirs = np.isin(units.units_of(campaign.customers, known), unit)
    new = tables.positions(known, tables.ids(late, "customers", "customer")) < 0
    members = campaign.customers.filter(pa.array(theirs & new))
    members = members.select([name for name in late.column_names if name in members.column_names])
    beside = Beside(
        _both(late, members, "customers"), history, _both(given, _coupons(result, unit), "given")
    )
    if campaign.history is None:
        return beside
    past = tables.ids(campaign.history, "history", "customer")
    counts = tables.positions(past, known.filter(pa.array(theirs))) >= 0
    if history is not None:  # who is in it has no other
        own = tables.as_table(history, "history")
        counts &= tables.positions(past, tables.ids(own, "history", "customer").unique()) < 0
    had = campaign.history.filter(pa.array(counts))
    return beside._replace(history=_both(history, had, "history"))


def _both(one: Table | None, other: pa.Table, what: str) -> pa.Table:
    """The rows of two tables."""
    if one is None:
        return other
    table = tables.as_table(one, what)
    if not len(other):
        return table
    both = [without_dictionaries(rows) for rows in (table, other)]
    try:
        return pa.concat_tables(both, promote_options="permissive")
    except pa.ArrowException as error:
        raise InvalidInput(
            f"table {what}: expected columns of the types that the campaign has: {first_line(error)}"
        ) from error


def _coupons(result: CampaignSolution, unit: NDArray[np.int64]) -> pa.Table:
    """What the allocation gives some units."""
    compiled, campaign, plan = result.compiled, result.campaign, result.plan
    assert plan is not None
    chosen = choice_of(compiled, plan, unit, kernels.load(result.backend), result.seed)
    indptr = compiled.problem.shard.indptr
    at = positions_of(indptr, unit)[chosen]
    if compiled.costs is not None:  # refunds are no coupons
        at = at[compiled.problem.shard.item[at] < len(compiled.items)]
        of = np.searchsorted(indptr, at, side="right") - 1
        at = at - compiled.costs.n_refunds * of
    candidates = campaign.candidates
    offers = tables.ids(campaign.offers, "offers", "offer")
    found = {
        "customer": candidates.customers.take(pa.array(candidates.customer_of(at))),
        "offer": offers.take(pa.array(candidates.offer[at])),
    }
    found |= {name: pa.array(column[at]) for name, column in candidates.columns.items()}
    if candidates.role is not None:
        found["role"] = pa.array([None, *ROLES]).take(pa.array(candidates.role[at]))
    return pa.table(found)

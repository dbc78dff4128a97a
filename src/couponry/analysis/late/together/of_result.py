"""What a result knows of late customers: their history, and coupons and columns of others of their units."""

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
from ....model.campaign_data import CampaignData
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
    """Add what the result has of late customers, and of others of their units.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    customers, history, given : table or None
        As the user has them.

    Returns
    -------
    Beside
        With the campaign's history of whoever is not in the one that the user has, and, where the campaign has units,
        with their other members and the coupons of these.
    """
    campaign, units = result.campaign, result.campaign.units
    members = pa.array([], campaign.candidates.customers.type)
    beside = Beside(customers, history, given)
    if units is not None and customers is not None and campaign.customers is not None:
        late = tables.as_table(customers, "customers")
        tables.require(late, "customers", "customer", units.column)
        known = tables.ids(campaign.customers, "customers", "customer")
        who = tables.ids(late, "customers", "customer")
        theirs = units.members_beside(campaign.customers, late)
        members = known.filter(pa.array(theirs))
        new = campaign.customers.filter(pa.array(theirs & (tables.positions(known, who) < 0)))
        new = new.select([name for name in late.column_names if name in new.column_names])
        unit = np.unique(units.units_of(late, who))
        coupons = _coupons(result, unit[unit >= 0])
        given = _both(given, coupons, "given")
        beside = Beside(_both(late, new, "customers"), history, given)
    if campaign.history is None:
        return beside
    return beside._replace(history=_with_history_of(campaign, members, history))


def _with_history_of(
    campaign: CampaignData, members: pa.Array, history: Table | None
) -> pa.Table | None:
    """A history, and the campaign's of late customers and others of their units: whoever is in the one has no other."""
    assert campaign.history is not None
    past = tables.ids(campaign.history, "history", "customer")
    is_late = tables.positions(past, campaign.candidates.customers) < 0
    counts = is_late | (tables.positions(past, members) >= 0)
    if history is not None:
        own = tables.ids(tables.as_table(history, "history"), "history", "customer").unique()
        counts &= tables.positions(past, own) < 0
    return _both(history, campaign.history.filter(pa.array(counts)), "history")


def _both(one: Table | None, other: pa.Table, what: str) -> pa.Table | None:
    """The rows of two tables."""
    if one is None:
        return other if len(other) else None
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
    """What the allocation gives some units, of which there may be none."""
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

"""Explains what one late customer was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.roles import ROLES
from ...model.campaign_data import CampaignData
from ...model.compiled_campaign import compile_campaign
from ..customer_subproblem import CustomerSubproblem
from ..decisions import Explanation
from ..explain import number_of_customer
from ..explain_files import rows_of_customer
from ..reasons import Reasons
from .batch import LateBatch
from .price_list import row_names
from .room import Room
from .together.given_before import HELD


def explain_late(
    batch: LateBatch,
    flags: NDArray[np.bool_],
    raised: NDArray[np.float64],
    room: Room,
    customer: Any,
) -> Explanation:
    """Explain why a late customer got these coupons and not others.

    Parameters
    ----------
    batch : LateBatch
        Who was decided.
    flags : ndarray of bool, shape (n_candidates,)
        What was given.
    raised : ndarray of float64, shape (n_rows,)
        By how much prices were raised.
    room : Room
        What has been used of each limit.
    customer : int or str
        Its id.

    Returns
    -------
    Explanation

    Raises
    ------
    InvalidInput
        If it was not decided.
    """
    terms = batch.terms
    number = number_of_customer(batch.candidates.customers, customer)
    unit = number if batch.units is None else int(batch.units.of_customer[number])
    whose = slice(number, number + 1)
    if batch.units is not None:
        whose = slice(*batch.units.ptr[[unit, unit + 1]].tolist())
    campaign = _campaign_of_one(batch, whose)
    compiled = compile_campaign(campaign, terms.backend, refuse=False)
    known = {name: row for row, name in enumerate(row_names(terms.limits))}
    rows = np.array([known[name] for name in row_names(compiled.limits)], np.int64)
    prices, activity = (terms.price + raised)[rows], (terms.activity + room.used())[rows]
    seed = terms.prices.agreed.seed
    subproblem = CustomerSubproblem.at_prices(compiled.problem, 0, prices, terms.backend, seed)
    own = slice(*batch.candidates.indptr[[whose.start, whose.stop]].tolist())
    allocated = flags[own] | batch.is_held[own]
    if compiled.costs is not None:
        allocated = compiled.costs.complete(allocated)
    who = batch.candidates.customers[number].as_py()
    reasons = Reasons(
        campaign, who, subproblem, compiled.limits, allocated, activity, "what limits have left"
    )
    return reasons.explanation(0)


def _campaign_of_one(batch: LateBatch, whose: slice) -> CampaignData:
    """The campaign with one late customer alone, or one unit; what was given before must be given."""
    agreed, candidates = batch.terms.prices.agreed, batch.candidates
    own = slice(*candidates.indptr[[whose.start, whose.stop]].tolist())
    whom = candidates.customers[whose]
    customer = candidates.customer_of(np.arange(own.start, own.stop))
    columns: dict[str, Any] = {
        "customer": candidates.customers.take(pa.array(customer)),
        "offer": batch.terms.offer_ids.take(pa.array(candidates.offer[own])),
        **{name: column[own] for name, column in candidates.columns.items() if name != HELD},
    }
    if candidates.role is not None:
        columns["role"] = [(None, *ROLES)[code] for code in candidates.role[own]]
    if candidates.mandatory is not None and candidates.mandatory[own].any():
        columns["mandatory"] = candidates.mandatory[own] != 0
    customers, history = (
        None if table is None else _rows_of(batch, table, what, whom)
        for table, what in ((batch.customers, "customers"), (batch.history, "history"))
    )
    return CampaignData.make(
        agreed.offers,
        pa.table(columns),
        customers,
        history,
        rules=agreed.rules,
        limits=agreed.limits,
        value=agreed.value,
        name=agreed.name,
        unit=agreed.unit,
    )


def _rows_of(batch: LateBatch, table: pa.Table, what: str, whom: pa.Array) -> pa.Table:
    """Rows of a table that are about a customer, or about the members of a unit."""
    if batch.units is None or batch.customers is None:
        return rows_of_customer(table, what, whom[0].as_py())
    ids, known = tables.ids(table, what, "customer"), batch.candidates.customers
    theirs = batch.units.units_of(batch.customers, ids)
    unit = batch.units.of_customer[tables.positions(whom, known)[0]]
    own = (theirs == unit) | (tables.positions(ids, whom) >= 0)
    return table.filter(pa.array(own))

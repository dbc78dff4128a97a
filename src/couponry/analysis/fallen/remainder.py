"""What is left of a campaign for units some of whose coupons fell out: a campaign of its own, and its best choice.

It has no limits, and what is cancelled is no candidate of it. So rules ask for no more than is possible without: of
mandatory offers, of minimums, of different values. What a unit has left is mandatory, and one more rule keeps what it
gets to as many coupons as it had.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.candidates import Candidates
from ...engines.local import LocalEngine
from ...kernels import Backend
from ...model.campaign_data import CampaignData
from ...model.compiled_campaign import compile_campaign
from ...model.rules import CustomerRule
from ...model.units.units import Units
from .affected import Affected

AS_MANY = "as many as before"
"""The rule that keeps units to as many coupons as they had, and its columns of customers and offers."""


def choose_again(
    campaign: CampaignData,
    part: Affected,
    value: NDArray[np.float64],
    backend: Backend,
    threads: int,
    seed: int,
) -> NDArray[np.bool_]:
    """Choose what is worth most beside what some units have left, as far as rules let them keep it.

    Parameters
    ----------
    campaign : CampaignData
    part : Affected
        Units with candidates that are cancelled.
    value : ndarray of float64, shape (n_candidates,)
        What each of their candidates is worth.
    backend : Backend
    threads : int
    seed : int

    Returns
    -------
    ndarray of bool, shape (n_candidates,)
        Nothing of what is cancelled.
    """
    stays = ~part.cancelled
    if not stays.any():
        return stays
    indptr = np.concatenate([[0], np.cumsum(part.summed(stays))])
    at, kept = part.position[stays], (part.chosen & stays)[stays]
    compiled = compile_campaign(_remainder(campaign, part, at, kept, indptr), backend, refuse=False)
    large = 4.0 * part.summed(np.abs(value)) + 1.0
    worth = value[stays] + np.where(kept, np.repeat(large, np.diff(indptr)), 0.0)
    if compiled.costs is not None:
        worth = compiled.costs.beside(worth, compiled.costs.costs())
    shard = compiled.problem.shard._replace(
        number=part.unit,
        given_at=np.arange(len(worth)),
        given_value=worth.astype(np.float32),
    )
    engine = LocalEngine(shard, compiled.problem.rules, backend, threads, seed)
    chosen, _ = engine.choose(compiled.problem.no_prices())
    found = np.zeros(len(stays), bool)
    place = np.flatnonzero(stays)
    found[place[compiled.given(0, chosen)]] = True
    return found


def _remainder(
    campaign: CampaignData,
    part: Affected,
    at: NDArray[np.int64],
    kept: NDArray[np.bool_],
    indptr: NDArray[np.int64],
) -> CampaignData:
    """The campaign of the affected units, without limits; at: positions of their candidates, by unit as indptr says."""
    whole, units = campaign.candidates, campaign.units
    if units is None:
        customer, ptr = part.unit, np.arange(len(part.unit) + 1)
    else:
        ptr = np.concatenate([[0], np.cumsum(np.diff(units.ptr)[part.unit])])
        customer = np.arange(ptr[-1]) + np.repeat(units.ptr[part.unit] - ptr[:-1], np.diff(ptr))
    ids = whole.customers.take(pa.array(customer))
    of_customer = np.searchsorted(customer, whole.customer_of(at))
    mandatory = kept.astype(np.uint8)
    if whole.mandatory is not None:
        mandatory |= whole.mandatory[at]
    candidates = Candidates(
        ids,
        np.searchsorted(of_customer, np.arange(len(customer) + 1)),
        whole.offer[at],
        None if whole.role is None else whole.role[at],
        mandatory,
        {name: column[at] for name, column in whole.columns.items()},
    )
    most = np.repeat(part.summed(part.chosen), np.diff(ptr))
    offers = campaign.offers.append_column(AS_MANY, pa.array(np.zeros(len(campaign.offers), int)))
    one = CustomerRule(AS_MANY, max=AS_MANY, by=AS_MANY)
    return replace(
        campaign,
        offers=offers,
        candidates=candidates,
        customers=_with_most(campaign.customers, ids, most),
        rules=(*campaign.rules, one),
        limits=(),
        units=None if units is None else _some(units, part.unit, ptr),
        backups=0,
        previous=None,
    )


def _some(units: Units, which: NDArray[np.int64], ptr: NDArray[np.int64]) -> Units:
    """Some of the units."""
    return Units(units.column, ptr, units.value.take(pa.array(which)))


def _with_most(customers: pa.Table | None, ids: pa.Array, most: NDArray[np.int64]) -> pa.Table:
    """The table of customers with how many coupons each, or its unit, had."""
    if customers is None:
        return pa.table({"customer": ids, AS_MANY: most})
    row = tables.positions(tables.ids(customers, "customers", "customer"), ids)
    column = np.where(row >= 0, np.append(most, 0)[row], 0)
    return customers.append_column(AS_MANY, pa.array(column))

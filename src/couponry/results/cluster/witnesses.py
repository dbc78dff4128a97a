"""Witnesses: a few customers of whom a campaign compiles to the very tables that it compiles to for everybody.

What a customer's arrays depend on beside the customer itself is little: the range of each column within each item,
which items are seen in which role, which kinds of customers there are, whether a rule can bind for anybody. For each of
these there is some customer who shows it. A shard is compiled with the witnesses of all shards beside its own
customers, by the code that compiles everybody on one machine, and its customers' arrays come out as they do there. That
the tables are indeed the same is checked for every shard, and customers who show something else become witnesses, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.where.days import days_of_offers
from ...engines.parts import by_customer
from ...kernels import Backend
from ...model.campaign_data import CampaignData
from ...model.compiled_campaign import CompiledCampaign, compile_campaign
from ...model.compiling.quantisation import find_span
from ...model.compiling.row_rules.rule_amounts import RuleAmount
from ...model.contact_history import ContactHistory
from ...model.customers import Customers
from ...model.items import Items
from .shards import shard_attributes
from .stated_customers import StatedCustomers, merged


def compiled_customers(
    stated: StatedCustomers, campaign: CampaignData, backend: Backend
) -> CompiledCampaign:
    """Compile a campaign of some customers; nothing is looked for that might not have been meant.

    Parameters
    ----------
    stated : StatedCustomers
    campaign : CampaignData
        Stated without customers.
    backend : Backend

    Returns
    -------
    CompiledCampaign
    """
    return compile_campaign(stated.of(campaign), backend, refuse=False)


def tables_digest(compiled: CompiledCampaign) -> str:
    """A digest of all that a compiled campaign has beside arrays of customers and of candidates.

    Parameters
    ----------
    compiled : CompiledCampaign

    Returns
    -------
    str
    """
    problem, limits, items = compiled.problem, compiled.limits, compiled.items
    rules, names = problem.rules, problem.rule_names
    told: list[Any] = [
        limits.attributes,
        list(shard_attributes(compiled)),
        list(limits.measures),
        sorted(by_customer(problem.shard, rules)),
        [name for name, _ in (*names.lower, *names.upper)],
        (list(names.groups), list(names.constraints)),
        (rules.groups, rules.nodes, rules.cap.shape[0], len(problem.shard.quantity)),
    ]
    arrays: list[NDArray[Any] | None] = [
        items.offer,
        items.role,
        problem.low,
        problem.step,
        problem.quantity_of,
    ]
    arrays += [problem.objective, problem.lower, problem.upper, problem.penalty, rules.group]
    arrays += [problem.rows.data, problem.rows.indices, problem.rows.indptr]
    digest = hashlib.sha256(repr(told).encode())
    for array in arrays:
        digest.update(b"none" if array is None else repr(array.shape).encode() + array.tobytes())
    return digest.hexdigest()


def witnesses_of(
    stated: StatedCustomers, campaign: CampaignData, backend: Backend
) -> StatedCustomers:
    """Pick witnesses for some customers.

    Parameters
    ----------
    stated : StatedCustomers
    campaign : CampaignData
        Stated without customers.
    backend : Backend

    Returns
    -------
    StatedCustomers
    """
    compiled = compiled_customers(stated, campaign, backend)
    found = [np.zeros(1, np.int64)]
    found += [_whose(compiled, at) for at in _extremes(compiled, backend)]
    found += _by_customer(compiled)
    found += _of_history(stated, campaign, compiled.items)
    found += _of_costs(compiled)
    found += _below_nothing(stated, compiled)
    mandatory = stated.candidates.mandatory
    if mandatory is not None and mandatory.any():
        found.append(_whose(compiled, np.flatnonzero(mandatory)[:1]))
    return stated.some(np.unique(np.concatenate(found)))


def _extremes(compiled: CompiledCampaign, backend: Backend) -> Iterator[NDArray[np.int64]]:
    """Candidates that end the range of a column within an item."""
    item, candidates = compiled.item, compiled.campaign.candidates
    n_items = len(compiled.items)
    first = np.full(n_items, -1)
    first[item[::-1]] = np.arange(len(item))[::-1]  # of several the last one written, the first
    yield first[first >= 0]
    columns = {id(column): column for column in candidates.columns.values()}
    columns |= {id(one.values): one.values for one in compiled.amounts.attributes.values()}
    for values in columns.values():
        for end in find_span(item, n_items, values, backend):
            at = np.flatnonzero(values == end[item])
            first = np.full(n_items, -1)
            first[item[at][::-1]] = at[::-1]
            yield first[first >= 0]


def _by_customer(compiled: CompiledCampaign) -> list[NDArray[np.int64]]:
    """Customers of each segment, with the least and largest of each bound, and with constraints."""
    rules, spec = compiled.problem.rules, compiled.rules.spec
    units = compiled.campaign.units
    segment = compiled.problem.shard.segment
    found = [np.unique(segment, return_index=True)[1]] if len(segment) > 1 else []
    if units is not None:
        found.append(np.array([np.diff(units.ptr).argmax()]))
    bounds = [rules.lower, rules.upper, spec.upper, *rules.cap, *spec.cap, *spec.least]
    for bound in bounds:
        if len(bound) > 1:
            found.append(np.array([bound.argmin(), bound.argmax()]))
    if len(rules.constraint_ptr) > 1:
        found.append(np.flatnonzero(np.diff(rules.constraint_ptr))[:1])
    return found


def _of_history(
    stated: StatedCustomers, campaign: CampaignData, items: Items
) -> Iterator[NDArray[np.int64]]:
    """Customers with a history that counts for each rule, and in each of the days by which a rule has windows."""
    known = Customers(stated.customers, stated.candidates.customers, stated.units)
    history = ContactHistory(
        stated.history, stated.candidates.customers, campaign.offers, campaign.rules, known
    )
    for rule in campaign.rules if len(history) else ():
        counts = np.flatnonzero(history.where(rule))
        yield history.unit[counts[:1]]
        if rule.window is None:
            continue
        if rule.by is not None:
            in_groups, _ = history.groups(rule.by, items.groups(rule.by, rule.label)[2])
            counts = np.intersect1d(counts, in_groups)
        label = f"{rule.label}: window"
        days = history.days(days_of_offers(items.offers, label), label).take(counts)
        _, first = np.unique(days.day[days.known], return_index=True)
        yield history.unit[counts[days.known][first]]


def _of_costs(compiled: CompiledCampaign) -> Iterator[NDArray[np.int64]]:
    """Customers with the least and the largest cost of each message."""
    for rule in () if compiled.costs is None else compiled.costs.rules:
        if len(rule.cost) > 1:
            yield np.concatenate([rule.cost.argmin(axis=0), rule.cost.argmax(axis=0)])


def _below_nothing(
    stated: StatedCustomers, compiled: CompiledCampaign
) -> Iterator[NDArray[np.int64]]:
    """A customer for each rule that sums over windows whose candidates, or history, have an amount below 0."""
    campaign = compiled.campaign
    known = Customers(campaign.customers, campaign.candidates.customers, campaign.units)
    for rule in campaign.rules:
        if rule.sum is None or rule.window is None:
            continue
        amount = RuleAmount.of(rule, compiled.items, campaign.candidates, known)
        if amount.is_of_candidates(campaign.candidates):
            values = amount.of_candidates(campaign.candidates, compiled.items, known)
            yield _whose(compiled, np.flatnonzero(values < 0)[:1])
        history = ContactHistory(
            stated.history, campaign.candidates.customers, campaign.offers, campaign.rules, known
        )
        yield history.unit[np.flatnonzero(history.amounts(rule, known) < 0)[:1]]


def _whose(compiled: CompiledCampaign, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of the customers of some candidates, refunds not counted."""
    return np.searchsorted(compiled.campaign.indptr, at, side="right") - 1


def lacking(
    stated: StatedCustomers, witnesses: StatedCustomers, campaign: CampaignData, backend: Backend
) -> StatedCustomers | None:
    """Find customers who show what no witness does.

    Parameters
    ----------
    stated, witnesses : StatedCustomers
    campaign : CampaignData
        Stated without customers.
    backend : Backend

    Returns
    -------
    StatedCustomers or None
        With them as further witnesses, tables are those that they are with all of `stated`; None where nothing lacks.
    """

    def digest(*parts: StatedCustomers) -> str:
        return tables_digest(compiled_customers(merged(parts), campaign, backend))

    found: list[StatedCustomers] = []

    def look(some: StatedCustomers) -> None:
        if digest(witnesses, *found, some) == digest(witnesses, *found):
            return
        if len(some) == 1:
            found.append(some)
            return
        half = len(some) // 2
        look(some.some(np.arange(half)))
        look(some.some(np.arange(half, len(some))))

    look(stated)
    if found and digest(witnesses, *found, stated) != digest(witnesses, *found):
        found.append(stated)  # what only many together show
    return merged(found) if found else None

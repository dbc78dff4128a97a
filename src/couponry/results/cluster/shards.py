"""A compiled campaign in shards, for engines over clusters: written once, and used again while it is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ...engines.cluster.cluster import Cluster
from ...engines.cluster.engine import ClusterEngine
from ...engines.cluster.shards import Everybody
from ...engines.cluster.store import ShardStore, write_store
from ...kernels import Backend
from ...model.compiled_campaign import CompiledCampaign
from ...model.compiling.messages.message_costs import COST
from ...solver.packed import CandidatesElsewhere, HeldCandidates, PackedCandidates, RuleFacts
from ...solver.problem import Problem
from ...utils.arrays.array_store import Arrays
from ...utils.arrays.digests import digest_of_arrays
from ...utils.errors import InvalidInput
from .stated_customers import UNIT_VALUE, id_arrays, written_values

_KNOWN_DIGESTS: WeakKeyDictionary[CompiledCampaign, str] = WeakKeyDictionary()
"""Of campaigns that were in shards before: nothing of a compiled campaign ever changes."""

OFFER, CUSTOMER_PTR = "offer", "customer-ptr"
"""Arrays beside those that passes read: rows of offers; and where each customer's candidates begin among those of
units of several, refunds of what messages cost not counted."""


def attribute_array(number: int) -> str:
    """Name the array of a shard that holds an attribute as given.

    Parameters
    ----------
    number : int
        Of the attribute.

    Returns
    -------
    str
    """
    return f"attribute-{number}"


def shard_attributes(compiled: CompiledCampaign) -> dict[str, NDArray[Any]]:
    """List what a shard holds of its candidates as given: all that passes or rows of the allocation are made of.

    Parameters
    ----------
    compiled : CompiledCampaign

    Returns
    -------
    dict of str to ndarray of float, shape (n_candidates,) each
        By name of the attribute, in the order of `attribute_array`.
    """
    amounts = map(compiled.coupon_amount, compiled.campaign.coupon_columns())
    stated = {name: None for amount in amounts if amount is not None for name in amount.slopes}
    known, costs = compiled.amounts.attributes, compiled.costs
    of_refunds = [COST] if costs is not None and costs.differ else []
    passed = [*list(known)[: len(compiled.problem.low) - len(of_refunds)], *of_refunds]
    if costs is None:  # whoever asks may have none of the candidates
        return {name: known[name].values for name in dict.fromkeys(passed) | stated}
    found = dict(zip(passed, compiled.problem.attributes, strict=True))
    for name in [name for name in stated if name not in found]:  # what was looked up later
        values = known[name].values
        found[name] = costs.beside(values, np.zeros((1, costs.n_refunds), values.dtype))
    return found


def shards_of(
    compiled: CompiledCampaign, cluster: Cluster, backend: Backend, threads: int
) -> ShardStore:
    """Return the shards of a campaign, which are written first where the folder has none of the same campaign.

    Parameters
    ----------
    compiled : CompiledCampaign
    cluster : Cluster
    backend : Backend
    threads : int

    Returns
    -------
    ShardStore

    Raises
    ------
    InvalidInput
        Where the folder cannot be written.
    """
    customers = int(cluster.shard_customers)
    source = {"campaign": _digest(compiled, backend, threads), "customers": customers}
    try:
        store = ShardStore.open(cluster.store)
        if store.manifest.source == source:
            return store
    except InvalidInput:  # there is none, or one of another format
        pass
    problem = compiled.problem
    everybody = Everybody(
        problem.shard,
        problem.rules,
        problem.fine,
        lambda start, stop: beside(compiled, start, stop),
    )
    count = -(-problem.customers // customers)
    cuts = np.arange(count + 1) * problem.customers // count
    return write_store(cluster.store, everybody, cuts, source, threads)


def without_arrays(
    problem: Problem, engine: ClusterEngine, facts: RuleFacts | None = None
) -> CandidatesElsewhere:
    """Leave the arrays of candidates and customers to an engine over shards.

    Parameters
    ----------
    problem : Problem
    engine : ClusterEngine
        Over all of its candidates.
    facts : RuleFacts, optional
        Of all customers, where the problem is of some of them alone: their arrays are never taken for everybody's.

    Returns
    -------
    CandidatesElsewhere
        Sizes alone, in place of the problem's packed candidates. What asks for each candidate at once, as is done
        where they are few, gathers them. Where they are many, rules are asked for to prove that limits are in conflict:
        those of this process are taken.
    """
    n_attributes = len(problem.low)

    def gather() -> PackedCandidates:
        if engine.has_many and facts is None:
            return problem.packed
        everybody = engine.everybody
        fine, *attributes = engine.gather(["fine", *map(attribute_array, range(n_attributes))])
        return HeldCandidates(everybody.shard, everybody.rules, tuple(attributes), fine)

    sizes = engine.customers, engine.candidates, n_attributes
    return CandidatesElsewhere(*sizes, facts or problem.rule_facts, gather, engine.source)


def beside(compiled: CompiledCampaign, start: int, stop: int) -> Arrays:
    """List what is kept of customers beside what passes read.

    Parameters
    ----------
    compiled : CompiledCampaign
    start, stop : int
        Customers start <= i < stop.

    Returns
    -------
    dict of str to ndarray
    """
    problem, candidates = compiled.problem, compiled.campaign.candidates
    begin, end = (int(place) for place in problem.shard.indptr[[start, stop]])
    attributes = shard_attributes(compiled).values()
    arrays = {attribute_array(c): array[begin:end] for c, array in enumerate(attributes)}
    offer, costs = candidates.offer[begin:end], compiled.costs
    if costs is not None:  # a refund is none
        own = slice(*(int(place) for place in costs.indptr[[start, stop]]))
        offer = np.zeros(end - begin, candidates.offer.dtype)
        offer[problem.shard.item[begin:end] < len(compiled.items)] = candidates.offer[own]
    units = compiled.campaign.units
    if units is not None:
        arrays[UNIT_VALUE] = written_values(units.value[start:stop])
        start, stop = units.ptr[[start, stop]].tolist()
        arrays[CUSTOMER_PTR] = candidates.indptr[start : stop + 1] - candidates.indptr[start]
    ids = candidates.customers[start:stop]
    return {OFFER: offer, **arrays, **id_arrays(ids)}


def _digest(compiled: CompiledCampaign, backend: Backend, threads: int) -> str:
    """A digest of all that shards are made of; each campaign is read once for it."""
    known = _KNOWN_DIGESTS.get(compiled)
    if known is not None:
        return known

    def arrays() -> Iterator[NDArray[Any]]:
        problem, candidates = compiled.problem, compiled.campaign.candidates
        yield from problem.shard[1:]
        yield from (part for part in problem.rules if isinstance(part, np.ndarray))
        yield from (problem.fine, *shard_attributes(compiled).values(), candidates.offer)
        yield from id_arrays(candidates.customers).values()
        if compiled.campaign.units is not None:
            units = compiled.campaign.units
            yield from (units.ptr, written_values(units.value))

    numbers = repr((compiled.problem.rules.groups, compiled.problem.rules.nodes)).encode()
    digest = digest_of_arrays(arrays(), backend.kernels.hash_blocks, threads)
    found = _KNOWN_DIGESTS[compiled] = hashlib.sha256(numbers + digest).hexdigest()
    return found

"""A campaign whose customers are with the workers of a cluster: compiled there, with tables alone in this process."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...engines.checkpoint_file import CheckpointFile
from ...engines.cluster.cluster import Cluster
from ...engines.cluster.engine import ClusterEngine
from ...engines.cluster.places import map_file, write_file
from ...engines.cluster.store import ShardEntry, ShardStore, write_manifest, written_by_one
from ...engines.parts import by_customer
from ...kernels import Backend, load
from ...model.campaign_data import CampaignData
from ...model.checking.check import statement_findings
from ...model.checking.finding import refuse_errors
from ...model.compiled_campaign import CompiledCampaign, statement_of
from ...solver.packed import RuleFacts
from ...solver.plan import Plan
from ...utils.errors import InvalidInput
from ...utils.memory import return_freed_memory
from ..shortfalls import Shortfalls
from .packing import PackedShard, PackTask, StatedShards, WitnessTask
from .planned.counted_elsewhere import shortfalls_elsewhere, spent_elsewhere
from .rules_elsewhere import combined, kept_elsewhere, rules_elsewhere
from .shards import without_arrays
from .stated_customers import StatedCustomers, merged
from .witnesses import compiled_customers, tables_digest, witnesses_of

MOST_ROUNDS = 20
"""How often shards are packed with more witnesses: once is what is seen, each further time finds at least one more."""

PACKING = 2
"""Version of how shards are made of customers as they were stated."""


class KnownOfShards(NamedTuple):
    """What shards come to together.

    Attributes
    ----------
    witnesses : StatedCustomers
    error, fine_error : ndarray of float64, shape (n_attributes, n_items)
        As `Problem` has them.
    rule_facts : RuleFacts
    message_costs : float
        What all messages cost that customers may have.
    """

    witnesses: StatedCustomers
    error: NDArray[np.float64]
    fine_error: NDArray[np.float64]
    rule_facts: RuleFacts
    message_costs: float


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Packed shards of customers whom workers alone have looked at.

    Attributes
    ----------
    shards : StatedShards
        As they were stated.
    store : ShardStore
        As they are packed.
    compiled : CompiledCampaign
        Of the witnesses: items, limits and packing are those of everybody.
    known : KnownOfShards
    """

    shards: StatedShards
    store: ShardStore
    compiled: CompiledCampaign
    known: KnownOfShards

    def engine(
        self, cluster: Cluster, seed: int, threads: int, journal: CheckpointFile | None = None
    ) -> ClusterEngine:
        """Make the engine over the packed shards.

        Parameters
        ----------
        cluster : Cluster
        seed : int
        threads : int
            Of this process.
        journal : CheckpointFile, optional

        Returns
        -------
        ClusterEngine
        """
        return cluster.engine(self.store, self.shards.backend, seed, threads, journal)

    def compiled_with(self, engine: ClusterEngine) -> CompiledCampaign:
        """Return the compiled campaign with everybody's candidates left to an engine.

        Parameters
        ----------
        engine : ClusterEngine

        Returns
        -------
        CompiledCampaign
        """
        known, costs, constant = self.known, self.compiled.costs, 0.0
        if costs is not None:
            costs = replace(costs, known_constant=known.message_costs)
            constant = -costs.constant
        problem = replace(
            self.compiled.problem,
            error=known.error,
            fine_error=known.fine_error,
            constant=constant,
        )
        packed = replace(
            without_arrays(problem, engine, known.rule_facts),
            rules_elsewhere=rules_elsewhere(known.rule_facts) if engine.has_many else None,
            keep=lambda kept: kept_elsewhere(engine, self.store, problem.rule_names, kept),
        )
        return replace(self.compiled, problem=replace(problem, packed=packed), costs=costs)

    @property
    def customers(self) -> int:
        """How many customers there are, of all units."""
        return self.shards.store.manifest.customers

    def spent(self, plan: Plan) -> float:
        """Say what the messages of an allocation cost.

        Parameters
        ----------
        plan : Plan

        Returns
        -------
        float
        """
        if self.compiled.costs is None:
            return 0.0
        return spent_elsewhere(self.shards, self.known.witnesses, plan)

    def shortfalls(self, plan: Plan) -> Shortfalls:
        """Count customers who have less than their rules ask for.

        Parameters
        ----------
        plan : Plan

        Returns
        -------
        Shortfalls
        """
        spec = self.compiled.rules.spec
        nothing_asked = not self.known.rule_facts.has_minimums and not spec.least.any()
        if nothing_asked and not spec.mandatory.any():  # witnesses show whatever there is
            return Shortfalls()
        return shortfalls_elsewhere(self.shards, self.known.witnesses, plan)


def packed_elsewhere(shards: StatedShards, cluster: Cluster) -> Elsewhere:
    """Have workers compile the shards of a campaign, unless they did so before.

    Parameters
    ----------
    shards : StatedShards
    cluster : Cluster

    Returns
    -------
    Elsewhere

    Raises
    ------
    InvalidInput
        Where rules or limits make no sense for the tables, or the folder cannot be written.
    """
    folder, backend = cluster.place("shards"), load(shards.backend)
    source = {"campaign": _digest(shards), "packing": PACKING}
    found = _packed_before(shards, folder, source)
    if found is None:
        store, known = _pack(shards, cluster, folder, source, backend)
    else:
        store, known = found
    compiled = compiled_customers(known.witnesses, shards.campaign, backend)
    said = statement_findings(statement_of(compiled.campaign))
    refuse_errors(said)
    return_freed_memory()  # what shards answered lay between what is kept
    return Elsewhere(shards, store, replace(compiled, findings=tuple(said)), known)


def _pack(
    shards: StatedShards, cluster: Cluster, folder: str, source: dict[str, Any], backend: Backend
) -> tuple[ShardStore, KnownOfShards]:
    """Find witnesses, pack shards with them, and once more with those whom that has shown to be missing."""
    campaign, numbers = shards.campaign, range(len(shards.store.manifest.shards))
    parts = [one for one in cluster.runner.map(WitnessTask(shards), numbers) if one is not None]
    witnesses = witnesses_of(merged(parts), campaign, backend)
    with written_by_one(folder):
        for _ in range(MOST_ROUNDS):
            digest = tables_digest(compiled_customers(witnesses, campaign, backend))
            packed = cluster.runner.map(PackTask(shards, witnesses, digest, folder), numbers)
            more = [one for one in packed if not isinstance(one, PackedShard)]
            if not more:
                known = KnownOfShards(
                    witnesses,
                    np.maximum.reduce([one.error for one in packed]),
                    np.maximum.reduce([one.fine_error for one in packed]),
                    combined([one.rule_facts for one in packed]),
                    float(sum((one.message_costs for one in packed), Fraction(0))),
                )
                return _commit(known, [one.entry for one in packed], folder, source, campaign)
            witnesses = merged([witnesses, *more])
    raise RuntimeError(f"packing on {cluster.runner.name}: shards go on to differ from each other")


def _commit(
    known: KnownOfShards,
    entries: list[ShardEntry],
    folder: str,
    source: dict[str, Any],
    campaign: CampaignData,
) -> tuple[ShardStore, KnownOfShards]:
    """Write what is known of all shards beside them, and the manifest."""
    arrays = {
        **known.witnesses.arrays(),
        "error": known.error,
        "fine-error": known.fine_error,
        "rule-facts": np.array(known.rule_facts, np.int64),
        "message-costs": np.array([known.message_costs]),
    }
    beside = write_file(folder, "witnesses", arrays, 1)
    compiled = compiled_customers(known.witnesses, campaign, load())
    differing = by_customer(compiled.problem.shard, compiled.problem.rules)
    store = write_manifest(
        folder, entries, differing, source | {"witnesses": list(beside)}, stays=beside[:1]
    )
    return store, known


def _packed_before(
    shards: StatedShards, folder: str, source: dict[str, Any]
) -> tuple[ShardStore, KnownOfShards] | None:
    """Find shards that were packed of the same customers under the same rules."""
    try:
        store = ShardStore.open(folder)
    except InvalidInput:  # there are none, or some of another format
        return None
    there = store.manifest.source
    if not isinstance(there, dict) or "witnesses" not in there:
        return None
    if any(there.get(name) != value for name, value in source.items()):
        return None
    name, digest = there["witnesses"]
    arrays = map_file(folder, name, digest, 1, lambda _: True)
    facts = [int(number) for number in arrays["rule-facts"]]
    kinds = (int, int, int, bool, bool, int)
    known = KnownOfShards(
        StatedCustomers.of_arrays(arrays, shards.campaign),
        arrays["error"],
        arrays["fine-error"],
        RuleFacts(*(kind(fact) for kind, fact in zip(kinds, facts, strict=True))),
        float(arrays["message-costs"][0]),
    )
    return store, known


def _digest(shards: StatedShards) -> str:
    """A digest of what packed shards are made of: customers, offers and rules, but no bounds of limits."""
    campaign = shards.campaign
    asked = [
        (
            (limit.customers, limit.relative_to, limit.columns(), limit.by_columns, limit.where),
            limit.table
            if set(limit.by_columns) - {"role", *campaign.offers.column_names}
            else None,
        )
        for limit in campaign.limits
    ]
    offers = pa.BufferOutputStream()
    with pa.ipc.new_stream(offers, campaign.offers.schema) as writer:
        writer.write_table(campaign.offers)
    digest = hashlib.sha256(shards.store.digest.encode() + offers.getvalue())
    digest.update(pickle.dumps((campaign.value, asked, campaign.rules, campaign.unit), 5))
    return digest.hexdigest()

"""Customers as they were stated, shard by shard, packed by workers: no array of customers comes to the driver.

Two tasks: the first finds witnesses in every shard (see `witnesses`), the second compiles each shard with all of them
beside it, and writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.cluster.shards import Everybody
from ...engines.cluster.store import ShardEntry, ShardStore, write_shard
from ...engines.parts import of_customers
from ...kernels import load
from ...model.campaign_data import CampaignData
from ...model.compiled_campaign import CompiledCampaign
from ...solver.packed import RuleFacts
from .rules_elsewhere import bound_arrays
from .shards import beside
from .stated_customers import StatedCustomers, merged
from .witnesses import compiled_customers, lacking, tables_digest, witnesses_of

UNITS = "units"
"""What the manifest of shards of units says: whose column they are of, and the number of each shard's first one."""


@dataclass(frozen=True, eq=False)
class StatedShards:
    """Customers as they were stated, in shards of a store; a recipe that may be sent to workers.

    Attributes
    ----------
    store : ShardStore
    campaign : CampaignData
        Stated without customers.
    backend : str
    """

    store: ShardStore
    campaign: CampaignData
    backend: str

    def stated(self, number: int, threads: int) -> StatedCustomers:
        """Map the customers of a shard.

        Parameters
        ----------
        number : int
        threads : int
            How many to read with what has to be read.

        Returns
        -------
        StatedCustomers
        """
        arrays = self.store.arrays(number, threads, lambda name: True)
        return StatedCustomers.of_arrays(arrays, self.campaign)

    def first(self, number: int) -> int:
        """Number of a shard's first customer, or unit, among all.

        Parameters
        ----------
        number : int
            Of the shard.

        Returns
        -------
        int
        """
        manifest = self.store.manifest
        if self.campaign.unit is None:
            return manifest.shards[number].first
        return int(manifest.source[UNITS]["firsts"][number])

    def compiled_witnesses(self, witnesses: StatedCustomers) -> CompiledCampaign:
        """Compile witnesses alone.

        Parameters
        ----------
        witnesses : StatedCustomers

        Returns
        -------
        CompiledCampaign
        """
        return compiled_customers(witnesses, self.campaign, load(self.backend))

    def compiled(
        self, number: int, threads: int, witnesses: StatedCustomers
    ) -> tuple[CompiledCampaign, slice]:
        """Compile a shard's customers among witnesses.

        Parameters
        ----------
        number : int
        threads : int
        witnesses : StatedCustomers
            Of all shards.

        Returns
        -------
        CompiledCampaign
        slice
            Which of its customers are the shard's.
        """
        whole, own = self.stated(number, threads).among(witnesses)
        return compiled_customers(whole, self.campaign, load(self.backend)), own


@dataclass(frozen=True, eq=False)
class WitnessTask:
    """Pick witnesses for shards."""

    shards: StatedShards

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[StatedCustomers | None]:
        """See `engines.cluster.runner.Task`; those of all shards stand in the first place."""
        campaign, backend = self.shards.campaign, load(self.shards.backend)
        found = [
            witnesses_of(self.shards.stated(number, threads), campaign, backend)
            for number in shards
        ]
        if len(found) > 1:
            found = [witnesses_of(merged(found), campaign, backend)]
        return [found[0], *([None] * (len(shards) - 1))]


class PackedShard(NamedTuple):
    """What is known of a shard that was written.

    Attributes
    ----------
    entry : ShardEntry
    error, fine_error : ndarray of float64, shape (n_attributes, n_items)
        As `Problem` has them, of this shard.
    rule_facts : RuleFacts
    message_costs : Fraction
        What all messages cost that its customers may have.
    """

    entry: ShardEntry
    error: NDArray[np.float64]
    fine_error: NDArray[np.float64]
    rule_facts: RuleFacts
    message_costs: Fraction


@dataclass(frozen=True, eq=False)
class PackTask:
    """Compile shards, and write them.

    Attributes
    ----------
    shards : StatedShards
    witnesses : StatedCustomers
    digest : str
        Of the tables that the witnesses compile to.
    folder : str
        Where shards are written: a path or a URI.
    """

    shards: StatedShards
    witnesses: StatedCustomers
    digest: str
    folder: str

    def __call__(
        self, shards: tuple[int, ...], threads: int
    ) -> list[PackedShard | StatedCustomers]:
        """See `engines.cluster.runner.Task`; of a shard that shows what no witness does, whoever shows it."""
        return [self._packed(number, threads) for number in shards]

    def _packed(self, number: int, threads: int) -> PackedShard | StatedCustomers:
        compiled, own = self.shards.compiled(number, threads, self.witnesses)
        if tables_digest(compiled) != self.digest:
            stated = self.shards.stated(number, threads)
            backend = load(self.shards.backend)
            more = lacking(stated, self.witnesses, self.shards.campaign, backend)
            if more is None:
                raise RuntimeError(f"shard {number}: it compiles otherwise each time")
            return more
        problem = compiled.problem
        everybody = Everybody(
            problem.shard,
            problem.rules,
            problem.fine,
            lambda start, stop: beside(compiled, start, stop),
        )
        arrays = everybody.arrays_of(own.start, own.stop)
        arrays["first"] = np.array([self.shards.first(number)], np.int64)
        for name, bound in bound_arrays(problem.rule_names).items():
            arrays[name] = of_customers(bound, own.start, own.stop)
        rules = problem.rules._replace(lower=arrays["lower"], upper=arrays["upper"])
        entry = write_shard(self.folder, number, arrays, threads)
        costs = Fraction(0) if compiled.costs is None else compiled.costs.constant_of(own)
        return PackedShard(entry, problem.error, problem.fine_error, RuleFacts.of(rules), costs)

"""Shortfalls of an allocation, counted by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.cluster.tasks import BlocksTask
from ...model.compiled_campaign import CompiledCampaign
from ...solver.plan import Plan
from ..shortfalls import Shortfalls, short_customers
from .packing import StatedShards
from .parts import engine_of
from .stated_customers import StatedCustomers


class ShardChoices(NamedTuple):
    """What a plan gives to a shard's customers, among others of whom nothing is asked.

    Attributes
    ----------
    start, stop : int
        Which customers these are.
    chosen : ndarray of uint8
        1 for each of their candidates that is allocated.
    """

    start: int
    stop: int
    chosen: NDArray[np.uint8]

    def blocks(self) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """List choices, as `Plan.blocks` does."""
        yield self.start, self.stop, self.chosen


@dataclass(frozen=True, eq=False)
class PlannedShards:
    """Compiles shards again, and tells what a plan gives their customers; sent to workers.

    Attributes
    ----------
    shards : StatedShards
    witnesses : StatedCustomers
    choices : BlocksTask
    """

    shards: StatedShards
    witnesses: StatedCustomers
    choices: BlocksTask

    def planned(self, number: int, threads: int) -> tuple[CompiledCampaign, ShardChoices]:
        """Compile one shard.

        Parameters
        ----------
        number : int
        threads : int

        Returns
        -------
        CompiledCampaign
            Of the shard's customers among witnesses.
        ShardChoices
        """
        compiled, own = self.shards.compiled(number, threads, self.witnesses)
        _, chosen = self.choices.chosen(number, threads)
        return compiled, ShardChoices(own.start, own.stop, chosen)


@dataclass(frozen=True, eq=False)
class ShortfallsTask:
    """Count customers of shards who have less than their rules ask for."""

    planned: PlannedShards

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[tuple[int, int]]:
        """See `engines.cluster.runner.Task`."""
        return [self._counted(number, threads) for number in shards]

    def _counted(self, number: int, threads: int) -> tuple[int, int]:
        compiled, choices = self.planned.planned(number, threads)
        below = without = 0
        for first, short, lacking in short_customers(
            compiled.rules, compiled.problem.shard, choices
        ):
            own = slice(max(choices.start - first, 0), max(choices.stop - first, 0))
            below += int(short[own].sum())
            without += int(lacking[own].sum())
        return below, without


def planned_shards(
    shards: StatedShards, witnesses: StatedCustomers, plan: Plan
) -> Callable[[Sequence[int]], PlannedShards]:
    """Make what compiles some shards again, with what a plan gives.

    Parameters
    ----------
    shards : StatedShards
    witnesses : StatedCustomers
    plan : Plan

    Returns
    -------
    callable
        Called with the numbers of shards.
    """
    choices = engine_of(plan).blocks_task(plan.price, plan.free, plan.free_choice)
    return lambda numbers: PlannedShards(shards, witnesses, choices(numbers))


def shortfalls_elsewhere(
    shards: StatedShards, witnesses: StatedCustomers, plan: Plan
) -> Shortfalls:
    """Count the shortfalls of an allocation.

    Parameters
    ----------
    shards : StatedShards
    witnesses : StatedCustomers
    plan : Plan

    Returns
    -------
    Shortfalls
    """
    planned = planned_shards(shards, witnesses, plan)
    found = engine_of(plan).map_shards(lambda numbers: ShortfallsTask(planned(numbers)))
    below, without = np.sum(found, axis=0).tolist()
    return Shortfalls(below, without)

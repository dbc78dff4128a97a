"""Shards compiled again by workers, with what a plan gives their customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....engines.cluster.tasks import BlocksTask
from ....model.compiled_campaign import CompiledCampaign
from ....solver.packed import HeldCandidates
from ....solver.plan import Plan
from ..packing import StatedShards
from ..parts import engine_of
from ..stated_customers import StatedCustomers


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


def numbered(compiled: CompiledCampaign, first: int) -> CompiledCampaign:
    """Number the customers of a compiled campaign as they are among all: ties are broken by that.

    Parameters
    ----------
    compiled : CompiledCampaign
    first : int
        Number of its first customer; below 0 where others stand before those that are asked about.

    Returns
    -------
    CompiledCampaign
    """
    problem = compiled.problem
    packed = problem.packed
    assert isinstance(packed, HeldCandidates)
    own = replace(packed, shard=packed.shard._replace(first=first))
    return replace(compiled, problem=replace(problem, packed=own))

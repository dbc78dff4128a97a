"""Shortfalls of an allocation, and what its messages cost, counted by workers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ....solver.plan import Plan
from ...certificate import spent_on
from ...shortfalls import Shortfalls, short_customers
from ..packing import StatedShards
from ..parts import engine_of
from ..stated_customers import StatedCustomers
from .planned_shards import PlannedShards, planned_shards


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


@dataclass(frozen=True, eq=False)
class SpentTask:
    """Say what the messages of shards cost."""

    planned: PlannedShards

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[Fraction]:
        """See `engines.cluster.runner.Task`."""
        return [self._spent(number, threads) for number in shards]

    def _spent(self, number: int, threads: int) -> Fraction:
        compiled, choices = self.planned.planned(number, threads)
        costs = compiled.costs
        return Fraction(0) if costs is None else spent_on(costs, choices.blocks())


def spent_elsewhere(shards: StatedShards, witnesses: StatedCustomers, plan: Plan) -> float:
    """Say what the messages of an allocation cost.

    Parameters
    ----------
    shards : StatedShards
    witnesses : StatedCustomers
    plan : Plan

    Returns
    -------
    float
    """
    planned = planned_shards(shards, witnesses, plan)
    return float(sum(engine_of(plan).map_shards(lambda numbers: SpentTask(planned(numbers)))))

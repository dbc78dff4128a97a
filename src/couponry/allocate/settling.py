"""Exact sums of choices that no array holds: a choice at prices, but for the movers', settled block by block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine, Settled
from .problem import Problem

NEVER = -1.0  # no loss is as small


def nobody_near(problem: Problem) -> NDArray[np.float32]:
    """Thresholds under which nobody is a mover."""
    return np.full((1, 2, *problem.objective.shape[1:]), NEVER, np.float32)


def settle(
    problem: Problem, engine: Engine, price: NDArray[np.float32], near: NDArray[np.float32]
) -> Settled:
    """Everybody's best choice at a price table, with the movers that the thresholds single out."""
    return engine.settle(price, near, problem.channels, problem.low, problem.step)


def settled_usage(problem: Problem, settled: Settled) -> NDArray[np.float64]:
    """Usage of the settled customers from the channels as given, float64 (1 + C, S, K)."""
    usage = np.empty((1 + len(problem.low), *settled.counted.shape[1:]))
    usage[0] = settled.counted[0]
    for c, quantity in enumerate(problem.quantity_of):
        steps = settled.counted[1 + quantity] + settled.fine[c] * 2.0**-30
        usage[1 + c] = problem.low[c] * usage[0] + problem.step[c] * steps
    return usage


def exact_usage(
    problem: Problem, engine: Engine, price: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Usage of everybody's best choice at a price table, from the channels as given, by one pass."""
    return settled_usage(problem, settle(problem, engine, price, nobody_near(problem)))


def part_of(problem: Problem, settled: Settled, activity: NDArray[np.float64]) -> Problem:
    """The movers' problem: what the rows still ask once the settled customers' activities are taken off."""
    return replace(
        problem,
        shard=settled.engine.shard,
        rules=settled.rules,
        channels=settled.exact,
        lower=problem.lower - activity,
        upper=problem.upper - activity,
    )

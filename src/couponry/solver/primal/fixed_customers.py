"""Sums of choices that no array holds: a choice at prices, but for the movers', settled block by block.

Channels are summed as packed, quantities and the 8 bits beside them, in whole numbers: the sums depend on neither
blocks nor threads, and nothing as large as the channels as given is read. What the sums of those may be off from them
is known at worst (`usage_error`), and taken from what is claimed: bounds are drawn in by it, and objectives lowered.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine, Settled
from ...engines.subset import positions_of
from ..dual.scaling import Scales
from ..problem import SAME, Problem

NEVER = -1.0  # no loss is as small
LIKELY = 4.0  # standard deviations
PIECE = 1 << 15  # candidates whose values are computed at a time


def nobody_near(problem: Problem) -> NDArray[np.float32]:
    """Thresholds under which nobody is a mover."""
    return np.full((1, 2, *problem.objective.shape[1:]), NEVER, np.float32)


def settle(
    problem: Problem, engine: Engine, price: NDArray[np.float32], near: NDArray[np.float32]
) -> Settled:
    """Everybody's best choice at a price table, with the movers that the thresholds single out."""
    return engine.settle(price, near, problem.fine)


def with_moves(
    settled: Settled, movers: NDArray[np.int64], chosen: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The movers' candidates' choice, uint8, where some of them (ascending numbers) were given `chosen` already."""
    indptr = settled.engine.shard.indptr
    together = settled.chosen.copy()
    together[positions_of(indptr, np.searchsorted(settled.movers, movers))] = chosen
    return together


def settled_usage(problem: Problem, settled: Settled) -> NDArray[np.float64]:
    """Usage of the settled customers, float64 (1 + C, S, K), at most `usage_error` off."""
    usage = np.empty((1 + len(problem.low), *settled.counted.shape[1:]))
    usage[0] = settled.counted[0]
    for c, q in enumerate(problem.quantity_of):
        # quantity - 1/2 + parts / 256 of each coupon, in 256ths of a step
        fines = problem.fines_of(c)
        parts = 256 * settled.counted[1 + q] + settled.fine_counted[fines].sum(axis=0)
        parts -= (128 + SAME * (len(fines) - 1)) * settled.counted[0]
        usage[1 + c] = problem.low[c] * usage[0] + problem.step[c] * (parts / 256)
    return usage


def usage_error(problem: Problem, coupons: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far sums of the channels as packed may be off for so many coupons (S, K), (1 + C, S, K)."""
    return np.concatenate([0.0 * coupons[None], problem.fine_error[:, None, :] * coupons])


def activity_unsure(problem: Problem, coupons: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far activities of so many coupons (S, K), summed by quantities alone, are likely off at most (L)."""
    variance = (problem.step**2 / 12)[:, None, :] * coupons
    squares = problem.rows.power(2) @ np.concatenate([0.0 * coupons[None], variance]).ravel()
    return np.asarray(LIKELY * np.sqrt(squares))


def usage_within(
    problem: Problem, engine: Engine, price: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Usage of everybody's best choice at a price table, and how far it may be off, by one pass."""
    usage = settled_usage(problem, settle(problem, engine, price, nobody_near(problem)))
    return usage, usage_error(problem, usage[0])


def part_of(
    problem: Problem, scales: Scales, settled: Settled, activity: NDArray[np.float64]
) -> Problem:
    """The movers' problem: what the rows still ask once the settled customers' activities are taken off.

    Bounds are drawn in by what the activities of everybody may be off, so that what keeps them keeps the rows for the
    channels as given; a row needs that for the channels that it weighs alone.
    """
    shard = settled.engine.shard
    channels = []
    for c, q in enumerate(problem.quantity_of):
        fines = settled.fine[problem.fines_of(c)]
        channels.append(_values(shard.quantity[q], fines, shard.item, problem, c))
    part = replace(
        problem,
        shard=shard,
        rules=settled.rules,
        channels=tuple(channels),
        fine=settled.fine,
    )
    settled_off = abs(problem.rows) @ usage_error(problem, settled.counted[0]).ravel()
    never_missed = (problem.lower <= 0) & scales.never_negative
    shape = problem.objective.shape[1:]
    theirs = np.bincount(part.cells(), minlength=shape[0] * shape[1]).astype(float)
    off = abs(problem.rows) @ usage_error(problem, theirs.reshape(shape)).ravel()
    lower = problem.lower - activity + settled_off + off
    upper = problem.upper - activity - settled_off
    # what few coupons weigh is off by no more than its share
    spare = (upper > 0) & np.isfinite(upper)
    share = 1.0 + _share_off(problem, scales)
    in_all = np.divide(upper, share, out=np.full(len(upper), -np.inf), where=spare)
    upper = np.maximum(upper - off, in_all)
    return replace(part, lower=np.where(never_missed, -np.inf, lower), upper=upper)


def _share_off(problem: Problem, scales: Scales) -> NDArray[np.float64]:
    """The largest share of its weight in a row that any candidate's weight as packed is off by (L)."""
    item = scales.cell % problem.low.shape[1]
    off = (np.abs(scales.coefficient[:, 1:].T) * problem.fine_error[:, item]).sum(axis=0)
    share = np.divide(off, scales.least, out=np.full(len(off), np.inf), where=scales.least > 0)
    largest = np.zeros(len(problem.lower))
    np.maximum.at(largest, scales.row, np.where(off > 0, share, 0.0))
    return largest


def _values(
    quantity: NDArray[np.uint16],
    fines: NDArray[np.uint8],
    item: NDArray[np.integer],
    problem: Problem,
    channel: int,
) -> NDArray[np.float64]:
    """A channel's values as packed; fines: as `Problem.fines_of` lists them."""
    low, step = problem.low[channel], problem.step[channel]
    values = np.empty(len(quantity))
    for start in range(0, len(values), PIECE):  # small enough to stay in cache
        part = slice(start, start + PIECE)
        out = values[part]
        fines[:, part].sum(axis=0, dtype=np.float64, out=out)
        out -= 128 + SAME * (len(fines) - 1)
        out /= 256
        out += quantity[part]
        out *= step[item[part]]
        out += low[item[part]]
    return values

"""Single moves by rounds: made in one order, looked for by all threads."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ..kernels import LocalSearch, Moves, Rules, Shard
from .workers import even_cuts, share_out

PATIENCE, PATIENCE_SHARE = 6_000, 100
"""Customers that a local search looks at in vain before it stops: so many, and one in so many of all."""

LOOKS = 2_000
"""Customers that one call of the kernel looks at where all are few."""

FEW = 4_096
"""Customers of whom one thread looks at each as soon as its turn comes."""

ROUND_SHARE = 8
"""Else a round ends when one in so many of all customers had its turn; then all threads look for the next moves. Rounds
half as long take 1.06 to 1.3 times as long, for gaps that are 0.0005 % smaller at most."""

PIECE_CANDIDATES = 1 << 12
"""Candidates that a thread looks at together, at least."""

PIECES_A_THREAD = 8
"""Pieces for each thread where there are candidates enough: some take longer than others."""

ROWS_A_CANDIDATE = 4
"""Rows of limits for each candidate of a piece, at most: a call of the kernel looks at all rows once."""


def improve(
    kernels: ModuleType,
    shard: Shard,
    rules: Rules,
    threads: int,
    search: LocalSearch,
    stop: Callable[[], bool],
    enough: float,
) -> tuple[int, float]:
    """Make single moves; see `Engine.improve`.

    The order of moves depends on the candidates alone: a round ends after a share of all customers, whatever the
    threads.
    """
    customers = len(shard.indptr) - 1
    moves = _nobody_waits(customers)
    patience = PATIENCE + customers // PATIENCE_SHARE
    by_rounds = customers > FEW
    looks = customers // ROUND_SHARE if by_rounds else LOOKS
    piece = max(PIECE_CANDIDATES, len(search.rows.upper) // ROWS_A_CANDIDATE)
    each = max(1, piece * customers // max(1, len(shard.item)))

    def work(worker: int, start: int, stop: int) -> None:
        kernels.propose(shard, rules, search, moves, start, stop)

    total, idle, gained = 0, 0, 0.0
    moves.aside[:] = _by_segment(shard)
    moves.counts[1] = customers
    while moves.counts.any() and idle < patience and gained < enough and not stop():
        if moves.counts[1]:
            listed = int(moves.counts[1])
            most = max(each, listed // (PIECES_A_THREAD * threads))
            share_out(work, even_cuts(listed, most), threads)
        made, looked, gain = kernels.make_moves(shard, rules, search, moves, looks, by_rounds)
        idle = 0 if made else idle + looked
        total, gained = total + int(made), gained + gain
    return total, gained


def _by_segment(shard: Shard) -> NDArray[np.int64]:
    """Customers in the order of their segments, whose rows of limits are then in a processor's caches."""
    customers = len(shard.indptr) - 1
    if len(shard.segment) < customers:
        return np.arange(customers)
    return np.argsort(shard.segment, kind="stable")


def _nobody_waits(customers: int) -> Moves:
    nothing, nobody = np.full(customers, -1), np.zeros(customers, np.int64)
    return Moves(
        np.full(customers, np.inf),
        nothing,
        nothing.copy(),
        nobody,
        nobody.copy(),
        np.zeros(2, np.int64),
    )

"""Passes over candidates that are more than memory holds: read from their files ahead of the threads that work on them.

Every pass reads the packed candidates once from front to back, at the disk's sequential rate. As much of them as the
system can well keep in memory stays in its page cache from pass to pass; the rest is let go of behind the pass, so that
it does not displace that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend, Rules, Shard
from ..utils.arrays.mapped_arrays import (
    PAGE_CACHE_SHARE,
    copy_to_memory,
    mapped_bytes,
)
from ..utils.arrays.read_ahead import PiecewiseArray, ReadAhead
from ..utils.memory import available_memory
from ..utils.progress.watch import current_watch
from .cut_off import CutOff
from .local import LocalEngine
from .parts import by_customer, joined, of_customers, rules_of
from .protocol import FixedChoices
from .workers import share_out

BLOCKS_A_PIECE = 4
"""Blocks that are read at a time: some megabytes, a few milliseconds of the disk."""

PIECES_AHEAD = 3
"""Pieces that are read ahead of those that are worked on."""

FEW_CANDIDATES = 1 << 22
"""Candidates up to which noise is drawn into memory: more than passes is asked of all of so few, not of samples."""


def local_engine(
    shard: Shard,
    rules: Rules,
    backend: Backend,
    threads: int,
    seed: int,
    memory: float | None = None,
) -> LocalEngine:
    """Make the engine for candidates that are in this machine's memory, or in its files.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    backend : Backend
    threads : int
    seed : int
        Breaks ties.
    memory : float, optional
        Bytes of files that the system may keep in memory. Default: most of what it says is available.

    Returns
    -------
    LocalEngine
        A `StreamedEngine` where the files of packed candidates are larger than that.
    """
    packed = mapped_bytes(shard.item, shard.quantity)
    if memory is None:
        available = available_memory()
        memory = packed if available is None else PAGE_CACHE_SHARE * available
    if packed <= memory:
        return LocalEngine(shard, rules, backend, threads, seed)
    kept = int(memory / packed * len(shard.item))
    return StreamedEngine(shard, rules, backend, threads, seed, kept)


class Piece(NamedTuple):
    """Some customers whose candidates have been read.

    Attributes
    ----------
    start, stop : int
        Customers start <= i < stop.
    begin, end : int
        Their candidates.
    engine : LocalEngine
        Over these alone.
    fine : ndarray of uint8, shape (n_attributes, end - begin)
        What was to be read beside them.
    """

    start: int
    stop: int
    begin: int
    end: int
    engine: LocalEngine
    fine: NDArray[np.uint8]


class StreamedEngine(LocalEngine):
    """Passes over one shard whose arrays are in files.

    The methods are described in `engines.protocol.Engine`. Results are those of a `LocalEngine`, bit for bit.

    Parameters
    ----------
    shard : Shard
        Mapped.
    rules : Rules
    backend : Backend
    threads : int
    seed : int
        Breaks ties.
    kept : int
        Candidates from the first one on that may stay in the system's page cache.
    noise : int, optional
        What one more quantity is drawn from.
    """

    is_streamed = True

    def __init__(
        self,
        shard: Shard,
        rules: Rules,
        backend: Backend,
        threads: int,
        seed: int,
        kept: int,
        noise: int | None = None,
    ):
        super().__init__(shard, rules, backend, threads, seed)
        self._kept = kept
        self._noise = noise
        self._cuts = np.append(self._blocks[:-1:BLOCKS_A_PIECE], self._blocks[-1])

    # ---- passes

    def fix(
        self,
        price: NDArray[np.float32],
        regret_threshold: NDArray[np.float32],
        fine: NDArray[np.uint8],
    ) -> FixedChoices:
        """See `Engine.fix`."""
        parts: dict[int, FixedChoices] = {}

        def work(worker: int, piece: Piece) -> None:
            found = piece.engine.fix(price, regret_threshold, piece.fine)
            parts[piece.start] = found._replace(free=piece.start + found.free)

        self._share_out(work, fine)
        self._count_pass()
        found = [parts[start] for start in sorted(parts)]
        parts_of_free = [(part.engine.shard, part.rules) for part in found]
        shard, rules = joined(parts_of_free, by_customer(self._shard, self._rules))
        return FixedChoices(
            np.asarray(sum(part.usage for part in found)),
            np.asarray(sum(part.fine_usage for part in found)),
            np.concatenate([part.free for part in found]),
            np.concatenate([part.free_choice for part in found]),
            np.concatenate([part.free_fine for part in found], axis=1),
            self._derived(shard, rules),
            rules,
        )

    def blocks(
        self,
        price: NDArray[np.float32],
        free: NDArray[np.int64],
        free_choice: NDArray[np.uint8],
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """See `Engine.blocks`."""
        done = 0  # candidates of free customers
        with self._reading(None, self.threads) as reading:
            for number, arrays in reading.pieces():
                piece = self._piece(number, arrays)
                first, last = np.searchsorted(free, [piece.start, piece.stop])
                theirs = free[first:last] - piece.start
                indptr = piece.engine.shard.indptr
                size = int((indptr[theirs + 1] - indptr[theirs]).sum())
                choice = free_choice[done : done + size]
                done += size
                for start, stop, chosen in piece.engine.blocks(price, theirs, choice):
                    yield piece.start + start, piece.start + stop, chosen

    def _pass(
        self, price: NDArray[np.float32], chosen: NDArray[np.uint8], *, keeps: bool = False
    ) -> tuple[NDArray[np.int64], CutOff]:
        """Evaluate all pieces; `chosen` (OUT) is filled unless it is empty. Nothing is kept."""
        tables = [np.zeros(price.shape, np.int64) for _ in range(self.threads)]
        cut_off: list[CutOff] = []

        def work(worker: int, piece: Piece) -> None:
            if len(chosen):
                chosen[piece.begin : piece.end], usage = piece.engine.choose(price)
            else:
                usage, cut = piece.engine.evaluate_with_cut_off(price)
                cut_off.append(cut)
            tables[worker] += usage

        self._share_out(work)
        self._count_pass()
        for table in tables[1:]:
            tables[0] += table
        # slacks are whole multiples of one power of two: their sum is exact in any order
        slack = sum((cut.slack for cut in cut_off), 0.0)
        return tables[0], CutOff(sum(cut.customers for cut in cut_off), slack)

    # ---- engines over parts, or under other rules

    def sample(self, customers: NDArray[np.int64]) -> LocalEngine:
        """Make an engine over some customers, in ascending order; see `Engine.samples`."""
        return self.samples([customers])[0]

    def samples(self, customers: Sequence[NDArray[np.int64]]) -> list[LocalEngine]:
        """See `Engine.samples`."""
        parts: list[dict[int, tuple[Shard, Rules]]] = [{} for _ in customers]

        def work(worker: int, piece: Piece) -> None:
            for sample, found in zip(customers, parts, strict=True):
                first, last = np.searchsorted(sample, [piece.start, piece.stop])
                of_piece = piece.engine.sample(sample[first:last] - piece.start)
                found[piece.start] = of_piece.shard, of_piece._rules

        self._share_out(work)
        differing = by_customer(self._shard, self._rules)
        return [
            self._derived(*joined([found[start] for start in sorted(found)], differing))
            for found in parts
        ]

    def of_customers(self, customers: NDArray[np.int64]) -> tuple[Shard, Rules]:
        """See `Engine.of_customers`."""
        if self._noise is None:
            return super().of_customers(customers)
        found = self.sample(customers)
        return found.shard, found.rules

    def with_rules(self, rules: Rules) -> LocalEngine:
        """See `Engine.with_rules`."""
        return self._streamed(rules, self._noise)

    def with_noise(self, seed: int) -> LocalEngine:
        """See `Engine.with_noise`."""
        if self.candidates <= FEW_CANDIDATES:
            return super().with_noise(seed)
        return self._streamed(self._rules, seed)

    def _streamed(self, rules: Rules, noise: int | None) -> StreamedEngine:
        engine = StreamedEngine(
            self._shard, rules, self.backend, self.threads, self.seed, self._kept, noise
        )
        engine._derived_from = self._derived_from or self
        return engine

    # ---- reading

    def _share_out(
        self, work: Callable[[int, Piece], None], fine: NDArray[np.uint8] | None = None
    ) -> None:
        """Do some work on all pieces, each by the worker that takes it; fine: to be read beside them."""
        cancel = current_watch().cancel
        with self._reading(fine, self.threads) as reading:

            def take(worker: int, start: int, stop: int) -> None:
                try:
                    for number, arrays in reading.pieces():
                        if cancel is not None:
                            cancel.check()
                        work(worker, self._piece(number, arrays))
                except BaseException:
                    reading.stop()
                    raise

            share_out(take, np.arange(self.threads + 1), self.threads)

    def _reading(self, fine: NDArray[np.uint8] | None, workers: int) -> ReadAhead:
        """What reads the candidates, and `fine` beside them."""
        shard = self._shard
        arrays = [
            PiecewiseArray(shard.item[None, :], self._kept),
            PiecewiseArray(shard.quantity, self._kept),
        ]
        if fine is not None:  # nothing but fixing asks for it
            arrays.append(PiecewiseArray(fine))
        return ReadAhead(arrays, shard.indptr[self._cuts], workers + PIECES_AHEAD)

    def _piece(self, number: int, arrays: list[NDArray[Any]]) -> Piece:
        """A piece that was read, with the rules of its customers."""
        start, stop = self._cuts[number : number + 2].tolist()
        indptr = copy_to_memory(self._shard.indptr[start : stop + 1], once=False)
        begin, end = int(indptr[0]), int(indptr[-1])
        item, quantity, *fine = arrays
        shard = Shard(
            self._shard.first + start,
            indptr - begin,
            item[0],
            quantity,
            of_customers(self._shard.segment, start, stop),
        )
        rules = rules_of(self._rules, start, stop)
        engine = LocalEngine(shard, rules, self.backend, 1, self.seed)
        engine._keeps_choices = False  # the next pass has pieces of its own
        if self._noise is not None:
            engine = engine.with_noise(self._noise)
        first = number * BLOCKS_A_PIECE
        engine._blocks = self._blocks[first : first + BLOCKS_A_PIECE + 1] - start
        none = np.empty((0, end - begin), np.uint8)
        return Piece(start, stop, begin, end, engine, fine[0] if fine else none)

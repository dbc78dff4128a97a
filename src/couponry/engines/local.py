"""Passes over the candidates on this machine: blocks of customers, shared among plain threads."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend, Rows, Rules, Shard
from ..utils.array_store import copied, crowded
from .protocol import CutOff, Settled
from .subset import customers_of, positions_of

PATIENCE, PATIENCE_SHARE = 6_000, 100  # customers looked at in vain before a local search stops
LOOKS, LOOKS_SHARE = (
    2_000,
    20,
)  # at customers in one call of a local search: some tenths of a second
# candidates a block: some hundred microseconds of work, so that an interrupt is answered at once; fewer where each
# takes ten times as long
BLOCK, SMALL_BLOCK = 1 << 19, 1 << 16
# blocks handed out at a time, so that a kernel lays out its tables more seldom; single ones towards the end, so that no
# worker waits long for the last
TOGETHER = 4


class LocalEngine:
    """Evaluates prices over one shard in memory.

    Threads live for one pass only, so the engine may be used after `fork` and from several threads at once. Usage
    tables are integer and each customer's choice is its own: neither depends on blocks or threads.
    """

    def __init__(self, shard: Shard, rules: Rules, backend: Backend, threads: int, seed: int):
        self.name = "local"
        self.backend = backend
        self.threads = threads
        self.seed = seed & 0xFFFFFFFF
        self.passes = 0.0  # full-pass equivalents made so far, samples included
        self._shard = shard
        self._rules = rules
        self._whole: LocalEngine | None = None
        self._cuts = _block_cuts(shard.indptr, BLOCK)

    @property
    def shard(self) -> Shard:
        return self._shard

    @property
    def customers(self) -> int:
        return len(self._shard.indptr) - 1

    @property
    def candidates(self) -> int:
        return len(self._shard.item)

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]:
        """Usage table of everybody's best choice at a price table, both (1 + C, S, K)."""
        return self._pass(price, np.empty(0, np.uint8))[0]

    def evaluate_within(self, price: NDArray[np.float32]) -> tuple[NDArray[np.int64], CutOff]:
        """The same, with what searches that were cut off leave open."""
        return self._pass(price, np.empty(0, np.uint8))

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The best choice itself, uint8 (e), and its usage table."""
        chosen = np.empty(self.candidates, np.uint8)
        return chosen, self._pass(price, chosen)[0]

    def choose_exactly(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> CutOff:
        """The best choice in float64 of the customers who have sets, into `chosen`; see the kernel."""
        size = np.abs(reduced[0]).max(initial=0.0)
        if exact.size:
            size = size + (np.abs(reduced[1:]).sum(axis=0) * np.abs(exact).max()).max(initial=0.0)
        cuts, unit = self._nothing_cut(), unit_of(float(size))

        def work(worker: int, start: int, stop: int) -> None:
            self.backend.kernels.choose_exactly(
                self._shard, self._rules, exact, reduced, self.seed, start, stop, chosen, unit,
                cuts[worker],
            )  # fmt: skip

        if len(self._rules.ptr) > 1:
            self._share(work)
        return CutOff.of(cuts, unit)

    def _nothing_cut(self) -> list[NDArray[np.int64]]:
        """Where each worker adds what it cuts off."""
        return [np.zeros(2, np.int64) for _ in range(self.threads)]

    def _pass(
        self, price: NDArray[np.float32], chosen: NDArray[np.uint8]
    ) -> tuple[NDArray[np.int64], CutOff]:
        tables = [np.zeros(price.shape, np.int64) for _ in range(self.threads)]
        cuts, unit = self._nothing_cut(), unit_of_prices(price)
        indptr = self._shard.indptr

        def work(worker: int, start: int, stop: int) -> None:
            part = chosen[indptr[start] : indptr[stop]] if len(chosen) else chosen
            self.backend.kernels.evaluate(
                self._shard, self._rules, price, self.seed, start, stop, tables[worker], part, unit,
                cuts[worker],
            )  # fmt: skip

        self._share(work)
        self._count_pass()
        for table in tables[1:]:
            tables[0] += table
        return tables[0], CutOff.of(cuts, unit)

    def _count_pass(self) -> None:
        counted = self if self._whole is None else self._whole
        counted.passes += self.candidates / max(1, counted.candidates)

    def regret(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> NDArray[np.float64]:
        """What each candidate's decision is worth at the reduced values; see the kernel."""
        out = np.empty(self.candidates, np.float64)

        def work(worker: int, start: int, stop: int) -> None:
            self.backend.kernels.regret(
                self._shard, self._rules, exact, reduced, chosen, self.seed, start, stop, out
            )

        self._share(work)
        return out

    def improve(
        self,
        mode: int,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        objective: NDArray[np.float64],
        rows: Rows,
        item_helps: NDArray[np.uint8],
        activity: NDArray[np.float64],
        chosen: NDArray[np.uint8],
        stop: Callable[[], bool],
    ) -> int:
        """Single moves, best first; `activity` and `chosen` follow them.

        stop: called every so often; ends the search by True, or by raising.

        Returns how many were made. See the kernels `propose` and `improve`.
        """
        shared = (
            mode, self._shard, self._rules, exact, reduced, objective, rows, item_helps, activity, chosen
        )  # fmt: skip
        priority = np.zeros(self.customers)

        def work(worker: int, start: int, stop: int) -> None:
            self.backend.kernels.propose(*shared, start, stop, priority)

        self._share(work)
        patience = PATIENCE + self.customers // PATIENCE_SHARE
        looks = LOOKS + self.customers // LOOKS_SHARE
        moves, idle, looked = 0, 0, looks
        while looked == looks and idle < patience and not stop():
            made, looked = self.backend.kernels.improve(*shared, priority, patience, looks)
            idle = 0 if made else idle + looked
            moves += int(made)
        return moves

    def alternatives(
        self, price: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
        """The best choice, what comes or goes where one candidate's decision is changed, and the loss, (e) each."""
        chosen, _ = self.choose(price)
        partner = np.empty(self.candidates, np.int64)
        loss = np.empty(self.candidates, np.float32)
        indptr = self._shard.indptr

        def work(worker: int, start: int, stop: int) -> None:
            part = slice(int(indptr[start]), int(indptr[stop]))
            self.backend.kernels.alternatives(
                self._shard,
                self._rules,
                price,
                chosen[part],
                start,
                stop,
                partner[part],
                loss[part],
            )

        self._share(work, _block_cuts(indptr, SMALL_BLOCK))
        return chosen, partner, loss

    def settle(
        self, price: NDArray[np.float32], near: NDArray[np.float32], fine: NDArray[np.uint8]
    ) -> Settled:
        """Everybody's best choice, and the customers to whom a change matters little; see the kernel `mark`.

        fine: uint8 (C, e), where in the steps of their quantities the channels lie.
        """
        shard, rules, kernels = self._shard, self._rules, self.backend.kernels
        tables = [np.zeros(price.shape, np.int64) for _ in range(self.threads)]
        sums = [np.zeros((len(fine), *price.shape[1:]), np.int64) for _ in range(self.threads)]
        cuts, unit = self._nothing_cut(), unit_of_prices(price)
        found: dict[int, tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8]]] = {}
        # nothing else asks for this: it need not stay in memory where all of them do not fit
        once = crowded(shard.item, shard.quantity, fine)

        def work(worker: int, start: int, stop: int) -> None:
            begin, end = int(shard.indptr[start]), int(shard.indptr[stop])
            chosen = np.empty(end - begin, np.uint8)
            kernels.evaluate(
                shard, rules, price, self.seed, start, stop, tables[worker], chosen, unit,
                cuts[worker],
            )  # fmt: skip
            mover = np.empty(stop - start, np.uint8)
            kernels.mark(shard, rules, price, chosen, near, start, stop, mover)
            movers = start + np.flatnonzero(mover)
            positions = positions_of(shard.indptr, movers) - begin
            theirs = chosen[positions]
            chosen[positions] = 0
            their_fine = np.empty((len(fine), len(positions)), np.uint8)
            for c, channel in enumerate(fine):
                part = copied(channel[begin:end], once=once)
                their_fine[c] = part[positions]
                kernels.fine_usage(shard, part, chosen, start, stop, sums[worker][c])
            found[start] = movers, theirs, their_fine
            self._take_back(begin + positions[theirs.view(bool)], start, tables[worker])

        self._share(work)
        self._count_pass()
        parts = [found[start] for start in sorted(found)]
        movers = np.concatenate([part[0] for part in parts])
        part, part_rules = customers_of(shard, rules, movers, self.threads)
        return Settled(
            counted=np.sum(tables, axis=0),
            fine_counted=np.sum(sums, axis=0),
            movers=movers,
            chosen=np.concatenate([part[1] for part in parts]),
            fine=np.concatenate([part[2] for part in parts], axis=1),
            engine=self._derived(part, part_rules),
            rules=part_rules,
        )

    def _take_back(self, given: NDArray[np.int64], start: int, table: NDArray[np.int64]) -> None:
        """Subtract the candidates at these positions, of customers from `start` on, from a usage table."""
        shard, (_, segments, items) = self._shard, table.shape
        cell = shard.item[given].astype(np.int64)
        if len(shard.segment) > 1:
            customer = np.searchsorted(shard.indptr[start:], given, side="right") - 1 + start
            cell += shard.segment[customer].astype(np.int64) * items
        else:
            cell += int(shard.segment[0]) * items
        flat = table.reshape(len(table), segments * items)
        flat[0] -= np.bincount(cell, minlength=flat.shape[1])
        for c in range(len(shard.quantity)):
            weights = shard.quantity[c][given]
            summed = np.bincount(cell, weights=weights, minlength=flat.shape[1])  # exact below 2^53
            flat[1 + c] -= summed.astype(np.int64)

    def blocks(
        self, price: NDArray[np.float32], movers: NDArray[np.int64], chosen: NDArray[np.uint8]
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """Everybody's best choice but the movers', whose candidates' choice is given: (start, stop, choice) in order.

        movers: ascending customer numbers.
        """
        shard = self._shard
        usage, cut = np.zeros(price.shape, np.int64), np.zeros(2, np.int64)
        unit = unit_of_prices(price)
        at = 0
        for start, stop in zip(self._cuts[:-1].tolist(), self._cuts[1:].tolist(), strict=True):
            begin, end = int(shard.indptr[start]), int(shard.indptr[stop])
            out = np.empty(end - begin, np.uint8)
            first, last = np.searchsorted(movers, [start, stop])
            if last - first < stop - start:
                self.backend.kernels.evaluate(
                    shard, self._rules, price, self.seed, start, stop, usage, out, unit, cut
                )
            theirs = positions_of(shard.indptr, movers[first:last]) - begin
            out[theirs] = chosen[at : at + len(theirs)]
            at += len(theirs)
            yield start, stop, out

    def sample(self, customers: NDArray[np.int64]) -> LocalEngine:
        """An engine over these customers (ascending numbers); its passes count towards this engine's."""
        part, rules = customers_of(self._shard, self._rules, customers, self.threads)
        return self._derived(part, rules)

    def with_rules(self, rules: Rules) -> LocalEngine:
        """An engine over the same candidates under other rules; its passes count towards this engine's."""
        return self._derived(self._shard, rules)

    def with_noise(self, seed: int) -> LocalEngine:
        """An engine with one more channel, drawn by the kernel `noise`; its passes count towards this engine's."""
        shard = self._shard
        quantity = np.empty((len(shard.quantity) + 1, self.candidates), np.uint16)

        def work(worker: int, start: int, stop: int) -> None:
            theirs = slice(int(shard.indptr[start]), int(shard.indptr[stop]))
            quantity[:-1, theirs] = shard.quantity[:, theirs]
            self.backend.kernels.noise(shard, seed, start, stop, quantity[-1, theirs])

        self._share(work)
        return self._derived(shard._replace(quantity=quantity), self._rules)

    def _derived(self, shard: Shard, rules: Rules) -> LocalEngine:
        engine = LocalEngine(shard, rules, self.backend, self.threads, self.seed)
        engine._whole = self if self._whole is None else self._whole
        return engine

    def _share(
        self, work: Callable[[int, int, int], None], cuts: NDArray[np.int64] | None = None
    ) -> None:
        """Run work(worker, start, stop) over all blocks; workers take the next few as they finish theirs."""
        cuts = self._cuts if cuts is None else cuts
        parts = iter(_parts(cuts.tolist(), self.threads))
        lock = threading.Lock()
        errors: list[BaseException] = []

        def run(worker: int) -> None:
            try:
                while not errors:
                    with lock:
                        part = next(parts, None)
                    if part is None:
                        return
                    work(worker, *part)
            except BaseException as error:
                errors.append(error)

        helpers = min(self.threads, len(cuts) - 1) - 1
        threads = [threading.Thread(target=run, args=(1 + w,), daemon=True) for w in range(helpers)]
        for thread in threads:
            thread.start()
        run(0)  # the caller works too, and it is the one that Ctrl-C reaches
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]


def unit_of_prices(price: NDArray[np.float32]) -> int:
    """Power of two in which a pass at these prices counts what it cut off: a 2^30th of what a coupon may be worth."""
    size = np.abs(price[0]).max(initial=0.0) + 65_536.0 * np.abs(price[1:]).sum(axis=0).max(
        initial=0.0
    )
    return unit_of(float(size))


def unit_of(size: float) -> int:
    return math.frexp(size)[1] - 30


def _block_cuts(indptr: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Customer numbers that cut the shard into blocks of about `size` candidates."""
    wanted = np.arange(0, int(indptr[-1]) + size, size)
    cuts = np.searchsorted(indptr, wanted, side="left")
    return np.unique(np.clip(np.r_[0, cuts, len(indptr) - 1], 0, len(indptr) - 1))


def _parts(cuts: list[int], threads: int) -> Iterator[tuple[int, int]]:
    """Customers from and to which blocks are worked on together, fewer blocks as fewer are left."""
    at, last = 0, len(cuts) - 1
    while at < last:
        following = at + max(1, min(TOGETHER, (last - at) // (4 * threads)))
        yield cuts[at], cuts[following]
        at = following

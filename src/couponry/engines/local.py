"""Passes over the candidates on this machine: blocks of customers, shared among plain threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend, Rows, Rules, Shard

PATIENCE, PATIENCE_SHARE = 20_000, 100  # customers looked at in vain before a local search stops
LOOKS = 100_000  # at customers in one call of a local search: some tenths of a second
# candidates a block: some hundred microseconds of work, so that an interrupt is answered at once
BLOCK = 1 << 19


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
        self._cuts = _block_cuts(shard.indptr)

    @property
    def customers(self) -> int:
        return len(self._shard.indptr) - 1

    @property
    def candidates(self) -> int:
        return len(self._shard.item)

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]:
        """Usage table of everybody's best choice at a price table, both (1 + C, S, K)."""
        return self._pass(price, np.empty(0, np.uint8))

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The best choice itself, uint8 (e), and its usage table."""
        chosen = np.empty(self.candidates, np.uint8)
        return chosen, self._pass(price, chosen)

    def _pass(self, price: NDArray[np.float32], chosen: NDArray[np.uint8]) -> NDArray[np.int64]:
        tables = [np.zeros(price.shape, np.int64) for _ in range(self.threads)]
        indptr = self._shard.indptr

        def work(worker: int, start: int, stop: int) -> None:
            part = chosen[indptr[start] : indptr[stop]] if len(chosen) else chosen
            self.backend.kernels.evaluate(
                self._shard, self._rules, price, self.seed, start, stop, tables[worker], part
            )

        self._share(work)
        counted = self if self._whole is None else self._whole
        counted.passes += self.candidates / max(1, counted.candidates)
        for table in tables[1:]:
            tables[0] += table
        return tables[0]

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
                self._shard, self._rules, exact, reduced, chosen, start, stop, out
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
        movers: NDArray[np.bool_],
        interrupt: Callable[[], None],
    ) -> int:
        """Single moves of the customers `movers` (n), best first; `activity` and `chosen` follow them.

        interrupt: called every so often, may raise.

        Returns how many were made. See the kernels `propose` and `improve`.
        """
        shared = (
            mode, self._shard, self._rules, exact, reduced, objective, rows, item_helps, activity, chosen
        )  # fmt: skip
        priority = np.where(movers, 0.0, np.inf)

        def work(worker: int, start: int, stop: int) -> None:
            self.backend.kernels.propose(*shared, start, stop, priority)

        self._share(work)
        patience = PATIENCE + self.customers // PATIENCE_SHARE
        moves, looked = 0, LOOKS
        while looked == LOOKS:
            interrupt()
            made, looked = self.backend.kernels.improve(*shared, priority, patience, LOOKS)
            moves += int(made)
        return moves

    def sample(self, keep: NDArray[np.bool_]) -> LocalEngine:
        """An engine over the customers of the mask `keep` (n); its passes count towards this engine's."""
        shard, rules = self._shard, self._rules
        count = np.diff(shard.indptr)
        mask = np.repeat(keep, count)
        indptr = np.zeros(int(keep.sum()) + 1, np.int64)
        np.cumsum(count[keep], out=indptr[1:])

        def some(bound: NDArray[Any]) -> NDArray[Any]:
            return bound if bound.shape[-1] == 1 else np.ascontiguousarray(bound[..., keep])

        part = Shard(
            0, indptr, shard.item[mask], np.ascontiguousarray(shard.quantity[:, mask]), some(shard.segment)
        )  # fmt: skip
        part_rules = rules._replace(
            lower=some(rules.lower), upper=some(rules.upper), cap=some(rules.cap)
        )
        return self._derived(part, part_rules)

    def with_rules(self, rules: Rules) -> LocalEngine:
        """An engine over the same candidates under other rules; its passes count towards this engine's."""
        return self._derived(self._shard, rules)

    def with_channel(self, quantity: NDArray[np.uint16]) -> LocalEngine:
        """An engine with one more channel, uint16 (e); its passes count towards this engine's."""
        quantities = np.concatenate([self._shard.quantity, quantity[None]])
        return self._derived(self._shard._replace(quantity=quantities), self._rules)

    def _derived(self, shard: Shard, rules: Rules) -> LocalEngine:
        engine = LocalEngine(shard, rules, self.backend, self.threads, self.seed)
        engine._whole = self if self._whole is None else self._whole
        return engine

    def _share(self, work: Callable[[int, int, int], None]) -> None:
        """Run work(worker, start, stop) over all blocks; workers take the next block as they finish one."""
        blocks = iter(zip(self._cuts[:-1].tolist(), self._cuts[1:].tolist(), strict=True))
        lock = threading.Lock()
        errors: list[BaseException] = []

        def run(worker: int) -> None:
            try:
                while not errors:
                    with lock:
                        block = next(blocks, None)
                    if block is None:
                        return
                    work(worker, *block)
            except BaseException as error:
                errors.append(error)

        helpers = min(self.threads, len(self._cuts) - 1) - 1
        threads = [threading.Thread(target=run, args=(1 + w,), daemon=True) for w in range(helpers)]
        for thread in threads:
            thread.start()
        run(0)  # the caller works too, and it is the one that Ctrl-C reaches
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]


def _block_cuts(indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Customer numbers that cut the shard into blocks of about BLOCK candidates."""
    wanted = np.arange(0, int(indptr[-1]) + BLOCK, BLOCK)
    cuts = np.searchsorted(indptr, wanted, side="left")
    return np.unique(np.clip(np.r_[0, cuts, len(indptr) - 1], 0, len(indptr) - 1))

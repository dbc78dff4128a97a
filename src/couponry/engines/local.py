"""Passes over candidates in this machine's memory, on plain threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..kernels import (
    Backend,
    LocalSearch,
    LossWeights,
    NearChanges,
    OpenRows,
    Rooms,
    Rules,
    Shard,
)
from ..utils.arrays.mapped_arrays import is_in_memory
from ..utils.arrays.working_memory import WorkingMemory
from ..utils.process.cached_property import cached_property
from ..utils.progress.watch import check_cancelled
from .arrangement import (
    Arrangement,
    arranged,
    in_order_of_customers,
    in_order_of_segments,
    is_worth_arranging,
    sum_by_segment,
)
from .changes import Alternatives, count_losses, products_of_changes
from .cut_off import CutOff, CutOffCounts
from .exchanges import Exchanges, exchanges
from .fixing.fixing_pass import FixingPass, FixingRequest
from .fixing.known_choice import KnownChoice
from .parts import by_customer
from .protocol import FixedChoices
from .rounds import improve
from .subset import customers_of, positions_of
from .sums import sum_blocks
from .undecided.passes import UndecidedPasses, may_be_undecided
from .workers import block_cuts, share_out

BLOCK_CANDIDATES = 1 << 19
"""Candidates of a block: some hundred microseconds of work, so that an interrupt is answered at once."""

SLOW_BLOCK_CANDIDATES = 1 << 16
"""The same for kernels that take ten times as long for each candidate."""


class PassCounter(Protocol):
    """The engine that counts the passes of those that are derived from it."""

    passes: float

    @property
    def candidates(self) -> int:
        """Number of candidates."""
        ...


class LocalEngine:
    """Passes over one shard in memory.

    It may be used after `fork` and from several threads at once: see `utils.crew`. Usage is summed in whole numbers,
    and each customer's choice is its own: neither depends on blocks or threads. The methods are described in
    `engines.protocol.Engine`.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    backend : Backend
    threads : int
    seed : int
        Breaks ties.
    """

    is_streamed = False

    def __init__(self, shard: Shard, rules: Rules, backend: Backend, threads: int, seed: int):
        self.name = "local"
        self.backend = backend
        self._kernels = backend.unchecked  # what comes here was packed and compiled by this package
        self.threads = threads
        self.seed = seed & 0xFFFFFFFF
        self.passes = 0.0
        self._shard = shard
        self._rules = rules
        self._derived_from: PassCounter | None = None
        self._cuts = block_cuts(shard.indptr, BLOCK_CANDIDATES, threads)
        self._blocks = block_cuts(shard.indptr, BLOCK_CANDIDATES)  # whatever the threads
        self._may_arrange = True
        self._arranged: Arrangement | None = None
        self.brief = WorkingMemory()
        self._keeps_choices = not self.is_streamed and is_in_memory(shard.item)
        self._known: KnownChoice | None = None  # of the last pass that may be asked again

    @property
    def kernels(self) -> ModuleType:
        """See `Engine.kernels`."""
        return self._kernels

    @property
    def shard(self) -> Shard:
        """The candidates."""
        return self._shard

    @property
    def rules(self) -> Rules:
        """The customer rules."""
        return self._rules

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self._shard.indptr) - 1

    @property
    def candidates(self) -> int:
        """Number of candidates."""
        return len(self._shard.item)

    @property
    def most_candidates(self) -> int:
        """The most candidates of one customer."""
        indptr, piece = self._shard.indptr, 1 << 20
        starts = range(0, len(indptr) - 1, piece)
        return max((int(np.diff(indptr[s : s + piece + 1]).max()) for s in starts), default=0)

    # ---- passes at quantised prices

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]:
        """See `Engine.evaluate`."""
        return self._pass(price, np.empty(0, np.uint8))[0]

    def evaluate_with_cut_off(self, price: NDArray[np.float32]) -> tuple[NDArray[np.int64], CutOff]:
        """See `Engine.evaluate_with_cut_off`."""
        return self._pass(price, np.empty(0, np.uint8), keeps=True)

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Engine.choose`."""
        chosen = np.empty(self.candidates, np.uint8)
        return chosen, self._pass(price, chosen, keeps=True)[0]

    def alternatives(self, price: NDArray[np.float32], *, briefly: bool = False) -> Alternatives:
        """See `Engine.alternatives`."""
        memory = self.brief if briefly else WorkingMemory()
        types = {"chosen": np.uint8, "partner": np.int64, "loss": np.float32}
        chosen, partner, loss = (memory.array(n, (self.candidates,), t) for n, t in types.items())
        self._pass(price, chosen)
        indptr = self._shard.indptr

        def work(worker: int, start: int, stop: int) -> None:
            part = slice(int(indptr[start]), int(indptr[stop]))
            self._kernels.alternatives(
                self._shard, self._rules, price, chosen[part], start, stop, partner[part], loss[part]
            )  # fmt: skip

        share_out(work, self._cuts_for_slow, self.threads)
        return Alternatives(chosen, partner, loss)

    @cached_property
    def _cuts_for_slow(self) -> NDArray[np.int64]:
        """Blocks for kernels that take long for each candidate."""
        return block_cuts(self._shard.indptr, SLOW_BLOCK_CANDIDATES, self.threads)

    def count_losses(
        self,
        found: Alternatives,
        weights: LossWeights,
        first_bin: int,
        shape: tuple[int, int, int, int],
    ) -> NDArray[np.int64]:
        """See `Engine.count_losses`."""
        local = self._kernels, self._shard, self._cuts_for_slow, self.threads
        return count_losses(*local, found, weights, first_bin, shape)

    def products_of_changes(
        self, found: Alternatives, near: NearChanges, rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """See `Engine.products_of_changes`."""
        local = self._kernels, self._shard, self._cuts_for_slow, self.threads
        return products_of_changes(*local, found, near, rows)

    def fix(
        self,
        price: NDArray[np.float32],
        regret_threshold: NDArray[np.float32],
        fine: NDArray[np.uint8],
    ) -> FixedChoices:
        """See `Engine.fix`."""
        copy = self._arrangement()
        shard, rules, cuts = self._in_order_of(copy)
        if copy is not None:
            fine = in_order_of_segments(fine, self._shard, copy, self.backend, self.threads)
        request, known = FixingRequest(price, regret_threshold, fine), self._known
        if known is None or not known.is_of(price, shard.indptr):
            known = KnownChoice(price, shard.indptr) if self._keeps_choices else None
        found = FixingPass(
            self.backend, shard, rules, self.seed, request, self.threads, copy is not None, known
        )
        share_out(found.work, cuts, self.threads)
        self._count_pass()
        free = found.free(self.threads)
        if copy is not None:
            free = in_order_of_customers(free, copy, self.backend, self.threads)
        shard, rules = customers_of(self._shard, self._rules, free.free, self.backend, self.threads)
        engine = self._derived(shard, rules)
        (usage, fine_usage), self._known = found.sums(), known
        return FixedChoices(usage, fine_usage, *free, engine, rules)

    def blocks(
        self,
        price: NDArray[np.float32],
        free: NDArray[np.int64],
        free_choice: NDArray[np.uint8],
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """See `Engine.blocks`."""
        shard, done = self._shard, 0  # candidates of free customers so far
        usage, cut_off = np.zeros(price.shape, np.int64), CutOffCounts.at_prices(1, price)
        for start, stop in pairwise(self._blocks.tolist()):
            check_cancelled()
            begin, end = int(shard.indptr[start]), int(shard.indptr[stop])
            first, last = np.searchsorted(free, [start, stop])
            chosen, known = np.empty(end - begin, np.uint8), self._known
            if known is not None and known.is_of(price, shard.indptr):
                known.fill(start, stop, chosen)
            elif last - first < stop - start:  # not all of them are free
                self._kernels.evaluate(
                    shard, self._rules, price, self.seed, start, stop, usage, chosen,
                    cut_off.unit, cut_off.by_worker[0],
                )  # fmt: skip
            positions = positions_of(shard.indptr, free[first:last]) - begin
            chosen[positions] = free_choice[done : done + len(positions)]
            done += len(positions)
            yield start, stop, chosen

    def _pass(
        self, price: NDArray[np.float32], chosen: NDArray[np.uint8], *, keeps: bool = False
    ) -> tuple[NDArray[np.int64], CutOff]:
        """Evaluate all blocks; `chosen` (OUT) is filled unless it is empty. keeps: whether they may be asked again."""
        cut_off = CutOffCounts.at_prices(self.threads, price)
        self._count_pass()
        copy = None if len(chosen) else self._arrangement()
        shard, rules, cuts = self._in_order_of(copy)
        known = KnownChoice(price, shard.indptr) if keeps and self._keeps_choices else None
        if copy is None:
            block = self._kernels, shard, rules, price, self.seed, cut_off
            usage = sum_blocks(*block, cuts, self.threads, chosen, known)
        else:
            local = self._kernels, copy, price, self.seed, cut_off, cuts, self.threads
            usage = sum_by_segment(*local, known)
        if known is not None:
            self._known = known.complete(usage)
        return usage, cut_off.total()

    def _in_order_of(self, copy: Arrangement | None) -> tuple[Shard, Rules, NDArray[np.int64]]:
        """All customers, their rules and blocks of them, in the order of a copy if there is one."""
        if copy is None:
            return self._shard, self._rules, self._cuts
        cuts = block_cuts(copy.shard.indptr, BLOCK_CANDIDATES, self.threads)
        return copy.shard, copy.rules, cuts

    def _arrangement(self) -> Arrangement | None:
        """Customers in the order of their segments, for passes that sum; None where that is idle."""
        if self._may_arrange:
            self._may_arrange = False
            if is_worth_arranging(self._shard, self._rules):
                self._arranged = arranged(self._shard, self._rules, self.backend, self.threads)
        return self._arranged

    def _count_pass(self, candidates: int | None = None) -> None:
        counting = self._derived_from or self
        some = self.candidates if candidates is None else candidates  # nothing may be undecided
        counting.passes += some / max(1, counting.candidates)

    def undecided(
        self, price: NDArray[np.float32], bar: NDArray[np.float32]
    ) -> UndecidedPasses | None:
        """See `Engine.undecided`."""
        if not is_in_memory(self._shard.item):
            everybody = self._derived(*self.of_customers(np.arange(self.customers)))
            return everybody.undecided(price, bar)
        copy = self._arrangement()
        if copy is None or not may_be_undecided(copy):
            return None
        self._count_pass()
        local = self._kernels, self.threads, self.seed, self._count_pass
        return UndecidedPasses(copy, price, bar, *local)

    # ---- passes in float64

    def choose_exactly(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> CutOff:
        """See `Engine.choose_exactly`."""
        largest = np.abs(reduced[0]).max(initial=0.0)
        if exact.size:
            by_value = np.abs(reduced[1:]).sum(axis=0) * np.abs(exact).max()
            largest = largest + by_value.max(initial=0.0)
        cut_off = CutOffCounts(self.threads, float(largest))

        def work(worker: int, start: int, stop: int) -> None:
            self._kernels.choose_exactly(
                self._shard, self._rules, exact, reduced, self.seed, start, stop, chosen,
                cut_off.unit, cut_off.by_worker[worker],
            )  # fmt: skip

        if len(self._rules.constraint_ptr) > 1:
            share_out(work, self._cuts, self.threads)
        return cut_off.total()

    def regret(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> NDArray[np.float64]:
        """See `Engine.regret`."""
        out = np.empty(self.candidates, np.float64)

        def work(worker: int, start: int, stop: int) -> None:
            self._kernels.regret(
                self._shard, self._rules, exact, reduced, chosen, self.seed, start, stop, out
            )

        share_out(work, self._cuts, self.threads)
        return out

    def improve(
        self, search: LocalSearch, stop: Callable[[], bool], enough: float = np.inf
    ) -> tuple[int, float]:
        """See `Engine.improve`."""
        return improve(self._kernels, self._shard, self._rules, self.threads, search, stop, enough)

    def exchanges(
        self, search: LocalSearch, open_rows: OpenRows, rooms: Rooms, width: int
    ) -> Exchanges:
        """See `Engine.exchanges`."""
        return exchanges(
            self._kernels, self._shard, self._rules, self.threads, search, open_rows, rooms, width
        )

    # ---- engines over parts, or under other rules

    def sample(self, customers: NDArray[np.int64]) -> LocalEngine:
        """Make an engine over some customers, in ascending order; see `Engine.samples`."""
        return self._derived(*self.of_customers(customers))

    def samples(self, customers: Sequence[NDArray[np.int64]]) -> list[LocalEngine]:
        """See `Engine.samples`."""
        return [self.sample(each) for each in customers]

    def of_customers(self, customers: NDArray[np.int64]) -> tuple[Shard, Rules]:
        """See `Engine.of_customers`."""
        return customers_of(self._shard, self._rules, customers, self.backend, self.threads)

    def with_rules(self, rules: Rules) -> LocalEngine:
        """See `Engine.with_rules`."""
        engine = self._derived(self._shard, rules)
        if not by_customer(None, rules) and (copy := self._arrangement()) is not None:
            engine._arranged, engine._may_arrange = copy._replace(rules=rules), False
        return engine

    def with_noise(self, seed: int) -> LocalEngine:
        """See `Engine.with_noise`."""
        shard = self._shard
        quantity = np.empty((len(shard.quantity) + 1, self.candidates), np.uint16)

        def work(worker: int, start: int, stop: int) -> None:
            part = slice(int(shard.indptr[start]), int(shard.indptr[stop]))
            quantity[:-1, part] = shard.quantity[:, part]
            self._kernels.noise(shard, seed, start, stop, quantity[-1, part])

        share_out(work, self._cuts, self.threads)
        return self._derived(shard._replace(quantity=quantity), self._rules)

    def of_classes(self, class_of: NDArray[np.int64]) -> LocalEngine:
        """Make an engine over the same candidates whose customers' segments are these classes of them, (n_segments,).

        Its passes count towards this one's.
        """
        segment = class_of.astype(np.uint16)
        differ = len(self._shard.segment) > 1 and segment.max(initial=0) > 0
        segment = segment[self._shard.segment] if differ else segment[:1]
        return self._derived(self._shard._replace(segment=segment), self._rules)

    def _derived(self, shard: Shard, rules: Rules) -> LocalEngine:
        engine = LocalEngine(shard, rules, self.backend, self.threads, self.seed)
        engine._derived_from = self._derived_from or self
        return engine

"""Passes over candidates in shards, by whoever runs tasks.

Usage is summed in whole numbers, first by each worker and then here, so that no bit depends on shards, workers, or how
often a task was run. Samples and free customers are gathered, and worked on in this process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels import LossWeights, NearChanges, Rules, Shard
from ...utils.memory import return_freed_memory
from ...utils.progress.watch import check_cancelled
from ..changes import Alternatives
from ..cut_off import CutOff, CutOffCounts
from ..local import BLOCK_CANDIDATES
from ..parts import by_customer
from ..protocol import Engine, FixedChoices
from .gathering import AlternativesElsewhere, GatheringEngine
from .recipe import ShardRecipe
from .runner import Task
from .samples_beside import SampledShards, SamplesBesideTask, SamplesOfBothKindsTask
from .shards import RulesElsewhere
from .store import Manifest, ShardEntry
from .tasks import (
    BlocksTask,
    ChooseTask,
    CountTask,
    EvaluateTask,
    FixTask,
    LossesTask,
    NumbersSent,
    SamplesTask,
    joined_blocks,
)

MOST_SAMPLED = 1 << 21
"""Candidates of a sample that is worked on in this process; larger ones are passed over by tasks."""


class ClusterEngine(GatheringEngine):
    """Passes over shards, run as tasks.

    The methods are described in `engines.protocol.Engine`. Results are those of a `LocalEngine`, bit for bit.

    Parameters
    ----------
    recipe : ShardRecipe
    runner : Runner
    threads : int
        Of this process, for samples and free customers.
    """

    # ---- passes over shards

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]:
        """See `Engine.evaluate`."""
        return self.evaluate_with_cut_off(price)[0]

    def evaluate_with_cut_off(self, price: NDArray[np.float32]) -> tuple[NDArray[np.int64], CutOff]:
        """See `Engine.evaluate_with_cut_off`."""
        usage, (customers, units) = self._runner.sum(
            EvaluateTask(self._recipe, price), self._shards
        )
        self._count_pass()
        unit = CutOffCounts.at_prices(1, price).unit
        return usage, CutOff(int(customers), math.ldexp(int(units), unit))

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Engine.choose`."""
        self._refuse_many("the choice of every candidate")
        parts = self._map(ChooseTask(self._recipe, price))
        self._count_pass()
        usage = np.add.reduce([part.usage for part in parts])
        return np.concatenate([part.chosen for part in parts]), usage

    def alternatives(
        self, price: NDArray[np.float32], *, briefly: bool = False
    ) -> AlternativesElsewhere:
        """See `Engine.alternatives`; for this engine alone."""
        self._count_pass()
        return AlternativesElsewhere.at(price)

    def count_losses(
        self,
        found: Alternatives,
        weights: LossWeights,
        first_bin: int,
        shape: tuple[int, int, int, int],
    ) -> NDArray[np.int64]:
        """See `Engine.count_losses`."""
        assert isinstance(found, AlternativesElsewhere)
        task = LossesTask(self._recipe, found.price, weights, first_bin, shape)
        (counts,) = self._runner.sum(task, self._shards)
        return counts

    def products_of_changes(
        self, found: Alternatives, near: NearChanges, rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """See `Engine.products_of_changes`; of candidates that are gathered."""
        assert isinstance(found, AlternativesElsewhere)
        counting, whole = self._derived_from or self, self.everybody
        counted = counting.passes
        listed = whole.alternatives(found.price, briefly=True)
        counting.passes = counted  # as it was when they were asked for
        return whole.products_of_changes(listed, near, rows)

    def fix(
        self,
        price: NDArray[np.float32],
        regret_threshold: NDArray[np.float32],
        fine: NDArray[np.uint8],
    ) -> FixedChoices:
        """See `Engine.fix`; `fine` says whether anybody asks for it, and shards have it."""
        found = self._map(FixTask(self._recipe, price, regret_threshold, len(fine) > 0))
        self._count_pass()
        parts = [part for answer in found for part in answer.parts]
        free = self._joined([part.customers for part in parts])
        choices = [
            np.unpackbits(part.packed_choice, count=int(part.customers.shard.indptr[-1]))
            for part in parts
        ]
        fixed = FixedChoices(
            np.add.reduce([answer.usage for answer in found], dtype=np.int64),
            np.add.reduce([answer.fine_usage for answer in found], dtype=np.int64),
            np.concatenate([part.free for part in parts]),
            np.concatenate(choices),
            np.concatenate([part.free_fine for part in parts], axis=1),
            free,
            free.rules,
        )
        del found, parts, choices
        return_freed_memory()  # repair takes several times as much
        return fixed

    def blocks(
        self,
        price: NDArray[np.float32],
        free: NDArray[np.int64],
        free_choice: NDArray[np.uint8],
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """See `Engine.blocks`; the blocks are those of a `LocalEngine`, whatever the shards."""
        task = self.blocks_task(price, free, free_choice)
        yield from joined_blocks(self.in_turns(task), self.customers)

    def in_turns(self, task: Callable[[Sequence[int]], Task]) -> Iterator[tuple[ShardEntry, Any]]:
        """Ask about as many shards at a time as are worked on together.

        Parameters
        ----------
        task : callable
            Makes the task for some shards, whose numbers it is called with.

        Yields
        ------
        ShardEntry
            Of each shard, in order.
        object
            What the task made of it.
        """
        for start in range(0, len(self._shards), self._runner.tasks):
            check_cancelled()
            some = self._shards[start : start + self._runner.tasks]
            entries = self._manifest.shards[start : start + len(some)]
            yield from zip(entries, self._runner.map(task(some), some), strict=True)

    def blocks_task(
        self, price: NDArray[np.float32], free: NDArray[np.int64], free_choice: NDArray[np.uint8]
    ) -> Callable[[Sequence[int]], BlocksTask]:
        """Make what makes the task that lists the choices of some shards.

        Parameters
        ----------
        price, free, free_choice : ndarray
            As `Engine.blocks` takes them.

        Returns
        -------
        callable
            Called with the numbers of shards.
        """
        counts = [0] * len(self._shards)
        if len(free):
            counts = self._map(CountTask(self._recipe, NumbersSent.of(free)))
        end = np.cumsum([0, *counts])
        candidates = np.cumsum([0, *(entry.candidates for entry in self._manifest.shards)])
        first = np.array([*(entry.first for entry in self._manifest.shards), self.customers])
        cuts = np.searchsorted(free, first)

        def task(shards: Sequence[int]) -> BlocksTask:
            own = {n: free[cuts[n] : cuts[n + 1]] - first[n] for n in shards}
            choice = {n: np.packbits(free_choice[end[n] : end[n + 1]]) for n in shards}
            before = {n: int(candidates[n]) for n in shards}
            return BlocksTask(self._recipe, price, own, choice, before, BLOCK_CANDIDATES)

        return task

    def map_shards(self, make_task: Callable[[Sequence[int]], Task]) -> list[Any]:
        """Gather what a task makes of each shard.

        Parameters
        ----------
        make_task : callable
            Called with the numbers of shards that the task is for.

        Returns
        -------
        list
            In the order of the shards.
        """
        return self._map(make_task(self._shards))

    # ---- engines over parts, or under other rules

    def samples(self, customers: Sequence[NDArray[np.int64]]) -> list[Engine]:
        """See `Engine.samples`; large ones are written beside the shards."""
        most = MOST_SAMPLED * self.customers // max(1, self.candidates)
        few, many = (
            [one for one in customers if (len(one) <= most) == is_few] for is_few in (True, False)
        )
        if not many:
            return [*self._gathered(few)]
        written = SamplesBesideTask(self._recipe, tuple(map(NumbersSent.of, many)))
        if few:
            sent = SamplesTask(self._recipe, tuple(map(NumbersSent.of, few)))
            found = self._map(SamplesOfBothKindsTask(sent, written))
            here, there = ([one[kind] for one in found] for kind in (0, 1))
            del found
        else:
            here, there = [], self._map(written)
        beside, gathered = iter([*self._beside(there)]), iter(self._together(here, len(few)))
        return [next(gathered) if len(one) <= most else next(beside) for one in customers]

    def _beside(self, by_shard: list[list[ShardEntry | None]]) -> Iterator[ClusterEngine]:
        """Engines over samples whose customers stay with the workers, of what these wrote."""
        for found in zip(*by_shard, strict=True):
            entries = tuple(entry for entry in found if entry is not None)
            sampled = Manifest(entries, self._differing, None)
            store = SampledShards(self._recipe.store.folder, sampled)
            recipe = ShardRecipe(store, self._recipe.backend, self._recipe.seed)
            engine = ClusterEngine(recipe, self._runner, self.threads)
            engine._derived_from = self._derived_from or self
            yield engine

    def of_customers(self, customers: NDArray[np.int64]) -> tuple[Shard, Rules]:
        """See `Engine.of_customers`."""
        found = self._gathered([customers])[0]
        return found.shard, found.rules

    def with_rules(self, rules: Rules) -> ClusterEngine:
        """See `Engine.with_rules`; what differs by customer is written beside the shards."""
        if isinstance(rules, RulesElsewhere):
            return self._derived(rules=rules.beside)
        if by_customer(None, rules):
            return self._derived(rules=self._recipe.store.write_rules(rules))
        return self._derived(rules=rules)

    def with_noise(self, seed: int) -> ClusterEngine:
        """See `Engine.with_noise`."""
        return self._derived(noise=seed)

    def _derived(self, **changes: Any) -> ClusterEngine:
        engine = ClusterEngine(replace(self._recipe, **changes), self._runner, self.threads)
        engine._derived_from = self._derived_from or self
        return engine

    def _count_pass(self) -> None:
        counting = self._derived_from or self
        counting.passes += self.candidates / max(1, counting.candidates)

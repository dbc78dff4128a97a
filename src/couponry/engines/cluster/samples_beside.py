"""Large samples of customers, in files beside the shards: passes over them are tasks, too, and nothing is gathered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules
from ...utils.arrays.array_store import Arrays
from .places import map_file, place_of, write_file
from .recipe import ShardRecipe
from .shards import PASSED, SHARD_ARRAYS, RulesBeside, arrays_of_rules
from .store import Manifest, ShardEntry, written_rules
from .tasks import CustomersPart, NumbersSent, SamplesTask, within


@dataclass(frozen=True, eq=False)
class SampledShards:
    """Sampled customers in shards of their own, as recipes take a store.

    Attributes
    ----------
    folder : str
        Of the store that they are sampled from.
    manifest : Manifest
    """

    folder: str
    manifest: Manifest

    @property
    def digest(self) -> str:
        """Of all files."""
        return hashlib.sha256(
            repr([entry.digest for entry in self.manifest.shards]).encode()
        ).hexdigest()

    def arrays(
        self, number: int, threads: int, wanted: Callable[[str], bool] = PASSED.__contains__
    ) -> Arrays:
        """Map arrays of a shard; see `ShardStore.arrays`."""
        entry = self.manifest.shards[number]
        return map_file(self.folder, entry.file, entry.digest, threads, wanted)

    def write_rules(self, rules: Rules) -> RulesBeside:
        """Write other rules; see `ShardStore.write_rules`."""
        return written_rules(self.folder, self.manifest, rules, "sample-rules")


@dataclass(frozen=True, eq=False)
class SamplesBesideTask:
    """Write the customers of several samples, who are numbered by their places in their sample."""

    recipe: ShardRecipe
    customers: tuple[NumbersSent, ...]

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[list[ShardEntry | None]]:
        """See `Task`; of each shard an entry for every sample, None where it has none of its customers."""
        samples = [sample.numbers() for sample in self.customers]
        return [[self._written(n, sample, threads) for sample in samples] for n in shards]

    def still_there(self, found: list[list[ShardEntry | None]]) -> bool:
        """See `WritingTask`."""
        there = set(place_of(self.recipe.store.folder).names())
        return all(entry is None or entry.file in there for one in found for entry in one)

    def _written(self, number: int, sample: NDArray[np.int64], threads: int) -> ShardEntry | None:
        engine = self.recipe.engine(number, threads)
        first = engine.shard.first
        own = within(sample, first, engine.customers)
        if len(own) == 0:
            return None
        shard, rules = engine.of_customers(own)
        before = int(np.searchsorted(sample, first))
        arrays = {
            **{name: getattr(shard, name) for name in SHARD_ARRAYS},
            **arrays_of_rules(rules),
            "first": np.array([before], np.int64),
            "fine": np.empty((0, len(shard.item)), np.uint8),
        }
        file = write_file(self.recipe.store.folder, f"{number:06d}-sample", arrays, threads)
        most = int(np.diff(shard.indptr).max(initial=0))
        return ShardEntry(*file, before, len(own), len(shard.item), most)


@dataclass(frozen=True, eq=False)
class SamplesOfBothKindsTask:
    """Gather some samples, and write others, in one job."""

    gathered: SamplesTask
    beside: SamplesBesideTask

    def __call__(
        self, shards: tuple[int, ...], threads: int
    ) -> list[tuple[list[CustomersPart], list[ShardEntry | None]]]:
        """See `Task`; of each shard what the two say."""
        both = self.gathered(shards, threads), self.beside(shards, threads)
        return list(zip(*both, strict=True))

    def still_there(self, found: list[tuple[Any, list[ShardEntry | None]]]) -> bool:
        """See `WritingTask`."""
        return self.beside.still_there([entries for _, entries in found])

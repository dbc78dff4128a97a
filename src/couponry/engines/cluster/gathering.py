"""Shards as an engine knows them, and those of their customers who are gathered in this process."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules, Shard, load
from ...utils.errors import Unsupported
from ...utils.memory import return_freed_memory
from ...utils.process.cached_property import cached_property
from ..changes import Alternatives
from ..checkpoint import ForwardingEngine
from ..local import LocalEngine
from ..parts import joined
from .recipe import ShardRecipe, Shards
from .runner import Runner, Task
from .shards import RulesBeside
from .tasks import ArraysTask, CustomersPart, NumbersSent, SamplesTask

MOST_GATHERED = 1 << 26
"""Candidates that are gathered at most where all of them are asked for at once."""


class AlternativesElsewhere(Alternatives):
    """Alternatives at some prices, which workers list where they are asked about; no array is in this process."""

    price: NDArray[np.float32]

    @classmethod
    def at(cls, price: NDArray[np.float32]) -> AlternativesElsewhere:
        """Those at prices."""
        made = cls(np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.float32))
        made.price = price
        return made


class GatheringEngine(ForwardingEngine):
    """What is known of shards, and what is gathered of them; questions about all candidates at once are asked here.

    Parameters
    ----------
    recipe : ShardRecipe
    runner : Runner
    threads : int
        Of this process.
    """

    is_streamed = True

    def __init__(self, recipe: ShardRecipe, runner: Runner, threads: int):
        self.name, self.threads = runner.name, threads
        self.passes = 0.0
        self._recipe, self._runner = recipe, runner
        self._manifest = recipe.store.manifest
        self._shards = range(len(self._manifest.shards))
        self._derived_from: GatheringEngine | None = None  # the engine that counts passes

    @property
    def customers(self) -> int:
        """Number of customers."""
        return self._manifest.customers

    @property
    def candidates(self) -> int:
        """Number of candidates."""
        return self._manifest.candidates

    @property
    def store(self) -> Shards:
        """Where the shards are."""
        return self._recipe.store

    @property
    def source(self) -> str:
        """Digest of the shards."""
        return self._recipe.store.digest

    @property
    def most_candidates(self) -> int:
        """The most candidates of one customer."""
        return max((shard.most_candidates for shard in self._manifest.shards), default=0)

    # ---- customers who are gathered

    def _gathered(self, customers: Sequence[NDArray[np.int64]]) -> list[LocalEngine]:
        """Engines in this process over some customers each."""
        if not customers:
            return []
        sent = tuple(NumbersSent.of(sample) for sample in customers)
        first = np.array([entry.first for entry in self._manifest.shards])
        of = np.searchsorted(first, np.concatenate(customers), side="right") - 1
        asked = np.unique(of).tolist() or [0]  # shards without any of them need not be opened
        return self._together(self._runner.map(SamplesTask(self._recipe, sent), asked), len(sent))

    def _together(self, by_shard: list[list[CustomersPart]], samples: int) -> list[LocalEngine]:
        """Engines over so many samples, of what each shard has of them, which is let go of on the way."""
        engines = [self._joined([parts.pop() for parts in by_shard]) for _ in range(samples)][::-1]
        return_freed_memory()
        return engines

    def _joined(self, parts: list[CustomersPart]) -> LocalEngine:
        """An engine in this process over customers of all shards."""
        shard, rules = joined(parts, self._differing)
        return self._local(shard, rules._replace(group=self._group))

    def _local(self, shard: Shard, rules: Rules) -> LocalEngine:
        engine = LocalEngine(
            shard, rules, load(self._recipe.backend), self.threads, self._recipe.seed
        )
        engine._derived_from = self._derived_from or self
        return engine

    @cached_property
    def _group(self) -> NDArray[np.int32]:
        """Group of each item under each rule, which no worker sends."""
        rules = self._recipe.rules
        if isinstance(rules, RulesBeside):
            return np.array(rules.rules(0, 1).group)
        if rules is not None:
            return rules.group
        return np.array(self._recipe.store.arrays(0, 1, "group".__eq__)["group"])

    @property
    def _differing(self) -> frozenset[str]:
        """What differs by customer, under the rules of this engine."""
        other = self._recipe.rules
        if other is None:
            return self._manifest.differing
        of_rules = other.differing if isinstance(other, RulesBeside) else frozenset[str]()
        return (self._manifest.differing & {"segment"}) | of_rules

    def _map(self, task: Task) -> list[Any]:
        return self._runner.map(task, self._shards)

    # ---- all candidates at once, where they are few

    @cached_property
    def everybody(self) -> LocalEngine:
        """An engine over everybody in this process; refused where candidates are many."""
        self._refuse_many("all candidates in one process")
        return self._gathered([np.arange(self.customers)])[0]

    @property
    def _asked(self) -> LocalEngine:
        return self.everybody

    @property
    def kernels(self) -> ModuleType:
        """See `Engine.kernels`."""
        return load(self._recipe.backend).unchecked

    def gather(self, names: Sequence[str]) -> list[NDArray[Any]]:
        """Gather arrays that shards have beside those that passes read; refused where candidates are many.

        Parameters
        ----------
        names : sequence of str

        Returns
        -------
        list of ndarray
            Of all shards, put together along the last axis.
        """
        self._refuse_many("arrays of all candidates")
        parts = self._map(ArraysTask(self._recipe, tuple(names)))
        return [np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)]

    @property
    def has_many(self) -> bool:
        """Whether candidates are too many to be gathered."""
        return self.candidates > MOST_GATHERED

    def _refuse_many(self, what: str) -> None:
        if self.has_many:
            raise Unsupported(
                f"engine {self.name}: {what} was asked for, of {self.candidates:,}; expected at most {MOST_GATHERED:,}"
            )

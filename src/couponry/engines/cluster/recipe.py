"""A recipe for the engine over a shard, made anew in whatever process is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ...kernels import Rules, load
from ...utils.arrays.array_store import Arrays
from ..local import LocalEngine
from ..streamed import StreamedEngine
from .shards import RulesBeside, shard_of_arrays
from .store import Manifest


class Shards(Protocol):
    """Shards that can be read; described in `ShardStore`."""

    @property
    def folder(self) -> str:
        """Where they are."""
        ...

    @property
    def digest(self) -> str:
        """Tells them from others."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What is known of them."""
        ...

    def arrays(self, number: int, threads: int, wanted: Callable[[str], bool] = ...) -> Arrays:
        """Map arrays of a shard."""
        ...

    def write_rules(self, rules: Rules) -> RulesBeside:
        """Write other rules for all customers."""
        ...


@dataclass(frozen=True, eq=False)
class ShardRecipe:
    """How to make the engine over any shard of a store.

    Attributes
    ----------
    store : ShardStore or SampledShards
    backend : str
        Name of the kernels' backend.
    seed : int
        Breaks ties.
    rules : Rules or RulesBeside, optional
        Instead of those of the store: the same for every customer, or in files.
    noise : int, optional
        What one more quantity is drawn from.
    """

    store: Shards
    backend: str
    seed: int
    rules: Rules | RulesBeside | None = None
    noise: int | None = None

    def engine(self, number: int, threads: int) -> LocalEngine:
        """Make the engine over a shard.

        Parameters
        ----------
        number : int
            Of the shard.
        threads : int

        Returns
        -------
        LocalEngine
        """
        shard, rules = shard_of_arrays(self.store.arrays(number, threads))
        if isinstance(self.rules, RulesBeside):
            rules = self.rules.rules(number, threads)
        elif self.rules is not None:
            rules = self.rules
        parts = shard, rules, load(self.backend), threads, self.seed
        if self.noise is None:
            return LocalEngine(*parts)
        return StreamedEngine(*parts, kept=len(shard.item)).with_noise(self.noise)

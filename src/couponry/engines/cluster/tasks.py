"""What workers are asked: the questions of an engine, each about some shards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels import LossWeights, Rules, Shard
from ..cut_off import CutOffCounts
from ..subset import positions_of
from .recipe import ShardRecipe
from .store import ShardEntry


def narrow(counts: NDArray[np.int64]) -> NDArray[np.signedinteger[Any]]:
    """Whole numbers as they are sent: in as few bytes each as all of them need."""
    least, most = counts.min(initial=0), counts.max(initial=0)
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return counts.astype(kind)
    return counts


@dataclass(frozen=True, eq=False)
class EvaluateTask:
    """Sum up usage at some prices, and count what was cut off: customers, and units of slack."""

    recipe: ShardRecipe
    price: NDArray[np.float32]

    def __call__(
        self, shards: tuple[int, ...], threads: int
    ) -> tuple[NDArray[np.signedinteger[Any]], ...]:
        """See `Task`."""
        usage, counts = np.zeros(self.price.shape, np.int64), np.zeros(2, np.int64)
        unit = CutOffCounts.at_prices(1, self.price).unit
        for number in shards:
            found, cut_off = self.recipe.engine(number, threads).evaluate_with_cut_off(self.price)
            usage += found
            counts += cut_off.customers, int(math.ldexp(cut_off.slack, -unit))
        return narrow(usage), counts


@dataclass(frozen=True, eq=False)
class LossesTask:
    """Count candidates by what changing their decision costs at some prices; see `Engine.count_losses`."""

    recipe: ShardRecipe
    price: NDArray[np.float32]
    weights: LossWeights
    first_bin: int
    shape: tuple[int, int, int, int]

    def __call__(
        self, shards: tuple[int, ...], threads: int
    ) -> tuple[NDArray[np.signedinteger[Any]]]:
        """See `Task`."""
        counts = np.zeros(self.shape, np.int64)
        for number in shards:
            engine = self.recipe.engine(number, threads)
            found = engine.alternatives(self.price)
            counts += engine.count_losses(found, self.weights, self.first_bin, self.shape)
        return (narrow(counts),)


class ChosenPart(NamedTuple):
    """Choices of a shard's candidates, eight in a byte, and their usage."""

    candidates: int
    packed: NDArray[np.uint8]
    usage: NDArray[np.int64]

    @property
    def chosen(self) -> NDArray[np.uint8]:
        """A byte for each candidate."""
        return np.unpackbits(self.packed, count=self.candidates)


@dataclass(frozen=True, eq=False)
class ChooseTask:
    """List the best choices at some prices."""

    recipe: ShardRecipe
    price: NDArray[np.float32]

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[ChosenPart]:
        """See `Task`."""
        found = []
        for number in shards:
            chosen, usage = self.recipe.engine(number, threads).choose(self.price)
            found.append(ChosenPart(len(chosen), np.packbits(chosen), usage))
        return found


class CustomersPart(NamedTuple):
    """Some of a shard's customers: their candidates and rules, but for the groups, which are the same for all."""

    shard: Shard
    rules: Rules

    @classmethod
    def sent(cls, shard: Shard, rules: Rules) -> CustomersPart:
        """Leave out what the driver has."""
        return cls(shard, rules._replace(group=rules.group[:, :0]))


class NumbersSent(NamedTuple):
    """Row numbers, ascending, as they are sent: by their differences, which are small."""

    steps: NDArray[np.integer[Any]]

    @classmethod
    def of(cls, numbers: NDArray[np.int64]) -> NumbersSent:
        """Pack them."""
        steps = np.diff(numbers, prepend=0)
        return cls(steps.astype(np.uint32) if steps.max(initial=0) < 1 << 32 else steps)

    def numbers(self) -> NDArray[np.int64]:
        """Unpack them."""
        return np.cumsum(self.steps, dtype=np.int64)


def within(numbers: NDArray[np.int64], first: int, customers: int) -> NDArray[np.int64]:
    """Pick those row numbers that are of a shard, counted from its first customer."""
    start, stop = np.searchsorted(numbers, [first, first + customers])
    return numbers[start:stop] - first


@dataclass(frozen=True, eq=False)
class SamplesTask:
    """Gather samples of customers."""

    recipe: ShardRecipe
    customers: tuple[NumbersSent, ...]

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[list[CustomersPart]]:
        """See `Task`; of each shard the part of every sample."""
        samples, found = [sample.numbers() for sample in self.customers], []
        for number in shards:
            engine = self.recipe.engine(number, threads)
            first, customers = engine.shard.first, engine.customers
            gathered = engine.samples([within(each, first, customers) for each in samples])
            found.append([CustomersPart.sent(part.shard, part.rules) for part in gathered])
        return found


@dataclass(frozen=True, eq=False)
class ArraysTask:
    """Gather arrays of shards by their names."""

    recipe: ShardRecipe
    names: tuple[str, ...]

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[list[NDArray[Any]]]:
        """See `Task`."""
        found = []
        for number in shards:
            arrays = self.recipe.store.arrays(number, threads, self.names.__contains__)
            found.append([np.array(arrays[name]) for name in self.names])
        return found


class FixedPart(NamedTuple):
    """The answer of `Engine.fix` for a shard, but for the tables.

    free: row numbers in the whole campaign; choices eight in a byte, as many as the customers have candidates.
    """

    free: NDArray[np.int64]
    packed_choice: NDArray[np.uint8]
    free_fine: NDArray[np.uint8]
    customers: CustomersPart


class FixedParts(NamedTuple):
    """The answer of `Engine.fix` for the shards of a task: the tables of all of them."""

    usage: NDArray[np.signedinteger[Any]]
    fine_usage: NDArray[np.signedinteger[Any]]
    parts: list[FixedPart]


@dataclass(frozen=True, eq=False)
class FixTask:
    """Fix customers' best choices, and gather those who are left free.

    with_fine: whether anybody asks where in a step of its quantity each value lies.
    """

    recipe: ShardRecipe
    price: NDArray[np.float32]
    regret_threshold: NDArray[np.float32]
    with_fine: bool

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[FixedParts]:
        """See `Task`; one entry for all shards."""
        answers, parts = [], []
        for number in shards:
            engine = self.recipe.engine(number, threads)
            fine = np.empty((0, engine.candidates), np.uint8)
            if self.with_fine:
                fine = self.recipe.store.arrays(number, threads, "fine".__eq__)["fine"]
            fixed = engine.fix(self.price, self.regret_threshold, fine)
            customers = CustomersPart.sent(fixed.engine.shard, fixed.rules)
            choice, free = np.packbits(fixed.free_choice), engine.shard.first + fixed.free
            parts.append(FixedPart(free, choice, fixed.free_fine, customers))
            answers.append((fixed.usage, fixed.fine_usage))
        usage, fine_usage = (narrow(np.add.reduce(each)) for each in zip(*answers, strict=True))
        return [FixedParts(usage, fine_usage, parts)]


@dataclass(frozen=True, eq=False)
class CountTask:
    """Count the candidates of some customers, shard by shard."""

    recipe: ShardRecipe
    customers: NumbersSent

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[int]:
        """See `Task`."""
        customers, found = self.customers.numbers(), []
        for number in shards:
            entry = self.recipe.store.manifest.shards[number]
            indptr = self.recipe.store.arrays(number, threads, "indptr".__eq__)["indptr"]
            own = within(customers, entry.first, entry.customers)
            found.append(int((indptr[own + 1] - indptr[own]).sum()))
        return found


class BlocksPart(NamedTuple):
    """Choices of a shard's candidates, eight in a byte, and where blocks end in it: customers, and their candidates."""

    packed: NDArray[np.uint8]
    customers: NDArray[np.int64]
    candidates: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BlocksTask:
    """List every customer's choice: the best one at some prices, or the given one of free customers.

    free, free_choice: by shard, customers counted from its first one, choices eight in a byte.
    before: candidates before a shard. block: candidates of a block, about.
    """

    recipe: ShardRecipe
    price: NDArray[np.float32]
    free: dict[int, NDArray[np.int64]]
    free_choice: dict[int, NDArray[np.uint8]]
    before: dict[int, int]
    block: int

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[BlocksPart]:
        """See `Task`."""
        found = []
        for number in shards:
            indptr, chosen = self.chosen(number, threads)
            before = self.before[number]
            wanted = np.arange(
                (before // self.block + 1) * self.block, before + len(chosen) + 1, self.block
            )
            ends = np.searchsorted(indptr, wanted - before, side="left")
            found.append(BlocksPart(np.packbits(chosen), ends, indptr[ends]))
        return found

    def chosen(self, number: int, threads: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """List the choices of one shard.

        Parameters
        ----------
        number : int
            Of the shard.
        threads : int

        Returns
        -------
        indptr : ndarray of int64, shape (n + 1,)
            Where each customer's candidates begin.
        chosen : ndarray of uint8
            1 for each candidate that is allocated, else 0.
        """
        engine, free = self.recipe.engine(number, threads), self.free[number]
        indptr = engine.shard.indptr
        choice, _ = engine.choose(self.price)
        positions = positions_of(indptr, free)
        choice[positions] = np.unpackbits(self.free_choice[number], count=len(positions))
        return indptr, choice


def joined_blocks(
    parts: Iterator[tuple[ShardEntry, BlocksPart]], customers: int
) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Put choices of shards together as blocks that do not depend on shards.

    Parameters
    ----------
    parts : iterator of (ShardEntry, BlocksPart)
        In order.
    customers : int
        Of all shards.

    Yields
    ------
    start, stop : int
        Customers of the block, start <= i < stop.
    chosen : ndarray of uint8
        Choice of their candidates.
    """
    start, waiting = 0, list[NDArray[np.uint8]]()
    for entry, part in parts:
        chosen, done = np.unpackbits(part.packed, count=entry.candidates), 0
        for customer, end in zip(part.customers.tolist(), part.candidates.tolist(), strict=True):
            waiting.append(chosen[done:end])
            if entry.first + customer > start:
                yield start, entry.first + customer, np.concatenate(waiting)
                start, waiting = entry.first + customer, []
            done = end
        waiting.append(chosen[done:])
    if start < customers:
        yield start, customers, np.concatenate(waiting)

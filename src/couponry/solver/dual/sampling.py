"""Samples of customers: nested, spread evenly over the customers' order, the same for every run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...kernels.hashing import scatter
from ..problem import Problem
from .lagrangian import Lagrangian

FIRST_SAMPLE = 1 << 19  # candidates in the smallest sample, at least ...
FOR_A_PRICE = 200  # ... and for each price: what a few coupons ask for says little of all
GROWTH = 4  # from one sample to the next
LARGEST = 32  # customers in all for each in the largest sample, at least
# candidates of the samples that are looked at closely: at least, as a share, and at most
CURVATURE_LOOK = 1 << 19, 1 / 256, 1 << 21
MANY_PRICES = 1 / 64  # as a share, where there are not enough for each price otherwise
START_LOOK = 1 << 20, 1 / 64, 1 << 22
WORTH_A_LOOK = 4.0  # customers in all for each in a sample that is looked at before everybody
PROOF_LOOK = 1 << 20, 1 / 32, 1 << 21
REGRET_LOOK = 1 << 21, 1 / 32, 1 << 22


class Samples:
    """The samples of an engine's customers, the smallest first, gathered when asked for; none for small problems.

    prices: that are to be found from them.
    """

    def __init__(self, engine: Engine, prices: int):
        self._engine = engine
        self._prices = prices
        self._gathered: dict[int, Engine] = {}  # by level
        self._close: dict[int, Engine] = {}  # by size
        sizes = []
        smallest = max(FIRST_SAMPLE, FOR_A_PRICE * prices)
        size = smallest * engine.customers // max(1, engine.candidates)
        while size > 0 and LARGEST * size < engine.customers:
            sizes.append(size)
            size *= GROWTH
        self._customers = nested_samples(engine.customers, sizes, GROWTH)

    def __len__(self) -> int:
        return len(self._customers)

    def dual(self, problem: Problem, level: int) -> Lagrangian:
        """The dual over one of them, scaled up to everybody."""
        customers = self._customers[level]
        if level not in self._gathered:
            self._gathered[level] = self._engine.sample(customers)
        return Lagrangian(problem, self._gathered[level], self._engine.customers / len(customers))

    def for_start(self, problem: Problem) -> list[Lagrangian]:
        """The dual over a small sample and over a larger one, for prices that are near to begin with."""
        small = self._look(problem, (FIRST_SAMPLE, 0.0, FIRST_SAMPLE))
        larger = self._look(problem, START_LOOK)
        if self._customers and len(self._customers[-1]) > larger.engine.customers:
            larger = self.dual(problem, len(self) - 1)
        different = [small] if small.scale > larger.scale else []
        return [sample for sample in (*different, larger) if sample.scale >= WORTH_A_LOOK]

    def for_curvature(self, problem: Problem) -> Lagrangian:
        """The dual over a sample that is small enough for its curvature to be taken often, or over everybody."""
        least, share, most = CURVATURE_LOOK
        for_prices = min(FOR_A_PRICE * self._prices, int(MANY_PRICES * self._engine.candidates))
        return self._look(problem, (max(least, for_prices), share, most))

    def for_proofs(self, problem: Problem) -> Lagrangian:
        """The dual over a sample in which prices that prove something are found, or over everybody."""
        return self._look(problem, PROOF_LOOK)

    def for_regrets(self, problem: Problem) -> Lagrangian:
        """The dual over a sample that is small enough for everything in it to be sorted, or over everybody."""
        return self._look(problem, REGRET_LOOK)

    def _look(self, problem: Problem, candidates: tuple[int, float, int]) -> Lagrangian:
        engine = self._engine
        least, share, most = candidates
        wanted = min(max(least, share * engine.candidates), most)
        size = int(wanted / max(1.0, engine.candidates / max(1, engine.customers)))
        if 2 * size > engine.customers:
            return Lagrangian(problem, engine)
        if size not in self._close:
            self._close[size] = engine.sample(nested_samples(engine.customers, [size], 1)[0])
        return Lagrangian(problem, self._close[size], engine.customers / size)


def nested_samples(customers: int, sizes: list[int], growth: int) -> list[NDArray[np.int64]]:
    """Customer numbers of a sample of each size, ascending; a smaller sample's customers are among a larger one's.

    One customer is drawn from each of as many equal stretches of the customers' order (systematic sampling; Madow
    1944), so that whatever the order goes with is represented evenly. sizes: rising by the factor `growth`.
    """
    if not sizes:
        return []
    largest = sizes[-1]
    edge = np.arange(largest + 1) * customers // largest
    samples = [edge[:-1] + _drawn(largest, np.diff(edge))]
    for size in reversed(sizes[:-1]):
        last = samples[0]
        which = np.arange(size) * growth
        samples.insert(0, last[which + _drawn(size, np.full(size, growth))])
    return samples


def _drawn(size: int, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number below `among` for each of `size` stretches."""
    high = scatter(np.arange(size, dtype=np.uint64)) >> np.uint64(33)
    return ((high * among.astype(np.uint64)) >> np.uint64(31)).astype(np.int64)

"""Samples of customers: nested, spread evenly over the customers' order, the same for every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...engines.local import LocalEngine
from ...engines.protocol import Engine
from ...engines.workers import even_cuts, share_out
from ...kernels.hashing import scatter
from ..options import SampleSize, SamplingOptions, SolverOptions
from ..problem import Problem
from .lagrangian import Lagrangian

DRAWN_TOGETHER = 1 << 14
"""Customers that a thread draws together."""


class Samples:
    """The samples of an engine's customers, the smallest first, gathered when asked for; none for small problems.

    Parameters
    ----------
    engine : Engine
    prices : int
        Number of prices that are to be found from them.
    options : SamplingOptions
    """

    def __init__(self, engine: Engine, prices: int, options: SamplingOptions):
        self._engine = engine
        self._prices = prices
        self._options = options
        self._gathered: dict[int, Engine] = {}  # by level
        self._gathered_by_size: dict[int, Engine] = {}
        sizes = []
        smallest = max(options.first_candidates, options.candidates_per_price * prices)
        size, most = (
            candidates * engine.customers // max(1, engine.candidates)
            for candidates in (min(smallest, options.most_candidates), options.most_candidates)
        )
        while 0 < size <= most and options.customers_per_sampled * size < engine.customers:
            sizes.append(size)
            size *= options.growth
        if not sizes and 0 < options.customers_per_only_sampled * size < engine.customers:
            sizes = [size]
        self._customers = nested_samples(engine.customers, sizes, options.growth, engine.threads)

    def __len__(self) -> int:
        return len(self._customers)

    def dual(self, problem: Problem, level: int) -> Lagrangian:
        """The dual over one of the nested samples, scaled up to everybody; level 0 is the smallest."""
        customers = self._customers[level]
        if level not in self._gathered:
            if self._engine.is_streamed:
                self._gather(self._curvature, self._options.regret)
            else:
                self._gathered[level] = self._engine.samples([customers])[0]
        return Lagrangian(problem, self._gathered[level], self._engine.customers / len(customers))

    def for_start(self, problem: Problem) -> list[Lagrangian]:
        """The dual over a small sample and over a larger one, for prices that are near to begin with."""
        return [dual() for dual in self._for_start(problem)]

    def first_for_start(self, problem: Problem) -> Lagrangian | None:
        """The first of `for_start`, if there is one; the other one is gathered where somebody asks for it."""
        return next((dual() for dual in self._for_start(problem)), None)

    def _for_start(self, problem: Problem) -> list[Callable[[], Lagrangian]]:
        """What makes them: nothing is gathered before."""
        options, everybody = self._options, self._engine.customers
        small, larger = (self._sampled(size) for size in (self._small, options.warm_start))
        of_larger = partial(self._dual_of_size, problem, options.warm_start)
        if self._customers and len(self._customers[-1]) > larger:
            larger = len(self._customers[-1])
            of_larger = partial(self.dual, problem, len(self) - 1)
        sizes = [(larger, of_larger)]
        if small < larger:
            sizes.insert(0, (small, partial(self._dual_of_size, problem, self._small)))
        least = options.customers_per_warm_sampled
        return [make for size, make in sizes if everybody / max(1, size) >= least]

    def for_known_curvature(self, problem: Problem) -> list[Lagrangian]:
        """The dual over the sample that says most of prices that are near, where steps need no curvature from one."""
        regrets = self.for_regrets(problem)
        if regrets.scale >= self._options.customers_per_warm_sampled:
            return [regrets]
        return self.for_start(problem)[-1:]

    def for_curvature(self, problem: Problem) -> Lagrangian:
        """The dual over a sample that is small enough for its curvature to be taken often, or over everybody."""
        return self._dual_of_size(problem, self._curvature)

    def for_tied_prices(self, problem: Problem, prices: int) -> Lagrangian:
        """The dual over a sample that is large enough for so many prices, or over everybody."""
        options = self._options
        least = max(options.first_candidates, options.candidates_per_price * prices)
        size = SampleSize(least, 0.0, options.most_candidates)
        return self._dual_of_size(problem, size)

    def for_sizes(self, problem: Problem, known: Lagrangian, options: SolverOptions) -> Lagrangian:
        """A sample that tells how large things are where no nested ones do and passes are dear, else what is known."""
        is_quick = problem.candidates <= options.sizes.in_memory_candidates
        if len(self) or is_quick or len(problem.lower) < options.tied_prices.prices:
            return known
        return self.for_tied_prices(problem, problem.objective.shape[2])

    def for_proofs(self, problem: Problem) -> Lagrangian:
        """The dual over a sample in which prices that prove something are found, or over everybody."""
        return self._dual_of_size(problem, self._options.proof)

    def for_regrets(self, problem: Problem, size: SampleSize | None = None) -> Lagrangian:
        """The dual over a sample, of the usual size, whose regrets are all counted, or over everybody."""
        return self._dual_of_size(problem, size or self._options.regret)

    def _asked_together(self, wanted: SampleSize) -> tuple[SampleSize, ...]:
        """Samples that are asked for after one of a size: prices that are near are moved on two of them."""
        options = self._options
        if wanted in (self._small, options.warm_start):
            return self._small, options.warm_start, self._curvature, options.regret
        return ()

    @property
    def _small(self) -> SampleSize:
        """The smaller sample to start from."""
        least = self._options.first_candidates
        return SampleSize(least, 0.0, least)

    @property
    def _curvature(self) -> SampleSize:
        """The sample for curvature."""
        options = self._options
        for_prices = options.candidates_per_price * self._prices
        for_prices = min(for_prices, int(options.curvature_price_share * self._engine.candidates))
        size = options.curvature
        return replace(size, at_least=max(size.at_least, for_prices))

    def _dual_of_size(self, problem: Problem, wanted: SampleSize) -> Lagrangian:
        """The dual over a sample of about so many candidates, or over everybody if that is most of them."""
        engine, size = self._engine, self._customers_of_size(wanted)
        if 2 * size > engine.customers:
            return Lagrangian(problem, engine)
        if size not in self._gathered_by_size:
            if engine.is_streamed:
                self._gather(wanted, *self._asked_together(wanted))
            else:
                customers = nested_samples(engine.customers, [size], 1, engine.threads)
                self._gathered_by_size[size] = engine.samples(customers)[0]
        return Lagrangian(problem, self._gathered_by_size[size], engine.customers / size)

    def _customers_of_size(self, wanted: SampleSize) -> int:
        """Customers of a sample of about so many candidates."""
        engine = self._engine
        candidates = min(max(wanted.at_least, wanted.share * engine.candidates), wanted.at_most)
        return int(candidates / max(1.0, engine.candidates / max(1, engine.customers)))

    def _sampled(self, wanted: SampleSize) -> int:
        """Customers that the dual over a sample of about so many candidates is over: everybody if that is most."""
        size, everybody = self._customers_of_size(wanted), self._engine.customers
        return everybody if 2 * size > everybody else size

    def let_go(self) -> None:
        """Let go of samples that are held in this process; they are gathered again where somebody asks."""
        held: list[object] = []
        for gathered in (self._gathered, self._gathered_by_size):
            for size in [size for size, engine in gathered.items() if not engine.is_streamed]:
                held += _large_parts(gathered.pop(size))

        def free(worker: int, start: int, stop: int) -> None:
            held[start:stop] = [None] * (stop - start)  # the system takes its time

        share_out(free, np.arange(len(held) + 1), self._engine.threads)

    def _gather(self, *wanted: SampleSize) -> None:
        """Gather samples that have not been yet, since many cost no more reads than one."""
        everybody, gathered = self._engine.customers, self._gathered_by_size
        sizes = sorted({self._customers_of_size(size) for size in wanted} - set(gathered))
        sizes = [size for size in sizes if 2 * size <= everybody]
        threads = self._engine.threads
        by_size = [nested_samples(everybody, [size], 1, threads)[0] for size in sizes]
        levels = set(range(len(self._customers))) - set(self._gathered)
        nested = {level: self._customers[level] for level in sorted(levels)}
        found = iter(self._engine.samples([*nested.values(), *by_size]))
        self._gathered |= {level: next(found) for level in nested}
        gathered |= {size: next(found) for size in sizes}


def _large_parts(engine: Engine) -> list[object]:
    """What takes long to be let go of: an engine's arrays, or itself."""
    if isinstance(engine, LocalEngine):
        return [engine.shard.item, engine.shard.quantity, *engine.brief.arrays()]
    return [engine]


def nested_samples(
    customers: int, sizes: list[int], growth: int, threads: int = 1
) -> list[NDArray[np.int64]]:
    """Draw a sample of each size; a smaller sample's customers are among a larger one's.

    One customer is drawn from each of as many equal stretches of the customers' order, so that whatever the order goes
    with is represented evenly.

    Parameters
    ----------
    customers : int
        How many there are.
    sizes : list of int
        Customers of each sample, rising by the factor `growth`.
    growth : int
    threads : int, default 1

    Returns
    -------
    list of ndarray of int64
        Customer numbers of each sample, ascending.

    References
    ----------
    Madow, Madow, "On the theory of systematic sampling", 1944.
    """
    if not sizes:
        return []
    samples = [_stretches_drawn_from(customers, sizes[-1], threads)]
    for size in reversed(sizes[:-1]):
        samples.insert(0, _drawn_from(samples[0], size, growth, threads))
    return samples


def _stretches_drawn_from(customers: int, size: int, threads: int) -> NDArray[np.int64]:
    """A customer from each of so many stretches of all customers' order."""
    found = np.empty(size, np.int64)

    def work(worker: int, start: int, stop: int) -> None:
        edge = np.arange(start, stop + 1) * customers // size
        found[start:stop] = edge[:-1] + _drawn(start, edge[1:] - edge[:-1])

    share_out(work, even_cuts(size, DRAWN_TOGETHER), threads)
    return found


def _drawn_from(
    larger: NDArray[np.int64], size: int, growth: int, threads: int
) -> NDArray[np.int64]:
    """One from each of so many stretches of a larger sample."""
    found = np.empty(size, np.int64)

    def work(worker: int, start: int, stop: int) -> None:
        own = np.full(stop - start, growth)
        found[start:stop] = larger[np.arange(start, stop) * growth + _drawn(start, own)]

    share_out(work, even_cuts(size, DRAWN_TOGETHER), threads)
    return found


def _drawn(first: int, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number below `among` for each stretch from one on."""
    stretch = np.arange(first, first + len(among), dtype=np.uint64)
    high = scatter(stretch) >> np.uint64(33)
    return ((high * among.astype(np.uint64)) >> np.uint64(31)).astype(np.int64)

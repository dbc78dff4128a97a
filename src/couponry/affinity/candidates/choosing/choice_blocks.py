"""Runs a choice of offers in blocks of customers, by several threads, with the same offers for any of them."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ....kernels.affinity_contract import Chosen, OfferScoring
from ....utils.arrays.working_memory import WorkingMemory
from ....utils.parallel import parallel_map
from ....utils.threads import thread_count
from ..top_offers import TopOffers
from .choice_inputs import check_columns, check_finite

BLOCK_PAIRS = 1 << 17
"""Purchases, and at most as many customers, that are worked on at a time."""

BLOCK_FACTORS = 1 << 20
"""Factors of customers that are worked on at a time, in blocks of at most BLOCK_PAIRS customers."""


class ChoiceBlocks:
    """The blocks of a choice of offers.

    Parameters
    ----------
    kernels : module
        Kernels that need not look at what arrays hold.
    scoring : OfferScoring
        Everything but items and numbers of customers has been looked at; these are where they are read.
    width : int
        Offers that a customer gets at most.
    threads : int, optional
        Threads that work; default: the cores that may be used.
    """

    def __init__(self, kernels: ModuleType, scoring: OfferScoring, width: int, threads: int | None):
        self._kernels, self._scoring, self._width = kernels, scoring, width
        self._threads = thread_count(threads)

    def each(self) -> Iterator[TopOffers]:
        """Choose offers, some customers at a time.

        Returns
        -------
        iterator of TopOffers
        """

        def choose_block(block: tuple[int, int]) -> TopOffers:
            chosen = Chosen.new(block[1] - block[0], self._width)
            return _top_offers(block[0], self._run(*block, chosen))

        return parallel_map(choose_block, self._blocks(), self._threads)

    def whole(self, memory: WorkingMemory | None = None) -> TopOffers:
        """Choose the offers of all customers at once.

        Parameters
        ----------
        memory : WorkingMemory, optional
            Where they are, until this thread chooses again; default: arrays of their own.

        Returns
        -------
        TopOffers
        """
        customers = len(self._scoring.bought.indptr) - 1
        if memory is None:
            everybody = Chosen.new(customers, self._width)
        else:
            everybody = _room_within(memory, customers, self._width)

        def choose_block(block: tuple[int, int]) -> None:
            self._run(*block, everybody.part(*block, self._width))

        blocks = list(self._blocks())
        if self._threads == 1:  # who asks has nothing else to do
            for block in blocks:
                choose_block(block)
        else:
            for _ in parallel_map(choose_block, blocks, self._threads):
                pass
        _close_gaps(everybody, blocks, self._width)
        return _top_offers(0, everybody)

    def _blocks(self) -> Iterator[tuple[int, int]]:
        factors = len(self._scoring.factors.offer)
        longest = max(min(BLOCK_PAIRS, BLOCK_FACTORS // max(factors, 1)), 1)
        return _blocks(self._scoring.bought.indptr, longest)

    def _run(self, start: int, stop: int, chosen: Chosen) -> Chosen:
        """Choose the offers of the customers start <= i < stop into `chosen`."""
        bought, items = self._scoring.bought, len(self._scoring.similar.ptr) - 1
        part = slice(int(bought.indptr[start]), int(bought.indptr[stop]))
        check_columns(bought.item[part].view(np.int32), items, "purchases")
        check_finite(bought.weight[part], "purchases", part.start)
        factors = self._scoring.factors.customer
        check_finite(factors[start:stop].ravel(), "customer_factors", start * factors.shape[1])
        self._kernels.best_offers(self._scoring, start, stop, chosen)
        return chosen


def _room_within(memory: WorkingMemory, customers: int, width: int) -> Chosen:
    """Return room for `width` offers a customer in working memory."""
    room = (customers * width,)
    return Chosen(
        memory.array("number", (customers,), np.int32),
        memory.array("offer", room, np.int32),
        memory.array("role", room, np.uint8),
        memory.array("score", room, np.float32),
    )


def _top_offers(first: int, chosen: Chosen) -> TopOffers:
    count = int(chosen.number.sum())
    return TopOffers(
        first, chosen.number, chosen.offer[:count], chosen.role[:count], chosen.score[:count]
    )


def _close_gaps(chosen: Chosen, blocks: list[tuple[int, int]], width: int) -> None:
    """Move the offers of all blocks side by side; those of a block begin at its first customer times the width."""
    end = 0
    for start, stop in blocks:
        count, begin = int(chosen.number[start:stop].sum()), start * width
        if begin != end:
            for column in chosen[1:]:
                column[end : end + count] = column[begin : begin + count]
        end += count


def _blocks(indptr: NDArray[np.int64], longest: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of customers of about BLOCK_PAIRS purchases, and at most `longest` customers."""
    start, customers = 0, len(indptr) - 1
    while start < customers:
        stop = int(np.searchsorted(indptr, indptr[start] + BLOCK_PAIRS, side="right")) - 1
        stop = min(max(stop, start + 1), customers, start + longest)
        yield start, stop
        start = stop

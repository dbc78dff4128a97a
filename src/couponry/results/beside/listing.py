"""The backups of customers in a row, or of units: places among the campaign's candidates, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels import Backend
from ...model.campaign_checks import MOST_BACKUPS
from ...model.compiled_campaign import CompiledCampaign
from ...utils.arrays.blocks import row_blocks
from .messages_in_place import MessagesInPlace
from .ranked_backups import PricedBlock, Ranked, block_of, rank_backups, reduced_amounts

COSTED_CANDIDATES = 1 << 17
"""Candidates and refunds that are looked at together where messages cost something: refunds make lists long."""


class Listed(NamedTuple):
    """The backups of customers in a row.

    Attributes
    ----------
    ranked : Ranked
        Candidates by their places in the campaign.
    worth : ndarray of float64, shape (n_backups,)
        At the prices of the limits, less what a message costs.
    """

    ranked: Ranked
    worth: NDArray[np.float64]


class BackupLists:
    """Lists backups at the prices of a campaign's limits.

    Parameters
    ----------
    compiled : CompiledCampaign
    prices : ndarray of float64, shape (n_rows,)
        Signed.
    backend : Backend
    threads : int
    seed : int
        Breaks ties.
    """

    def __init__(
        self,
        compiled: CompiledCampaign,
        prices: NDArray[np.float64],
        backend: Backend,
        threads: int,
        seed: int,
    ):
        self._compiled, self._backend = compiled, backend
        self._threads, self._seed = threads, seed
        self._reduced = reduced_amounts(compiled.problem, prices)

    def of(self, start: int, stop: int, chosen: NDArray[np.uint8]) -> Iterator[Listed]:
        """List the backups of customers, or units, ``start <= i < stop``, some of them at a time.

        Parameters
        ----------
        start, stop : int
        chosen : ndarray of uint8
            Which of their candidates are given, refunds among them where messages cost something.

        Yields
        ------
        Listed
        """
        costs = self._compiled.costs
        own = self._compiled.problem.shard.indptr[start : stop + 1]
        size = len(chosen) if costs is None else COSTED_CANDIDATES
        for first, last in row_blocks(own, max(1, size)):
            part = chosen[own[first] - own[0] : own[last] - own[0]]
            yield self._of_block(start + first, start + last, part)

    def _of_block(self, start: int, stop: int, chosen: NDArray[np.uint8]) -> Listed:
        """List the backups of few customers or units."""
        campaign, costs = self._compiled.campaign, self._compiled.costs
        block = block_of(self._compiled.problem, self._reduced, start, stop, chosen)
        if costs is None:
            ranked = self._ranked(block, campaign.backups)
            worth = block.value[ranked.at]
        else:
            messages = MessagesInPlace(costs, start, block)
            block = messages.priced()
            found = messages.without_refunds(self._ranked(block, MOST_BACKUPS), campaign.backups)
            ranked, worth = messages.among_candidates(found), block.value[found.at]
        begin = int(campaign.indptr[start])
        return Listed(ranked._replace(at=ranked.at + begin, coupon=ranked.coupon + begin), worth)

    def _ranked(self, block: PricedBlock, most: int) -> Ranked:
        """The backups of a block."""
        return rank_backups(block, most, self._backend, self._threads, self._seed)

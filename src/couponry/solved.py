"""What a result keeps of its solve, for questions that are asked of it later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .allocate.plan import Plan

if TYPE_CHECKING:
    from .campaign import Campaign, Compiled


@dataclass(frozen=True)
class Solved:
    """The campaign as it was solved, and what came of it.

    plan: the allocation, or None where there is none. prices: (L), signed, of the rows of `compiled.problem`; the
    bound is taken at them.
    """

    campaign: Campaign
    compiled: Compiled
    plan: Plan | None
    prices: NDArray[np.float64]

    def is_like(self, campaign: Campaign, compiled: Compiled) -> bool:
        """Whether another campaign has the same candidates, packed alike, the same segments and the same rules."""
        own, other = self.compiled.problem.shard, compiled.problem.shard
        same_packing = own.item is other.item and own.quantity is other.quantity
        channels = self.compiled.limits.channels == compiled.limits.channels
        return (
            same_packing
            and channels
            and self.campaign.rules is campaign.rules
            and np.array_equal(own.segment, other.segment)
        )

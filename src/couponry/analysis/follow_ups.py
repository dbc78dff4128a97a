"""Questions that solve again, as they are asked of a result: their options, and the campaign that answers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol, Self, TypedDict, Unpack

from ..model.campaign_data import CampaignData
from ..model.changes import LimitChanges, OfferChanges, RuleChanges
from ..model.limits import Limit
from ..model.rules import CustomerRule
from ..solver.options import SolverOptions
from ..utils.progress.cancel import CancelToken
from ..utils.progress.watch import Progress
from .compare import Comparison
from .frontier import Frontier


class FollowUpOptions(TypedDict, total=False):
    """How a question is solved; described at `couponry.Campaign.what_if`."""

    gap: float
    time_limit: float | None
    threads: int | None
    solver_options: SolverOptions | None
    progress: Progress
    cancel: CancelToken | None


class WhatIfOptions(FollowUpOptions, total=False):
    """Arguments of `couponry.Campaign.what_if`, which describes them."""

    limits: LimitChanges | None
    drop_limits: Iterable[str]
    add_limits: Iterable[Limit]
    offers: OfferChanges | None
    rules: RuleChanges | None
    drop_rules: Iterable[str]
    add_rules: Iterable[CustomerRule]


class FrontierOptions(FollowUpOptions, total=False):
    """Arguments of `couponry.Campaign.frontier`, which describes them."""

    factors: Sequence[float] | None
    side: Literal["min", "max"] | None
    group: object


class AskedCampaign(Protocol):
    """What answers: `couponry.Campaign`."""

    @classmethod
    def from_data(cls, data: CampaignData) -> Self:
        """Make the campaign of its tables, rules and limits.

        Parameters
        ----------
        data : CampaignData
        """

    def what_if(self, result: Any = None, **changes: Unpack[WhatIfOptions]) -> Comparison:
        """See `couponry.Campaign.what_if`."""

    def frontier(
        self,
        limit: str,
        bounds: Sequence[float] | None = None,
        *,
        result: Any = None,
        **options: Unpack[FrontierOptions],
    ) -> Frontier:
        """See `couponry.Campaign.frontier`."""

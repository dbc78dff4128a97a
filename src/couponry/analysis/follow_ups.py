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
from .binding import PricedSolution
from .compare import Comparison
from .frontier import Frontier


class FollowUpOptions(TypedDict, total=False):
    """How a question is solved; described at `couponry.Campaign.what_if`."""

    gap: float | None
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


class AskedSolution(PricedSolution):
    """A solution that passes questions which solve again on to its campaign."""

    _asked_of: type[AskedCampaign] | None = None
    """`couponry.Campaign`, which answers."""

    def what_if(self, **changes: Unpack[WhatIfOptions]) -> Comparison:
        """Compare the campaign with the same one under other bounds, offers, limits or rules.

        Parameters
        ----------
        **changes
            As `Campaign.what_if` takes them: ``limits={"budget": {"max": "+10 %"}}``, for instance.

        Returns
        -------
        Comparison
            Its `campaign` is the changed one, for the next question.

        Raises
        ------
        InvalidInput
            For a change of something that is not there.
        """
        return self._campaign().what_if(self, **changes)

    def frontier(
        self,
        limit: str,
        bounds: Sequence[float] | None = None,
        **options: Unpack[FrontierOptions],
    ) -> Frontier:
        """Find the best objective over a range of one limit's bound, each from its neighbour's prices.

        Parameters
        ----------
        limit : str
            Name of the limit.
        bounds : sequence of float, optional
            Bounds to try.
        **options
            As `Campaign.frontier` takes them: ``factors=[0.9, 1.1]`` in place of bounds, for instance.

        Returns
        -------
        Frontier
            Infeasible bounds are rows of it.

        Raises
        ------
        InvalidInput
            If there is no such limit or bound.
        """
        return self._campaign().frontier(limit, bounds, result=self, **options)

    def _campaign(self) -> AskedCampaign:
        """The campaign, as something that can be solved again."""
        assert self._asked_of is not None, "results are made by campaigns"
        return self._asked_of.from_data(self.campaign)

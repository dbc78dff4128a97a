"""The same campaign solved again after a change, from the prices that are known."""

from __future__ import annotations

from ..model.campaign_data import CampaignData
from ..results.options import SolveOptions
from ..results.solution import CampaignSolution
from ..results.solve import solve
from ..utils.errors import InvalidInput


def solve_again(
    campaign: CampaignData,
    before: CampaignSolution,
    *,
    gap: float,
    time_limit: float | None,
    threads: int | None,
) -> CampaignSolution:
    """Solve a campaign that is much like another, starting where that one's solution ended.

    Seed and backend are those of `before`, and threads where None is given.
    """
    options = SolveOptions(
        gap=gap,
        time_limit=time_limit,
        threads=threads or before.threads,
        seed=before.seed,
        backend=before.backend,
        start=before if before.limits is not None else None,
    )
    return solve(campaign, options)


def check_is_of(campaign: CampaignData, solution: object) -> None:
    """Refuse a solution that is not of this campaign.

    Raises
    ------
    InvalidInput
    """
    if not isinstance(solution, CampaignSolution):
        raise InvalidInput(
            f"result: expected a result of this campaign, got {type(solution).__name__}"
        )
    if solution.campaign.candidates is not campaign.candidates:
        raise InvalidInput("result: expected one of this campaign, solved in this session")
    if not campaign.is_same_as(solution.campaign):
        raise InvalidInput(
            "result: expected one of this campaign, got one of a campaign with other offers, limits or rules; "
            "ask that campaign, such as `comparison.campaign` of a what-if"
        )

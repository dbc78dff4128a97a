"""Solves a changed campaign again, from the prices that are known."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.campaign_data import CampaignData
from ..results.options import SolveOptions
from ..results.solution import CampaignSolution
from ..results.solve import solve
from ..solver.options import SolverOptions
from ..utils.errors import InvalidInput


@dataclass(frozen=True)
class FollowUpSolver:
    """Solves campaigns that are much like one another, each from the prices of the last.

    Attributes
    ----------
    gap : float or None
        Stop at this relative distance between objective and bound; None: what the solve before was asked for.
    time_limit : float or None
        Seconds for each solve.
    threads : int or None
        None: as many as the solve before.
    solver_options : SolverOptions or None
        None: those of the solve before.
    """

    gap: float | None
    time_limit: float | None
    threads: int | None
    solver_options: SolverOptions | None = None

    def is_answered_by(self, solution: CampaignSolution) -> bool:
        """Tell whether a campaign's solution is as good as another solve need find.

        Parameters
        ----------
        solution : CampaignSolution

        Returns
        -------
        bool
            It proves that nothing is feasible, or is within the asked gap.
        """
        asked = solution.asked_gap if self.gap is None else self.gap
        is_close = solution.gap is not None and solution.gap <= asked
        return solution.status == "infeasible" or is_close

    def solve(self, campaign: CampaignData, before: CampaignSolution) -> CampaignSolution:
        """Solve a campaign, starting where the solution of another one ended.

        Parameters
        ----------
        campaign : CampaignData
        before : CampaignSolution
            Of a campaign with the same candidates. Seed and backend are taken from it.

        Returns
        -------
        CampaignSolution
        """
        options = SolveOptions(
            gap=before.asked_gap if self.gap is None else self.gap,
            time_limit=self.time_limit,
            threads=self.threads or before.threads,
            seed=before.seed,
            backend=before.backend,
            start=before if before.limits is not None else None,
            solver=self.solver_options or before.solver_options,
        )
        return solve(campaign, options)


def check_is_of(campaign: CampaignData, solution: object) -> None:
    """Refuse a solution that is not of this campaign.

    Parameters
    ----------
    campaign : CampaignData
        The campaign that is asked.
    solution : object
        What the user says is its solution.

    Raises
    ------
    InvalidInput
        If it is of another campaign, or of a changed one.
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

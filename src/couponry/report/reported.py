"""`ReportedSolution`: a solution with its charts and its report, which `couponry.Result` adds questions to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..analysis.frontier import Frontier
from ..analysis.price_ranges import PriceRanges
from ..results.solution import CampaignSolution
from .page import write_report
from .plots import Plots


class ReportedSolution(CampaignSolution):
    """A solved campaign that can be shown to people."""

    @property
    def plot(self) -> Plots:
        """Charts for notebooks: ``result.plot.limits()``, ``result.plot.by("supplier")`` and so on."""
        return Plots(self)

    def report(
        self,
        path: str | Path,
        *,
        ranges: PriceRanges | None = None,
        frontiers: Sequence[Frontier] = (),
    ) -> Path:
        """Write a report for those who did not solve it: one page of HTML, for screens and for paper.

        It says what the allocation is worth and how close to the best, what of the limits was kept and what they cost,
        who gets what, and why ten customers got what they got; or what cannot hold together, and what would help.

        Parameters
        ----------
        path : str or Path
            File; replaced where it exists. It refers to nothing outside.
        ranges : PriceRanges, optional
            Of `price_ranges`, shown among what would help.
        frontiers : sequence of Frontier
            Of `Campaign.frontier`, shown among what would help.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InvalidInput
            If its folder does not exist, or it is a folder itself.
        """
        return write_report(self, path, ranges=ranges, frontiers=frontiers)

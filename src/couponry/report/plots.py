"""`Plots`: the charts of a result, one at a time, for notebooks."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from ..analysis.breakdown import breakdown, breakdowns_and_customers
from ..analysis.coupon_totals import SUMMED
from ..analysis.frontier import Frontier
from ..analysis.price_ranges import PriceRanges
from ..results.solution import CampaignSolution
from ..utils.errors import InvalidInput
from .chart import Chart
from .frontier_chart import frontier_chart
from .limit_charts import dearest_chart, limits_chart, ranges_chart
from .provenance import convergence_chart
from .sum_charts import breakdown_chart, coupons_per_customer_chart, holds_lists, offers_chart


class Plots:
    """The charts of a result's report; `Result.plot`.

    Each chart is shown by a notebook, written by `Chart.write`, and gives its numbers by `Chart.to_arrow`. Nothing has
    to be installed for it.

    Parameters
    ----------
    result : Result
        Of which the charts are.
    """

    def __init__(self, result: CampaignSolution):
        self._result = result

    def limits(self) -> Chart:
        """Show what was achieved against the bounds of limits, late ones first.

        Returns
        -------
        Chart
            First limits outside their bounds, then those that bind, by price times bound, then the others.

        Raises
        ------
        InvalidInput
            If the result has no allocation.
        """
        return limits_chart(self._limits("limits"))

    def dearest(self) -> Chart:
        """Show which limits cost most, by what one per cent of the bound is worth at most.

        Returns
        -------
        Chart
            The largest first.

        Raises
        ------
        InvalidInput
            If the result has no allocation.
        """
        return dearest_chart(self._limits("dearest"))

    def by(self, column: str, *, table: Literal["offers", "customers"] | None = None) -> Chart:
        """Show what the allocation comes to by a column of offers or customers, or by role.

        Parameters
        ----------
        column : str
            As for `Result.by`.
        table : {"offers", "customers"}, optional
            As for `Result.by`.

        Returns
        -------
        Chart
            The largest first, by what was maximised where that is a sum of the table, else by coupons.

        Raises
        ------
        InvalidInput
            If there is no such column, or the result has no allocation.
        """
        found = breakdown(self._result, column, table)
        by = SUMMED.get(self._result.campaign.value, "coupons")
        in_several = holds_lists(self._result.campaign.offers, column)
        return breakdown_chart(found, column, by, in_several=in_several)

    def coupons_per_customer(self) -> Chart:
        """Show how many customers got how many coupons.

        Returns
        -------
        Chart
            By number of coupons.

        Raises
        ------
        InvalidInput
            If the result has no allocation.
        """
        return coupons_per_customer_chart(breakdowns_and_customers(self._result, ())[1].coupons)

    def coupons_per_offer(self) -> Chart:
        """Show how often each offer was given.

        Returns
        -------
        Chart
            The largest first.

        Raises
        ------
        InvalidInput
            If the result has no allocation.
        """
        found = breakdown(self._result, "offer", "offers")
        return offers_chart(found, self._result.campaign.offers)

    def convergence(self) -> Chart:
        """Show how bound and objective became better, after so many passes.

        Returns
        -------
        Chart
            One row for each step, or for some of many.
        """
        return convergence_chart(self._result)

    def frontier(self, frontier: Frontier) -> Chart:
        """Show the best objective over the bound of a limit.

        Parameters
        ----------
        frontier : Frontier
            Of `Campaign.frontier`.

        Returns
        -------
        Chart
            A line, and its table.
        """
        return frontier_chart(frontier)

    def price_ranges(self, ranges: PriceRanges) -> Chart:
        """Show what moves of bounds are worth.

        Parameters
        ----------
        ranges : PriceRanges
            Of `Result.price_ranges`.

        Returns
        -------
        Chart
            One row for each limit and direction.
        """
        return ranges_chart(ranges)

    def _limits(self, asked: str) -> pa.Table:
        if self._result.limits is None:
            raise InvalidInput(
                f"plot: {asked}: expected an allocation, got a result that is {self._result.status}"
            )
        return self._result.limits

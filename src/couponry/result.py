"""`Result`: a solved campaign as its user holds it, and what can be asked of it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from .analysis.decisions import Explanation
from .analysis.explain import explain_result
from .analysis.price_ranges import PriceRanges, RangeOptions, price_ranges
from .campaign_folder.write import write_result
from .results.allocation import Allocation
from .results.solution import CampaignSolution
from .utils.html import facts_table


class Result(CampaignSolution):
    """A solved campaign: allocation, limits, certificate, and what can be asked of them.

    Fields are those of `CampaignSolution`: `status`, `message`, `objective`, `objective_error`, `bound`, `gap`,
    `max_violation`, `allocated`, `customers`, `candidates`, `customers_below_min`, `customers_without_mandatory`,
    `customers_cut_off`, `full_passes`, `nit`, `method`, `seconds`, `peak_memory_bytes`, `threads`, `backend`,
    `engine`, `seed`, `version`, `name`, `allocation`, `limits` and `infeasible`.
    """

    @classmethod
    def of(cls, solution: CampaignSolution) -> Result:
        """The solution with everything that can be asked of it."""
        return cls(**vars(solution))

    @property
    def coupons(self) -> Allocation | None:
        """Deprecated name of `allocation`."""
        warnings.warn(
            "Result.coupons is now called Result.allocation", DeprecationWarning, stacklevel=2
        )
        return self.allocation

    def explain(self, customer: Any) -> Explanation:
        """Why a customer got these coupons and not others: value, prices paid, what decided, the runner-up.

        Parameters
        ----------
        customer : int or str
            Its id. Only its own candidates are looked at.

        Raises
        ------
        InvalidInput
            For a customer without candidates, or where there is no allocation.
        """
        return explain_result(self, customer)

    def price_ranges(
        self,
        limits: Any = None,
        *,
        most: int = 20,
        move: float = 0.01,
        tolerance: float = 0.05,
        threads: int | None = None,
        time_limit: float | None = None,
    ) -> PriceRanges:
        """Say how far the prices of limits hold.

        Each limit's bound is moved up and down by a share, and the campaign is decided again.

        Parameters
        ----------
        limits : str, list of str or of (str, str), optional
            Names, or (name, group) pairs. Default: the `most` binding ones with the largest price times bound. Ratios
            have no range.
        most : int
            Limits that are looked at by default.
        move : float
            Share of the bound. A shorter move is tried where the price does not hold as far.
        tolerance : float
            Share of the price by which the worth of a unit may differ from it.
        threads : int, optional
            Default: as many as the result was solved with.
        time_limit : float, optional
            Seconds; limits that are not reached are left out.

        Returns
        -------
        PriceRanges
            One row for each limit and direction.

        Raises
        ------
        InvalidInput
            If the result has no allocation, or a number or name is wrong.
        """
        options = RangeOptions(most, move, tolerance, threads, time_limit)
        return price_ranges(self, limits, options)

    def write(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write allocation.parquet, limits.parquet and result.json, or infeasible.json, into a new folder.

        The folder appears whole or not at all.

        Raises
        ------
        InvalidInput
            Where it exists, unless `overwrite` says to replace it.
        """
        return write_result(
            folder,
            self.allocation,
            self.limits,
            self.infeasible,
            self.as_dict(),
            overwrite=overwrite,
        )

    def _repr_html_(self) -> str:
        return facts_table(self.facts())

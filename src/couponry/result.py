"""`Result`: a solved campaign as its user holds it, and what can be asked of it."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from .analysis.breakdown import breakdown, per_customer
from .analysis.decisions import Explanation
from .analysis.explain import explain_result
from .analysis.fallen.replacements import Replacements, replacements
from .analysis.follow_ups import AskedCampaign, AskedSolution
from .analysis.late.late_decisions import LateDecisions
from .analysis.late.prices import Prices
from .analysis.late.room import Room
from .analysis.late.together.of_result import with_members
from .analysis.price_ranges import PriceRanges, RangeOptions, price_ranges
from .campaign_folder.exact_files import ExactSolution
from .campaign_folder.write import write_result
from .data.table_view import TableView
from .data.tables import as_table
from .report.reported import ReportedSolution
from .results.allocation import PART_ROWS, Allocation
from .results.exact_solution import exact_arrays, exact_head
from .results.solution import CampaignSolution
from .utils.html import facts_table
from .utils.table_types import Table
from .utils.threads import thread_count

FEW_COUPONS = 1 << 20
"""Coupons of a result up to which its backups, which may be several times as many, are held while they are written."""


class Result(ReportedSolution, AskedSolution):
    """A solved campaign: allocation, limits, certificate, and what can be asked of them.

    `Campaign.solve` returns it. It does not change.

    Attributes
    ----------
    status : {"optimal", "feasible", "infeasible", "unsolved"}
        Within the asked gap; stopped earlier; proved that nothing is feasible; stopped with no feasible allocation.
    message : str
        The same in a sentence.
    objective : float or None
        Sum of the value column over the coupons given, less the penalties of soft limits and what messages cost; never
        more than that.
    objective_error : float or None
        Rounding bound: the true objective lies in [objective, objective + objective_error].
    bound : float or None
        No allocation is worth more.
    gap : float or None
        (bound - objective) / abs(bound).
    asked_gap : float
        The gap that was asked for.
    max_violation : float or None
        Largest violation of a hard limit, in that limit's own unit.
    allocated, customers, candidates, customers_with_coupons : int
        Coupons given, customers, candidates, and customers with at least one coupon, who are counted at first use.
    customers_below_min : int
        Customers who cannot have as many coupons as their rules ask for.
    customers_without_mandatory : int
        Customers who cannot have all that is mandatory for them.
    customers_cut_off : int
        Customers whose search for the best choice was cut off; the bound makes up for that.
    full_passes : float
        Passes over all candidates; samples count by their share.
    nit : int
        Evaluations of the dual.
    method : {"dual", "dual+milp"}
        The second where HiGHS decided what prices left open.
    seconds : dict of str to float
        By stage.
    peak_memory_bytes, threads : int
        Of the solve.
    backend, engine : str
        What ran the passes.
    seed : int
        What ties were broken by.
    version, name : str
        Of couponry, and of the campaign.
    previous : dict of str to int, or None
        Of an earlier plan that the campaign names: how many `pairs` it gave, how many of them are still `candidates`,
        how many `stayed` and `left`, and how many others `came`.
    allocation : Allocation or None
        One row for each coupon given, made when asked for.
    backups : Backups or None
        What comes next for each customer where a coupon falls out, made when asked for; None where the campaign asks
        for none.
    limits : TableView or None
        One row for each limit and group: `name`, `group`, `sum`, `min`, `max`, `achieved`, `error`, `price`,
        `second_sum`, `binding` and `mode`; the campaign format describes them.
    infeasible : dict or None
        The conflict, as infeasible.json has it.
    message_costs : float
        What the coupons given cost as messages, under rules that say so.
    convergence : dict of str to list
        After so many `passes` the `bound` and the `objective`, None where not known yet; empty with soft ratios.
    findings : list of Finding
        What the campaign says and was probably not meant; see `Campaign.check`.

    Examples
    --------
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> result = couponry.Campaign(offers, candidates, limits=[couponry.Limit("in all", max=2)]).solve()
    >>> result.status, result.objective
    ('optimal', 5.0)
    >>> result.limits.select(["name", "achieved"]).to_pylist()
    [{'name': 'in all', 'achieved': 2.0}]
    """

    @classmethod
    def from_solution(
        cls, solution: CampaignSolution, asked_of: type[AskedCampaign] | None = None
    ) -> Result:
        """Return a solution with everything that can be asked of it.

        Parameters
        ----------
        solution : CampaignSolution
            What `couponry.results.solve` found.
        asked_of : type, optional
            `couponry.Campaign`, of which questions are asked that solve again.

        Returns
        -------
        Result
            It shares all parts.
        """
        result = cls.__new__(cls)
        vars(result).update(vars(solution), _asked_of=asked_of)
        return result

    @property
    def coupons(self) -> Allocation | None:
        """Deprecated name of `allocation`."""
        warnings.warn(
            "Result.coupons is now called Result.allocation", DeprecationWarning, stacklevel=2
        )
        return self.allocation

    def explain(self, customer: int | str | uuid.UUID) -> Explanation:
        """Explain why a customer got these coupons and not others.

        Parameters
        ----------
        customer : int, str or uuid.UUID
            Id of the customer. Only its own candidates are looked at.

        Returns
        -------
        Explanation
            For each candidate: its value, the prices it pays, what decided, and what would come instead.

        Raises
        ------
        InvalidInput
            If the customer has no candidates, or the result no allocation.
        """
        return explain_result(self, customer)

    def by(self, column: str, *, table: Literal["offers", "customers"] | None = None) -> TableView:
        """Add the allocation up by a column of offers or customers, or by role.

        Parameters
        ----------
        column : str
            Name of the column, such as "supplier", "brand" or "segment", or "role". Where it holds lists a coupon
            counts in each group of its offer's list.
        table : {"offers", "customers"}, optional
            Whose column it is. Default: that of offers, or else that of customers.

        Returns
        -------
        TableView
            One row for each value of the column, ascending, also where nothing was given, and a last one, null, for
            coupons without a value: `coupons`, `customers` who got any of them, and sums of what coupons have:
            `redemptions` (of response), `cost` and `value`. The groups are in `group` where the column is called so.

        Raises
        ------
        InvalidInput
            If there is no such column, or the result has no allocation.

        Examples
        --------
        >>> import couponry
        >>> offers = {"offer": ["tea", "jam"], "supplier": ["A", "B"]}
        >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
        >>> result = couponry.Campaign(offers, candidates).solve()
        >>> result.by("supplier").to_pandas()
          supplier  coupons  customers  value
        0        A        2          2    5.0
        1        B        1          1    1.0
        """
        return TableView(breakdown(self, column, table))

    def replacements(self, cancelled: Table, *, threads: int | None = None) -> Replacements:
        """Decide again on customers some of whose coupons fell out, however many of one customer's.

        What is left stays; what comes is worth most at the prices, less what messages cost, under all rules, and no
        more than fell out.

        Parameters
        ----------
        cancelled : table
            `customer` and `offer` of what is not given after all. Without `customer`: offers, for everybody.
        threads : int, optional
            Default: as many as the result was solved with.

        Returns
        -------
        Replacements
            `come`, coupons that come, and `go`, those that are given no more.

        Raises
        ------
        InvalidInput
            If the result has no allocation, or the table names what there is not.

        Examples
        --------
        >>> import couponry
        >>> offers = {"offer": ["tea", "jam", "rice", "oil"]}
        >>> candidates = {"customer": [1] * 4, "offer": offers["offer"], "value": [4.0, 3.0, 2.0, 1.0]}
        >>> result = couponry.Campaign(offers, candidates, rules=[couponry.CustomerRule("slots", max=2)]).solve()
        >>> result.replacements({"offer": ["tea", "jam"]}).come["offer"].to_pylist()
        ['oil', 'rice']
        """
        table = as_table(cancelled, "cancelled")
        return replacements(self, table, self.threads if threads is None else thread_count(threads))

    def per_customer(self) -> TableView:
        """Add up what each customer got.

        Returns
        -------
        TableView
            One row for each customer who has candidates, in the order of their ids, also where nothing was given:
            `customer`, `coupons`, and sums of what coupons have: `redemptions` (of response), `cost` and `value`.

        Raises
        ------
        InvalidInput
            If the result has no allocation.
        """
        return TableView(per_customer(self))

    def price_ranges(
        self,
        limits: str | Iterable[str | tuple[str, str]] | None = None,
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

    def decide(
        self,
        candidates: Table,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        given: Table | None = None,
        room: Room | None = None,
        threads: int | None = None,
    ) -> LateDecisions:
        """Decide on customers who were not in the solve, at the prices of this result.

        `Prices.of(result)` does the same again and again, one at a time, and where the campaign is not at hand. What
        others of a late customer's household have by this result counts, as does the campaign's history of them all.

        Parameters
        ----------
        candidates, customers, history, given, room, threads : optional
            As `Prices.decide` takes them.

        Returns
        -------
        LateDecisions
            What they are given, and what of the limits' room that has used.

        Raises
        ------
        InvalidInput
            If the result has no allocation, a customer was in the solve, or something else is wrong.
        """
        decided, prices = self.campaign.candidates.customers, Prices.of(self)
        beside = with_members(self, customers, history, given)
        return prices.decide(
            candidates, *beside[:2], given=beside.given, room=room, threads=threads, decided=decided
        )

    def save(
        self, folder: str | Path, *, overwrite: bool = False, replace_solved: bool = False
    ) -> Path:
        """Save the result as a folder, of which `couponry.read_result` makes a result again.

        It holds allocation.parquet, limits.parquet and result.json, and backups.parquet where the campaign asks for
        backups; or infeasible.json and result.json; and solution.json and solution.npz, which only couponry reads. The
        folder appears whole or not at all. A result without an allocation does not replace one that has one: it is
        saved beside that, into a folder whose name ends in its status, such as ``OUT.infeasible``.

        Parameters
        ----------
        folder : str or Path
            Folder to write; must not exist.
        overwrite : bool
            Replace the folder if it exists.
        replace_solved : bool
            Replace it even where it holds an allocation and this result has none.

        Returns
        -------
        Path
            The folder that was written.

        Raises
        ------
        InvalidInput
            If the folder exists, unless `overwrite` says to replace it.
        """
        if self.allocation is not None and len(self.allocation) <= PART_ROWS:
            self.allocation.to_arrow()  # its rows are made once, and customers with coupons counted on the way
            if self.backups is not None and len(self.allocation) <= FEW_COUPONS:
                self.backups.to_arrow()  # as the coupons
        return write_result(
            folder,
            self.allocation,
            self.limits,
            self.infeasible,
            self.as_dict,
            ExactSolution(exact_head(self), exact_arrays(self)),
            backups=self.backups,
            overwrite=overwrite,
            replace_solved=replace_solved,
        )

    write = save  # its first name

    def _repr_html_(self) -> str:
        return facts_table(self.facts())

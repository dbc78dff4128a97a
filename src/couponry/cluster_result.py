"""`ClusterResult`: what a `ClusterCampaign` came to, and what can be asked of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from .analysis.binding import PricedSolution
from .analysis.compare import Comparison, compare_saved
from .analysis.decisions import Explanation
from .analysis.elsewhere import breakdown_elsewhere, explain_elsewhere
from .analysis.price_ranges import PriceRanges, RangeOptions, price_ranges
from .campaign_folder.write import write_result
from .data.table_view import TableView
from .engines.cluster.cluster import Cluster
from .model.compiled_campaign import CompiledCampaign
from .results.beside.backups import Backups
from .results.beside.backups_elsewhere import BackupsElsewhere
from .results.cluster.packing import StatedShards
from .results.cluster.stated_customers import StatedCustomers
from .results.solution import CampaignSolution
from .solver.packed import CandidatesElsewhere
from .utils.errors import Unsupported


class ClusterResult(PricedSolution):
    """A solved campaign whose customers are on a cluster.

    `ClusterCampaign.solve` returns it. `allocation.write_on_workers` has workers write the coupons; to list them here
    brings them all to this process, a few shards at a time.

    Attributes
    ----------
    status : {"optimal", "feasible", "infeasible", "unsolved"}
        Within the asked gap; stopped earlier; proved that nothing is feasible; stopped with no feasible allocation.
    message : str
        The same in a sentence.
    objective : float or None
        Sum of the value column over the coupons given, less the penalties of soft limits; never more than that.
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
    allocated, customers, candidates : int
        Coupons given, customers, candidates.
    customers_with_coupons : int
        Customers who were given at least one coupon; counted at first use.
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
        What became of an earlier plan, as `Result.previous` has it.
    allocation : Allocation or None
        One row for each coupon given, made when asked for.
    backups : Backups or None
        What comes next for each customer where a coupon falls out, listed by workers when asked for; None where the
        campaign asks for none. `backups.write_on_workers` has workers write them.
    limits : TableView or None
        One row for each limit and group: `name`, `group`, `sum`, `min`, `max`, `achieved`, `error`, `price`,
        `second_sum`, `binding` and `mode`; the campaign format describes them.
    infeasible : dict or None
        The conflict, as infeasible.json has it.
    message_costs : float
        What the coupons given cost as messages, under rules that say so.
    convergence : dict of str to list
        How bound and objective became better: after so many `passes` over the candidates the `bound` and the
        `objective` of the best allocation, each None as long as it was not known. The last may differ from `bound` and
        `objective` by rounding. Empty where parts of the search are solved by themselves, with soft ratios.
    findings : list of Finding
        What the campaign says and was probably not meant, as far as its tables and words tell.
    """

    if TYPE_CHECKING:  # beside the fields, as `from_solution` sets it
        _shards: StatedShards
        _cluster: Cluster

    @classmethod
    def from_solution(
        cls, solution: CampaignSolution, shards: StatedShards, cluster: Cluster
    ) -> ClusterResult:
        """Return a solution with everything that can be asked of it.

        Parameters
        ----------
        solution : CampaignSolution
            What `couponry.results.solve` found.
        shards : StatedShards
            Customers as they were stated.
        cluster : Cluster
            Whose workers they are with.

        Returns
        -------
        ClusterResult
            It shares all parts.
        """
        result = cls.__new__(cls)
        vars(result).update(vars(solution), _shards=shards, _cluster=cluster)
        return result

    def _made_backups(self) -> Backups | None:
        """Backups, listed by workers."""
        if self.plan is None or not self.campaign.backups:
            return None
        witnesses = StatedCustomers.of_campaign(self.campaign)
        rows = BackupsElsewhere(self._shards, witnesses, self.plan, self.prices, self.seed)
        return Backups(rows)

    def shares_choices_with(self, other: CompiledCampaign) -> bool:
        """Return whether customers of a campaign would choose at any prices just as those of this one.

        Parameters
        ----------
        other : CompiledCampaign
            The campaign to compare with.

        Returns
        -------
        bool
            Whether both are of the same packed shards.
        """
        own, others = self.compiled.problem.packed, other.problem.packed
        if not (isinstance(own, CandidatesElsewhere) and isinstance(others, CandidatesElsewhere)):
            return False
        return own.source == others.source

    def by(self, column: str, *, table: Literal["offers", "customers"] | None = None) -> TableView:
        """Add the allocation up by a column of offers or customers, or by role, on the workers; see `Result.by`.

        Parameters
        ----------
        column : str
            Name of the column.
        table : {"offers", "customers"}, optional
            Whose column it is.

        Returns
        -------
        TableView
            Of customers' columns, the values that customers with candidates have.

        Raises
        ------
        InvalidInput
            If there is no such column, or the result has no allocation.
        """
        return TableView(breakdown_elsewhere(self, self._shards, column, table))

    def explain(self, customer: int | str | uuid.UUID) -> Explanation:
        """Explain why a customer got these coupons and not others; see `Result.explain`.

        Parameters
        ----------
        customer : int, str or uuid.UUID
            Id of the customer. The workers look for it.

        Returns
        -------
        Explanation
            For each candidate: its value, the prices it pays, what decided, and what would come instead.

        Raises
        ------
        InvalidInput
            If the customer has no candidates, or the result no allocation.
        """
        wanted = str(customer) if isinstance(customer, uuid.UUID) else customer
        return explain_elsewhere(self, self._shards, wanted)

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
        """Say how far the prices of limits hold; see `Result.price_ranges`.

        Workers pass over their shards some times for each limit and direction.

        Parameters
        ----------
        limits, most, move, tolerance, time_limit : optional
            As `Result.price_ranges` takes them.
        threads : int, optional
            Of this process.

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
        return price_ranges(self, limits, options, (self._shards, self._cluster))

    def compare(self, after: ClusterResult) -> Comparison:
        """Compare with the result of another campaign of the same customers.

        Coupons of both come to this process a few shards at a time.

        Parameters
        ----------
        after : ClusterResult
            Such as that of `ClusterCampaign.changed`, where nothing but bounds of limits was changed. Other changes ask
            for shards of their own, which take the place of those that coupons of this result are listed from.

        Returns
        -------
        Comparison
            Limits side by side, what is gained, and how many customers get other coupons.

        Raises
        ------
        InvalidInput
            If the shards of one of them are no longer there.
        """
        return compare_saved(self, after)

    def save(
        self, folder: str | Path, *, overwrite: bool = False, replace_solved: bool = False
    ) -> Path:
        """Save allocation, limits and figures as a folder on this machine, as `Result.save` does.

        Coupons come to this process a few shards at a time; `allocation.write_on_workers` leaves them on the cluster.
        `couponry.verify` reads the folder. `couponry.read_result` does not: what it needs is with the workers.

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
        return write_result(
            folder,
            self.allocation,
            self.limits,
            self.infeasible,
            self.as_dict,
            backups=self.backups,
            overwrite=overwrite,
            replace_solved=replace_solved,
        )

    def __reduce__(self) -> NoReturn:
        raise Unsupported("ClusterResult: expected to stay in the process that is connected")

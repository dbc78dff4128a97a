"""`Campaign`: what a user states, solves and asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from .affinity.targeting import Targeting
from .analysis.compare import Comparison, compare
from .analysis.frontier import Frontier, bounds_to_try, present_bound, sweep
from .analysis.what_if import FollowUpSolver, check_is_of
from .campaign_folder.from_transactions import TransactionTables, campaign_from_transactions
from .engines.cluster.cluster import Cluster
from .kernels import BackendName
from .model.campaign_data import CampaignData
from .model.campaign_view import CampaignView, warn_of_findings
from .model.changes import LimitChanges, OfferChanges, RuleChanges
from .model.inputs.previous_plan import PreviousPlan
from .model.limits import Limit
from .model.rules import CustomerRule
from .result import Result
from .results.options import DEFAULT_GAP, SolveOptions
from .results.solve import solve
from .solver.options import DEFAULT_OPTIONS, SolverOptions
from .utils.progress.cancel import CancelToken
from .utils.progress.watch import Progress, check_cancelled, watch
from .utils.table_types import RowSource, Table


class Campaign(CampaignView):
    """Which coupons exist, who may get them, and what has been agreed.

    A campaign does not change. `changed` makes another one, which shares tables and packed candidates with it.

    A table is anything that speaks the Arrow stream protocol (PyArrow, pandas, Polars, DuckDB), a mapping of columns,
    or the path of a Parquet or CSV file; columns are those of the campaign format. Rows may come in any order. Tables
    are read once and never changed.

    Parameters
    ----------
    offers : table
        One row for each coupon that can be given: `offer`, and any attributes.
    candidates : table
        One row for each pair of `customer` and `offer` that is possible, with its numbers. It may also be a folder of
        Parquet files, a `pyarrow.dataset.Dataset`, a `pyarrow.RecordBatchReader` or an iterator of record batches,
        which are read a block at a time; or what a `couponry.affinity.CandidateModel` makes of purchase histories. A
        boolean column `mandatory` says where the customer must be given the offer, as far as its rules allow.
    customers : table, optional
        One row for each `customer`, with any attributes.
    history : table, optional
        What customers have already got: `customer`, `offer`, and any attribute that differs from the offer's, such as
        `day`. It counts towards customer rules, and towards nothing else.
    rules : sequence of CustomerRule
        What must hold for each customer.
    limits : sequence of Limit
        What must hold for all customers together.
    value : str
        Column whose sum is maximised.
    name : str
        Name of the campaign.
    unit : str, optional
        Column of `customers`: those with the same value, such as a household, are one unit, which customer rules hold
        for, unless a rule says ``each="customer"``. A null belongs to nobody. Default: each customer is a unit.
    store : str or Path, optional
        A folder for the candidates, for campaigns that do not fit in memory: they are packed there and memory-mapped.
        The next campaign of the same files uses them again; candidates that are not files, or other files, replace
        them. A folder that holds anything else is refused.
    backups : int
        Offers of each customer that are listed, at most, to take the place of coupons that fall out:
        `Result.backups`.
    previous : PreviousPlan, optional
        What customers were given last, and how much of it is to stay.

    Raises
    ------
    InvalidInput
        With one line that names what is wrong, before anything is solved.

    Examples
    --------
    >>> import couponry
    >>> campaign = couponry.Campaign(
    ...     {"offer": ["tea", "jam"]},
    ...     {"customer": [1, 1, 2, 2], "offer": ["tea", "jam"] * 2, "value": [2.0, 1.0, 3.0, 2.0]},
    ...     rules=[couponry.CustomerRule("one each", max=1)],
    ...     limits=[couponry.Limit("tea printed", where={"offer": "tea"}, max=1)],
    ... )
    >>> result = campaign.solve()
    >>> result.status, result.objective
    ('optimal', 4.0)
    >>> campaign.changed(limits={"tea printed": {"max": 2}}).solve().objective
    5.0
    """

    __slots__ = ()

    def __init__(
        self,
        offers: Table,
        candidates: RowSource,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
        name: str = "campaign",
        store: str | Path | None = None,
        backups: int = 0,
        previous: PreviousPlan | None = None,
        unit: str | None = None,
    ):
        data = CampaignData.make(
            offers, candidates, customers, history, rules=rules, limits=limits, value=value,
            name=name, store=store, backups=backups, previous=previous, unit=unit,
        )  # fmt: skip
        self._hold(data)

    @classmethod
    def from_transactions(
        cls,
        offers: Table,
        transactions: RowSource,
        covers: Table | None = None,
        products: Table | None = None,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        redemptions: Table | None = None,
        targeting: Targeting | None = None,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
        name: str = "campaign",
        store: str | Path | None = None,
        backups: int = 0,
        previous: PreviousPlan | None = None,
        unit: str | None = None,
        memory_limit: int | str | None = None,
        progress: Progress = False,
    ) -> Campaign:
        """Make a campaign whose candidates are made of raw transactions.

        A model of who buys what is fitted on the last weeks of a sample, and finds each customer's best offers.

        Parameters
        ----------
        offers, customers, history, rules, limits, value, name, store, backups, previous, unit : optional
            As for `Campaign`. Where `customers` is given, only those in it are candidates; all are learned from.
        transactions : table
            As `couponry.affinity.PurchaseHistory.from_transactions` takes them.
        covers : table, optional
            A row for each `offer` and `product` that it is good for. Default: the column `product` of offers.
        products : table, optional
            `product`, the column that `targeting.kind` names, and others that group products.
        redemptions : table, optional
            Coupons of past campaigns, as `couponry.affinity.DepthResponse.fit` takes them.
        targeting : Targeting, optional
            How many offers of each role a customer may get, and how responses are estimated.
        memory_limit : int or str, optional
            Bytes, or text such as "8GiB", that making candidates may take.
        progress : bool or callable
            As for `solve`. `couponry.watch` has it cancelled.

        Returns
        -------
        Campaign
            With `role` and `response` for each candidate.

        Raises
        ------
        InvalidInput, ImportError
            If something is wrong, in one line; or if DuckDB is needed and not installed.
        """
        return cls.from_data(campaign_from_transactions(
            TransactionTables(offers, transactions, covers, products, customers, history, redemptions),
            targeting=targeting or Targeting(), rules=rules, limits=limits, value=value, name=name, store=store,
            backups=backups, previous=previous, unit=unit, memory_limit=memory_limit, progress=progress,
        ))  # fmt: skip

    def solve(
        self,
        *,
        gap: float = DEFAULT_GAP,
        time_limit: float | None = None,
        threads: int | None = None,
        seed: int = 0,
        backend: BackendName | None = None,
        progress: Progress = False,
        cancel: CancelToken | None = None,
        checkpoint: str | Path | None = None,
        start: Result | Table | None = None,
        solver_options: SolverOptions | None = None,
        engine: Cluster | None = None,
    ) -> Result:
        """Find the best allocation, with a certificate of how close to optimal it is.

        Parameters
        ----------
        gap : float
            Stop at this relative distance between objective and bound, or once nothing narrows it any more.
        time_limit : float, optional
            Seconds.
        threads : int, optional
            Default: COUPONRY_THREADS, else the cores that this process may use.
        seed : int
            Breaks ties; same campaign and seed, same allocation, bit for bit.
        backend : {"native", "numba", "reference"}, optional
            Default: the fastest installed.
        progress, cancel : optional
            As `couponry.watch` takes them. A cancelled solve returns the best allocation so far.
        checkpoint : str or Path, optional
            A file that progress is kept in: a solve that was killed goes on where it was, and ends with the same bits.
        start : Result, table, str or Path, optional
            Warm start: a result, its limits, or the folder it was written to, whose prices to start from.
        solver_options : SolverOptions, optional
            What tunes the solver, for experts; default: `couponry.solver.options.DEFAULT_OPTIONS`.
        engine : couponry.engines.Cluster, optional
            Where passes over candidates are made; default: on this machine. The allocation is the same, bit for bit.

        Returns
        -------
        Result
            Its `status` says what came of it.

        Raises
        ------
        InvalidInput

        Warns
        -----
        CampaignWarning
            Of the warnings among what `check` lists.
        """
        solver = DEFAULT_OPTIONS if solver_options is None else solver_options
        parts = (gap, time_limit, threads, seed, backend, progress, cancel, checkpoint, start)
        options = SolveOptions(*parts, solver, engine)
        solution = solve(self._data, options, self._compiled, warn_of_findings)
        self._hold(self._data, solution.known_compiled)
        return Result.from_solution(solution, Campaign)

    def what_if(
        self,
        result: Result | None = None,
        *,
        limits: LimitChanges | None = None,
        drop_limits: Iterable[str] = (),
        add_limits: Iterable[Limit] = (),
        offers: OfferChanges | None = None,
        rules: RuleChanges | None = None,
        drop_rules: Iterable[str] = (),
        add_rules: Iterable[CustomerRule] = (),
        gap: float | None = None,
        time_limit: float | None = None,
        threads: int | None = None,
        solver_options: SolverOptions | None = None,
        progress: Progress = False,
        cancel: CancelToken | None = None,
    ) -> Comparison:
        """Compare this campaign with the same one under other bounds, offers, limits or rules.

        Parameters
        ----------
        result : Result, optional
            Of this campaign; default: it is solved first. The changed campaign starts from its prices.
        limits, offers, rules : mapping, optional
            As for `changed`.
        drop_limits, drop_rules : iterable of str
            As for `changed`.
        add_limits, add_rules : iterable
            As for `changed`.
        gap, threads, solver_options : optional
            As for `solve`, but by default what `result` was solved with. Seed and backend are always those of `result`.
        time_limit, progress, cancel : optional
            As for `solve`.

        Returns
        -------
        Comparison
            Its `campaign` is the changed one, for the next question.

        Raises
        ------
        InvalidInput
            For a change of something that is not there, or a result of another campaign.
        Cancelled
            If it is cancelled: there is nothing to compare.
        """
        other = self.changed(
            limits=limits, drop_limits=drop_limits, add_limits=add_limits, offers=offers,
            rules=rules, drop_rules=drop_rules, add_rules=add_rules,
        )  # fmt: skip
        solving = FollowUpSolver(gap, time_limit, threads, solver_options)
        with watch(progress, cancel):
            before = self._solved(result, solving)
            after = solving.solve(other._data, before)
            check_cancelled()
            other._hold(other._data, after.compiled)
            return compare(before, Result.from_solution(after, Campaign), other)

    def frontier(
        self,
        limit: str,
        bounds: Sequence[float] | None = None,
        *,
        factors: Sequence[float] | None = None,
        side: Literal["min", "max"] | None = None,
        group: object = None,
        result: Result | None = None,
        gap: float | None = None,
        time_limit: float | None = None,
        threads: int | None = None,
        solver_options: SolverOptions | None = None,
        progress: Progress = False,
        cancel: CancelToken | None = None,
    ) -> Frontier:
        """Find the best objective over a range of one limit's bound, each from its neighbour's prices.

        Parameters
        ----------
        limit : str
            Name of the limit.
        bounds : sequence of float, optional
            Bounds to try.
        factors : sequence of float, optional
            In place of `bounds`: factors of the bound as it is.
        side : {"min", "max"}, optional
            Which bound, if the limit has both.
        group : str, optional
            Which group of the limit, if it has groups.
        result : Result, optional
            Of this campaign; default: it is solved first.
        time_limit : float, optional
            Seconds for each bound.
        gap, threads, solver_options, progress, cancel : optional
            As for `what_if`.

        Returns
        -------
        Frontier
            Infeasible bounds are rows of it.

        Raises
        ------
        InvalidInput
            If there is no such limit or bound.
        Cancelled
            If it is cancelled.
        """
        present = present_bound(self.compile(), limit, group, side)
        wanted = bounds_to_try(present, bounds, factors)  # what is wrong is said before a solve
        solving = FollowUpSolver(gap, time_limit, threads, solver_options)
        with watch(progress, cancel):
            return sweep(self._data, present, wanted, self._solved(result, solving), solving)

    def _solved(self, result: Result | None, solving: FollowUpSolver) -> Result:
        """A result of this campaign: the one given, or one made now."""
        if result is None:
            asked = {name: value for name, value in vars(solving).items() if value is not None}
            return self.solve(**asked)
        check_is_of(self._data, result)
        return result

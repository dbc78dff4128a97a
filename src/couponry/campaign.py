"""`Campaign`: what a user states, solves and asks; immutable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from . import kernels
from .affinity.targeting import Targeting
from .analysis.compare import Comparison, compare
from .analysis.frontier import Frontier, bounds_to_try, present_bound, sweep
from .analysis.what_if import SolveAgain, check_is_of
from .campaign_folder.from_transactions import campaign_from_transactions
from .campaign_folder.read import read_campaign_data
from .campaign_folder.write import write_campaign_data
from .data.candidates import Candidates
from .data.tables import Table
from .model.campaign_data import CampaignData
from .model.changes import changed
from .model.compiled_campaign import CompiledCampaign, compile_campaign
from .model.limits import Limit
from .model.rules import CustomerRule
from .result import Result
from .results.options import SolveOptions
from .results.solve import solve
from .solver.options import DEFAULT_OPTIONS, SolverOptions


class Campaign:
    """Which coupons exist, who may get them, and what has been agreed.

    A campaign does not change: `changed` makes another one, which shares tables and packed candidates with it.

    Parameters
    ----------
    offers, candidates, customers, history : table
        Anything that speaks the Arrow stream protocol (PyArrow, pandas, Polars, DuckDB), a mapping of columns, or
        the path of a Parquet or CSV file; columns as in the campaign format. Rows may come in any order. Tables are
        read once and never changed.

        `candidates` may also be a folder of Parquet files, a `pyarrow.dataset.Dataset`, a
        `pyarrow.RecordBatchReader` or an iterator of record batches, which are read a block at a time; or what a
        `couponry.affinity.CandidateModel` makes of purchase histories. A boolean column `mandatory` says where the
        customer must be given the offer, as far as its rules allow.

        `history` is what customers have already got: `customer`, `offer`, and any attribute that is another than
        the offer's, such as `day`. It counts towards customer rules, and towards nothing else.
    rules : sequence of CustomerRule
        What must hold for each customer.
    limits : sequence of Limit
        What must hold for all of them together.
    value : str
        The column whose sum is maximised.
    name : str
    store : str or Path, optional
        A folder for the candidates, for campaigns that do not fit in memory: they are packed there and
        memory-mapped. The next campaign of the same files uses them again; candidates that are not files, or other
        files, replace them. A folder that holds anything else is refused.

    Raises
    ------
    InvalidInput
        With one line that names what is wrong, before anything is solved.
    """

    __slots__ = ("__weakref__", "_compiled", "_data")

    _compiled: CompiledCampaign | None
    _data: CampaignData

    def __init__(
        self,
        offers: Table,
        candidates: Table,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
        name: str = "campaign",
        store: str | Path | None = None,
    ):
        self._hold(
            CampaignData.make(
                offers,
                candidates,
                customers,
                history,
                rules=rules,
                limits=limits,
                value=value,
                name=name,
                store=store,
            )
        )

    @classmethod
    def of(cls, data: CampaignData) -> Campaign:
        """The campaign of data that are checked."""
        campaign = cls.__new__(cls)
        campaign._hold(data)
        return campaign

    def _hold(self, data: CampaignData) -> None:
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_compiled", None)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(
            f"Campaign.{name}: a campaign does not change; campaign.changed(...) makes another one"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Campaign.{name}: a campaign does not change")

    @classmethod
    def from_transactions(
        cls,
        offers: Table,
        transactions: Any,
        covers: Table | None = None,
        products: Table | None = None,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        targeting: Targeting | None = None,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
        name: str = "campaign",
        store: str | Path | None = None,
        memory_limit: int | str | None = None,
        progress: bool = False,
    ) -> Campaign:
        """A campaign whose candidates are made of raw transactions.

        Purchase histories are grouped, a model of who buys what is fitted on the last weeks of a sample of
        customers, and each customer gets its best offers of each role, with a response each.

        Parameters
        ----------
        offers, customers, history, rules, limits, value, name
            As for `Campaign`. Where `customers` is given, only those in it are candidates for anything; everybody's
            purchases are learned from.
        transactions : table
            As `couponry.affinity.PurchaseHistory.from_transactions` takes them: customer, product, day or week or
            date, quantity, spend, discount.
        covers : table, optional
            What each offer is good for: a row for each `offer` and `product`. Default: the column `product` of
            offers, one or a list.
        products : table, optional
            `product` and the column that `targeting.kind` names.
        targeting : Targeting, optional
            How many offers of each role a customer is a candidate for, and how responses are estimated.
        store : str or Path, optional
            With one, histories are kept on disk, too, while candidates are made; a store of the same input is used
            again, and nothing is made.
        memory_limit : int or str, optional
            Bytes, or text such as "8GiB", that making candidates may take.
        progress : bool
            Report stages on standard error.

        Raises
        ------
        InvalidInput
        ImportError
            Where DuckDB is not installed.
        """
        return cls.of(
            campaign_from_transactions(
                offers, transactions, covers, products, customers, history,
                targeting=targeting or Targeting(), rules=rules, limits=limits, value=value,
                name=name, store=store, memory_limit=memory_limit, progress=progress,
            )
        )  # fmt: skip

    @property
    def data(self) -> CampaignData:
        """Tables, rules and limits, checked and frozen."""
        return self._data

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self._data.name

    @property
    def value(self) -> str:
        """The column whose sum is maximised."""
        return self._data.value

    @property
    def offers(self) -> pa.Table:
        """The offers, in ascending order of their ids."""
        return self._data.offers

    @property
    def candidates(self) -> Candidates:
        """The candidates, by customer, then by offer."""
        return self._data.candidates

    @property
    def customers(self) -> pa.Table | None:
        """The customers table."""
        return self._data.customers

    @property
    def history(self) -> pa.Table | None:
        """The contact history."""
        return self._data.history

    @property
    def rules(self) -> tuple[CustomerRule, ...]:
        """The customer rules, each with a name."""
        return self._data.rules

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits, each with a name."""
        return self._data.limits

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds of the stages before the solve, by name."""
        return self._data.seconds

    def summary(self) -> str:
        """A few lines of text: sizes, rules and limits."""
        return "\n".join(f"{name:<12} {text}" for name, text in self._data.facts().items())

    def with_limits(self, limits: Sequence[Limit]) -> Campaign:
        """The same campaign under other limits; the tables are shared, not copied.

        Raises
        ------
        InvalidInput
            Where a limit sums a column of candidates that this campaign has not read.
        """
        return Campaign.of(self._data.with_limits(limits))

    def changed(
        self,
        *,
        limits: Mapping[Any, Any] | None = None,
        drop_limits: Iterable[str] = (),
        add_limits: Iterable[Limit] = (),
        offers: Any = None,
        rules: Mapping[str, Any] | None = None,
        drop_rules: Iterable[str] = (),
        add_rules: Iterable[CustomerRule] = (),
    ) -> Campaign:
        """Another campaign with other bounds, offers, limits or rules; it shares tables and packed candidates.

        Parameters
        ----------
        limits : mapping, optional
            What changes, by name, or by (name, group) for one group of a limit with a table: a new Limit, or its
            fields, {"max": 1000.0}. A bound is a number, None (none), or text that says by how much: "+5 %", "* 0.9".
        drop_limits, drop_rules : iterable of str
            Names.
        add_limits, add_rules : iterable
            New ones.
        offers : mapping or table, optional
            By offer, {"tea-50": {"face_value": 0.6, "margin": "+10 %"}}; or a table with a column `offer` and the
            columns that change.
        rules : mapping, optional
            As `limits`.

        Raises
        ------
        InvalidInput
            For a change of something that is not there.
        """
        return Campaign.of(
            changed(
                self._data, limits=limits, drop_limits=drop_limits, add_limits=add_limits,
                offers=offers, rules=rules, drop_rules=drop_rules, add_rules=add_rules,
            )
        )  # fmt: skip

    def compile(self, backend: kernels.Backend | None = None) -> CompiledCampaign:
        """The campaign as the solver sees it, packed at first use (the same bits by every backend)."""
        compiled = self._compiled
        if compiled is None:
            compiled = compile_campaign(self._data, backend or kernels.load())
            object.__setattr__(self, "_compiled", compiled)
        return compiled

    def solve(
        self,
        *,
        gap: float = 5e-4,
        time_limit: float | None = None,
        threads: int | None = None,
        seed: int = 0,
        backend: str | None = None,
        progress: bool = False,
        checkpoint: str | Path | None = None,
        start: Any = None,
        solver_options: SolverOptions | None = None,
    ) -> Result:
        """The best allocation, with a certificate of how close to optimal it is.

        Parameters
        ----------
        gap : float
            Stop at this relative distance between objective and bound.
        time_limit : float, optional
            Seconds.
        threads : int, optional
            Default: COUPONRY_THREADS, else the cores that this process may use.
        seed : int
            Breaks ties; same campaign and seed, same allocation, bit for bit.
        backend : {"native", "numba", "reference"}, optional
            Default: the fastest installed.
        progress : bool
            Report stages on standard error.
        checkpoint : str or Path, optional
            A file that progress is kept in. A solve that was killed, started again with the same campaign, arguments
            and file, goes on where it was and ends with the same bits. The file may be removed afterwards.
        start : Result, table, str or Path, optional
            An earlier result, its limits, or the folder it was written to, whose prices to start from.
        solver_options : SolverOptions, optional
            What tunes the solver, for experts; default: `couponry.solver.options.DEFAULT_OPTIONS`.

        Returns
        -------
        Result
            Its `status` says whether the campaign was solved, is infeasible, or was stopped before a feasible
            allocation was found.

        Raises
        ------
        InvalidInput
            For bad arguments or input.
        """
        options = SolveOptions(
            gap=gap,
            time_limit=time_limit,
            threads=threads,
            seed=seed,
            backend=backend,
            progress=progress,
            checkpoint=checkpoint,
            start=start,
            solver=DEFAULT_OPTIONS if solver_options is None else solver_options,
        )
        solution = solve(self._data, options, self._compiled)
        object.__setattr__(self, "_compiled", solution.compiled)
        return Result.of(solution)

    def what_if(
        self,
        result: Result | None = None,
        *,
        limits: Mapping[Any, Any] | None = None,
        drop_limits: Iterable[str] = (),
        add_limits: Iterable[Limit] = (),
        offers: Any = None,
        rules: Mapping[str, Any] | None = None,
        drop_rules: Iterable[str] = (),
        add_rules: Iterable[CustomerRule] = (),
        gap: float = 5e-4,
        time_limit: float | None = None,
        threads: int | None = None,
    ) -> Comparison:
        """This campaign beside the same one with other bounds, offers, limits or rules.

        Parameters
        ----------
        result : Result, optional
            Of this campaign; default: it is solved first. The changed campaign starts from its prices.
        limits, drop_limits, add_limits, offers, rules, drop_rules, add_rules
            As for `changed`.
        gap, time_limit, threads
            As for `solve`; seed and backend are the result's.

        Returns
        -------
        Comparison
            Its `campaign` is the changed one, for the next question.

        Raises
        ------
        InvalidInput
            For a change of something that is not there, or a result of another campaign.
        """
        other = self.changed(
            limits=limits, drop_limits=drop_limits, add_limits=add_limits, offers=offers,
            rules=rules, drop_rules=drop_rules, add_rules=add_rules,
        )  # fmt: skip
        before = self._solved(result, gap, time_limit, threads)
        after = SolveAgain(gap, time_limit, threads).solve(other._data, before)
        object.__setattr__(other, "_compiled", after.compiled)
        return compare(before, Result.of(after), other)

    def frontier(
        self,
        limit: str,
        bounds: Sequence[float] | None = None,
        *,
        factors: Sequence[float] | None = None,
        side: str | None = None,
        group: Any = None,
        result: Result | None = None,
        gap: float = 5e-4,
        time_limit: float | None = None,
        threads: int | None = None,
    ) -> Frontier:
        """The best objective over a range of one limit's bound; each solve starts from its neighbour's prices.

        Parameters
        ----------
        limit : str
        group : str, optional
            Which group of the limit, where it has groups.
        bounds : sequence of float, optional
            To try.
        factors : sequence of float, optional
            In place of `bounds`: factors of the bound as it is.
        side : {"min", "max"}, optional
            Where the limit has both.
        result : Result, optional
            Of this campaign; default: it is solved first.
        gap, time_limit, threads
            As for `solve`; the time limit is for each bound.

        Returns
        -------
        Frontier
            Infeasible bounds are rows of it.

        Raises
        ------
        InvalidInput
            Where there is no such limit or bound.
        """
        present = present_bound(self.compile(), limit, group, side)
        wanted = bounds_to_try(present, bounds, factors)  # what is wrong is said before a solve
        solved = self._solved(result, gap, time_limit, threads)
        solving = SolveAgain(gap, time_limit, threads)
        return sweep(self._data, present, wanted, solved, solving)

    def _solved(
        self, result: Result | None, gap: float, time_limit: float | None, threads: int | None
    ) -> Result:
        """A result of this campaign: the one given, or one made now."""
        if result is None:
            return self.solve(gap=gap, time_limit=time_limit, threads=threads)
        check_is_of(self._data, result)
        return result


def read_campaign(
    folder: str | Path,
    store: str | Path | None = None,
    memory_limit: int | str | None = None,
    progress: bool = False,
) -> Campaign:
    """Read a campaign folder.

    Parameters
    ----------
    folder : str or Path
    store : str or Path, optional
        A folder that candidates are packed into and memory-mapped from, for campaigns that do not fit in memory;
        see `Campaign`.
    memory_limit : int or str, optional
        Bytes, or text such as "8GiB", that reading and solving may take. Default: what is available.
    progress : bool
        Report on standard error how the making of candidates of transactions stands.

    Raises
    ------
    InvalidInput
        With one line that names what is wrong. What cannot fit is refused before it is read.
    """
    return Campaign.of(read_campaign_data(folder, store, memory_limit, progress))


def write_campaign(campaign: Campaign, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a campaign as a folder that `read_campaign` and `couponry solve` take.

    Candidates carry the columns that the campaign uses. The folder appears whole or not at all.

    Raises
    ------
    InvalidInput
        Where the folder exists, unless `overwrite` says to replace it.
    """
    return write_campaign_data(campaign.data, folder, overwrite=overwrite)

"""Campaign: offers, candidates, customers, rules and limits, checked, put into canonical order and compiled."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import kernels, tables
from .ahead import workers
from .allocate.problem import Problem
from .amounts import MONEY, Amount, Amounts
from .candidate_blocks import CandidateBlocks
from .candidates import Candidates, build, items_of
from .compile_rules import CompiledRules, compile_rules
from .errors import InvalidInput
from .history import History, check_history
from .items import ROLES, Items
from .limits import CompiledLimits, Limit, compile_limits
from .rules import CustomerRule, Customers
from .space import InMemory, blocks_of_customers
from .store import kept, stored
from .stream import Stream, stream
from .tables import Table
from .targeting import Targeting

if TYPE_CHECKING:
    from .compare import Comparison
    from .frontier import Frontier
    from .result import Result

Part = TypeVar("Part", CustomerRule, Limit)
# what the allocation says of each coupon, where it exists
COUPON_COLUMNS = ("value", "response", "cost")


class Campaign:
    """Which coupons exist, who may get them, and what has been agreed.

    offers, candidates, customers: anything that speaks the Arrow stream protocol (PyArrow, pandas, Polars, DuckDB),
    a mapping of columns, or the path of a Parquet or CSV file; columns as in the campaign format. Rows may come in
    any order. The tables are read once and never changed.
    candidates may also be a folder of Parquet files, a `pyarrow.dataset.Dataset`, a `pyarrow.RecordBatchReader` or an
    iterator of record batches: these are read a block at a time, and never held whole as a table. Or what a
    `couponry.affinity.CandidateModel` makes of purchase histories, which is written as it is made.
    candidates may have a boolean column `mandatory`: true where the customer must be given the offer, as far as its
    rules allow.
    history: what customers have already got: `customer`, `offer`, and any attribute that is another than the offer's,
    such as `day`. It counts towards customer rules, and towards nothing else; see the campaign format.
    rules, limits: what must hold for each customer, and for all of them together.
    value: the column whose sum is maximised.
    store: a folder for the candidates, for campaigns that do not fit in memory: they are packed there and
    memory-mapped. The next campaign of the same files uses them again; candidates that are not files, or other files,
    replace them. A folder that holds anything else is refused.

    Raises InvalidInput, with one line that names what is wrong, before anything is solved.
    """

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
        self._compiled: Compiled | None = None
        self.seconds: dict[str, float] = {}  # of stages before it is solved, by name
        self.name = name
        self.value = value
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"value: expected the name of a column, got {value!r}")
        self.rules = _checked(rules, "rule", CustomerRule)
        self.limits = _checked(limits, "limit", Limit)
        self.offers = sorted_offers(tables.as_table(offers, "offers"))
        wanted = self.candidate_columns(self.limits, self.value)
        rows = candidates
        if not isinstance(rows, (Stream, CandidateBlocks)):
            rows = stream(candidates, "candidates", sorted(wanted))
        self.customers = None if customers is None else tables.as_table(customers, "customers")
        if self.customers is not None:
            check_customers(self.customers)
        self.history = None if history is None else tables.as_table(history, "history")
        if self.history is not None:
            check_history(self.history)
        self.candidates = _gathered(rows, tables.ids(self.offers, "offers", "offer"), store)

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
        """A campaign whose candidates are made of raw transactions: purchase histories, a model of who buys what that
        is fitted on the last weeks of a sample of customers, and the best offers of each role with a response each.

        offers, customers, history, rules, limits, value, name, store: as for `Campaign`.
        transactions: as `couponry.affinity.PurchaseHistory.from_transactions` takes them: customer, product, day or
        week or date, quantity, spend, discount. covers: what each offer is good for, a row for each `offer` and
        `product`; default: the column `product` of offers, one or a list. products: `product` and the column that
        `targeting.kind` names. customers: where it is given, only those in it are candidates for anything; everybody's
        purchases are learned from.
        targeting: how many offers of each role a customer is a candidate for, and how responses are estimated.
        store: with one, histories are kept on disk, too, while candidates are made; a store of the same input is used
        again, and nothing is made. memory_limit: bytes, or text such as "8GiB", that making candidates may take.
        progress: report stages on standard error.

        Raises InvalidInput, and ImportError where DuckDB is not installed.
        """
        from .from_transactions import campaign_from_transactions

        return campaign_from_transactions(
            cls, offers, transactions, covers, products, customers, history,
            targeting=targeting or Targeting(), rules=rules, limits=limits, value=value, name=name,
            store=store, memory_limit=memory_limit, progress=progress,
        )  # fmt: skip

    def summary(self) -> str:
        """A few lines of text: sizes, rules and limits."""
        rules = ", ".join(rule.name for rule in self.rules) or "none"
        limits = ", ".join(limit.name for limit in self.limits) or "none"
        facts = {
            "campaign": self.name,
            "offers": f"{self.offers.num_rows:,}",
            "customers": f"{len(self.candidates.customers):,}",
            "candidates": f"{len(self.candidates):,}",
            "maximises": f"sum of {self.value}",
            "rules": rules,
            "limits": limits,
        }
        return "\n".join(f"{name:<12} {text}" for name, text in facts.items())

    @staticmethod
    def candidate_columns(limits: Sequence[Limit], value: str) -> set[str]:
        """The columns of the candidates table that a campaign with these limits and objective reads."""
        summed = {column for limit in limits for column in limit.columns()}
        return {
            "customer",
            "offer",
            "role",
            "mandatory",
            value,
            *summed,
            *MONEY,
            *COUPON_COLUMNS,
        } - {"count"}

    def coupon_columns(self) -> list[str]:
        """Which of value, response and cost the allocation can state for each coupon."""
        have = {*self.candidates.columns, *self.offers.column_names}
        follows = {
            "value": "response" in have,
            "response": False,
            "cost": bool({"issue_cost", "face_value"} & have),
        }
        return [name for name in COUPON_COLUMNS if name in have or follows[name]]

    def candidates_tables(self) -> Iterator[pa.Table]:
        """The candidates in canonical order, with the columns that the campaign uses, a block at a time."""
        candidates = self.candidates
        offers = tables.ids(self.offers, "offers", "offer")
        roles = pa.array([None, *ROLES])
        for start, stop in blocks_of_customers(candidates.indptr):
            ends = candidates.indptr[start : stop + 1]
            rows = slice(ends[0], ends[-1])
            customer = np.repeat(np.arange(start, stop), np.diff(ends))
            columns: dict[str, Any] = {
                "customer": candidates.customers.take(pa.array(customer)),
                "offer": offers.take(pa.array(candidates.offer[rows])),
                **{name: column[rows] for name, column in candidates.columns.items()},
            }
            if candidates.role is not None:
                columns["role"] = roles.take(pa.array(candidates.role[rows]))
            if candidates.mandatory is not None:
                columns["mandatory"] = pa.array(candidates.mandatory[rows] != 0)
            yield pa.table(columns)

    def with_limits(self, limits: Sequence[Limit]) -> Campaign:
        """The same campaign under other limits; the tables are shared, not copied.

        Raises InvalidInput where a limit sums a column of candidates that this campaign did not read.
        """
        other = copy.copy(self)
        other._compiled, other.seconds = None, {}
        other.limits = _checked(limits, "limit", Limit)
        for limit in other.limits:
            have = {*self.candidates.columns, *self.offers.column_names, "count", "cost", "value"}
            for column in limit.columns():
                if column not in have:
                    raise InvalidInput(
                        f"{limit.label}: the campaign has not read a column {column!r}"
                    )
        return other

    def compile(self, backend: kernels.Backend | None = None) -> Compiled:
        """The campaign as the solver sees it, packed at first use (the same bits by every backend)."""
        if self._compiled is None:
            self._compiled = Compiled(self, backend or kernels.load())
        return self._compiled

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
    ) -> Result:
        """The best allocation, with a certificate of how close to optimal it is.

        gap: stop at this relative distance between objective and bound. time_limit: seconds; None: none.
        threads: None: COUPONRY_THREADS, else the cores that this process may use. seed: breaks ties; same campaign
        and seed, same allocation, bit for bit. backend: native, numba or reference; None: the fastest installed.
        progress: report stages on standard error.
        checkpoint: a file that progress is kept in. A solve that was killed, started again with the same campaign,
        arguments and file, goes on where it was and ends with the same bits. The file may be removed afterwards.
        start: an earlier result (a Result, its limits, or the folder it was written to), whose prices to start from.

        Raises InvalidInput for bad arguments or input. The result's `status` says whether the campaign was solved,
        is infeasible, or was stopped before a feasible allocation was found.
        """
        from .solving import solve  # the last stage knows the first ones, not the other way round

        return solve(
            self, gap=gap, time_limit=time_limit, threads=threads, seed=seed, backend=backend,
            progress=progress, checkpoint=checkpoint, start=start,
        )  # fmt: skip

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

        result: of this campaign; None: it is solved first. The changed campaign starts from its prices, and shares
        tables and packed candidates with it.
        limits: what changes, by name, or by (name, group) for one group of a limit with a table: a new Limit, or its
        fields, {"max": 1000.0}. A bound is a number, None (none), or text that says by how much: "+5 %", "* 0.9".
        offers: by offer, {"tea-50": {"face_value": 0.6, "margin": "+10 %"}}; or a table with a column `offer` and the
        columns that change. rules: as limits. drop_...: names. add_...: new ones.
        gap, time_limit, threads: as for `solve`; seed and backend are the result's.

        Raises InvalidInput for a change of something that is not there.
        """
        from .compare import compare
        from .scenario import changed

        other = changed(
            self, limits=limits, drop_limits=drop_limits, add_limits=add_limits, offers=offers,
            rules=rules, drop_rules=drop_rules, add_rules=add_rules,
        )  # fmt: skip
        solving = {"gap": gap, "time_limit": time_limit, "threads": threads}
        before = self._solved(result, **solving)
        return compare(before, other._solve_again(before, **solving))

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

        limit, group: which one. side: min or max, where it has both. bounds: to try; or factors of the bound as it is.
        result: of this campaign; None: it is solved first. gap, time_limit (of each), threads: as for `solve`.

        Infeasible bounds are rows of the result. Raises InvalidInput where there is no such limit or bound.
        """
        from .frontier import present_bound, sweep

        present_bound(self, limit, group, side)  # what is wrong is said before anything is solved
        solving = {"gap": gap, "time_limit": time_limit, "threads": threads}
        return sweep(
            self, limit, bounds, factors, side=side, group=group,
            result=self._solved(result, **solving), **solving,
        )  # fmt: skip

    def _solved(self, result: Result | None, **solving: Any) -> Result:
        """A result of this campaign: the one given, or one made now."""
        if result is None:
            return self.solve(**solving)
        solved = getattr(result, "solved", None)
        if solved is None or solved.campaign.candidates is not self.candidates:
            raise InvalidInput("result: expected one of this campaign, solved in this session")
        return result

    def _solve_again(self, result: Result, **solving: Any) -> Result:
        """A solve that starts where a result of much the same campaign ended."""
        start = result if result.limits is not None else None
        threads = solving.pop("threads") or result.threads
        return self.solve(
            **solving, threads=threads, seed=result.seed, backend=result.backend, start=start
        )


def _gathered(
    rows: Stream | CandidateBlocks, offers: pa.Array, store: str | Path | None
) -> Candidates:
    if isinstance(rows, CandidateBlocks):
        if not rows.offers.equals(offers):
            raise InvalidInput(
                f"candidates: expected to be of the {len(offers):,} offers of table offers, "
                f"got those of {len(rows.offers):,} others"
            )
        if store is None:
            return rows.gathered(InMemory(), workers())
        return kept(store, rows.source, lambda space: rows.gathered(space, workers()))
    if store is None:
        return build(rows, offers, InMemory(), workers())
    return stored(store, rows, offers, workers())


class Compiled:
    """A campaign's items, amounts, limits and problem."""

    def __init__(self, campaign: Campaign, backend: kernels.Backend):
        candidates = campaign.candidates
        self.items: Items
        self.item: NDArray[np.uint16] | NDArray[np.uint32]
        self.items, self.item = items_of(candidates, campaign.offers, asks_for_roles(campaign))
        customers = Customers(campaign.customers, candidates.customers)
        amounts = Amounts(self.items, self.item, candidates, backend)
        self.value: Amount = amounts.of(campaign.value, "objective")
        self.limits: CompiledLimits = compile_limits(
            campaign.limits, self.value, self.items, amounts, customers
        )
        history = History(campaign.history, candidates.customers, campaign.offers, campaign.rules)
        self.rules: CompiledRules = compile_rules(
            campaign.rules, self.items, self.item, candidates, customers, history, backend
        )
        limits, packed = self.limits, amounts.packed()
        self.problem = Problem(
            shard=kernels.Shard(0, candidates.indptr, self.item, packed.quantity, limits.segment),
            rules=self.rules.rules,
            channels=tuple(channel.values for channel in amounts.channels.values()),
            low=packed.low,
            step=packed.step,
            error=packed.error,
            quantity_of=packed.quantity_of,
            fine=packed.fine,
            fine_error=packed.fine_error,
            objective=limits.objective,
            rows=limits.rows,
            lower=limits.lower,
            upper=limits.upper,
            penalty=limits.penalty,
            integer=limits.integer,
            rule_names=self.rules.names,
        )
        self._amounts = amounts

    def coupon_values(self, name: str, chosen: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """A named column of the candidates at these positions, or None where the campaign has no such column."""
        try:
            amount = self._amounts.of(name, name)
        except InvalidInput:
            return None
        total = amount.constant[self.item[chosen]]
        for channel, slope in amount.slopes.items():
            total = (
                total + slope[self.item[chosen]] * self._amounts.channels[channel].values[chosen]
            )
        return total


def _checked(parts: Sequence[Part], kind: str, expected: type[Part]) -> list[Part]:
    """The rules or limits, each with a name, refused where they make no sense in themselves."""
    if isinstance(parts, expected) or not isinstance(parts, Iterable):
        raise InvalidInput(
            f"{kind}s: expected a list of {expected.__name__}, got {type(parts).__name__}"
        )
    named = []
    for number, part in enumerate(parts, 1):
        if not isinstance(part, expected):
            raise InvalidInput(
                f"{kind}s: {kind} {number}: expected a {expected.__name__}, got {type(part).__name__}"
            )
        named.append(replace(part, name=f"{kind} {number}") if part.name == "" else part)
        named[-1].check()
    return named


def asks_for_roles(campaign: Campaign) -> bool:
    """Whether any rule or limit tells roles apart."""
    parts: list[CustomerRule | Limit] = [*campaign.rules, *campaign.limits]
    return any(part.by == "role" or "role" in part.where for part in parts)


def sorted_offers(table: pa.Table) -> pa.Table:
    """The offers table, checked, in ascending order of its ids."""
    tables.require(table, "offers", "offer")
    if table.num_rows == 0:
        raise InvalidInput("table offers: expected at least one row, got none")
    values = tables.ids(table, "offers", "offer")
    rank, distinct = tables.ranks(values)
    if len(distinct) < len(values):
        first_row: dict[int, int] = {}
        for row, code in enumerate(rank.tolist()):
            if first_row.setdefault(code, row) != row:
                raise InvalidInput(
                    f"table offers, column 'offer', row {row}: offer {values[row].as_py()!r} is there twice"
                )
    return table.take(pa.array(np.argsort(rank, kind="stable"))).combine_chunks()


def check_customers(table: pa.Table) -> None:
    """Refuse a customers table without ids or with one that is there twice."""
    tables.require(table, "customers", "customer")
    values = tables.ids(table, "customers", "customer")
    if tables.ascends(values):
        return
    rank, distinct = tables.ranks(values)
    if len(distinct) < len(values):
        _, first = np.unique(rank, return_index=True)
        row = int(np.setdiff1d(np.arange(len(rank)), first)[0])
        raise InvalidInput(
            f"table customers, column 'customer', row {row}: customer {values[row].as_py()!r} is there twice"
        )

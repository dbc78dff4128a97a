"""Verification: whatever a result claims, recomputed from the campaign's tables without the solver.

Nothing here goes through items, packing, compiled rules or the solver: allocated pairs are looked up
among the candidates by their ids, and every rule and limit is evaluated on the columns as the user
gave them, in float64.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from . import tables
from .errors import InvalidInput, Unsupported
from .folder import Spec, read_spec
from .limits import Limit
from .rules import CustomerRule
from .where import Where, rows_where, values_of

ROUNDING = 1e-9  # relative: what sums of the same numbers in another order may differ by
SHOWN = 20  # problems in a summary
MONEY = ("margin", "face_value", "issue_cost")
COUPON = ("value", "response", "cost")  # columns of the allocation, where they exist
CLAIMS = (
    "status", "objective", "bound", "gap", "max_violation", "allocated", "customers", "candidates",
    "full_passes", "seconds", "peak_memory_bytes", "threads", "backend", "engine", "seed", "version",
)  # fmt: skip
LIMIT_COLUMNS = ("name", "group", "sum", "min", "max", "achieved", "price", "binding", "mode")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Report:
    """What a verification found.

    ok: whether all holds. problems: a line for each thing that does not. status: as the result claims. The rest is
    recomputed, None where the result has no allocation: objective (sum of the value column over the coupons given,
    less penalties), penalties, gap (between the claimed bound and this objective), max_violation (of hard limits,
    in the worst one's own unit), allocated, customers, candidates, customers_below_min, limits (rows checked).
    """

    ok: bool
    problems: list[str]
    status: str
    objective: float | None
    penalties: float | None
    bound: float | None
    gap: float | None
    max_violation: float | None
    allocated: int
    customers: int
    candidates: int
    customers_below_min: int | None
    limits: int

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return dataclasses.asdict(self)

    def summary(self) -> str:
        """A few lines of text."""
        facts = {"status": self.status}
        if self.objective is not None:
            facts["objective"] = f"{self.objective:,.6f}"
        if self.gap is not None:
            facts["bound"] = f"{self.bound:,.6f} (gap {self.gap:.4%})"
        if self.max_violation is not None:
            facts["violation"] = f"{self.max_violation:g} at most, of hard limits"
        facts["checked"] = (
            f"{self.allocated:,} coupons, {self.limits:,} limits, {self.customers:,} customers, "
            f"{self.candidates:,} candidates"
        )
        facts["verdict"] = "all holds" if self.ok else f"{len(self.problems):,} problems"
        lines = [f"{name:<12} {text}" for name, text in facts.items()]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"  and {len(self.problems) - SHOWN:,} more")
        return "\n".join(lines)


def verify_result(folder: str | Path, out: str | Path) -> Report:
    """Check the result in the folder `out` against the campaign folder that it was solved from.

    Raises InvalidInput where one of the two cannot be read.
    """
    folder, out = Path(folder), Path(out)
    spec = read_spec(folder)
    claim = _read_json(out, "result.json")
    check = _Check(_Given(folder, spec), spec, claim)
    check.counts()
    if claim.get("status") == "infeasible":
        check.infeasible(out)
    else:
        check.solved(out)
    return check.report()


def _read_json(out: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads((out / name).read_text(encoding="utf-8"))
    except OSError:
        raise InvalidInput(f"result folder {str(out)!r}: no file {name}") from None
    except ValueError as error:
        raise InvalidInput(f"result folder {str(out)!r}: {name}: {error}") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"result folder {str(out)!r}: {name}: expected a JSON object")
    return content


class _Given:
    """The campaign's tables, its n customers and m offers numbered, columns by name.

    A *cell* is a role and an offer, role * m + offer: what rules and limits can tell apart within a customer.
    customer, offer: int64 (e) numbers of each candidate's customer (ascending ids) and offer (row of `offers`).
    roles: the distinct roles after None for none. role: int64 (e) number among them.
    """

    def __init__(self, folder: Path, spec: Spec):
        names = spec.tables
        self.offers = tables.read(folder, names["offers"], "offers")
        tables.require(self.offers, "offers", "offer")
        self.offer_ids = tables.ids(self.offers, "offers", "offer")
        _refuse_twice(self.offer_ids, "offers", "offer")
        summed = {column for limit in spec.limits for column in limit.columns()}
        wanted = {"customer", "offer", "role", spec.value, *summed, *MONEY, *COUPON}
        self.candidates = tables.read(folder, names["candidates"], "candidates", sorted(wanted))
        tables.require(self.candidates, "candidates", "customer", "offer")
        ids = tables.ids(self.candidates, "candidates", "customer")
        self.customer, self.customer_ids = tables.ranks(ids)
        ids = tables.ids(self.candidates, "candidates", "offer")
        self.offer = tables.positions(ids, self.offer_ids)
        if (self.offer < 0).any():
            row = int((self.offer < 0).argmax())
            raise InvalidInput(
                f"table candidates, column 'offer', row {row}: offer {ids[row].as_py()!r} "
                "is not in table offers"
            )
        self.roles: list[Any] = [None]
        self.role = np.zeros(1, np.int64)
        if "role" in self.candidates.column_names:
            code, distinct = tables.labels(self.candidates["role"])
            self.role, self.roles = code + 1, [None, *distinct]
        self.customers: pa.Table | None = None
        if "customers" in names:
            self.customers = tables.read(folder, names["customers"], "customers")
            tables.require(self.customers, "customers", "customer")
        self._customer_row: Integers | None = None
        self._sorted: tuple[Integers, Integers | None] | None = None

    def __len__(self) -> int:
        return len(self.offer)

    @property
    def cells(self) -> int:
        return len(self.roles) * len(self.offer_ids)

    def cell(self, rows: Integers) -> Integers:
        """Cell of the candidates in these rows."""
        role = self.role[rows] if len(self.roles) > 1 else self.role
        return role * len(self.offer_ids) + self.offer[rows]

    def rows(self, customer: Integers, offer: Integers) -> Integers:
        """Row of the candidates of each pair, -1 where the pair is not among them."""
        if self._sorted is None:
            key, order = self.customer * len(self.offer_ids) + self.offer, None
            if not (
                key[1:] > key[:-1]
            ).all():  # sorting is the slow part: spare it where it is done
                order = np.argsort(key)
                key = key[order]
                if (key[1:] == key[:-1]).any():
                    raise InvalidInput(
                        "table candidates: a pair of customer and offer is there twice"
                    )
            self._sorted = key, order
        key, order = self._sorted
        wanted = np.where(
            (customer >= 0) & (offer >= 0), customer * len(self.offer_ids) + offer, -1
        )
        position = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        row = position if order is None else order[position]
        return np.where(key[position] == wanted, row, -1)

    def has(self, name: str) -> bool:
        return name in self.candidates.column_names or name in self.offers.column_names

    def column(self, name: str, rows: Integers, by_whom: str) -> Floats:
        """A named column of the candidates in these rows, by the format's rules for columns that are missing."""
        if name == "count":
            return np.ones(len(rows))
        if name in self.candidates.column_names:
            return tables.numbers(self.candidates, "candidates", name)[rows]
        if name in self.offers.column_names:
            return tables.numbers(self.offers, "offers", name)[self.offer[rows]]

        def part(name: str) -> Floats:
            return self.column(name, rows, by_whom) if self.has(name) else np.zeros(len(rows))

        if name == "cost":
            return part("issue_cost") + part("response") * part("face_value")
        if name == "value" and self.has("response"):
            margin = part("margin") - part("face_value")
            return part("response") * margin - part("issue_cost")
        raise InvalidInput(f"{by_whom}: neither candidates nor offers have a column {name!r}")

    def about(self, where: Where, by_whom: str) -> Mask:
        """Which cells a `where` clause is about (cells)."""
        rest = dict(where)
        role = np.ones(len(self.roles), bool)
        if "role" in rest and "role" in self.candidates.column_names:
            wanted = values_of(rest.pop("role"), by_whom)
            role = np.array([name in wanted for name in self.roles])
        return (role[:, None] & rows_where(self.offers, "offers", rest, by_whom)).ravel()

    def groups(self, by: str | None, by_whom: str) -> tuple[Integers, Integers, list[Any]]:
        """Pairs (cell, number of a group) by a column of offers, or `role`, and the groups' values."""
        every = np.arange(self.cells).reshape(len(self.roles), len(self.offer_ids))
        if by is None:
            return every.ravel(), np.zeros(self.cells, np.int64), [None]
        if by == "role" and "role" in self.candidates.column_names:
            cell = every[1:].ravel()
            return cell, cell // len(self.offer_ids) - 1, self.roles[1:]
        if by not in self.offers.column_names:
            raise InvalidInput(f"{by_whom}: by: table offers has no column {by!r}")
        number: dict[Any, int] = {}
        pairs = set()
        for offer, value in enumerate(self.offers[by].to_pylist()):
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    pairs.add((offer, number.setdefault(one, len(number))))
        offers, group = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
        return every[:, offers].ravel(), np.tile(group, len(self.roles)), list(number)

    def rows_of_customers(self, by_whom: str) -> Integers:
        """Row of the customers table of each customer (n)."""
        if self.customers is None:
            raise InvalidInput(f"{by_whom}: it needs the table customers, which is not there")
        if self._customer_row is None:
            known = tables.ids(self.customers, "customers", "customer")
            _refuse_twice(known, "customers", "customer")
            self._customer_row = tables.positions(self.customer_ids, known)
        if (self._customer_row < 0).any():
            missing = self.customer_ids[int((self._customer_row < 0).argmax())].as_py()
            raise InvalidInput(
                f"table customers: customer {missing!r} of table candidates is not in it, and {by_whom} needs it"
            )
        return self._customer_row

    def bound(self, bound: int | str | None, default: float, by_whom: str) -> Floats:
        """A customer rule's bound for each customer (n)."""
        if not isinstance(bound, str):
            return np.full(len(self.customer_ids), default if bound is None else float(bound))
        row = self.rows_of_customers(by_whom)
        if self.customers is None or bound not in self.customers.column_names:
            raise InvalidInput(f"{by_whom}: table customers has no column {bound!r}")
        return tables.numbers(self.customers, "customers", bound)[row]


def _refuse_twice(ids: pa.Array, what: str, name: str) -> None:
    rank, distinct = tables.ranks(ids)
    if len(distinct) < len(ids):
        twice = distinct[int((np.bincount(rank) > 1).argmax())].as_py()
        raise InvalidInput(f"table {what}, column {name!r}: {twice!r} is there twice")


class _Measured(NamedTuple):
    """One limit for one group: what is asked, what it comes to, and how exact that is."""

    name: str
    group: str | None
    sum: str
    min: float | None
    max: float | None
    mode: str
    penalty: float
    achieved: float  # NaN: a ratio to nothing
    error: float

    @property
    def key(self) -> tuple[str, str | None, str]:
        return self.name, self.group, self.sum

    @property
    def label(self) -> str:
        return f"limit {self.name!r}" + ("" if self.group is None else f" [{self.group}]")

    @property
    def missed(self) -> float:
        """How far it is outside its bounds, in its own unit."""
        if math.isnan(self.achieved):
            return 0.0
        below = 0.0 if self.min is None else self.min - self.achieved
        above = 0.0 if self.max is None else self.achieved - self.max
        return max(0.0, below, above)

    @property
    def tolerance(self) -> float:
        """How far it may seem to be outside its bounds by rounding alone."""
        sizes = [abs(bound) for bound in (self.min, self.max) if bound is not None]
        return self.error + ROUNDING * max(sizes, default=0.0)


class _Check:
    """Compares one result with what the tables say, and notes what does not hold."""

    def __init__(self, given: _Given, spec: Spec, claim: dict[str, Any]):
        self.given = given
        self.spec = spec
        self.claim = claim
        self.problems: list[str] = []
        self.rows = np.zeros(0, np.int64)  # of the candidates that were given
        self.allocated = 0
        self.objective: float | None = None
        self.penalties: float | None = None
        self.max_violation: float | None = None
        self.below_min: int | None = None
        self.gap: float | None = None
        self.limits = 0
        self._totals: dict[tuple[str, str], tuple[Floats, Floats]] = {}

    def report(self) -> Report:
        return Report(
            not self.problems,
            self.problems,
            str(self.claim.get("status")),
            self.objective,
            self.penalties,
            self._number("bound"),
            self.gap,
            self.max_violation,
            self.allocated,
            len(self.given.customer_ids),
            len(self.given),
            self.below_min,
            self.limits,
        )

    # ---- what holds for any result

    def counts(self) -> None:
        """The keys of result.json, and its numbers of customers and candidates."""
        for key in CLAIMS:
            if key not in self.claim:
                self._note(f"result.json: key {key!r} is missing")
        self._same("customers", len(self.given.customer_ids))
        self._same("candidates", len(self.given))

    def infeasible(self, out: Path) -> None:
        """No allocation, no claims about one, and a conflict of limits and rules that exist and ask what it says."""
        for name in ("allocation.parquet", "limits.parquet"):
            if (out / name).exists():
                self._note(f"{name}: there is one, but the campaign is said to be infeasible")
        for key in ("objective", "bound", "gap", "max_violation"):
            if self.claim.get(key) is not None:
                self._note(
                    f"result.json: {key}: expected null without an allocation, got {self.claim[key]}"
                )
        self._same("allocated", 0)
        if not (out / "infeasible.json").exists():
            self._note("infeasible.json: missing, but the campaign is said to be infeasible")
            return
        conflict = _read_json(out, "infeasible.json")
        measures: dict[tuple[Any, ...], list[_Measured]] = {}
        for measured in self._measures():
            measures.setdefault(measured.key, []).append(measured)
            self.limits += 1
        members, rules = conflict.get("limits", []), conflict.get("customer_rules", [])
        if not members and not rules:
            self._note("infeasible.json: it names neither a limit nor a customer rule")
        for entry in members:
            asked = measures.get((entry.get("limit"), entry.get("group"), entry.get("sum")), [])
            for bound in ("min", "max"):
                said = entry.get(bound)
                if said is not None and not any(
                    m.mode == "hard" and getattr(m, bound) == said for m in asked
                ):
                    self._note(
                        f"infeasible.json: no hard limit {entry.get('limit')!r} asks {bound} {said}"
                    )
            if entry.get("min") is None and entry.get("max") is None:
                self._note(f"infeasible.json: limit {entry.get('limit')!r}: it asks for nothing")
        names = {rule.name for rule in self.spec.rules}
        for entry in rules:
            if entry.get("customer_rule") not in names:
                self._note(
                    f"infeasible.json: there is no customer rule {entry.get('customer_rule')!r}"
                )

    def solved(self, out: Path) -> None:
        """Everything about an allocation."""
        if self.claim.get("status") not in ("optimal", "feasible"):
            self._note(
                "result.json: status: expected optimal, feasible or infeasible, "
                f"got {self.claim.get('status')!r}"
            )
        if (out / "infeasible.json").exists():
            self._note("infeasible.json: there is one, but the campaign is said to be solved")
        if not (out / "allocation.parquet").exists():
            self._note("allocation.parquet: missing")
            return
        self._allocation(tables.read(out, "allocation.parquet", "allocation"))
        self._rules()
        measures = self._measures()
        self.limits = len(measures)
        if (out / "limits.parquet").exists():
            self._limits(tables.read(out, "limits.parquet", "limits"), measures)
        else:
            self._note("limits.parquet: missing")
        self._objective(measures)

    # ---- the allocation

    def _allocation(self, table: pa.Table) -> None:
        given = self.given
        tables.require(table, "allocation", "customer", "offer")
        self.allocated = table.num_rows
        self._same("allocated", table.num_rows)
        ids = {name: tables.ids(table, "allocation", name) for name in ("customer", "offer")}
        for name, known in (("customer", given.customer_ids), ("offer", given.offer_ids)):
            if ids[name].type != known.type:
                self._note(
                    f"allocation: column {name!r}: expected {known.type}, got {table[name].type}"
                )
        customer = tables.positions(ids["customer"], given.customer_ids)
        offer = tables.positions(ids["offer"], given.offer_ids)

        def pair(row: int) -> str:
            return f"row {row}: customer {ids['customer'][row].as_py()!r}, offer {ids['offer'][row].as_py()!r}"

        if (customer[1:] < customer[:-1]).any():
            row = 1 + int((customer[1:] < customer[:-1]).argmax())
            self._note(f"allocation: not in order of customer, first at {pair(row)}")
        rows = given.rows(customer, offer)
        foreign = rows < 0
        if foreign.any():
            first = pair(int(foreign.argmax()))
            self._note(f"allocation: {foreign.sum():,} pairs are not candidates, first {first}")
        at = np.flatnonzero(~foreign)  # rows of the allocation that can be judged
        order = np.argsort(rows[at], kind="stable")
        again = at[order[1:][np.diff(rows[at][order]) == 0]]
        if len(again):
            first = pair(int(again.min()))
            self._note(f"allocation: {len(again):,} coupons are given twice, first {first}")
        self.rows = rows[at]
        self._coupon_columns(table, at, pair)

    def _coupon_columns(self, table: pa.Table, at: Integers, pair: Any) -> None:
        """value, response and cost of each coupon, those that exist or follow."""
        has = self.given.has
        exist = {
            "value": has("value") or has("response"),
            "response": has("response"),
            "cost": has("cost") or has("issue_cost") or has("face_value"),
        }
        for name, there in exist.items():
            if there != (name in table.column_names):
                expected = "expected" if there else "did not expect"
                self._note(f"allocation: {expected} a column {name!r}")
                continue
            if not there:
                continue
            claimed = _floats(table[name])
            if claimed is None:
                self._note(f"allocation: column {name!r}: expected numbers, got {table[name].type}")
                continue
            true = self.given.column(name, self.rows, "allocation")
            differ = np.flatnonzero(claimed[at] != true)
            # a default is a difference: what rounding may do depends on the size of its parts
            size = np.abs(true[differ]) + self._parts(name, self.rows[differ])
            off = np.abs(claimed[at[differ]] - true[differ])
            wrong = differ[~(off <= ROUNDING * size)]
            if len(wrong):
                i = int(wrong[0])
                self._note(
                    f"allocation: column {name!r} is wrong in {len(wrong):,} rows, "
                    f"first {pair(int(at[i]))}: expected {true[i]}, got {claimed[at[i]]}"
                )

    def _parts(self, name: str, rows: Integers) -> Floats:
        """Size of the terms that a default value or cost is made of, per coupon; 0 for a column as given."""
        size = np.zeros(len(rows))
        if name == "response" or self.given.has(name):
            return size
        for part in MONEY:
            if self.given.has(part):
                size += np.abs(self.given.column(part, rows, "allocation"))
        return size

    # ---- customer rules

    def _rules(self) -> None:
        given = self.given
        customer, cell = given.customer[self.rows], given.cell(self.rows)
        count = np.bincount(customer, minlength=len(given.customer_ids))
        least = np.zeros(len(given.customer_ids))
        most = np.full(len(given.customer_ids), np.inf)
        grouped: list[_Group] = []
        for rule in self.spec.rules:
            cap = given.bound(rule.max, np.inf, rule.label)
            if not rule.by and not rule.where:
                self._too_many(rule, None, np.flatnonzero(count > cap))
                least = np.maximum(least, given.bound(rule.min, 0.0, rule.label))
                most = np.minimum(most, cap)
                continue
            group = _Group(_group_of_cell(given, rule), cap)
            grouped.append(group)
            key, held = np.unique(group.keys(customer, cell), return_counts=True)
            who, number = np.divmod(key, group.width)
            over = (number > 0) & (held > cap[who])
            self._too_many(rule, rule.by, np.unique(who[over]))
        short = count < least
        self.below_min = int(short.sum())
        if "customers_below_min" in self.claim:
            self._same("customers_below_min", self.below_min)
        possible = np.minimum(_most_coupons(given, grouped, short), most)
        self._too_few(np.flatnonzero(short & (count < possible)))

    def _too_many(self, rule: CustomerRule, by: str | None, who: Integers) -> None:
        if len(who):
            each = f" for one {by}" if by else ""
            first = self.given.customer_ids[int(who[0])].as_py()
            self._note(
                f"{rule.label}: {len(who):,} customers have more than max {rule.max}{each}, first {first!r}"
            )

    def _too_few(self, who: Integers) -> None:
        if len(who):
            names = ", ".join(repr(rule.name) for rule in self.spec.rules if rule.min is not None)
            first = self.given.customer_ids[int(who[0])].as_py()
            self._note(
                f"customer_rule {names}: {len(who):,} customers have fewer coupons than min "
                f"and than they can have, first {first!r}"
            )

    # ---- limits

    def _measures(self) -> list[_Measured]:
        """Every limit, for each of its groups, on the coupons given."""
        return [measured for limit in self.spec.limits for measured in self._measure(limit)]

    def _measure(self, limit: Limit) -> Iterable[_Measured]:
        given = self.given
        about = given.about(limit.where, limit.label)
        cell, group, values = given.groups(limit.by, limit.label)
        cell, group = cell[about[cell]], group[about[cell]]
        above, size = self._sums(limit, limit.columns()[0], cell, group, len(values))
        below = np.ones(len(values))
        if limit.ratio is not None:
            below, _ = self._sums(limit, limit.ratio[1], cell, group, len(values))
        if limit.table is None:
            there = np.unique(group if limit.by is None else group[self._exists(limit, cell)])
            asked = [(values[g], limit.min, limit.max) for g in there]
            if limit.by is None:
                asked = [(None, limit.min, limit.max)]
        else:
            asked = _bounds(limit)
        number = {value: g for g, value in enumerate(values)}
        name = " / ".join(limit.columns())
        for value, low, high in asked:
            g = number.get(value)
            total, total_size, divisor = (
                (0.0, 0.0, float(limit.ratio is None))
                if g is None
                else (float(above[g]), float(size[g]), float(below[g]))
            )
            yield _Measured(
                limit.name,
                None if limit.by is None else str(value),
                name,
                low,
                high,
                limit.mode,
                float(limit.penalty or 0.0),
                total / divisor if divisor else math.nan,
                ROUNDING * total_size / abs(divisor) if divisor else 0.0,
            )

    def _exists(self, limit: Limit, cell: Integers) -> Mask:
        """Which cells make a group exist: any offer does, but a role only where candidates have it."""
        if "role" not in self.given.candidates.column_names or (
            limit.by != "role" and "role" not in limit.where
        ):
            return np.ones(len(cell), bool)
        seen = np.zeros(self.given.cells, bool)
        seen[self.given.cell(np.arange(len(self.given)))] = True
        return seen[cell]

    def _sums(
        self, limit: Limit, column: str, cell: Integers, group: Integers, groups: int
    ) -> tuple[Floats, Floats]:
        """Sums of a column, and of its absolute values, over the coupons given in each group's cells."""
        key = (column, repr(sorted(limit.customers.items())))
        if key not in self._totals:
            rows = self.rows
            if limit.customers:
                table_row = self.given.rows_of_customers(limit.label)
                chosen = rows_where(self.given.customers, "customers", limit.customers, limit.label)
                rows = rows[chosen[table_row][self.given.customer[rows]]]
            amount = self.given.column(column, rows, limit.label)
            where, cells = self.given.cell(rows), self.given.cells
            self._totals[key] = (
                _sum_by(where, amount, cells),
                _sum_by(where, np.abs(amount), cells),
            )
        total, size = self._totals[key]
        return _sum_by(group, total[cell], groups), _sum_by(group, size[cell], groups)

    def _limits(self, table: pa.Table, measures: Sequence[_Measured]) -> None:
        tables.require(table, "limits", *LIMIT_COLUMNS)
        rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in table.to_pylist():
            rows.setdefault((row["name"], row["group"], row["sum"]), []).append(row)
        for measured in measures:
            same_name = rows.get(measured.key)
            if not same_name:
                self._note(f"limits: {measured.label}: no row for it")
                continue
            row = same_name.pop(0)
            for column in ("min", "max", "mode"):
                if row[column] != getattr(measured, column):
                    self._note(
                        f"limits: {measured.label}: {column}: expected {getattr(measured, column)}, got {row[column]}"
                    )
            if not _close(row["achieved"], measured.achieved, measured.error):
                self._note(
                    f"limits: {measured.label}: achieved: expected {measured.achieved}, got {row['achieved']}"
                )
            if row["price"] is None or not math.isfinite(row["price"]):
                self._note(
                    f"limits: {measured.label}: price: expected a number, got {row['price']}"
                )
            elif row["binding"] is not (row["price"] != 0):
                self._note(
                    f"limits: {measured.label}: binding: expected {row['price'] != 0} at price "
                    f"{row['price']}, got {row['binding']}"
                )
        for left in rows.values():
            for row in left:
                self._note(
                    f"limits: limit {row['name']!r}, group {row['group']!r}: there is no such limit"
                )
        for measured in measures:
            if measured.mode == "hard" and measured.missed > measured.tolerance:
                bounds = f"[{measured.min}, {measured.max}]".replace("None", "…")
                self._note(f"{measured.label}: {measured.achieved} is outside {bounds}")

    # ---- the certificate

    def _objective(self, measures: Sequence[_Measured]) -> None:
        value = self.given.column(self.spec.value, self.rows, "objective")
        self.penalties = sum(m.penalty * m.missed for m in measures if m.mode == "soft")
        self.objective = float(value.sum()) - self.penalties
        parts = np.abs(value) + self._parts(self.spec.value, self.rows)
        error = ROUNDING * (float(parts.sum()) + self.penalties)
        error += sum(m.penalty * m.tolerance for m in measures if m.mode == "soft")
        if not _close(self.claim.get("objective"), self.objective, error):
            self._note(
                f"result.json: objective: expected {self.objective}, got {self.claim.get('objective')}"
            )
        hard = [m for m in measures if m.mode == "hard"]
        self.max_violation = max((m.missed for m in hard), default=0.0)
        tolerance = max((m.tolerance for m in hard), default=0.0)
        if not _close(self.claim.get("max_violation"), self.max_violation, tolerance):
            self._note(
                f"result.json: max_violation: expected {self.max_violation}, "
                f"got {self.claim.get('max_violation')}"
            )
        self._bound(self.objective, error)

    def _bound(self, objective: float, error: float) -> None:
        claimed = self.claim.get("gap")
        bound = self._number("bound")
        if bound is None:
            if self.claim.get("bound") is not None:
                self._note(f"result.json: bound: expected a number, got {self.claim['bound']!r}")
            if claimed is not None:
                self._note(f"result.json: gap: expected null without a bound, got {claimed}")
            if self.claim.get("status") == "optimal":
                self._note("result.json: status: optimal, but there is no bound")
            return
        if bound < objective - error:
            self._note(f"result.json: bound {bound} is below the objective {objective}")
        if bound == 0 and abs(objective) <= error:
            self.gap = 0.0
        else:
            self.gap = (bound - objective) / max(abs(bound), 1e-300)
        tolerance = error / max(abs(bound), 1e-300) + ROUNDING * abs(self.gap)
        if not _close(claimed, self.gap, tolerance):
            self._note(f"result.json: gap: expected {self.gap}, got {claimed}")

    # ---- small things

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    def _number(self, key: str) -> float | None:
        value = self.claim.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return float(value) if math.isfinite(value) else None

    def _same(self, key: str, expected: int) -> None:
        if key in self.claim and self.claim[key] != expected:
            self._note(f"result.json: {key}: expected {expected}, got {self.claim[key]!r}")


def _sum_by(group: Integers, amount: Floats, groups: int) -> Floats:
    """Sum of the amounts in each group."""
    return np.bincount(group, weights=amount, minlength=groups).astype(float)


def _close(claimed: Any, true: float, error: float) -> bool:
    if claimed is None:
        return math.isnan(true)
    if isinstance(claimed, bool) or not isinstance(claimed, (int, float)):
        return False
    return abs(claimed - true) <= error + ROUNDING * abs(true)


def _floats(column: pa.ChunkedArray) -> Floats | None:
    """A column as float64, nulls as NaN; None where it does not hold numbers."""
    if not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
        return None
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), float)


def _bounds(limit: Limit) -> list[tuple[Any, float | None, float | None]]:
    """The bounds that a limit's table gives: (value, min, max)."""
    table, what = limit.table, f"of {limit.label}"
    tables.require(table, what, str(limit.by))
    bounds: dict[str, list[float | None]] = {}
    for name in ("min", "max"):
        bounds[name] = [None] * table.num_rows
        if name in table.column_names:
            numbers = tables.numbers(table, what, name, nullable=True).tolist()
            bounds[name] = [None if math.isnan(number) else number for number in numbers]
    return list(zip(table[limit.by].to_pylist(), bounds["min"], bounds["max"], strict=True))


# ---- how many coupons a customer can have


@dataclass(frozen=True)
class _Group:
    """A customer rule about part of the offers. code: int64 (cells), group or -1. cap: (n), for each group."""

    code: Integers
    cap: Floats

    @property
    def width(self) -> int:
        return int(self.code.max(initial=-1)) + 2

    def keys(self, customer: Integers, cell: Integers) -> Integers:
        """A number for each customer and group (0: in none of them)."""
        return customer * self.width + self.code[cell] + 1


def _group_of_cell(given: _Given, rule: CustomerRule) -> Integers:
    code = np.full(given.cells, -1)
    cell, group, _ = given.groups(rule.by, rule.label)
    if len(np.unique(cell)) < len(cell):
        raise Unsupported(f"{rule.label}: by a column of lists ({rule.by!r}) is not supported yet")
    code[cell] = group
    return np.where(given.about(rule.where, rule.label), code, -1)


class _Bound(NamedTuple):
    """A rule among some candidates, where it can bind: (set of each candidate or -1, size of it, its cap)."""

    member: Integers
    size: Integers
    cap: Floats


def _most_coupons(given: _Given, rules: Sequence[_Group], wanted: Mask) -> Floats:
    """The most coupons under these rules that each `wanted` customer can have (n); 0 for the others."""
    rows = np.flatnonzero(wanted[given.customer])
    who, cell = given.customer[rows], given.cell(rows)
    binding = []
    for rule in rules:
        _, member, size = np.unique(rule.keys(who, cell), return_inverse=True, return_counts=True)
        cap = rule.cap[who]
        binds = (rule.code[cell] >= 0) & (size[member] > cap)
        if binds.any():
            binding.append(_Bound(np.where(binds, member, -1), size[member], cap))
    crossing = np.zeros(len(wanted), bool)
    for b, one in enumerate(binding):
        for other in binding[:b]:
            crossing[who[_cross(one, other)]] = True
    most = _sum_by(who, _fill(binding, len(rows)), len(wanted)).round()
    by_customer = np.argsort(who, kind="stable")
    first = np.searchsorted(who[by_customer], np.arange(len(wanted) + 1))
    for customer in np.flatnonzero(crossing).tolist():
        own = by_customer[first[customer] : first[customer + 1]]
        most[customer] = _most_of_one(
            [_Bound(b.member[own], b.size[own], b.cap[own]) for b in binding], len(own)
        )
    return most


def _cross(a: _Bound, b: _Bound) -> Mask:
    """Candidates where a set of one rule and a set of the other overlap, neither inside the other."""
    both = np.flatnonzero((a.member >= 0) & (b.member >= 0))
    pair = a.member[both] * (int(b.member.max(initial=0)) + 1) + b.member[both]
    _, member, common = np.unique(pair, return_inverse=True, return_counts=True)
    crosses = np.zeros(len(a.member), bool)
    common = common[member]
    crosses[both] = (common < a.size[both]) & (common < b.size[both])
    return crosses


def _fill(bounds: Sequence[_Bound], candidates: int) -> Floats:
    """Shares of candidates whose sum over a customer is the most coupons, where the sets nest.

    Smaller sets first: each set that holds more than its cap is scaled down to it, which keeps the sets inside
    it within theirs.
    """
    share = np.ones(candidates)
    for size in sorted({size for b in bounds for size in np.unique(b.size[b.member >= 0])}):
        for bound in bounds:
            rows = np.flatnonzero((bound.member >= 0) & (bound.size == size))
            if len(rows):
                total = np.bincount(bound.member[rows], weights=share[rows])[bound.member[rows]]
                full = total > bound.cap[rows]
                share[rows[full]] *= bound.cap[rows[full]] / total[full]
    return share


def _most_of_one(bounds: Sequence[_Bound], candidates: int) -> float:
    """The most coupons of one customer whose sets overlap in any way, by a small integer program."""
    matrix, cap = [], []
    for bound in bounds:
        for member in np.unique(bound.member[bound.member >= 0]):
            matrix.append(bound.member == member)
            cap.append(bound.cap[matrix[-1]][0])
    found = milp(
        -np.ones(candidates),
        constraints=LinearConstraint(np.array(matrix, float), -np.inf, np.array(cap)),
        integrality=np.ones(candidates),
        bounds=Bounds(0, 1),
    )
    return float(round(-found.fun))

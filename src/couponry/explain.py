"""Why one customer got these coupons and not others: from a result of this session, or from the files of one.

Only the one customer's candidates are looked at, however many customers there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from . import kernels, tables
from .allocate.problem import Problem
from .campaign import Campaign
from .engines.gather import customers_of
from .engines.local import LocalEngine
from .errors import InvalidInput
from .explanation import Decision, Explanation, Payment
from .folder import read_candidates, read_spec
from .items import ROLES
from .limits import CompiledLimits
from .portfolio import Portfolio, positions_given
from .stream import reading

if TYPE_CHECKING:
    from .result import Result

CLOSE = 1e-9  # share of a bound that sums may be past it by rounding
NO_ALLOCATION = "explain: expected a result with an allocation"


def explain_result(result: Result, customer: Any) -> Explanation:
    """See Result.explain."""
    solved = result.solved
    if solved is None or solved.plan is None:
        raise InvalidInput(f"{NO_ALLOCATION}, got one that is {result.status}")
    campaign, plan, problem = solved.campaign, solved.plan, solved.compiled.problem
    number = _number(campaign.candidates.customers, customer)
    backend = kernels.load(result.backend)
    at = int(np.searchsorted(plan.movers, number))
    first, last = problem.shard.indptr[[number, number + 1]]
    if at < len(plan.movers) and plan.movers[at] == number:
        movers = plan.movers[:at]
        start = int((problem.shard.indptr[movers + 1] - problem.shard.indptr[movers]).sum())
        given = plan.chosen[start : start + int(last - first)]
    else:
        shard, rules = customers_of(plan.engine.shard, problem.rules, np.array([number]))
        engine = LocalEngine(shard._replace(first=number), rules, backend, 1, result.seed)
        given, _ = engine.choose(plan.price)
    portfolio = Portfolio.of(problem, number, solved.prices, backend, result.seed)
    return _Reasons(
        campaign, customer, portfolio, solved.compiled.limits, given.astype(bool), plan.activity
    ).explanation(number)


def explain_written(folder: str | Path, out: str | Path, customer: Any) -> Explanation:
    """Why a customer got its coupons, from the campaign in `folder` and the result that was written to `out`.

    customer: its id; text of a whole number where ids are integers. Raises InvalidInput where there is no such
    customer, or no allocation.
    """
    folder, out = Path(folder), Path(out)
    spec = read_spec(folder)
    limits_file = out / "limits.parquet"
    if not limits_file.is_file():
        raise InvalidInput(f"{NO_ALLOCATION}, got no file {str(limits_file)!r}")
    said = tables.read(out, "limits.parquet", "limits of the result")
    if spec.targeting is None:
        candidates = _rows_of(folder, spec.tables["candidates"], "candidates", customer)
    else:
        candidates = _of_customer(read_candidates(folder, spec), "candidates", customer)
    if candidates.num_rows == 0:
        raise InvalidInput(f"explain: customer {customer!r} has no candidates")
    customers = None
    if "customers" in spec.tables:
        customers = _rows_of(folder, spec.tables["customers"], "customers", customer)
    campaign = Campaign(
        tables.read(folder, spec.tables["offers"], "offers"),
        candidates,
        customers,
        rules=spec.rules,
        limits=spec.limits,
        value=spec.value,
        name=spec.name,
    )
    backend = kernels.load(None)
    compiled = campaign.compile(backend)
    theirs = _rows_of(out, "allocation.parquet", "allocation of the result", customer)
    offers = tables.ids(campaign.offers, "offers", "offer")
    rows = tables.positions(tables.ids(theirs, "allocation of the result", "offer"), offers)
    given = positions_given(rows.tolist(), campaign.candidates.offer)
    prices, activity = _of_rows(said, compiled.limits)
    portfolio = Portfolio.of(compiled.problem, 0, prices, backend, 0)
    known = campaign.candidates.customers[0].as_py()
    return _Reasons(campaign, known, portfolio, compiled.limits, given, activity).explanation(0)


def _number(customers: pa.Array, customer: Any) -> int:
    """Number of a customer by its id; refused where it has no candidates."""
    expected = tables.kind_of_ids(customers)
    whole = isinstance(customer, (int, np.integer)) and not isinstance(customer, bool)
    if not (whole if expected == "integers" else isinstance(customer, str)):
        raise InvalidInput(
            f"explain: customer: expected one of {expected}, as in table candidates, got {customer!r}"
        )
    wanted = tables.ids(pa.table({"customer": [customer]}), "candidates", "customer")
    number = int(tables.positions(wanted, customers)[0])
    if number < 0:
        raise InvalidInput(f"explain: customer {customer!r} has no candidates")
    return number


def _rows_of(folder: Path, name: str | list[str], what: str, customer: Any) -> pa.Table:
    """A customer's rows of a table's files; of Parquet files no more than the row groups that may have it are read."""
    parts = []
    for path in tables.files(folder, name, what):
        if path.suffix.lower() == ".csv":
            parts.append(_of_customer(tables.read(path.parent, path.name, what), what, customer))
            continue
        with reading(path, what):
            schema = pq.read_schema(path)
            tables.require(schema.empty_table(), what, "customer")
            kind = schema.field("customer").type
            if pa.types.is_dictionary(kind):
                kind = kind.value_type
            wanted = _as_id(kind, customer)
            parts.append(pq.read_table(path, filters=[("customer", "==", wanted)]))
    return pa.concat_tables(parts, promote_options="permissive")


def _of_customer(table: pa.Table, what: str, customer: Any) -> pa.Table:
    column = tables.ids(table, what, "customer")
    return table.filter(pa.compute.equal(column, _as_id(column.type, customer)))


def _as_id(kind: pa.DataType, customer: Any) -> int | str:
    """An id as a column of this type holds it."""
    if pa.types.is_integer(kind):
        try:
            return int(str(customer))
        except ValueError:
            raise InvalidInput(
                f"explain: customer: expected a whole number, got {customer!r}"
            ) from None
    return str(customer)


def _of_rows(
    said: pa.Table, limits: CompiledLimits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prices and activities of rows (L) from a result's limits; the activity of a ratio's row is not known: NaN."""
    tables.require(said, "limits of the result", "name", "group", "price", "achieved", "second_sum")
    entries = {(entry["name"], entry["group"]): entry for entry in said.to_pylist()}
    prices, activity = np.zeros(len(limits.lower)), np.full(len(limits.lower), np.nan)
    for row, number in enumerate(limits.measure_of_row.tolist()):
        measure = limits.measures[number]
        entry = entries.get((measure.name, measure.group))
        if entry is None:
            raise InvalidInput(
                f"limits of the result: there is no {measure.name!r}, group {measure.group!r}"
            )
        if not limits.is_ratio[number]:
            prices[row], activity[row] = entry["price"], entry["achieved"]
        elif entry["second_sum"]:
            # a ratio with both bounds is two rows, and its price is that of one of them
            upper = np.isfinite(limits.upper[row])
            price = entry["price"] / entry["second_sum"]
            prices[row] = price if (price > 0) == upper else 0.0
    return prices, activity


@dataclass(frozen=True)
class _Reasons:
    """Finds the reasons; `given` (e), `activity` (L) of the whole allocation."""

    campaign: Campaign
    customer: Any
    portfolio: Portfolio
    limits: CompiledLimits
    given: NDArray[np.bool_]
    activity: NDArray[np.float64]

    def explanation(self, number: int) -> Explanation:
        portfolio, given = self.portfolio, self.given
        choices = portfolio.changed()
        best, others = choices[0], choices[1:]
        worth = choices @ portfolio.reduced
        possible = others[np.arange(len(best)), np.arange(len(best))] != best
        loss = np.where(possible, np.maximum(0.0, worth[0] - worth[1:]), np.inf)
        candidates = self.campaign.candidates
        rows = slice(*candidates.indptr[[number, number + 1]].tolist())
        ids = tables.ids(self.campaign.offers, "offers", "offer")
        offers = ids.take(pa.array(candidates.offer[rows])).to_pylist()
        roles: list[str | None] = [None] * len(offers)
        if candidates.role is not None:
            roles = [(None, *ROLES)[code] for code in candidates.role[rows]]
        # worth something and in neither choice: the best one has no room for it
        left = np.flatnonzero(~given & ~best & (portfolio.reduced > 0))
        full = dict(zip(left.tolist(), portfolio.full(best, left), strict=True))
        decisions = []
        for e in range(len(portfolio)):
            swapped = np.flatnonzero(others[e] != best)
            instead = tuple(offers[other] for other in swapped.tolist() if other != e)
            margin = float(loss[e]) if possible[e] else None
            paid = self._payments(e)
            reason, named = self._reason(e, best, full.get(e, []), paid, instead, margin)
            decisions.append(
                Decision(
                    offers[e], roles[e], float(portfolio.value[e]), paid,
                    float(portfolio.reduced[e]), bool(given[e]), bool(best[e]), reason, named,
                    instead, margin,
                )
            )  # fmt: skip
        decisions.sort(key=lambda d: (not d.given, -d.reduced))
        worth_given = float(portfolio.reduced[given].sum())
        lost = float(worth[0]) - worth_given
        rounding = CLOSE * float(np.abs(portfolio.paid).sum() + np.abs(portfolio.value).sum())
        return Explanation(
            self.campaign.name,
            self.customer,
            tuple(decisions),
            float(portfolio.value[given].sum()),
            worth_given,
            lost if lost > rounding else 0.0,
        )

    def _payments(self, e: int) -> tuple[Payment, ...]:
        """What a candidate pays, by limit and group, the most first."""
        amounts: dict[int, float] = {}
        for row in np.flatnonzero(self.portfolio.paid[:, e]).tolist():
            number = int(self.limits.measure_of_row[row])
            amounts[number] = amounts.get(number, 0.0) + float(self.portfolio.paid[row, e])
        paid = [
            Payment(self.limits.measures[number].name, self.limits.measures[number].group, amount)
            for number, amount in amounts.items()
        ]
        return tuple(sorted(paid, key=lambda payment: -payment.amount))

    def _reason(
        self,
        e: int,
        best: NDArray[np.bool_],
        full: list[str],
        paid: tuple[Payment, ...],
        instead: tuple[Any, ...],
        margin: float | None,
    ) -> tuple[str, tuple[str, ...]]:
        """Why, and the limits or rules that say so."""
        if self.given[e] != best[e]:
            return self._moved(e, margin)
        would = ""
        if margin is not None:
            offers = ", ".join(map(repr, instead)) or "nothing"
            would = (
                f"{offers} {'would come' if best[e] else 'would go'} instead, {margin:,.4g} less"
            )
        if self.given[e]:
            return f"given: among its best{_then(would or 'nothing may come instead')}", ()
        if self.portfolio.reduced[e] > 0:
            if full:
                rules = ", ".join(map(repr, full))
                return f"not given: no room left under {rules}{_then(would)}", tuple(full)
            return f"not given: no room left under the rules together{_then(would)}", ()
        if paid and paid[0].amount > 0 and self.portfolio.value[e] > 0:
            most = paid[0]
            return (
                f"not given: worth less than nothing after prices, "
                f"{most.amount:,.4g} of them for limit {most.label}",
                (most.limit,),
            )
        return "not given: worth nothing", ()

    def _moved(self, e: int, margin: float | None) -> tuple[str, tuple[str, ...]]:
        """What repair changed, and which limits would not hold without that."""
        sign = -1.0 if self.given[e] else 1.0
        after = self.activity + sign * self.portfolio.weight[:, e]
        reasons, names = [], []
        for row, past in enumerate(_past(self.portfolio.problem, after, self.activity)):
            if past:
                number = int(self.limits.measure_of_row[row])
                measure = self.limits.measures[number]
                label = Payment(measure.name, measure.group, 0.0).label
                if self.limits.is_ratio[number]:
                    reasons.append(f"limit {label} would not hold")
                else:
                    bound = measure.max if past > 0 else measure.min
                    side = "above its max" if past > 0 else "below its min"
                    reasons.append(f"limit {label} would be {after[row]:,.8g}, {side} {bound:,.8g}")
                names.append(measure.name)
        done = "given" if self.given[e] else "not given"
        cost = "" if margin is None else f", which loses {margin:,.4g} at these prices"
        how = "without" if self.given[e] else "with"
        why = f"{how} it {' and '.join(reasons)}" if reasons else "no limit by itself asks for it"
        return f"{done}: moved by repair{cost}; {why}", tuple(dict.fromkeys(names))


def _then(text: str) -> str:
    return f"; {text}" if text else ""


def _past(problem: Problem, after: NDArray[np.float64], before: NDArray[np.float64]) -> list[int]:
    """For each hard row 1 where it would be above its maximum, -1 below its minimum, else 0; it changes."""
    slack = CLOSE * np.abs(np.nan_to_num(after))
    changed = problem.hard & (after != before)
    above = changed & (after > problem.upper + slack)
    below = changed & (after < problem.lower - slack)
    return (above.astype(int) - below.astype(int)).tolist()

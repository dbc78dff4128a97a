"""Two results of much the same campaign side by side: what `Campaign.what_if` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..results.solution import CampaignSolution
from ..solver.plan import Plan
from ..utils.errors import InvalidInput
from ..utils.html import facts_table

OF_LIMITS = ("min", "max", "achieved", "price")


@dataclass(frozen=True)
class Moved:
    """How two allocations of the same candidates differ: customers with other coupons, coupons come and gone."""

    customers: int
    come: int
    gone: int


@dataclass(frozen=True)
class Comparison:
    """What a change of a campaign comes to.

    before, after: the results. campaign: the changed campaign, as it was solved after. limits: one row per limit and
    group, with its bounds, what was achieved and its price before and after; null where it was not there. moved: None
    where one of the two has no allocation.
    """

    before: CampaignSolution
    after: CampaignSolution
    campaign: Any = field(repr=False)
    limits: pa.Table = field(repr=False)
    moved: Moved | None

    @property
    def gain(self) -> float | None:
        """Objective after, less before; None where one of the two has no allocation."""
        if self.before.objective is None or self.after.objective is None:
            return None
        return self.after.objective - self.before.objective

    @property
    def gain_range(self) -> tuple[float, float] | None:
        """Between which numbers the change of the best objective lies, by what both results certify."""
        before, after = self.before, self.after
        if before.objective is None or after.objective is None:
            return None
        if before.bound is None or after.bound is None:
            return None
        return after.objective - before.bound, after.bound - before.objective

    def by(self, column: str = "offer") -> pa.Table:
        """Coupons and value before and after, by a column of offers: column, coupons_before, coupons_after,
        value_before, value_after; offers without a value in it are left out."""
        sides = []
        for result in (self.before, self.after):
            if result.plan is None:
                raise InvalidInput(f"by: expected two allocations, got one that is {result.status}")
            sides.append(_by_offer(result, result.plan))
        offers = self.before.campaign.offers
        if column not in offers.column_names:
            raise InvalidInput(f"by: table offers has no column {column!r}")
        if pa.types.is_nested(offers[column].type):
            raise InvalidInput(f"by: column {column!r} of offers holds {offers[column].type}")
        code, values = tables.labels(offers[column])
        inside = code >= 0
        columns: dict[str, Any] = {column: pa.array(values, offers[column].type)}
        for n, kind in enumerate(("coupons", "value")):
            for name, side in zip(("before", "after"), sides, strict=True):
                summed = np.bincount(code[inside], side[n][inside], len(values))
                columns[f"{kind}_{name}"] = summed.astype(np.int64) if n == 0 else summed
        return pa.table(columns)

    def summary(self) -> str:
        """A few lines of text."""
        return "\n".join(f"{name:<12} {text}" for name, text in self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        facts = [
            (name, _said(result))
            for name, result in (("before", self.before), ("after", self.after))
        ]
        if self.gain is not None and self.before.objective is not None:
            share = self.gain / abs(self.before.objective) if self.before.objective else 0.0
            text = f"{self.gain:+,.6g} ({share:+.4%})"
            if self.gain_range is not None:
                low, high = self.gain_range
                text += f", of the best possible: between {low:+,.6g} and {high:+,.6g}"
            facts.append(("gain", text))
        if self.moved is not None:
            moved = self.moved
            facts.append(
                (
                    "moved",
                    f"{moved.customers:,} customers get other coupons: {moved.come:,} more, {moved.gone:,} fewer",
                )
            )
        rows = self.limits.to_pylist()
        rows.sort(key=lambda row: -abs((row["price_after"] or 0.0) - (row["price_before"] or 0.0)))
        for row in rows[:5]:
            if row["price_before"] != row["price_after"]:
                group = "" if row["group"] is None else f" [{row['group']}]"
                prices = (row["price_before"], row["price_after"])
                was, now = ("none" if p is None else f"{p:,.4g}" for p in prices)
                facts.append(("price", f"limit {row['name']!r}{group}: {was}, now {now}"))
        return facts

    def _repr_html_(self) -> str:
        return facts_table(self._facts())


def _said(result: CampaignSolution) -> str:
    if result.objective is None or result.gap is None:
        return f"{result.status}: {result.message}"
    return (
        f"objective {result.objective:,.6f}, gap {result.gap:.4%}, {result.allocated:,} coupons, "
        f"{result.full_passes:.1f} passes"
    )


def compare(before: CampaignSolution, after: CampaignSolution, campaign: Any) -> Comparison:
    """The comparison of two results of this session, of campaigns with the same candidates.

    campaign: what the comparison says that the second is of.
    """
    moved = None
    if before.plan is not None and after.plan is not None:
        moved = _moved(before.plan, after.plan, before.compiled.problem.shard.indptr)
    return Comparison(before, after, campaign, _limits(before, after), moved)


def _moved(before: Plan, after: Plan, indptr: NDArray[np.int64]) -> Moved:
    """Both plans' choices, a block of customers at a time; both come in the same blocks."""
    customers = come = gone = 0
    for (start, stop, was), (_, _, now) in zip(before.blocks(), after.blocks(), strict=True):
        different = was != now
        if different.any():
            at = np.flatnonzero(different) + indptr[start]
            customer = np.searchsorted(indptr[start : stop + 1], at, side="right")
            customers += 1 + int((np.diff(customer) > 0).sum())
            come += int(now[different].sum())
            gone += int(was[different].sum())
    return Moved(customers, come, gone)


def _by_offer(
    solved: CampaignSolution, plan: Plan
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coupons and value of each offer (rows of the offers table)."""
    items = solved.compiled.items
    worth = (solved.compiled.problem.objective * plan.usage).sum(axis=(0, 1))
    offers = items.offers.num_rows
    coupons = np.bincount(items.offer, plan.usage[0].sum(axis=0), offers)
    return coupons.astype(float), np.bincount(items.offer, worth, offers).astype(float)


def _limits(before: CampaignSolution, after: CampaignSolution) -> pa.Table:
    """All limits of either, in the order of the first, then of the second."""
    sides = []
    for result in (before, after):
        rows = [] if result.limits is None else result.limits.to_pylist()
        if result.limits is None:
            measures = result.compiled.limits.measures
            rows = [
                {"name": m.name, "group": m.group, "sum": m.sum, "min": m.min, "max": m.max}
                for m in measures
            ]
        sides.append({(row["name"], row["group"]): row for row in rows})
    keys = list(dict.fromkeys([*sides[0], *sides[1]]))
    columns: dict[str, Any] = {
        "name": pa.array([name for name, _ in keys], pa.string()),
        "group": pa.array([group for _, group in keys], pa.string()),
        "sum": pa.array([(sides[0].get(k) or sides[1][k])["sum"] for k in keys], pa.string()),
    }
    for kind in OF_LIMITS:
        for name, side in zip(("before", "after"), sides, strict=True):
            found = [side.get(key, {}).get(kind) for key in keys]
            columns[f"{kind}_{name}"] = pa.array(found, pa.float64())
    return pa.table(columns)

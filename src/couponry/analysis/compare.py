"""Two results of much the same campaign, side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.arrow_columns import labels
from ..data.table_view import TableView
from ..model.compiled_campaign import CompiledCampaign
from ..results.solution import CampaignSolution
from ..solver.plan import Plan
from ..utils.errors import InvalidInput
from ..utils.html import facts_table
from .moved_coupons import Moved, moved_coupons

COMPARED_COLUMNS = ("min", "max", "achieved", "price")
"""Columns of limits that a comparison has before and after."""

SHOWN_PRICES = 5
"""Limits whose prices a summary shows: those that change most."""


@dataclass(frozen=True)
class Comparison:
    """What a change of a campaign comes to; returned by `Campaign.what_if`.

    Attributes
    ----------
    before, after : Result
        The two results.
    campaign : Campaign
        The changed campaign, for the next question.
    limits : TableView
        One row for each limit and group: `name`, `group`, `sum`, and `min`, `max`, `achieved` and `price`, each
        ``_before`` and ``_after``. Null where the limit was not there.
    moved : Moved or None
        How the allocations differ. None if one of the two results has none.
    """

    before: CampaignSolution
    after: CampaignSolution
    campaign: Any = field(repr=False)
    limits: TableView = field(repr=False)
    moved: Moved | None

    @property
    def gain(self) -> float | None:
        """Objective after, less before. None if one of the two results has no allocation."""
        if self.before.objective is None or self.after.objective is None:
            return None
        return self.after.objective - self.before.objective

    @property
    def gain_range(self) -> tuple[float, float] | None:
        """Certified lower and upper bound of the change of the best objective."""
        before, after = self.before, self.after
        if before.objective is None or after.objective is None:
            return None
        if before.bound is None or after.bound is None:
            return None
        return after.objective - before.bound, after.bound - before.objective

    def by(self, column: str = "offer") -> TableView:
        """Sum coupons and value before and after, by a column of offers.

        Parameters
        ----------
        column : str
            Column of the offers table; offers that have no value in it are left out.

        Returns
        -------
        TableView
            The column, `coupons_before`, `coupons_after`, `value_before` and `value_after`.

        Raises
        ------
        InvalidInput
            If there is no such column, or it holds lists, or one of the results has no allocation.
        """
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
        code, values = labels(offers[column], f"table offers, column {column!r}")
        inside = code >= 0
        columns: dict[str, Any] = {column: pa.array(values, offers[column].type)}
        for n, kind in enumerate(("coupons", "value")):
            for name, side in zip(("before", "after"), sides, strict=True):
                summed = np.bincount(code[inside], side[n][inside], len(values))
                columns[f"{kind}_{name}"] = summed.astype(np.int64) if n == 0 else summed
        return TableView(pa.table(columns))

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values.

        Returns
        -------
        dict
            Ready for JSON: `before` and `after` as result.json has them, `gain`, `gain_range`, `moved` and `limits`.
        """
        return {
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "gain": self.gain,
            "gain_range": self.gain_range,
            "moved": None if self.moved is None else asdict(self.moved),
            "limits": self.limits.to_pylist(),
        }

    def summary(self) -> str:
        """Describe the comparison in a few lines of text.

        Returns
        -------
        str
            Both results, the gain, what moved, and the prices that change most.
        """
        return "\n".join(f"{name:<12} {text}" for name, text in self._facts())

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> list[tuple[str, str]]:
        """Names and texts of what the summary says."""
        facts = [("before", _outcome(self.before)), ("after", _outcome(self.after))]
        if self.gain is not None and self.before.objective is not None:
            share = self.gain / abs(self.before.objective) if self.before.objective else 0.0
            text = f"{self.gain:+,.6g} ({share:+.4%})"
            if self.gain_range is not None:
                low, high = self.gain_range
                text += f", of the best possible: between {low:+,.6g} and {high:+,.6g}"
            facts.append(("gain", text))
        if self.moved is not None:
            moved = self.moved
            text = f"{moved.customers:,} customers get other coupons"
            facts.append(("moved", f"{text}: {moved.come:,} more, {moved.gone:,} fewer"))
        return facts + _price_facts(self.limits)

    def _repr_html_(self) -> str:
        return facts_table(self._facts())


def _outcome(result: CampaignSolution) -> str:
    """A result in one line."""
    if result.objective is None or result.gap is None:
        return f"{result.status}: {result.message}"
    return (
        f"objective {result.objective:,.6f}, gap {result.gap:.4%}, {result.allocated:,} coupons, "
        f"{result.full_passes:.1f} passes"
    )


def _price_facts(limits: TableView) -> list[tuple[str, str]]:
    """The prices that change most, in words."""
    rows = limits.to_pylist()
    rows.sort(key=lambda row: -abs((row["price_after"] or 0.0) - (row["price_before"] or 0.0)))
    facts = []
    for row in rows[:SHOWN_PRICES]:
        if row["price_before"] != row["price_after"]:
            group = "" if row["group"] is None else f" [{row['group']}]"
            prices = (row["price_before"], row["price_after"])
            was, now = ("none" if p is None else f"{p:,.4g}" for p in prices)
            facts.append(("price", f"limit {row['name']!r}{group}: {was}, now {now}"))
    return facts


def compare(before: CampaignSolution, after: CampaignSolution, campaign: Any) -> Comparison:
    """Compare two results of this session, of campaigns with the same candidates.

    Parameters
    ----------
    before, after : CampaignSolution
    campaign : object
        What the comparison gives as the campaign of the second result.

    Returns
    -------
    Comparison
    """
    moved = None
    if before.plan is not None and after.plan is not None:
        moved = _moved(before.plan, after.plan, before.compiled)
    return Comparison(before, after, campaign, TableView(_limits(before, after)), moved)


def compare_saved(before: CampaignSolution, after: CampaignSolution) -> Comparison:
    """Compare two results by their limits and their coupons, whatever their campaigns are.

    Parameters
    ----------
    before, after : CampaignSolution

    Returns
    -------
    Comparison
        Without a campaign.

    Raises
    ------
    InvalidInput
        If ids of one are integers, and of the other text.
    """
    moved = None
    if before.allocation is not None and after.allocation is not None:
        moved = moved_coupons(before.allocation, after.allocation)
    return Comparison(before, after, None, TableView(_limits(before, after)), moved)


def _moved(before: Plan, after: Plan, compiled: CompiledCampaign) -> Moved:
    """Compare both plans' choices, a block of units at a time; both come in the same blocks."""
    customers = come = gone = 0
    for (start, _, was), (_, _, now) in zip(before.blocks(), after.blocks(), strict=True):
        if (was != now).any():
            new = compiled.given(start, np.greater(now, was).view(np.uint8))
            old = compiled.given(start, np.greater(was, now).view(np.uint8))
            at = np.sort(np.concatenate([old, new]))
            customers += len(np.unique(compiled.campaign.candidates.customer_of(at)))
            come += len(new)
            gone += len(old)
    return Moved(customers, come, gone)


def _by_offer(
    solution: CampaignSolution, plan: Plan
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coupons and value of each row of the offers table."""
    items = solution.compiled.items
    of_items = slice(len(items))  # refunds of messages come behind them
    worth = (solution.compiled.limits.objective * plan.usage).sum(axis=(0, 1))[of_items]
    offers = items.offers.num_rows
    coupons = np.bincount(items.offer, plan.usage[0].sum(axis=0)[of_items], offers)
    return coupons.astype(float), np.bincount(items.offer, worth, offers).astype(float)


def _limits(before: CampaignSolution, after: CampaignSolution) -> pa.Table:
    """All limits of either result, in the order of the first, then of the second."""
    sides = [_rows_by_limit(before), _rows_by_limit(after)]
    keys = list(dict.fromkeys([*sides[0], *sides[1]]))
    columns: dict[str, Any] = {
        "name": pa.array([name for name, _ in keys], pa.string()),
        "group": pa.array([group for _, group in keys], pa.string()),
        "sum": pa.array([(sides[0].get(k) or sides[1][k])["sum"] for k in keys], pa.string()),
    }
    for kind in COMPARED_COLUMNS:
        for name, side in zip(("before", "after"), sides, strict=True):
            found = [side.get(key, {}).get(kind) for key in keys]
            columns[f"{kind}_{name}"] = pa.array(found, pa.float64())
    return pa.table(columns)


def _rows_by_limit(result: CampaignSolution) -> dict[tuple[str, str | None], dict[str, Any]]:
    """A result's limits by name and group; without an allocation only what they ask, where no table need be read."""
    compiled = result.known_compiled
    if result.limits is not None:
        rows = result.limits.to_pylist()
    else:
        rows = [
            {"name": m.name, "group": m.group, "sum": m.sum, "min": m.min, "max": m.max}
            for m in (() if compiled is None else compiled.limits.measures)
        ]
    return {(row["name"], row["group"]): row for row in rows}

"""The sections of a report, made of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..analysis.breakdown import breakdowns_and_customers
from ..analysis.coupon_totals import SUMMED
from ..analysis.frontier import Frontier
from ..analysis.price_ranges import PriceRanges
from ..results.solution import CampaignSolution
from .chart import Chart, ChartRows, Number, Text, number, share_bars
from .customers import EXPLAINED, examples, short_charts, unserved_chart
from .frontier_chart import frontier_chart
from .limit_charts import (
    asked,
    dearest_chart,
    late_limits,
    limit_name,
    limits_chart,
    ranges_chart,
    unit,
)
from .numbers import amount, counted, percent, signed
from .sum_charts import breakdown_chart, coupons_per_customer_chart, holds_lists, offers_chart

KNOWN_COLUMNS = ("supplier", "brand", "category", "role", "segment")
"""Columns that a report is broken down by wherever they are there, in this order."""

NO_GROUPS = ("offer", "customer", "coupons", "customers", *SUMMED.values())
"""Columns that no breakdown is made by: ids, and what the columns of breakdowns are called."""

MOST_COLUMNS = 8
"""Columns that a report is broken down by."""

MOST_GROUPS = 2000
"""Values of a column of customers beyond which it is no breakdown."""


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes
    ----------
    key : str
        What links to it say.
    title : str
    sentences : tuple of str
    charts : tuple of Chart
    facts : tuple of (str, str)
        Names and texts.
    """

    key: str
    title: str
    sentences: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Totals:
    """What an allocation comes to.

    Attributes
    ----------
    by : dict of str to pyarrow.Table
        Breakdowns by column; that by offer is there always.
    coupons : ndarray of int32, shape (n_customers,)
        Of each customer.
    sums : dict of str to ndarray of float64, shape (n_customers,) each
        Of each customer: `redemptions`, `cost`, `value`.
    """

    by: dict[str, pa.Table]
    coupons: NDArray[np.int32]
    sums: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, result: CampaignSolution) -> Totals:
        """Add an allocation up, in one pass over it."""
        columns = columns_to_break_down(result)
        tables, customers = breakdowns_and_customers(result, columns)
        by = {name: table for (name, _), table in zip(columns, tables, strict=True)}
        return cls(by, *customers)

    @property
    def cost(self) -> float | None:
        """Of all coupons; None where coupons have none."""
        table = self.by["offer"]
        return float(table["cost"].to_numpy().sum()) if "cost" in table.column_names else None

    def worth(self, value: str) -> tuple[str, NDArray[np.float64]]:
        """The sum that customers and groups are ordered by, and that of each customer.

        Parameters
        ----------
        value : str
            Column whose sum was maximised.
        """
        name = SUMMED.get(value, "coupons")
        return name, self.sums.get(name, self.coupons.astype(np.float64))


def columns_to_break_down(result: CampaignSolution) -> list[tuple[str, str | None]]:
    """Return the columns that a report is broken down by, with their tables; offers come first.

    Parameters
    ----------
    result : CampaignSolution

    Returns
    -------
    list of (str, str)
    """
    campaign = result.campaign
    found: dict[str, str | None] = {}
    if campaign.candidates.role is not None and "role" not in campaign.offers.column_names:
        found["role"] = None
    for table, where in ((campaign.offers, "offers"), (campaign.customers, "customers")):
        for name in [] if table is None else table.column_names:
            if table is None or name in (*found, *NO_GROUPS):
                continue
            of_customers = where == "customers"
            if _groups(name, table) and not (of_customers and pa.types.is_nested(table[name].type)):
                found[name] = where
    if campaign.units is not None:
        found.pop(campaign.units.column, None)  # households are no groups that anybody compares
    rank = {name: number for number, name in enumerate(KNOWN_COLUMNS)}
    columns = sorted(found.items(), key=lambda each: rank.get(each[0], len(rank)))
    return [("offer", "offers"), *columns[:MOST_COLUMNS]]


def _groups(name: str, table: pa.Table) -> bool:
    """Whether the values of a column make groups: text that several rows have, or whatever is known to."""
    column = table[name]
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    is_text: bool = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if name in KNOWN_COLUMNS:
        return is_text or bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind))
    if not is_text and not pa.types.is_boolean(kind):
        return False
    if pa.types.is_nested(column.type):
        return True
    return 1 < len(column.unique()) <= min(MOST_GROUPS, max(2, len(column) // 2))


def limits_section(result: CampaignSolution) -> Section:
    """Show limits, late ones first.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.

    Returns
    -------
    Section
    """
    if result.limits is None or not len(result.limits):
        return Section("limits", "Promises and limits", ("Nothing was limited.",))
    chart = limits_chart(result.limits)
    binding = int(pc.sum(pc.not_equal(result.limits["price"], 0.0)).as_py())
    late = late_limits(result.limits)
    outside = "All are kept" if not late else f"{late:,} {'is' if late == 1 else 'are'} not kept"
    said = (
        f"{counted(len(result.limits), 'limit')}. {outside}; {binding:,} "
        f"{'binds' if binding == 1 else 'bind'}: more room there would be worth something.",
    )
    return Section("limits", "Promises and limits", said, (chart,))


def breakdown_section(result: CampaignSolution, totals: Totals) -> Section:
    """Show what the allocation comes to by columns, offers and customers.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    totals : Totals

    Returns
    -------
    Section
    """
    name, _ = totals.worth(result.campaign.value)
    charts = [
        breakdown_chart(table, column, name, in_several=holds_lists(result.campaign.offers, column))
        for column, table in totals.by.items()
        if column != "offer"
    ]
    charts.append(coupons_per_customer_chart(totals.coupons))
    charts.append(offers_chart(totals.by["offer"], result.campaign.offers))
    unserved = unserved_chart(result, totals.coupons)
    charts += [] if unserved is None else [unserved]
    return Section(
        "breakdown", "Who gets what", charts=(*charts, *short_charts(result, totals.coupons))
    )


def help_section(
    result: CampaignSolution, ranges: PriceRanges | None, frontiers: Sequence[Frontier]
) -> Section | None:
    """Show what more room would be worth.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    ranges : PriceRanges or None
    frontiers : sequence of Frontier

    Returns
    -------
    Section or None
        None where nothing binds and nothing was asked.
    """
    charts = [frontier_chart(frontier) for frontier in frontiers]
    if ranges is not None and ranges.to_arrow().num_rows:
        charts.insert(0, ranges_chart(ranges))
    if result.limits is not None and pc.any(pc.not_equal(result.limits["price"], 0.0)).as_py():
        charts.insert(0, dearest_chart(result.limits))
    return Section("help", "What would help", charts=tuple(charts)) if charts else None


def customers_section(result: CampaignSolution, totals: Totals) -> Section:
    """Explain ten customers.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    totals : Totals

    Returns
    -------
    Section
    """
    found = examples(result, totals.coupons, totals.worth(result.campaign.value)[1])
    said = (
        "Chosen to differ, not at random. What a coupon pays is what it takes from limits, at their prices; it is "
        "given where it is among the best of what is left.",
    )
    title = "Ten customers" if len(found) == EXPLAINED else "The customers"
    return Section("customers", title, said, tuple(found))


def conflict_section(infeasible: dict[str, Any]) -> Section:
    """Show what cannot hold together.

    Parameters
    ----------
    infeasible : dict
        The content of infeasible.json.

    Returns
    -------
    Section
    """
    rows = [_of_conflict(entry) for entry in infeasible["limits"]]
    rules = [str(entry["customer_rule"]) for entry in infeasible["customer_rules"]]
    fewest = "Without any one of them the others can hold."
    said = fewest if infeasible["irreducible"] else "Fewer of them may do: the search was ended."
    under = (f"Under the customer rules {', '.join(rules)}.",) if rules else ()
    chart = Chart(
        "What cannot hold together",
        said,
        _table(infeasible["limits"]),
        ChartRows(("limit", "asked", "reachable"), tuple(rows)),
    )
    return Section("conflict", "The conflict", under, (chart,))


def _table(entries: list[dict[str, Any]]) -> pa.Table:
    """Entries as a table, with the keys that any of them has."""
    names = dict.fromkeys(name for entry in entries for name in entry)
    return pa.table({name: pa.array([entry.get(name) for entry in entries]) for name in names})


def _side(entry: dict[str, Any]) -> str:
    return "min" if "min" in entry else "max"


def _named(entry: dict[str, Any]) -> Text:
    return Text(limit_name({"name": entry["limit"], "group": entry["group"]}), unit(entry))


def _of_conflict(entry: dict[str, Any]) -> tuple[Any, ...]:
    reachable = entry.get("reachable")
    side = "at most" if "min" in entry else "at least"
    text = "" if reachable is None else f"{side} {amount(reachable)}"
    return (
        _named(entry),
        Text(asked(entry.get("min"), entry.get("max"))),
        Number(reachable, text),
    )


def way_out_section(infeasible: dict[str, Any]) -> Section | None:
    """Show the smallest changes with which something is feasible.

    Parameters
    ----------
    infeasible : dict
        The content of infeasible.json.

    Returns
    -------
    Section or None
        None where none were found.
    """
    changes = infeasible.get("way_out")
    if not changes:
        return None
    bars = share_bars([abs(entry["share"]) for entry in changes], "of the bound")
    rows = tuple(
        (
            _named(entry),
            bar,
            number(entry[_side(entry)]),
            number(entry["would_do"]),
            Number(entry["change"], signed(entry["change"])),
            Number(entry["share"], percent(abs(entry["share"]))),
        )
        for entry, bar in zip(changes, bars, strict=True)
    )
    chart = Chart(
        "The smallest changes that would do",
        "Measured as shares of the bounds.",
        _table(changes),
        ChartRows(("limit", "", "asked", "would do", "change", "share"), rows),
    )
    return Section("way-out", "The way out", charts=(chart,))

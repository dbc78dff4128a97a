"""Charts of what an allocation comes to: by a column, by offer, and by the number of coupons of a customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .chart import Chart, ChartRows, Number, Text, number, share_bars
from .numbers import PERCENT, aligned, counted

SHOWN_GROUPS = 12
"""Groups of a breakdown that a chart shows; it counts the rest."""

SHOWN_OFFERS = 15
"""Offers that a chart shows."""

MOST_STEPS = 20
"""Bars of a distribution; more numbers of coupons are put together."""

TITLES = ("title", "name", "description", "text")
"""Columns of offers that say what an offer is; the first one that is there."""


def breakdown_chart(
    table: pa.Table, column: str, sorted_by: str, *, in_several: bool = False
) -> Chart:
    """Show what an allocation comes to by a column.

    Parameters
    ----------
    table : pyarrow.Table
        As `Result.by` makes it.
    column : str
        The column that it was made by.
    sorted_by : str
        The sum that bars show, the largest first.
    in_several : bool
        Whether an offer may be in several groups.

    Returns
    -------
    Chart
    """
    shown, left = _largest(table, sorted_by, SHOWN_GROUPS)
    several = "Coupons of an offer count in each of its groups." if in_several else ""
    groups = [row[table.column_names[0]] for row in shown]
    names = [Text("(none)" if group is None else str(group)) for group in groups]
    more = _rest(left, "group")
    return _bars((f"By {column}", several), table, sorted_by, names, shown, more)


def offers_chart(table: pa.Table, offers: pa.Table) -> Chart:
    """Show how often each offer was given.

    Parameters
    ----------
    table : pyarrow.Table
        As `Result.by` makes it, by offer.
    offers : pyarrow.Table
        Of the campaign.

    Returns
    -------
    Chart
    """
    shown, left = _largest(table, "coupons", SHOWN_OFFERS)
    titles = OfferTitles(offers).of([row["offer"] for row in shown])
    names = [Text(str(row["offer"]), text) for row, text in zip(shown, titles, strict=True)]
    never = int((table["coupons"].to_numpy() == 0).sum())
    said = [_rest(left, "offer")]
    said += [f"{counted(never, 'offer was', 'offers were')} never given"] * (never > 0)
    more = "; ".join(text for text in said if text)
    return _bars(("Coupons per offer", ""), table, "coupons", names, shown, more)


def coupons_per_customer_chart(coupons: NDArray[np.int32]) -> Chart:
    """Show how many customers got how many coupons.

    Parameters
    ----------
    coupons : ndarray of int32, shape (n_customers,)
        Of each customer.

    Returns
    -------
    Chart
    """
    counts = np.bincount(coupons)
    step = -(-len(counts) // MOST_STEPS)
    starts = np.arange(0, len(counts), step)
    customers = np.add.reduceat(counts, starts)
    ends = np.minimum(starts + step, len(counts)) - 1
    used = np.flatnonzero(customers)
    starts, ends, customers = starts[used], ends[used], customers[used]
    data = pa.table({"coupons_from": starts, "coupons_to": ends, "customers": customers})
    bars = share_bars(customers.tolist(), "customers")
    labels = [f"{a:,}" if a == b else f"{a:,} to {b:,}" for a, b in zip(starts, ends, strict=True)]
    return Chart(
        "Coupons per customer",
        "",
        data,
        ChartRows(
            ("coupons", "", "customers", "share"),
            tuple(
                (Text(label), bar, number(count), _share(count, len(coupons)))
                for label, bar, count in zip(labels, bars, customers.tolist(), strict=True)
            ),
        ),
    )


def holds_lists(offers: pa.Table, column: str) -> bool:
    """Return whether offers have lists in a column: each may be in several groups.

    Parameters
    ----------
    offers : pyarrow.Table
    column : str

    Returns
    -------
    bool
    """
    return column in offers.column_names and bool(pa.types.is_nested(offers[column].type))


class OfferTitles:
    """What offers are, by a column of theirs that says so, if there is one.

    Parameters
    ----------
    offers : pyarrow.Table
    """

    def __init__(self, offers: pa.Table):
        self._offers = offers
        self._column = next(
            (
                name
                for name in TITLES
                if name in offers.column_names and pa.types.is_string(_plain(offers[name].type))
            ),
            None,
        )

    def of(self, ids: list[Any]) -> list[str]:
        """Look up what offers are.

        Parameters
        ----------
        ids : list

        Returns
        -------
        list of str
            Empty where nothing is said.
        """
        if self._column is None or not ids:
            return ["" for _ in ids]
        known = self._offers["offer"]
        if pa.types.is_dictionary(known.type):
            known = known.cast(known.type.value_type)
        rows = pc.index_in(pa.array(ids, known.type), known)
        return [title or "" for title in self._offers[self._column].take(rows).to_pylist()]


def _plain(kind: pa.DataType) -> pa.DataType:
    """A type without dictionary, and text with short offsets."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(kind) else kind


def _largest(table: pa.Table, name: str, most: int) -> tuple[list[dict[str, Any]], pa.Table]:
    """The rows of a table with the largest sums, in that order, and the others."""
    order = pa.array(np.argsort(-table[name].to_numpy(), kind="stable"))
    return table.take(order[:most]).to_pylist(), table.take(order[most:])


def _share(count: int, of: int) -> Number:
    """A count as a share of a whole."""
    return Number(count / of, f"{100 * count / of:.1f}{PERCENT}")


def _rest(left: pa.Table, what: str) -> str:
    """What is said of rows that are not shown."""
    if not len(left):
        return ""
    coupons = int(left["coupons"].to_numpy().sum())
    return f"and {counted(len(left), what)} more with {counted(coupons, 'coupon')}"


def _bars(
    title_and_note: tuple[str, str],
    table: pa.Table,
    by: str,
    names: list[Text],
    shown: list[dict[str, Any]],
    more: str,
) -> Chart:
    """A chart of rows with a bar behind their name, and sums that are not 0 in all rows of the table."""
    column, *sums = table.column_names
    sums = [name for name in sums if name == by or pc.any(pc.not_equal(table[name], 0)).as_py()]
    bars = share_bars([row[by] for row in shown], by)
    columns = [_column([row[name] for row in shown]) for name in sums]
    rows = tuple(zip(names, bars, *columns, strict=True))
    return Chart(*title_and_note, table, ChartRows((column, "", *sums), rows, more=more))


def _column(values: list[Any]) -> list[Number]:
    """The cells of a column of sums: whole numbers, or with as many decimals each."""
    if all(isinstance(value, int) for value in values):
        return [number(value) for value in values]
    return [Number(value, text) for value, text in zip(values, aligned(values), strict=True)]

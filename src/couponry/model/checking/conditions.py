"""Values of conditions, and groups of bounds, that occur nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from ...data import tables
from ...data.arrow_columns import flat_lists, holds_lists, labels, python_values
from ...data.where.filters import Where, absent_values, values_of
from ...utils.checks import shown
from ...utils.errors import InvalidInput
from ...utils.suggestions import known_names, misspelt
from ..limits import Limit
from ..rules import CustomerRule
from .finding import Finding
from .statement import Statement

MAX_COMPARED = 1000
"""Distinct values of a column that an absent one is compared with."""

MAX_ROWS = 1 << 20
"""Rows of a column whose distinct values are looked for: the first ones."""


def absent_in_conditions(statement: Statement) -> Iterator[Finding]:
    """Find values of conditions that occur nowhere.

    A value that can only be a slip of one that occurs is an error. So is a condition of a hard limit that can hold for
    nothing: the limit would be lifted. A customer rule may be about what this campaign has none of, as one about
    e-mails is in a week of letters.

    Parameters
    ----------
    statement : Statement

    Yields
    ------
    Finding
    """
    history = statement.history
    for rule in statement.rules:
        known = [statement.offers] if history is None else [statement.offers, history]
        yield from _of_part(rule, rule.where, "where", "offers", known)
        if statement.customers is not None:
            yield from _of_part(
                rule, rule.customers, "customers", "customers", [statement.customers]
            )
        if history is not None:
            alone = rule.asked_of_history_alone
            yield from _of_part(rule, alone, "history", "history", [history])
    for limit in statement.limits:
        whole = limit.whole or {}
        for of, where, customers in (
            ("", limit.where, limit.customers),
            ("relative_to: ", whole.get("where", {}), whole.get("customers", {})),
        ):
            yield from _of_part(limit, where, f"{of}where", "offers", [statement.offers])
            if statement.customers is not None:
                known = [statement.customers]
                yield from _of_part(limit, customers, f"{of}customers", "customers", known)


def _of_part(
    part: CustomerRule | Limit, where: Where, argument: str, what: str, known: list[pa.Table]
) -> Iterator[Finding]:
    """Values of a rule's or limit's conditions that occur in none of the tables that they may be of."""
    for name, test in where.items():
        columns = [table[name] for table in known if name in table.column_names]
        place = f"{part.label}: {argument} {name!r}"
        if not columns or isinstance(test, Mapping):  # said elsewhere
            continue
        wanted = values_of(test, place)
        absent = wanted
        try:
            for column in columns:
                absent = absent_values(column, absent, place) if absent else []
        except InvalidInput:  # of another type: refused when the rows are looked up
            continue
        if absent:
            values = [value for column in columns for value in distinct_values(column)]
            source = f"column {name!r} of {what}"
            yield _judged(part, place, wanted, absent, values, source)


def _judged(
    part: CustomerRule | Limit,
    place: str,
    wanted: list[Any],
    absent: list[Any],
    known: list[Any],
    source: str,
) -> Finding:
    """What is to be said of values that occur nowhere."""
    others = [value for value in known if value not in wanted]
    slip = next((value for value in absent if misspelt(value, others) is not None), None)
    first = absent[0] if slip is None else slip
    vanishes = len(absent) == len(wanted) and not _asks_for_something(part)
    is_lifted = vanishes and isinstance(part, Limit) and part.mode == "hard"
    wrong = not part.may_be_empty and (slip is not None or is_lifted)
    said = f"{shown(first)} does not occur"
    if len(absent) > 1:
        said = f"{shown(first)} and {len(absent) - 1:,} more of its values do not occur"
    lifted = ", so that it would concern nothing" if vanishes else ""
    meant = "; if that is meant, say may_be_empty" if wrong and slip is None else ""
    severity = "error" if wrong else "note" if part.may_be_empty else "warning"
    message = f"{said} in {source}{lifted}{meant}{known_names(first, known, 'it has')}"
    return Finding(severity, place, message)


def _asks_for_something(part: CustomerRule | Limit) -> bool:
    """Whether this is a limit that cannot be kept where it concerns nothing: the solve says so."""
    if not isinstance(part, Limit) or part.is_divided:  # which nothing at all keeps
        return False
    return part.min is not None and part.min > 0


def distinct_values(column: pa.ChunkedArray) -> list[Any]:
    """List values of a column, to compare others with: those of its first rows.

    Parameters
    ----------
    column : pyarrow.ChunkedArray

    Returns
    -------
    list
        At most `MAX_COMPARED`, without nulls, in the order of the rows.
    """
    values = column.slice(0, MAX_ROWS)
    if holds_lists(values.type):
        values = flat_lists(values)[1]
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    try:
        return python_values(values.drop_null().unique()[:MAX_COMPARED], "column")
    except (InvalidInput, pa.ArrowNotImplementedError):  # refused when groups are looked up
        return []


def absent_groups(statement: Statement) -> Iterator[Finding]:
    """Find values of a limit's table of bounds that occur nowhere, and values that it has no bounds for.

    Parameters
    ----------
    statement : Statement

    Yields
    ------
    Finding
    """
    for limit in statement.limits:
        if limit.table is None:
            continue
        table = tables.as_table(limit.table, f"of {limit.label}")
        for name in limit.by_columns:
            known = statement.by_table(limit, name)
            if known is not None and name in table.column_names:
                source = "offers" if known is statement.offers else "customers"
                yield from _absent_values(limit, table, name, known[name], source)


def _absent_values(
    limit: Limit, table: pa.Table, name: str, column: pa.ChunkedArray, source: str
) -> Iterator[Finding]:
    """The same of one column of the table of bounds, which is compared with that of offers or customers."""
    place = f"table of {limit.label}, column {name!r}"
    try:
        labels(table[name], place)
        keys = python_values(table[name].drop_null().unique(), place)
        asks = _has_minimum(table)
    except InvalidInput:  # refused when the bounds are read
        return
    if not keys:
        severity = "error" if limit.vanishes_unmeant else "note"
        yield Finding(severity, place, "it has no bounds, so that the limit would concern nothing")
        return
    yield from _absent_keys(limit, name, keys, column, source, asks)
    named = set(keys)
    without = [value for value in distinct_values(column) if value not in named]
    if without and limit.mode != "report":
        groups = f"{name} {shown(without[0])}" if len(without) == 1 else _some(without)
        yield Finding("note", place, f"no bounds for {groups}")


def _absent_keys(
    limit: Limit, name: str, keys: list[Any], column: pa.ChunkedArray, source: str, asks: bool
) -> Iterator[Finding]:
    """Values of a table of bounds that nothing has: many a table names whoever there can be."""
    place = f"table of {limit.label}, column {name!r}"
    try:
        absent = absent_values(column, keys, place)
    except InvalidInput:
        return
    known, named = distinct_values(column), set(keys)
    others = [value for value in known if value not in named]
    slips = [value for value in absent if misspelt(value, others) is not None]
    if slips and not limit.may_be_empty:
        near = known_names(slips[0], known, "it has")
        message = f"{shown(slips[0])} does not occur in column {name!r} of {source}{near}"
        yield Finding("error", place, message)
    elif len(absent) == len(keys) and limit.vanishes_unmeant and not asks:
        near = known_names(absent[0], known, "it has")
        message = (
            f"none of its values occurs in {source}, so that the limit would concern nothing{near}"
        )
        yield Finding("error", place, message)
    elif absent:
        one = source.removesuffix("s")
        yield Finding("note", place, f"no {one} is of {name} {_some(absent)}")


def _has_minimum(table: pa.Table) -> bool:
    """Whether a table of bounds asks for anything."""
    if "min" not in table.column_names:
        return False
    least = tables.numbers(table, "of bounds", "min", nullable=True)
    return bool((least > 0).any())


def _some(values: list[Any]) -> str:
    """A few of some values, and how many there are."""
    few = ", ".join(map(shown, values[:3]))
    return few if len(values) <= 3 else f"{few} and {len(values) - 3:,} more"

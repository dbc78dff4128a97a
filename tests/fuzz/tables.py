"""Campaigns of tables in memory, in any container: what comes of them is what comes of the same tables in Arrow.

Each case takes a small campaign, perhaps with a column of an odd type or an odd value among Python objects, and hands
its tables over as pandas, Polars, DuckDB, NumPy, dictionaries, or Arrow in pieces. A container that holds the same
values is solved with the same result, or refused as the Arrow tables are. Whatever it holds, what comes is a result or
one line.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from tests.fuzz.cases import Outcome, main
from tests.support.campaigns import random_tables, replaced
from tests.support.databases import one_database
from tests.support.odd_columns import odd_column
from tests.support.odd_containers import CONTAINERS, NO_TABLES, ODD_CELLS, STREAMS
from tests.support.odd_folders import OF_RULES, OddFolder
from tests.support.odd_values import Random

from couponry import Campaign, CampaignWarning, CustomerRule, InvalidInput, Limit, Targeting
from couponry.data.plain_types import plain_type
from couponry.utils.errors import UNSAFE

LONGEST_LINE = 300
TEXT_IDS = random_tables(customers=8, offers=6, each=3, strings=True)

Given = dict[str, Any]
"""Tables of a campaign by name, in any container; `bounds` and `conflicts` are those of limits and rules."""


class Came(NamedTuple):
    """What came of a campaign: a result, or why it was refused; and what is wrong with either."""

    result: tuple[Any, ...] | None
    refused: str
    wrong: list[str]


def run_case(number: int) -> Outcome:
    """Hand the same tables over twice, as Arrow and in other containers."""
    random = np.random.default_rng([number, 3])
    plain, parts = _campaign(number, random)
    kinds, odd = ["purchases"] if "targeting" in parts else [], "as it is"
    if random.random() < 0.5:
        odd = _spoil(plain, random)
    kinds.append(odd.split(": ")[0])
    given, told, is_same = _contained(plain, random)
    kinds += [f"in {container}" for container in told.values()]
    with one_database():
        expected, found = _tried(plain, parts), _tried(given, parts)
    wrong = [f"Arrow: {line}" for line in expected.wrong] + found.wrong
    kinds.append("refused" if found.result is None else "solved")
    if is_same:
        kinds.append("the same values")
        if (expected.result is None) != (found.result is None):
            wrong.append(
                f"got {found.refused or 'a result'!r}, Arrow {expected.refused or 'a result'!r}"
            )
        elif expected.result != found.result:
            wrong.append(f"got {found.result}, Arrow {expected.result}")
    return Outcome(tuple(kinds), tuple(f"{line} [{odd}; {told}]" for line in wrong))


def _campaign(number: int, random: Random) -> tuple[Given, dict[str, Any]]:
    """Tables in Arrow; and rules, limits, and how candidates are made where that is of purchases."""
    of_purchases = number % 20 == 19
    odd = (OddFolder.of_purchases if of_purchases else OddFolder.good)(random)
    parts = {"rules": odd.spec.get("customer_rule", []), "limits": odd.spec.get("limit", [])}
    if of_purchases:
        parts["targeting"] = Targeting(**odd.spec["candidates"])
    named = {name for name in OF_RULES if f"{name}.parquet" in repr(odd.spec)}
    tables = {n: table for n, table in odd.tables.items() if n not in OF_RULES or n in named}
    if not {"transactions", "history", "conflicts"} & set(tables) and random.random() < 0.4:
        tables |= {name: TEXT_IDS[name] for name in tables if name in TEXT_IDS}
    return tables, parts


def _spoil(tables: Given, random: Random) -> str:
    """Replace a column by one of another type."""
    name = list(tables)[random.integers(len(tables))]
    table = tables[name]
    kind, values = odd_column(random, table.num_rows)
    columns = [*table.column_names, "extra"]
    column = columns[random.integers(len(columns))]
    tables[name] = replaced(table, column, values)
    return f"a column: {kind} for {name}.{column}"


def _contained(plain: Given, random: Random) -> tuple[Given, dict[str, str], bool]:
    """The tables in other containers, what these are, and whether they hold the same values as far as it is known."""
    given, told, is_same = dict(plain), {}, True
    for name in plain:
        if random.random() < 0.5:
            continue
        if random.random() < 0.05:
            given[name], told[name] = NO_TABLES[random.integers(len(NO_TABLES))](), "no table"
            is_same = False
            continue
        pool = {**CONTAINERS, **STREAMS} if name in ("candidates", "transactions") else CONTAINERS
        container = list(pool)[random.integers(len(pool))]
        if random.random() < 0.15:
            container, pool = "odd cells", {"odd cells": _with_odd_cell}
        try:
            made = pool[container](plain[name], random)
            again = pool[container](plain[name], np.random.default_rng(0))
        except Exception:  # the container has no such columns
            told[name] = "Arrow after all"
            continue
        given[name], told[name] = made, container
        if container == "odd cells" or (container == "arrays" and _is_swapped(made)):
            is_same = False
        is_same = is_same and (container in STREAMS or _holds(again, plain[name]))
    return given, told, is_same


def _is_swapped(arrays: dict[str, Any]) -> bool:
    """Whether some array has its bytes in the order of another machine, which PyArrow does not take."""
    return any(not array.dtype.isnative for array in arrays.values())


def _with_odd_cell(table: pa.Table, random: Random) -> Any:
    """The table as columns of Python objects, one of which is odd."""
    columns = table.to_pydict()
    values = columns[list(columns)[random.integers(len(columns))]]
    if values:
        values[random.integers(len(values))] = ODD_CELLS[random.integers(len(ODD_CELLS))]()
    if random.random() < 0.5:
        return columns
    import pandas as pd

    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


def _holds(container: Any, table: pa.Table) -> bool:
    """Whether a container holds the same values as a table, of the same kinds."""
    if hasattr(container, "collect"):
        container = container.collect()
    try:
        held = container.read_all() if hasattr(container, "read_all") else pa.table(container)
        columns = [[_plain(column) for column in (held[n], table[n])] for n in table.column_names]
    except (pa.ArrowException, TypeError, ValueError, OverflowError, KeyError):
        return False
    return held.column_names[: table.num_columns] == table.column_names and all(
        a == b for a, b in columns
    )


def _plain(column: pa.ChunkedArray) -> Any:
    """What is equal where values are the same, and of the same kind; NaN and nulls are not."""
    kind = plain_type(column.type)
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_known = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind)
    values = [(type(value).__name__, repr(value)) for value in column.to_pylist()]
    return values, None if is_known or pa.types.is_large_string(kind) else str(kind)


def _tried(given: Given, parts: dict[str, Any]) -> Came:
    """Make a campaign of these tables, solve it, and ask it a few things."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            came = _solved(given, parts)
        except InvalidInput as error:
            came = Came(None, str(error), wrong_line(str(error)))
        except Exception as error:
            came = Came(None, repr(error), [f"{type(error).__name__}: {str(error)[:500]}"])
    odd = [w for w in caught if not issubclass(w.category, CampaignWarning)]
    return came._replace(wrong=came.wrong + [f"{w.category.__name__}: {w.message}" for w in odd])


def _solved(given: Given, parts: dict[str, Any]) -> Came:
    rules = [
        CustomerRule(**_with_table(rule, "conflicts", given.get("conflicts")))
        for rule in parts["rules"]
    ]
    limits = [
        Limit(**_with_table(limit, "table", given.get("bounds"))) for limit in parts["limits"]
    ]
    tables = {name: table for name, table in given.items() if name not in OF_RULES}
    if "targeting" in parts:
        tables["targeting"] = parts["targeting"]
    make = Campaign.from_transactions if "targeting" in parts else Campaign
    campaign = make(**tables, rules=rules, limits=limits)
    campaign.check()
    campaign.summary()
    result = campaign.solve(gap=1e-3, threads=1, time_limit=20)
    if result.plan is None:
        return Came((result.status,), "", [])
    rows = result.allocation.to_arrow().to_pylist()
    wrong = []
    for name, frame in (
        ("pandas", result.allocation.to_pandas()),
        ("Polars", result.allocation.to_polars()),
    ):
        if len(frame) != len(rows) or list(frame["offer"]) != [row["offer"] for row in rows]:
            wrong.append(f"allocation in {name}: {frame} for {rows}")
    if rows:
        customer = rows[0]["customer"]
        theirs = {row["offer"] for row in rows if row["customer"] == customer}
        if {decision.offer for decision in result.explain(customer).given} != theirs:
            wrong.append(f"explain: {result.explain(customer).given} for {theirs}")
    limits_said = result.limits.select(["name", "group", "achieved"]).to_pylist()
    return Came((result.status, result.objective, result.bound, rows, limits_said), "", wrong)


def _with_table(part: dict[str, Any], key: str, table: Any) -> dict[str, Any]:
    return {**part, key: table} if key in part else part


def wrong_line(line: str) -> list[str]:
    """What is wrong with what a campaign was refused with."""
    if "\n" in line or UNSAFE.search(line):
        return [f"more than a line: {line!r}"]
    return [f"a line of {len(line)} characters: {line!r}"] if len(line) > LONGEST_LINE else []


if __name__ == "__main__":
    sys.exit(main("tests.fuzz.tables", __doc__.splitlines()[0]))

"""Checks of what a campaign is made of, before anything is compiled: its tables, rules and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Literal, TypeVar

import numpy as np
import pyarrow as pa

from ..data import tables
from ..data.where.filters import plain_where
from ..utils.checks import as_float, check_name, is_text, is_whole, shown
from ..utils.errors import InvalidInput
from ..utils.suggestions import known_names
from .compiling.coupon_columns import COUPON_COLUMNS, MONEY
from .limits import Limit
from .rules import CustomerRule

Part = TypeVar("Part", CustomerRule, Limit)

LARGEST_WHOLE = 2**53
"""Beyond it float64, in which limits are kept, does not hold each whole number."""

TABLES_OF_PARTS = ("table", "conflicts", "requires")
"""Attributes of limits and rules that are tables."""


MOST_BACKUPS = 255
"""Backups of a customer, at most: their ranks take a byte."""

OF_BACKUPS = ("rank", "reduced", "instead_of", "instead_of_customer")
"""Columns that backups have beside those of coupons."""


def candidate_columns(
    limits: Iterable[Limit], value: str, rules: Iterable[CustomerRule] = ()
) -> set[str]:
    """List the columns of the candidates table that a campaign reads.

    Parameters
    ----------
    limits : iterable of Limit
    value : str
        The column whose sum is maximised.
    rules : iterable of CustomerRule

    Returns
    -------
    set of str
        Names of columns.
    """
    summed = {column for limit in limits for column in limit.columns()}
    summed |= {str(rule.sum) for rule in rules if is_text(rule.sum)}
    known = {"customer", "offer", "role", "mandatory", value, *MONEY, *COUPON_COLUMNS}
    return (known | summed) - {"count"}


def check_parts(
    parts: Sequence[Part], kind: Literal["rule", "limit"], expected: type[Part]
) -> tuple[Part, ...]:
    """Check rules or limits each by itself, and name those that have no name.

    Parameters
    ----------
    parts : sequence of CustomerRule or Limit
        As the user gave them.
    kind : {"rule", "limit"}
        What messages call them.
    expected : type
        CustomerRule or Limit.

    Returns
    -------
    tuple of CustomerRule or Limit
        Each with a name.

    Raises
    ------
    InvalidInput
    """
    if isinstance(parts, expected) or not isinstance(parts, Iterable):
        raise InvalidInput(
            f"{kind}s: expected a list of {expected.__name__}, got {type(parts).__name__}"
        )
    named: list[Part] = []
    for number, part in enumerate(parts, 1):
        if not isinstance(part, expected):
            raise InvalidInput(
                f"{kind}s: {kind} {number}: expected a {expected.__name__}, got {type(part).__name__}"
            )
        if not (isinstance(part.name, str) and part.name == ""):
            check_name(part.name, f"{kind}s: {kind} {number}")
        named.append(part)
    named = _with_names(named, kind)
    for part in named:
        part.check()
    return tuple(map(_plain, named))


def _with_names(parts: Sequence[Part], kind: str) -> list[Part]:
    """Rules or limits, each with a name; two of one name are refused: results could not tell them apart."""
    taken: dict[str, int] = {}
    for number, part in enumerate(parts, 1):
        first = taken.setdefault(part.name, number) if part.name else number
        if first != number:
            raise InvalidInput(
                f"{kind}s: {kind} {number}: expected a name of its own, but {kind} {first} is called {part.name!r}, too"
            )
    named: list[Part] = []
    for number, part in enumerate(parts, 1):
        name = part.name
        if name == "":  # the next number that nothing is called by
            name = next(f"{kind} {n}" for n in count(number) if f"{kind} {n}" not in taken)
            taken[name] = number
        named.append(replace(part, name=name))
    return named


def _plain(part: Part) -> Part:
    """A rule or limit that can be compared and written: plain conditions, Arrow tables, bounds that float64 holds."""
    if isinstance(part, Limit):
        part = _plain_limit(part)
    conditions = {key: getattr(part, key, None) for key in ("where", "customers", "history")}
    plain: dict[str, Any] = {
        key: plain_where(where, f"{part.label}: {key}")
        for key, where in conditions.items()
        if isinstance(where, Mapping) and where
    }
    for key in TABLES_OF_PARTS:
        table = getattr(part, key, None)
        if table is not None and not isinstance(table, pa.Table):
            plain[key] = tables.as_table(table, f"of {part.label}")
    for key in ("min", "max", "penalty") if isinstance(part, Limit) else ():
        number = getattr(part, key)
        if is_whole(number) and abs(number) > LARGEST_WHOLE:
            plain[key] = as_float(number)
    return replace(part, **plain) if plain else part


def check_backups(backups: Any, value: str, unit: str | None = None) -> None:
    """Refuse a number of backups that there cannot be.

    Parameters
    ----------
    backups : int
        Of a customer, at most.
    value : str
        The column whose sum is maximised, which backups state, too.
    unit : str, optional
        Column of customers that says who is one unit.

    Raises
    ------
    InvalidInput
    """
    if not is_whole(backups) or not 0 <= backups <= MOST_BACKUPS:
        raise InvalidInput(
            f"backups: expected a whole number from 0 to {MOST_BACKUPS}, got {shown(backups)}"
        )
    if backups and value in OF_BACKUPS:
        raise InvalidInput(
            f"backups: their table has a column {value!r} of its own; maximise one of another name"
        )
    if backups and unit in OF_BACKUPS:
        raise InvalidInput(
            f"backups: their table has a column {unit!r} of its own; call the one of units otherwise"
        )


def check_unit(
    unit: str | None, rules: tuple[CustomerRule, ...], value: str
) -> tuple[CustomerRule, ...]:
    """Refuse a unit that is no column, and rules that speak of a unit where there is none.

    Parameters
    ----------
    unit : str or None
        Column of customers.
    rules : tuple of CustomerRule
    value : str
        The column whose sum is maximised.

    Returns
    -------
    tuple of CustomerRule
        The rules.

    Raises
    ------
    InvalidInput
    """
    if unit is not None:
        if not is_text(unit):
            raise InvalidInput(
                f"unit: expected the name of a column of customers, got {shown(unit)}"
            )
        if unit in {"customer", "offer", value, *COUPON_COLUMNS}:
            raise InvalidInput(
                f"unit: expected a column such as 'household', got {unit!r}, which coupons have themselves"
            )
        return rules
    for rule in rules:
        if rule.each is not None:
            raise InvalidInput(
                f"{rule.label}: each: expected a campaign with a unit, such as unit = 'household'; "
                "without one every rule holds for each customer"
            )
    return rules


def _plain_limit(limit: Limit) -> Limit:
    """A limit whose columns of `by` are one text or a tuple, and what it is relative to plain conditions."""
    plain: dict[str, Any] = {}
    if not (limit.by is None or isinstance(limit.by, str)):
        plain["by"] = limit.by[0] if len(limit.by) == 1 else tuple(limit.by)
    if limit.relative_to is not None:
        of = f"{limit.label}: relative_to"
        whole = {
            key: plain_where(value, f"{of}: {key}")
            for key, value in limit.relative_to.items()
            if key != "by"
        }
        by = limit.whole_by
        plain["relative_to"] = {**whole, **({"by": by[0] if len(by) == 1 else by} if by else {})}
    return replace(limit, **plain) if plain else limit


def check_limit_columns(limits: Iterable[Limit], have: set[str], names: Sequence[str]) -> None:
    """Refuse limits that sum a column which a campaign has not read.

    Parameters
    ----------
    limits : iterable of Limit
    have : set of str
        The columns that it has read.
    names : sequence of str
        All columns of its candidates table.

    Raises
    ------
    InvalidInput
    """
    for limit in limits:
        for column in limit.columns():
            _refuse_unread(column, limit.label, have, names)


def check_rule_columns(rules: Iterable[CustomerRule], have: set[str], names: Sequence[str]) -> None:
    """Refuse customer rules that sum a column which a campaign has not read.

    Parameters
    ----------
    rules : iterable of CustomerRule
    have : set of str
        The columns that it has read.
    names : sequence of str
        All columns of its candidates table.

    Raises
    ------
    InvalidInput
    """
    for rule in rules:
        if rule.sum is not None:
            _refuse_unread(rule.sum, f"{rule.label}: sum", have, names)


def _refuse_unread(column: str, label: str, have: set[str], names: Sequence[str]) -> None:
    """Refuse a column that a campaign has not read."""
    known = {*have, "count", "cost", "value"}
    if column in known:
        return
    why = ": nothing summed it when the campaign was made"
    if column not in names:
        why = known_names(column, sorted(known), "it has")
    raise InvalidInput(f"{label}: the campaign has not read a column {column!r}{why}")


def sorted_offers(table: pa.Table) -> pa.Table:
    """Check the offers table, and put it into ascending order of its ids.

    Parameters
    ----------
    table : pyarrow.Table
        As the user gave it.

    Returns
    -------
    pyarrow.Table
        In ascending order of its ids.

    Raises
    ------
    InvalidInput
        Where it is empty, has no ids, or has one twice.
    """
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
    """Check the customers table.

    Parameters
    ----------
    table : pyarrow.Table
        As the user gave it.

    Raises
    ------
    InvalidInput
        Where it has no ids, or has one twice.
    """
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


def same_parts(own: Sequence[CustomerRule | Limit], others: Sequence[CustomerRule | Limit]) -> bool:
    """Tell whether rules or limits are the same; those with tables are compared by the tables they hold.

    Parameters
    ----------
    own, others : sequence of CustomerRule or Limit
        In the same order.

    Returns
    -------
    bool
        Whether they are.
    """
    if own is others:
        return True
    if len(own) != len(others):
        return False
    return all(a is b or _same_part(a, b) for a, b in zip(own, others, strict=True))


def _same_part(own: CustomerRule | Limit, other: CustomerRule | Limit) -> bool:
    """Whether two rules or limits are the same."""
    for name in own.__dataclass_fields__:
        a, b = getattr(own, name), getattr(other, name)
        if name in TABLES_OF_PARTS:
            same = a is b or (isinstance(a, pa.Table) and isinstance(b, pa.Table) and a.equals(b))
        else:
            same = a == b
        if not same:
            return False
    return True

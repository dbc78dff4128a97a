"""Changes to a campaign, as `what_if` is asked for them: other bounds, offers, limits or rules.

A change is a number (the new value), None (no bound), or text that says by how much: "+5 %", "-20 %", "+200",
"* 1.1".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from ..data import tables
from ..data.arrow_columns import float_column
from ..utils.checks import as_float, is_number, shown
from ..utils.errors import InvalidInput, first_line
from ..utils.suggestions import known_names
from ..utils.table_types import Table
from .campaign_data import CampaignData
from .limits import Limit, group_text
from .rules import CustomerRule

RELATIVE = re.compile(
    r"\s*(?P<sign>[+-])\s*(?P<amount>[0-9.]+)\s*(?P<percent>%?)\s*|\s*\*\s*(?P<factor>[0-9.]+)\s*"
)
"""Text that says by how much a number changes."""

Changes = Mapping[Any, Any]

PartChange = Mapping[str, object]
"""The fields of a rule, limit or offer that change, by name."""

LimitChanges = (
    Mapping[str, PartChange | Limit]
    | Mapping[tuple[str, Any], PartChange | Limit]
    | Mapping[str | tuple[str, Any], PartChange | Limit]
)
"""By name, or by (name, group)."""

OfferChanges = Mapping[str, PartChange] | Mapping[int, PartChange] | Table
"""By offer; or a table with a column `offer` and the columns that change."""

RuleChanges = Mapping[str, PartChange | CustomerRule]
"""By name."""

Part = TypeVar("Part", CustomerRule, Limit)


def changed(
    campaign: CampaignData,
    *,
    limits: Changes | None = None,
    drop_limits: Iterable[str] = (),
    add_limits: Iterable[Limit] = (),
    offers: Any = None,
    rules: Changes | None = None,
    drop_rules: Iterable[str] = (),
    add_rules: Iterable[CustomerRule] = (),
) -> CampaignData:
    """Return a campaign with some changes; tables, and candidates as they are packed, are shared where they can be.

    Parameters
    ----------
    campaign : CampaignData
    limits : mapping, optional
        By name, or by (name, group) for one group of a limit with `by`: a new Limit, or its fields that change.
    drop_limits : iterable of str
        Names of limits that are left out.
    add_limits : iterable of Limit
    offers : mapping or table, optional
        By offer: its columns that change; or a table with a column `offer` and the columns that change (null: as it
        was).
    rules : mapping, optional
        By name: a new CustomerRule, or its fields that change.
    drop_rules : iterable of str
        Names of rules that are left out.
    add_rules : iterable of CustomerRule

    Returns
    -------
    CampaignData
        Another campaign.

    Raises
    ------
    InvalidInput
        Where there is nothing of such a name, or a change makes no sense.
    """
    if offers is not None:
        campaign = campaign.with_offers(changed_offers(campaign.offers, offers))
    changes = _by_name(rules, "rules")
    dropped, added = _listed(drop_rules, "drop_rules"), _listed(add_rules, "add_rules")
    if changes or dropped or added:
        kept = _dropped(campaign.rules, dropped, "rules")
        # checked, and named where they have no name
        campaign = campaign.with_rules([*_changed_rules(kept, changes), *added])
    changes = _by_name(limits, "limits")
    dropped, added = _listed(drop_limits, "drop_limits"), _listed(add_limits, "add_limits")
    if changes or dropped or added:
        kept_limits = _dropped(campaign.limits, dropped, "limits")
        campaign = campaign.with_limits([*_changed_limits(kept_limits, changes), *added])
    return campaign


def _by_name(changes: Any, argument: str) -> Changes:
    """Changes by name; none where nothing is given."""
    if changes is not None and not isinstance(changes, Mapping):
        raise InvalidInput(f"what_if: {argument}: expected changes by name, got {shown(changes)}")
    return changes or {}


def _listed(given: Any, argument: str) -> list[Any]:
    """What is given as a list; a text alone is one of its kind."""
    if not isinstance(given, Iterable):
        raise InvalidInput(f"what_if: {argument}: expected a list, got {shown(given)}")
    return [given] if isinstance(given, str) else list(given)


def changed_number(change: Any, now: float | None, label: str) -> float | None:
    """Apply a change to a number.

    Parameters
    ----------
    change : float, str or None
        The new number, None (none), or text that says by how much it changes.
    now : float or None
        The number as it is.
    label : str
        Names the number in messages.

    Returns
    -------
    float or None
        The new number.

    Raises
    ------
    InvalidInput
    """
    if change is None:
        return None
    if is_number(change) and math.isfinite(as_float(change)):
        return float(change) if change != int(change) else int(change)
    found = RELATIVE.fullmatch(change) if isinstance(change, str) else None
    if found is None:
        raise InvalidInput(
            f"{label}: expected a number, None or a change such as '+5 %', '+200' or '* 1.1', got {shown(change)}"
        )
    if now is None:
        raise InvalidInput(f"{label}: there is none that {shown(change)} could change")
    try:
        return _changed_by(now, **found.groupdict())
    except ValueError:
        raise InvalidInput(f"{label}: expected a number in {shown(change)}") from None


def _changed_by(now: float, sign: str, amount: str, percent: str, factor: str | None) -> float:
    """A number after a change that `RELATIVE` found; ValueError where a part of it is no number."""
    if factor is not None:
        return now * float(factor)
    by = float(f"{sign}{amount}")
    return now * (1.0 + by / 100.0) if percent else now + by


def changed_offers(table: pa.Table, changes: Any) -> pa.Table:
    """Return the offers table with other values.

    Parameters
    ----------
    table : pyarrow.Table
    changes : mapping or table
        As `changed` takes them.

    Returns
    -------
    pyarrow.Table
        With the same offers.

    Raises
    ------
    InvalidInput
    """
    if not isinstance(changes, Mapping) or (
        changes
        and all(isinstance(values, (list, np.ndarray, pa.Array)) for values in changes.values())
    ):
        changes = _by_offer(tables.as_table(changes, "of changed offers"))
    ids = table["offer"].to_pylist()
    row_of = {offer: row for row, offer in enumerate(ids)}
    columns: dict[str, list[Any]] = {}
    for offer, new in changes.items():
        if offer not in row_of:
            raise InvalidInput(
                f"what_if: offers: there is no offer {shown(offer)}{known_names(offer, ids)}"
            )
        if not isinstance(new, Mapping):
            raise InvalidInput(
                f"what_if: offers: {shown(offer)}: expected columns, got {shown(new)}"
            )
        _change_row(table, columns, row_of[offer], new, f"what_if: offers: {shown(offer)}")
    for column, values in columns.items():
        table = _with_column(table, column, values)
    return table


def _by_offer(table: pa.Table) -> dict[Any, dict[str, Any]]:
    """The changes of a table, by offer."""
    tables.require(table, "of changed offers", "offer")
    return {
        row["offer"]: {k: v for k, v in row.items() if k != "offer" and v is not None}
        for row in table.to_pylist()
    }


def _change_row(
    table: pa.Table, columns: dict[str, list[Any]], row: int, new: Mapping[str, Any], label: str
) -> None:
    """Change one offer in `columns` (IN/OUT), which has the values of those columns that have changed so far."""
    for column, change in new.items():
        if column == "offer" or column not in table.column_names:
            raise InvalidInput(
                f"{label}: table offers has no column {column!r} to change"
                f"{known_names(column, table.column_names)}"
            )
        values = columns.setdefault(column, table[column].to_pylist())
        if isinstance(change, str) and is_number(values[row]):
            change = changed_number(change, values[row], f"{label}: {column}")
        values[row] = change


def _with_column(table: pa.Table, column: str, values: list[Any]) -> pa.Table:
    """The table with other values in a column; whole numbers become floats where a value is none."""
    kind = table.schema.field(column).type
    if pa.types.is_integer(kind) and any(isinstance(value, float) for value in values):
        kind = pa.float64()
    try:
        array = pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidInput(f"what_if: offers: {column}: {first_line(error)}") from error
    return table.set_column(table.column_names.index(column), column, array)


def _dropped(parts: Sequence[Part], names: list[Any], kind: str) -> list[Part]:
    """Limits or rules without those of some names."""
    known = [part.name for part in parts]
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise InvalidInput(
                f"what_if: drop_{kind}: there is no {shown(name)}{known_names(name, known)}"
            )
    return [part for part in parts if part.name not in set(names)]


def _places(parts: Sequence[CustomerRule | Limit], name: Any, kind: str) -> list[int]:
    """Where limits or rules of a name are; refused where there are none."""
    places = [n for n, part in enumerate(parts) if part.name == name]
    if not places:
        near = known_names(name, [part.name for part in parts])
        raise InvalidInput(f"what_if: {kind}s: there is no {kind} {name!r}{near}")
    return places


def _changed_rules(rules: list[CustomerRule], changes: Changes) -> list[CustomerRule]:
    """The rules, some of them changed."""
    found = list(rules)
    for name, change in changes.items():
        for n in _places(found, name, "rule"):
            found[n] = _with_fields(found[n], change, f"what_if: rules: {name!r}", ("min", "max"))
    return found


def _changed_limits(limits: list[Limit], changes: Changes) -> list[Limit]:
    """The limits, some of them changed."""
    found = list(limits)
    for key, change in changes.items():
        name, group = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        label = f"what_if: limits: {shown(key)}"
        for n in _places(found, name, "limit"):
            limit = found[n]
            if isinstance(change, Limit):
                found[n] = replace(change, name=change.name or limit.name)
            elif limit.table is not None and isinstance(change, Mapping):
                found[n] = _with_table(limit, group, change, label)
            elif group is not None:
                raise InvalidInput(f"{label}: the limit has no table of bounds by group")
            else:
                found[n] = _with_fields(limit, change, label, ("min", "max", "penalty"))
    return found


def _with_fields(part: Part, change: Any, label: str, numeric: tuple[str, ...]) -> Part:
    """A limit or rule with some fields changed; `numeric`: those that may be changed by so much."""
    if isinstance(change, type(part)):
        return replace(change, name=change.name or part.name)
    known = {field.name for field in fields(part)}
    if not isinstance(change, Mapping) or not set(change) <= known:
        unknown = [key for key in change if key not in known] if isinstance(change, Mapping) else []
        near = known_names(unknown[0], sorted(known)) if unknown else ""
        raise InvalidInput(
            f"{label}: expected a {type(part).__name__} or fields of one, got {shown(change)}{near}"
        )
    new = dict(change)
    for key in set(numeric) & set(new):
        now, text = getattr(part, key), isinstance(new[key], str)
        if text and isinstance(part, CustomerRule) and RELATIVE.fullmatch(new[key]) is None:
            continue  # the name of a column
        now = now if is_number(now) else None
        new[key] = changed_number(new[key], now, f"{label}: {key}")
        counts = isinstance(part, CustomerRule) and new.get("sum", part.sum) is None
        if counts and new[key] is not None:
            new[key] = round(new[key])
    return replace(part, **new)


def _group_of(limit: Limit, row: Mapping[str, Any]) -> str:
    """What the group of a row of a table of bounds is called."""
    values = tuple(row[name] for name in limit.by_columns)
    return group_text(values[0] if len(values) == 1 else values)


def _with_table(limit: Limit, group: Any, change: Changes, label: str) -> Limit:
    """A limit by groups with the bounds of one group, or of all, changed; other fields of it, too."""
    bounds = {key: change[key] for key in ("min", "max") if key in change}
    rest = {key: value for key, value in change.items() if key not in bounds}
    table = tables.as_table(limit.table, f"of {limit.label}")
    rows = table.to_pylist()
    named = [_group_of(limit, row) for row in rows]
    about = [
        row
        for row, name in zip(rows, named, strict=True)
        if group is None or name == group_text(group)
    ]
    if not about:
        known = named
        raise InvalidInput(
            f"{label}: table of {limit.label} has no group {shown(group)}{known_names(group, known)}"
        )
    for row in about:
        for key, new in bounds.items():
            if group is None and row.get(key) is None and isinstance(new, str):
                continue  # groups without a bound stay without
            row[key] = changed_number(new, row.get(key), f"{label}: {key}")
    names = [*table.column_names, *(key for key in bounds if key not in table.column_names)]
    columns = {
        name: float_column(row.get(name) for row in rows) if name in ("min", "max") else table[name]
        for name in names
    }
    return _with_fields(replace(limit, table=pa.table(columns)), rest, label, ("penalty",))

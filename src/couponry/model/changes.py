"""A campaign with other bounds, offers, limits or rules: what `what_if` is asked, turned into a campaign.

A change is a number (the new value), None (no bound), or text that says by how much: "+5 %", "-20 %", "* 1.1".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ..data import tables
from ..utils.checks import did_you_mean, is_number
from ..utils.errors import InvalidInput
from .campaign_data import CampaignData
from .limits import Limit
from .rules import CustomerRule

RELATIVE = re.compile(r"\s*([+-])\s*([0-9.]+)\s*%\s*|\s*\*\s*([0-9.]+)\s*")
Changes = Mapping[Any, Any]


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
    """The campaign with these changes; tables, and candidates as they are packed, are shared where they can be.

    limits: by name, or by (name, group) for one group of a limit with `by`: a new Limit, or its fields that change.
    rules: by name: a new CustomerRule, or its fields that change. offers: by offer: its columns that change; or a table
    with a column `offer` and the columns that change (null: as it was).
    """
    if offers is not None:
        campaign = campaign.with_offers(changed_offers(campaign.offers, offers))
    if rules or drop_rules or add_rules:
        kept = _dropped(campaign.rules, drop_rules, "rules")
        named = _changed_rules(kept, rules or {})
        # checked, and named where they have no name
        campaign = campaign.with_rules([*named, *add_rules])
    if limits or drop_limits or add_limits:
        kept_limits = _dropped(campaign.limits, drop_limits, "limits")
        changed_limits = _changed_limits(kept_limits, limits or {})
        campaign = campaign.with_limits([*changed_limits, *add_limits])
    return campaign


def changed_number(change: Any, now: float | None, label: str) -> float | None:
    """A number after a change; `label` names it in errors."""
    if change is None or (is_number(change) and math.isfinite(change)):
        return None if change is None else float(change) if change != int(change) else int(change)
    found = RELATIVE.fullmatch(change) if isinstance(change, str) else None
    if found is None:
        raise InvalidInput(
            f"{label}: expected a number, None or a change such as '+5 %' or '* 1.1', got {change!r}"
        )
    if now is None:
        raise InvalidInput(f"{label}: there is none that {change!r} could change")
    sign, percent, factor = found.groups()
    try:
        times = float(factor) if factor else 1.0 + float(f"{sign}{percent}") / 100.0
    except ValueError:
        raise InvalidInput(f"{label}: expected a number in {change!r}") from None
    return now * times


def changed_offers(table: pa.Table, changes: Any) -> pa.Table:
    """The offers table with other attributes."""
    if not isinstance(changes, Mapping) or all(
        isinstance(values, (list, np.ndarray, pa.Array)) for values in changes.values()
    ):
        changes = _by_offer(tables.as_table(changes, "of changed offers"))
    ids = table["offer"].to_pylist()
    row_of = {offer: row for row, offer in enumerate(ids)}
    columns: dict[str, list[Any]] = {}
    for offer, new in changes.items():
        if offer not in row_of:
            raise InvalidInput(
                f"what_if: offers: there is no offer {offer!r}{did_you_mean(offer, ids)}"
            )
        if not isinstance(new, Mapping):
            raise InvalidInput(f"what_if: offers: {offer!r}: expected columns, got {new!r}")
        for column, change in new.items():
            if column == "offer" or column not in table.column_names:
                raise InvalidInput(
                    f"what_if: offers: {offer!r}: table offers has no column {column!r} to change"
                    f"{did_you_mean(column, table.column_names)}"
                )
            values = columns.setdefault(column, table[column].to_pylist())
            now = values[row_of[offer]]
            if isinstance(change, str) and is_number(now):
                change = changed_number(change, now, f"what_if: offers: {offer!r}: {column}")
            values[row_of[offer]] = change
    for column, values in columns.items():
        kind = table.schema.field(column).type
        if pa.types.is_integer(kind) and any(isinstance(value, float) for value in values):
            kind = pa.float64()
        try:
            array = pa.array(values, kind)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise InvalidInput(f"what_if: offers: {column}: {tables.first_line(error)}") from error
        table = table.set_column(table.column_names.index(column), column, array)
    return table


def _by_offer(table: pa.Table) -> dict[Any, dict[str, Any]]:
    tables.require(table, "of changed offers", "offer")
    return {
        row["offer"]: {k: v for k, v in row.items() if k != "offer" and v is not None}
        for row in table.to_pylist()
    }


def _dropped(parts: Sequence[Any], names: Iterable[str], kind: str) -> list[Any]:
    """Limits or rules without those of some names."""
    if isinstance(names, str):
        names = [names]
    for name in names:
        if all(part.name != name for part in parts):
            known = did_you_mean(name, [part.name for part in parts])
            raise InvalidInput(f"what_if: drop_{kind}: there is no {name!r}{known}")
    return [part for part in parts if part.name not in set(names)]


def _changed_rules(rules: list[CustomerRule], changes: Changes) -> list[CustomerRule]:
    found = list(rules)
    for name, change in changes.items():
        at = [n for n, rule in enumerate(found) if rule.name == name]
        if not at:
            known = did_you_mean(name, [rule.name for rule in found])
            raise InvalidInput(f"what_if: rules: there is no rule {name!r}{known}")
        for n in at:
            found[n] = _fields(found[n], change, f"what_if: rules: {name!r}", ("min", "max"))
    return found


def _changed_limits(limits: list[Limit], changes: Changes) -> list[Limit]:
    found = list(limits)
    for key, change in changes.items():
        name, group = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        at = [n for n, limit in enumerate(found) if limit.name == name]
        label = f"what_if: limits: {key!r}"
        if not at:
            known = did_you_mean(name, [limit.name for limit in found])
            raise InvalidInput(f"what_if: limits: there is no limit {name!r}{known}")
        for n in at:
            limit = found[n]
            if isinstance(change, Limit):
                found[n] = replace(change, name=change.name or limit.name)
            elif limit.table is not None and isinstance(change, Mapping):
                found[n] = _changed_table(limit, group, change, label)
            elif group is not None:
                raise InvalidInput(f"{label}: the limit has no table of bounds by group")
            else:
                found[n] = _fields(limit, change, label, ("min", "max", "penalty"))
    return found


def _fields(part: Any, change: Any, label: str, numeric: tuple[str, ...]) -> Any:
    """A limit or rule with some fields changed."""
    if isinstance(change, type(part)):
        return replace(change, name=change.name or part.name)
    known = {field.name for field in fields(part)}
    if not isinstance(change, Mapping) or not set(change) <= known:
        what = type(part).__name__
        raise InvalidInput(f"{label}: expected a {what} or fields of one, got {change!r}")
    new = dict(change)
    for key in set(numeric) & set(new):
        now, text = getattr(part, key), isinstance(new[key], str)
        if text and isinstance(part, CustomerRule) and RELATIVE.fullmatch(new[key]) is None:
            continue  # the name of a column
        now = now if is_number(now) else None
        new[key] = changed_number(new[key], now, f"{label}: {key}")
        if isinstance(part, CustomerRule) and new[key] is not None:
            new[key] = round(new[key])
    return replace(part, **new)


def _changed_table(limit: Limit, group: Any, change: Changes, label: str) -> Limit:
    """A limit by groups with the bounds of one group, or of all, changed; other fields of it, too."""
    bounds = {key: change[key] for key in ("min", "max") if key in change}
    rest = {key: value for key, value in change.items() if key not in bounds}
    table = tables.as_table(limit.table, f"of {limit.label}")
    rows = table.to_pylist()
    about = [row for row in rows if group is None or str(row[limit.by]) == str(group)]
    if not about:
        raise InvalidInput(f"{label}: table of {limit.label} has no group {group!r}")
    for row in about:
        for key, new in bounds.items():
            if group is None and row.get(key) is None and isinstance(new, str):
                continue  # groups without a bound stay without
            row[key] = changed_number(new, row.get(key), f"{label}: {key}")
    names = [*table.column_names, *(key for key in bounds if key not in table.column_names)]
    columns = {
        name: pa.array([row.get(name) for row in rows], None if name not in ("min", "max") else pa.float64())
        for name in names
    }  # fmt: skip
    for name in table.column_names:
        if name not in ("min", "max"):
            columns[name] = table[name]
    return _fields(replace(limit, table=pa.table(columns)), rest, label, ("penalty",))

"""What is odd about rules and limits themselves: two that say the same, and what has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...data import tables
from ..limits import Limit
from ..rules import CustomerRule
from .finding import Finding
from .statement import Statement


def odd_parts(statement: Statement) -> Iterator[Finding]:
    """Find rules and limits that cannot have the effect that they say.

    Parameters
    ----------
    statement : Statement

    Yields
    ------
    Finding
    """
    for rule in statement.rules:
        if not rule.has_bounds:
            yield from _without_pairs(rule)
        elif rule.max is None and rule.min == 0 and rule.sum is None:
            yield Finding("warning", f"{rule.label}: min", "a min of 0 asks for nothing")
    yield from _twice(statement.rules)
    yield from _twice(statement.limits)
    for limit in statement.limits:
        if limit.penalty is not None and limit.mode != "soft":
            message = f"it has no effect: the limit is {limit.mode}, not soft"
            yield Finding("warning", f"{limit.label}: penalty", message)
        elif limit.mode == "soft" and limit.penalty == 0:
            yield Finding("warning", f"{limit.label}: penalty", "a penalty of 0 asks for nothing")
    yield from _of_history(statement)


def _without_pairs(rule: CustomerRule) -> Iterator[Finding]:
    """A table of pairs that names none."""
    for what in ("conflicts", "requires"):
        table = getattr(rule, what)
        if table is not None and tables.as_table(table, f"of {rule.label}").num_rows == 0:
            yield Finding("warning", f"{rule.label}: {what}", "the table names no pair")


def _of_history(statement: Statement) -> Iterator[Finding]:
    """A history that no rule counts, and rules that do not though nobody said so."""
    if statement.history is None:
        return
    if not statement.rules:
        yield Finding("warning", "table history", "it has no effect: there is no customer rule")
    elif not any(rule.counts_history for rule in statement.rules):
        message = "it has no effect: no customer rule counts it"
        yield Finding("warning", "table history", message)
    for rule in statement.rules:
        if rule.history is None and not rule.counts_history:
            message = (
                "it counts this plan alone, as it says nothing of days; "
                "say history = true or history = false"
            )
            yield Finding("note", rule.label, message)


def _twice(parts: Sequence[CustomerRule] | Sequence[Limit]) -> Iterator[Finding]:
    """Rules or limits that say the same as one before, but for the name."""
    first: dict[str, str] = {}
    for part in parts:
        label = first.setdefault(_content(part), part.label)
        if label != part.label:
            yield Finding("warning", part.label, f"it says the same as {label}")


def _content(part: CustomerRule | Limit) -> str:
    """All that a rule or limit says but its name; tables, and what cannot be written, are told apart by identity."""
    fields = {name: getattr(part, name) for name in part.__dataclass_fields__ if name != "name"}
    tables_of = {name: id(fields.pop(name, None)) for name in ("table", "conflicts", "requires")}
    try:
        return repr((sorted(fields.items()), tables_of))
    except Exception:  # whole numbers of thousands of digits, and whatever objects raise
        return str(id(part))

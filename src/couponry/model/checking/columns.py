"""Columns that look like misspelt known ones, and money that is nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...data.where.days import DAY
from ...utils.suggestions import misspelt
from ..compiling.coupon_columns import MONEY
from .finding import CANDIDATES, Finding
from .statement import Statement

OF_COUPONS = ("response", "value", "cost", *MONEY)
"""Known columns that candidates or offers may have."""


def misspelt_columns(statement: Statement) -> Iterator[Finding]:
    """Find columns that nothing asks for, and whose name can only be a slip of one that is known and missing.

    Where what is summed would be made of the missing one, or a rule would overlook it, that is an error.

    Parameters
    ----------
    statement : Statement

    Yields
    ------
    Finding
    """
    used = statement.summed | statement.asked_of_offers
    missing = [name for name in OF_COUPONS if not statement.has(name)]
    needed = statement.money_needed
    yield from _slips("offers", statement.offers.column_names, used, missing, needed)
    of_candidates = [*missing, *(n for n in ("mandatory", "role") if not statement.has(n))]
    needed_of_candidates = {*needed, "mandatory", *(used & {"role"})}
    names = statement.candidate_names
    yield from _slips("candidates", names, used, of_candidates, needed_of_candidates)
    if statement.history is not None:
        names = tuple(statement.history.column_names)
        counting = [rule for rule in statement.rules if rule.counts_history]
        alone = {name for rule in counting for name in rule.asked_of_history_alone}
        asked = alone.union(*(rule.asked_of_offers for rule in counting))
        asked |= {DAY} if any(rule.requires is not None for rule in counting) else set()
        absent = [name for name in ("offer", *sorted(asked - alone)) if name not in names]
        own = {*asked, *statement.offers.column_names}
        yield from _slips("history", names, own, absent, {*asked, "offer"})


def _slips(
    what: str, names: Iterable[str], used: set[str], missing: list[str], needed: set[str]
) -> Iterator[Finding]:
    """Columns of a table that can only be slips of missing ones."""
    for name in names:
        meant = None if name in used else misspelt(name, missing)
        if meant is not None:
            severity = "error" if meant in needed else "warning"
            message = (
                f"nothing asks for it, and there is no column {meant!r}; did you mean {meant!r}?"
            )
            yield Finding(severity, f"table {what}, column {name!r}", message)


def missing_money(statement: Statement) -> Iterator[Finding]:
    """Find sums that would be 0 whatever is given, because all columns that they follow from are missing.

    Parameters
    ----------
    statement : Statement

    Yields
    ------
    Finding
    """
    have_fixed = statement.has("issue_cost")
    have_rate = statement.has("face_value") and statement.has("response")
    if "cost" in statement.computed and not have_fixed and not have_rate:
        reason = (
            "a cost of face_value needs a column 'response'"
            if statement.has("face_value")
            else "there is no column 'cost', 'issue_cost' or 'face_value'"
        )
        for limit in statement.limits:
            if "cost" in limit.columns():
                argument = "sum" if limit.ratio is None else "ratio"
                severity = "warning" if limit.mode == "report" else "error"
                message = f"the cost would be 0 whatever is given: {reason}"
                yield Finding(severity, f"{limit.label}: {argument}", message)
        if statement.value == "cost":
            yield Finding("error", "objective", f"the cost would be 0 whatever is given: {reason}")
    if "value" in statement.computed and not statement.has("margin"):
        message = (
            "there is no column 'value', and none 'margin' that it could follow from: "
            "no coupon is worth more than nothing"
        )
        place = "objective" if statement.value == "value" else "column 'value'"
        yield Finding("warning", place, message)


def candidate_notes(statement: Statement) -> Iterator[Finding]:
    """Repeat what whoever made the candidates says of their numbers.

    Parameters
    ----------
    statement : Statement

    Yields
    ------
    Finding
    """
    for note in statement.notes:
        yield Finding("note", CANDIDATES, note)

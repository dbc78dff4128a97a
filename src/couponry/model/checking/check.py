"""Everything that can be found of a campaign's statement, before it is compiled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from .columns import candidate_notes, missing_money, misspelt_columns
from .conditions import absent_groups, absent_in_conditions
from .finding import Finding, by_severity
from .parts import odd_parts
from .statement import Statement


def statement_findings(statement: Statement) -> list[Finding]:
    """List what a campaign says and its user may not have meant, as far as its tables and words tell.

    Parameters
    ----------
    statement : Statement

    Returns
    -------
    list of Finding
        Errors first.
    """
    found = chain(
        misspelt_columns(statement),
        missing_money(statement),
        absent_in_conditions(statement),
        absent_groups(statement),
        odd_parts(statement),
        candidate_notes(statement),
    )
    return by_severity(found)


def together(said: Sequence[Finding], effects: Iterable[Finding]) -> list[Finding]:
    """Put findings of a statement, and of what it comes to, together.

    Parameters
    ----------
    said : sequence of Finding
        Of the statement.
    effects : iterable of Finding
        Those are left out that say of a whole rule, limit or objective what `said` says of a part of it.

    Returns
    -------
    list of Finding
        Errors first.
    """
    reasons = [finding.place for finding in said if finding.severity != "note"]
    news = (one for one in effects if not any(place.startswith(one.place) for place in reasons))
    return by_severity([*said, *news])

"""How much the rules of a customer come to once they are compiled, as an estimate before candidates are read."""

from __future__ import annotations

from collections.abc import Sequence

from ...data import tables
from ..rules import CustomerRule


def expected_constraints(rules: Sequence[CustomerRule], width: float, n_offers: int) -> float:
    """Estimate how many cardinality constraints rules come to, for a customer.

    Pairs in conflict count one by one, though some of them share a constraint; a rule by a column as often as its bound
    can be too much.

    Parameters
    ----------
    rules : sequence of CustomerRule
    width : float
        Candidates of a customer, taken to be any of the offers.
    n_offers : int

    Returns
    -------
    float
        0.0 where no customer needs any: unless rules overlap, conflict or ask for minimums.
    """
    within = [
        rule for rule in rules if rule.has_bounds and not rule.is_about_all and not rule.is_measured
    ]
    pairs = [
        tables.as_table(rule.conflicts, f"of {rule.label}").num_rows
        for rule in rules
        if rule.conflicts is not None
    ]
    laminar = all(rule.min is None and rule.window is None for rule in within)
    if not pairs and len(within) < 2 and laminar:
        return 0.0
    share = sum(pairs) / max(1.0, n_offers * (n_offers - 1) / 2)
    expected: float = min(1.0, share) * width * max(0.0, width - 1) / 2
    for rule in within:
        most = rule.max if isinstance(rule.max, (int, float)) and rule.min is None else 0
        expected += width / (most + 1) if rule.by or rule.window else 1.0
    return expected


def expected_row_words(rules: Sequence[CustomerRule], width: float, n_offers: int) -> float:
    """Estimate how many words the rows of rules about sums, different values and requirements take, for a customer.

    Parameters
    ----------
    rules : sequence of CustomerRule
    width : float
        Candidates of a customer, taken to be any of the offers.
    n_offers : int

    Returns
    -------
    float
        0.0 where there are no such rules. An offer is taken to be in as many windows as it can be.
    """
    share = min(1.0, width / max(1, n_offers))
    expected = 0.0
    for rule in rules:
        if rule.is_measured:
            times = 1 if rule.window is None else min(rule.window, n_offers)
            expected += 4.0 * width * times if rule.by or rule.window else 3.0 + width
        elif rule.requires is not None:
            pairs = tables.as_table(rule.requires, f"of {rule.label}").num_rows
            expected += 5.0 * pairs * share * share
    return expected + 1.0 if expected else 0.0

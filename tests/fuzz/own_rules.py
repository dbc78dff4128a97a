"""What customer rules ask of one unit, of a customer or of several that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.fuzz.small_campaign import Row


@dataclass(frozen=True)
class Total:
    """What some candidates come to, wherever any of them is given: a sum, or how many different values they have.

    Attributes
    ----------
    members : int
        Candidates, as bits.
    amount : dict of int to Fraction, or None
        Of each; None: values are counted.
    values : dict of int to object
        Of each, None among them; what the history has had is None, too.
    held : Fraction
        What the history adds.
    low, high : Fraction or None
    """

    members: int
    amount: dict[int, Fraction] | None
    values: dict[int, Any]
    held: Fraction
    low: Fraction | None
    high: Fraction | None

    def allows(self, bits: int) -> bool:
        """Whether a choice is within the bounds."""
        given = [k for k in self.values if bits >> k & 1]
        if not given:
            return True
        if self.amount is None:
            total = Fraction(len({self.values[k] for k in given} - {None}))
        else:
            total = self.held + sum(self.amount[k] for k in given)
        return (self.low is None or self.low <= total) and (self.high is None or total <= self.high)


@dataclass(frozen=True)
class Need:
    """A candidate that is given only with one of some others, as bits."""

    members: int
    others: int

    def allows(self, bits: int) -> bool:
        """Whether a choice has what is required."""
        return not bits & self.members or bool(bits & self.others)


@dataclass(frozen=True)
class OwnRules:
    """What the rules ask of one unit; sets are bits over its own candidates.

    Attributes
    ----------
    most : list of (int, int)
        Sets, and how many of each may be given.
    least : list of (int, int)
        Sets, and how many of each should be.
    mandatory : int
        Candidates that must be given as far as can be.
    others : list of Total or Need
        Sums, different values, and what is required.
    """

    most: list[tuple[int, int]]
    least: list[tuple[int, int]]
    mandatory: int
    others: list[Total | Need]


@dataclass(frozen=True)
class Holder:
    """Whom a rule holds for: a unit, or one customer of it.

    Attributes
    ----------
    who : object
        A customer, whose columns say what holds.
    places : list of int
        Its candidates among those of the unit.
    had : list of Row
    """

    who: Any
    places: list[int]
    had: list[Row]

"""Customers in the order of their ids, a few at a time, each with what scores their history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ..history.purchase_history import PurchaseHistory
from ..history.ranged_history import RangedHistory
from ..scores.own.pair_model import PairScorer
from ..scores.personal.personal_scorer import PersonalScorer
from .weighted_purchases import CustomerRange, Histories, customer_ranges, ranges_of

Scored = tuple[CustomerRange, PairScorer | None]
ScorerOf = Callable[[PurchaseHistory], PairScorer | None]


def scored_parts(
    histories: Histories | RangedHistory, scorer_of: ScorerOf
) -> Iterator[Callable[[], Iterator[Scored]]]:
    """Hand on all customers in parts, any of which any thread may work on.

    Parameters
    ----------
    histories : PurchaseHistory, callable, or RangedHistory
        A history, a function that lists several, or one whose ranges are made by the thread that works on them.
    scorer_of : callable
        Returns what scores a history, if anything does.

    Yields
    ------
    callable
        Yields ranges of customers of the part, and what scores them: each is there until the next one.
    """
    if isinstance(histories, RangedHistory):
        scorer = scorer_of(histories.nobody)
        of_others = scorer.of if isinstance(scorer, PersonalScorer) else scorer_of
        for make in histories.parts():
            yield partial(_made, make, of_others)
        return
    scored, scorer = None, None
    for customers in customer_ranges(histories):
        if customers.history is not scored:
            scored, scorer = customers.history, scorer_of(customers.history)
        yield partial(iter, [(customers, scorer)])


def _made(make: Callable[[], PurchaseHistory], scorer_of: ScorerOf) -> Iterator[Scored]:
    """Make a range's history, and yield its customers."""
    history = make()
    scorer = scorer_of(history)
    for customers in ranges_of(history):
        yield customers, scorer

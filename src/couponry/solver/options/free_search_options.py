"""Options: prices that go on for free customers alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FreeSearchOptions:
    """Prices that go on for free customers alone, where prices were known to begin with or passes are dear."""

    candidates: int = 1 << 29
    """Candidates of everybody up to which they do from known prices: a fifth of them may be free, and is copied, or
    sent by the workers of a cluster."""

    start_share: float = 3e-3
    """Violation, as a share of all coupons, from which on prices go on for free customers alone. Further away, more
    than a fifth of all customers would have to be free."""

    free_candidates_per_coupon: float = 1.25
    """Candidates near enough to change hands for each coupon that a limit needs, of those whose customers are left free
    for prices to go on. With 2, half as many customers more are free, steps and fixing take as much longer, and what is
    off at the end is the same."""

    most_left_share: float = 1e-2
    """The same with what limits with a price have left, at most: all of it asks for customers who are free."""

    quick_share: float = 0.2
    """Share of what is quick to repair above which prices go on where those of everybody need not: steps take a third
    of the time of the moves, as hardly anybody is left free after them."""

    left_gaps: float = 0.3
    """What is left of limits at their prices, in asked gaps, above which prices go on however few coupons limits are
    violated by, and that they are to come below: among free customers alone little more can be filled."""

    enough_by_candidate: float = 1.1e-4
    """Violation in coupons, for each candidate of free customers, at which they have gone on for long enough: single
    moves do the rest in less time than another step."""

    steps: int = 16
    """Newton steps, at most."""

    stalled_steps: int = 3
    """Steps in a row that must get below `PriceSearchOptions.progress_share` of the violation together."""

    stalled_share: float = 3e-4
    """Violation, as a share of all coupons, from which on steps go on all the same: one that went too far is made
    again, and so many single moves take longer."""

    stretch: float = 0.3
    """Share of everybody's curvature that free customers have at first: of those who are near to a change, not all are
    free. Each step tells more."""

    wide_row_step: float = 2.5
    """Step by which a limit that nearly all coupons count in is kept in the end, in steps that the model says are
    enough: as soon as it is kept, moves for others need not be weighed against it, which takes five times as long."""

    spare_candidates: float = 16.0
    """Candidates, of those who stay free for single moves, that a limit with any need gets beside those for its
    coupons: another try takes longer than to look at so many more."""

    rounds: int = 6
    """Rounds of single moves before such a try is given up."""

    candidates_per_coupon: float = 4.0
    """Candidates, of those who stay free for single moves, for each coupon that a limit needs then."""

    tries: int = 5
    """Tries of single moves among few of the free customers, at most, before everybody's prices go on: after the first
    one they are for a handful of coupons, and take a small part of its time."""

    last_try_coupons: float = 64.0
    """Violation in coupons up to which the last one is among all free customers: a limit that rules or other limits
    leave few ways to keep may need one whose change costs more, and hardly anybody else is looked at in vain."""

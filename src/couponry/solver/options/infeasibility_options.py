"""Options: campaigns that cannot be kept, the proof and the relaxation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConflictOptions:
    """Proofs that limits cannot hold together, and what is achievable instead."""

    proof_passes: int = 150
    """Passes over a sample for one proof by prices, at most."""

    proofs: int = 3
    """Proofs that are found before a search for one stops: later ones price fewer limits by the way."""

    proof_tolerance: float = 1e-7
    """Gain of a step, as a share of the worth of all candidates, below which the search for a proof stops."""

    range_tolerance: float = 1e-7
    """The same for the search for an end of an achievable range."""

    least_range_passes: int = 30
    """Passes over a sample for one end of an achievable range, at least."""

    most_range_passes: int = 150
    """The same, at most."""

    all_range_passes: int = 3_000
    """Passes over a sample for all ends of achievable ranges together, about."""

    cutting_plane_prices: int = 100
    """Prices up to which proofs are found by cutting planes, in campaigns that these are for."""

    least_violation: float = 1e-3
    """Violation in coupons up to which a conflict need not be proved by cutting planes."""

    range_nodes: int = 200
    """Nodes of HiGHS's search for an end of an achievable range, at most; its bound tells what it has not found."""


@dataclass(frozen=True)
class RelaxationOptions:
    """The smallest changes to bounds with which an allocation exists.

    References
    ----------
    Chinneck, Dravnieks, "Locating minimal infeasible constraint sets in linear programs", 1991.
    """

    gap: float = 1e-3
    """Asked gap of the sum of changes."""

    gap_of_many: float = 1e-2
    """The same in campaigns that are not tiny: the changes are advice, and nobody waits long for the last percent."""

    nodes: int = 100
    """Nodes of HiGHS's search in tiny campaigns, at most."""

    intervals: int = 24
    """Intervals of ratios' denominators that are halved in the smallest campaigns, at most: two solves each."""

    interval_candidates: int = 300
    """Candidates up to which they are: beyond, these solves would take longer than all the others together."""

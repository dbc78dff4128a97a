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

    conflict_steps: int = 3
    """Steps from a row to those whose activities change without its price, and on from those, in which a conflict is
    told apart from others; two passes each."""

    moved_share: float = 0.02
    """Share of the largest such change, at prices, from which on a row belongs to the same conflict."""

    range_tolerance: float = 1e-7
    """The same for the search for an end of an achievable range."""

    all_range_passes: int = 96
    """Passes over a sample for all ends of achievable ranges together, about."""

    vain_range_passes: int = 4
    """Such passes one after the other that find nothing better, before the end is taken as it is."""

    searched_ranges: int = 8
    """Members of an infeasible set up to which they are searched for: in a larger one each is what the proof says."""

    exact_ranges: int = 8
    """Members of an infeasible set up to which HiGHS finds their achievable ranges in tiny campaigns."""

    cutting_plane_prices: int = 100
    """Prices up to which proofs are found by cutting planes, in campaigns that these are for."""

    plane_groups: int = 64
    """Groups of customers with a cutting plane each, where the last proof is near: half of what a first one takes."""

    plane_coefficients: int = 1_024
    """Groups of customers with a cutting plane each, times prices, where a proof is known and a better one is sought:
    with more of them the linear programmes take longer than all passes together."""

    plane_passes: int = 1_600
    """Passes for cutting planes, times prices, there."""

    widest_prices: float = 1e3
    """How much higher the price of a typical coupon may be in the smallest bound than in the largest, for a proof."""

    least_violation_share: float = 1e-2
    """Share of the violation that cutting planes may leave out."""

    least_violation: float = 1e-3
    """Violation in coupons up to which a conflict need not be proved by cutting planes."""

    vain_witnesses: int = 2
    """Allocations that are sought in vain, and no proof found either, before none is sought any more."""

    time_reserve: float = 0.5
    """Share of the time that is left for proof and way out that is kept from the search for a smaller set."""

    witness_rounds: int = 12
    """Rounds of repair in which an allocation is sought that shows at once that rows can hold together."""

    few_rounds: int = 4
    """The same for an allocation that misses all limits of a conflict by the same share, and without a rule."""

    uneven_share: float = 0.5
    """Share of what an allocation misses of all limits of a conflict that is no even share of each, at most, for others
    to be repaired from it."""

    nearer_share: float = 0.5
    """Share of what it misses of some limits, below which the last allocation that was found is repaired instead."""

    range_nodes: int = 200
    """Nodes of HiGHS's search for an end of an achievable range, at most; its bound tells what it has not found."""


@dataclass(frozen=True)
class WorkOptions:
    """What may be done about a campaign that is suspected of being infeasible: proof, smaller set, ranges, way out.

    Work is counted in candidates passed over, so that no clock decides what comes out. Whatever else is done counts for
    as many candidates as are passed over in its time, about.
    """

    solves: float = 5.6
    """All that may be done, as a multiple of what the solve did before."""

    way_out_share: float = 0.15
    """Share of all that is kept for the way out; what is left before comes to it, too."""

    better_prices_share: float = 0.35
    """Share of all in which a known proof is made a better one, at most."""

    small_candidates: float = 10_000.0
    """Candidates below which a campaign may have the more, the smaller it is: seconds at most, and often exact."""

    solve: float = 4.5e6
    """A solve of any size, beside what follows."""

    packing: float = 80.0
    """A candidate, once, to be read, packed and looked at."""

    a_row: float = 20_000.0
    """A limit's row, once."""

    a_pass: float = 90_000.0
    """A pass, beside its candidates."""

    a_weight: float = 3.0
    """A weight of a limit, or a cell of the tables, in a pass."""

    a_price: float = 60.0
    """A limit's row, in a pass: quasi-Newton steps read what the last thirty steps changed."""

    in_groups: float = 6.0
    """A candidate in a pass where customer rules are about groups of offers."""

    in_constraints: float = 14.0
    """A candidate in a pass where customer rules overlap, so that choices are searched."""

    programme: float = 9e5
    """A linear programme, beside its coefficients."""

    coefficient: float = 270.0
    """A coefficient of a linear programme."""

    planes: float = 12.0
    """A candidate, where a pass becomes cutting planes."""

    repair: float = 3.0
    """A candidate in a round of repair, whether or not it may help."""

    helpful: float = 11.0
    """The same, beside that, of an item that may help."""

    further_attribute: float = 2.0
    """Share by which both take longer for each attribute but the first that limits or values are summed from."""

    a_move: float = 300.0
    """A move of repair."""

    filling: float = 50.0
    """A candidate in a round of filling."""


@dataclass(frozen=True)
class RelaxationOptions:
    """The smallest changes to bounds with which an allocation exists.

    References
    ----------
    Chinneck, Dravnieks, "Locating minimal infeasible constraint sets in linear programs", 1991.
    Falk, Soland, "An algorithm for separable nonconvex programming problems", 1969.
    McCormick, "Computability of global solutions to factorable nonconvex programs: part I", 1976.
    """

    gap: float = 1e-3
    """Asked gap of the sum of changes."""

    gap_of_many: float = 1e-2
    """The same in campaigns that are not tiny: the changes are advice, and nobody waits long for the last percent."""

    giving_share: float = 0.5
    """Share of what a change costs that a bound's price in the proof must come to, for the bound to give way while all
    others stay hard, in campaigns that are not tiny."""

    change_worths: float = 100.0
    """What such a change by a typical coupon costs there, at least, in what a candidate is worth without limits."""

    few_changes_share: float = 0.05
    """Share of the changes that such an allocation may leave."""

    least_few_changes_gap: float = 1e-4
    """Gap asked there, at least: what is left, the search among all bounds closes."""

    plane_coefficients: int = 2_048
    """Groups of customers with a cutting plane each, times prices, in campaigns that are not tiny: with more of them
    the linear programmes of a hundred prices take longer than everything else."""

    plane_passes: int = 2_560
    """Passes for cutting planes, times prices, in campaigns that are not tiny."""

    nodes: int = 50
    """Nodes of HiGHS's search in tiny campaigns, at most."""

    core_candidates: int = 1_000
    """Candidates that HiGHS is given of those that prices leave undecided, at most: the root of more takes long."""

    intervals: int = 24
    """Intervals of ratios' denominators that are cut in two, at most: two solves each."""

    intervals_of_many: int = 6
    """The same in campaigns that are not tiny."""

    exact_candidates: int = 10_000
    """Candidates that HiGHS is asked about again while denominators are looked for, campaign by campaign, at most."""

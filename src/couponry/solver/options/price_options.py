"""Options: the search for prices, and the methods that it uses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PriceSearchOptions:
    """What is tried in which order, and when prices are good enough."""

    newton_candidates: int = 1 << 17
    """Candidates from which on the dual is smooth enough for Newton's method. Below, gradients jump at its kinks."""

    newton_customers: int = 5_000
    """Customers from which on it is; few customers with many candidates each make as many kinks as few candidates."""

    newton_steps: int = 32
    """Newton steps on everybody, at most. The mixed campaign of benchmarks/measured/solves.md takes six at 100 million
    customers; campaigns full of ties take more."""

    sample_steps: int = 20
    """Newton steps on each sample, at most: the next sample corrects what is left."""

    warm_steps: tuple[int, ...] = (2, 2)
    """Newton steps from known prices on a small sample and on a larger one, at most."""

    known_curvature_passes: float = 0.5
    """Passes that steps on one sample may come to, at most, where the curvature is known: a step costs a pass over the
    sample and no more."""

    known_curvature_stalled_steps: int = 3
    """Steps in a row that must get below `progress_share` of the violation together, where the curvature is known: one
    of them may fail, after which the curvature is taken anew."""

    time_reserve: float = 0.3
    """Share of the time limit, at the start of the search, that is kept for repair and certificate."""

    gain_tolerance: float = 5e-3
    """Share of the asked gap that an iteration must promise to gain for the dual to go on."""

    warm_gain_tolerance: float = 0.1
    """The same from known prices: what repair then closes, no step need bring nearer."""

    tied_gain_tolerance: float = 0.1
    """The same where hardly a limit is violated but at its price cap: noise then shares out what is tied, and steps
    without noise only go from one kink to the next."""

    tied_share: float = 0.25
    """Share of the violation that limits below their price caps may have for ties to be what is in the way."""

    patience: float = 0.1
    """Factor on `gain_tolerance` where the gap stayed open at the first prices."""

    near_share: float = 1e-3
    """Violation, as a share of all coupons, at which a choice is near the limits.

    A sample's prices go on to the next sample there, and no choice that is further away counts as quick to repair.
    """

    warm_near_share: float = 1.5e-3
    """The same from known prices, at most."""

    warm_near_gaps: float = 3.0
    """The same from known prices, in asked gaps, at most: a small gap asks for a choice that is nearer."""

    warm_near_passes: float = 12.0
    """The same from known prices, in coupons that are repaired in the time of a pass, at most."""

    sampling_error_share: float = 0.25
    """Distance of a sample's choice from the limits, in errors of the sample itself, at which its prices go on to the
    next sample: closer ones would be closer to the sample alone."""
    progress_share: float = 0.7
    """Share of the violation before that a step must get below for another one to be worth it."""

    repair_candidates: float = 150_000.0
    """Candidates that a pass sees in the time in which one coupon is repaired.

    Together with the next one it says when repair is quicker than another pass. It balances the two; processors differ.
    """

    repair_candidates_per_pair: float = 60.0
    """The same, more for each pair of a chosen and another candidate of a customer: repair looks at each swap."""

    dear_candidates: int = 1 << 31
    """Candidates from which on passes are dear: 8 GB and more of them, packed, which many machines read from the disk.
    Prices go on for free customers then.

    It is their number that tells, so that the allocation does not depend on how much memory is free.
    """

    dear_pass: float = 10.0
    """What such a pass takes, in passes over candidates in memory: repair is quicker for as many times more coupons."""

    negligible_share: float = 0.05
    """Share of the violation that may be left where all other limits are at their price caps.

    What is over at a cap is worth next to nothing, and noise shares it out.
    """

    far_coupons: int = 500
    """Violation in coupons up to which a choice is never too far off to be repaired."""

    far_share: float = 0.03
    """Violation as a share of all coupons up to which a choice is not too far off to be repaired. Beyond, repair would
    take most of the time and leave a poor allocation."""

    sample_price_cap: float = 20.0
    """Highest price of a typical coupon, in typical worths, that a sample may set.

    Limits on few coupons may be out of reach in a sample by chance, and their prices would grow without end.
    """

    divergence_margin: float = 1e-3
    """Share by which the dual must fall below what any allocation is worth for the search to be called diverging."""

    sample_divergence_margin: float = 0.1
    """The same where a sample says what any allocation is worth, which it knows less well."""


@dataclass(frozen=True)
class NoiseOptions:
    """Noise against ties, drawn for each candidate and priced like an attribute.

    References
    ----------
    McFadden, "Conditional logit analysis of qualitative choice behavior", 1974.
    """

    amplitudes: tuple[float, ...] = (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4)
    """Noise in typical worths, one after the other: prices found under more noise are near those under less."""

    last_amplitudes: tuple[float, ...] = (3e-4, 1e-4)
    """The same, once more by quasi-Newton steps where Newton's method did not get there."""

    small_gaps: float = 0.3
    """Noise in asked gaps that is little enough to begin with where only limits at their price caps are violated."""

    first_box: float = 0.1
    """Share of the noise by which prices may move at first: noise makes ties about so wide."""

    blur_gaps: float = 0.5
    """Asked gaps that noise may add to the dual for its prices to be worth rounding."""

    gain_tolerance: float = 0.03
    """Share of the asked gap that an iteration must gain while there is more noise than that."""

    near_shares: tuple[float, ...] = (1e-2, 1e-3, 1e-4)
    """Violation, as a share of all coupons, that prices are brought to, one after the other."""

    repair_candidates: float = 20_000.0
    """Candidates that a pass sees in the time in which one coupon is repaired under noise.

    Fewer than without it: what is in the way is worth next to nothing, and single coupons of few candidates move.
    """

    repair_coupons: float = 8_000.0
    """Violation in coupons that is always quick enough to repair under noise."""


@dataclass(frozen=True)
class ChargeOptions:
    """A charge on each coupon, where value goes with weight."""

    gaps: float = 0.02
    """The charge in typical worths, in asked gaps: an allocation loses as much by it at most."""

    mismatch: float = 0.1
    """Share of the charge by which a coupon may be worth more or less by weight than others of its limit."""

    steps: int = 12
    """Steps over each sample, and over everybody, at most."""

    first_power: float = 0.5
    """Power of what a limit's activity is off by, that its price's distance from its cap is multiplied by at first:
    half of candidates' values are within a factor of two, so that activities answer by more than the distance."""

    growth: float = 1.2
    """Factor on that power while a price goes on in one direction."""

    longest_power: float = 1.0
    """That power, at most."""

    shortening: float = 0.5
    """The same after it turned."""

    longest: float = 1.5
    """Logarithm of what an activity is off by, at most: of limits that nobody chooses it says nothing."""

    progress_share: float = 0.9
    """Share of the least residual before that a step must get below not to be stalled."""

    stalls: int = 2
    """Stalled steps in a row that are the last ones."""

    near_share: float = 0.025
    """What activities are off their bounds, as a share of all coupons, that is near enough: repair does the rest."""

    far_share: float = 0.25
    """The same beyond which steps have not come near: some limits are not scarce, and have no price next to its cap."""

    usable_share: float = 0.06
    """The same beyond which prices are not used: what limits with a price have left is missing in the bound."""

    most_coupons: float = 50_000.0
    """What is near enough in typical coupons, at most. Newton's method follows where steps by themselves leave more, or
    so much that repair would take most of the time."""


@dataclass(frozen=True)
class PriceCapOptions:
    """The highest price that a limit can use."""

    share: float = 1 - 1e-4
    """Share of its cap that a price may reach: just below, everybody takes what is worth next to nothing."""

    quantities: int = 6
    """Packed quantities up to which caps are looked for; the ends of their ranges are tried in all combinations, of
    which there are 2 to that power."""


@dataclass(frozen=True)
class QuasiNewtonOptions:
    """First prices, by L-BFGS-B.

    References
    ----------
    Byrd, Lu, Nocedal, Zhu, "A limited memory algorithm for bound constrained optimization", 1995.
    """

    memory: int = 30
    """Past steps that are kept: balances what they say of the curvature against arithmetic in each step."""

    many_prices: int = 1_000
    """Prices from which on steps are projected although the dual has kinks: L-BFGS-B takes ten times as long then, as
    measured, and comes no nearer."""

    enough_gain: float = 1e-4
    """Share of the gain that slopes promise which a projected step must gain not to be shortened."""

    least_shortening: float = 0.5
    """Factor that such a step is shortened by, at least."""

    most_shortening: float = 0.1
    """The same, at most: values after a long step say little of a short one."""

    least_curvature: float = 1e-10
    """Curvature along a past step, as a share of the largest that its slopes allow, below which it tells nothing."""
    passes: int = 100
    """Evaluations of the dual, at most."""

    smooth_passes: int = 30
    """The same where the dual is smooth and Newton's method follows, which is nearer the least after fewer of them."""
    passes_over_many: int = 20
    """The same where passes are over more candidates than are held in memory easily, and Newton's method follows."""


@dataclass(frozen=True)
class TiedPriceOptions:
    """First prices where limits differ in their customers alone, and are too many for samples."""

    prices: int = 1 << 14
    """Prices from which on those that may be tied are looked for; fewer are found from samples in less time."""

    fewer: int = 4
    """Prices for each tied one, at least: where there are fewer, they say little less of everybody themselves."""

    passes: int = 60
    """Evaluations of the dual over the sample, at most."""


@dataclass(frozen=True)
class RowStepOptions:
    """Steps of each price by itself, from tied prices on."""

    steps: int = 32
    """Steps, at most."""

    first_length: float = 0.7
    """Share of what a limit asks for that its price moves at first: what leaves one limit's items takes others'."""

    growth: float = 1.2
    """Factor on that share while a price goes on in one direction."""

    longest_length: float = 1.5
    """That share, at most."""

    shortening: float = 0.45
    """The same after it turned."""

    longest: float = 8.0
    """Longest step, in bandwidths of the density: a density says nothing of what is further away."""

    slope_floor: float = 1e-3
    """Share of the median density that every limit has, at least: where nothing is near, its price moves that far."""

    near_share: float = 0.7e-3
    """What limits are over, and what is left of those with a price, as a share of all coupons, that is near enough:
    repair does the rest in the time of a few more steps."""

    decided_share: float = 0.014
    """The same share from which on most candidates are decided on for good, and passes are over the others."""

    decided_candidates: int = 1 << 26
    """Candidates up to which that is done: engines gather them for it where they are elsewhere, a few hundred MB."""

    reach_coupons: float = 1.2
    """By how much a price may still move then: in prices of a coupon more or less,"""

    reach_steps: float = 3.0
    """and in steps like its last one."""

    progress_share: float = 0.97
    """Share of the least before that a step must get below not to be stalled."""

    stalls: int = 3
    """Stalled steps in a row that are the last ones: after the first ones prices may turn."""


@dataclass(frozen=True)
class CuttingPlaneOptions:
    """The least dual of a campaign with few prices, by cutting planes within a box.

    References
    ----------
    Kelley, "The cutting-plane method for solving convex programs", 1960.
    """

    prices: int = 200
    """Prices that it is for, at most: each pass adds planes of so many coefficients."""

    candidates: int = 500_000
    """Candidates that it is for, at most: it takes tens of passes."""

    groups: int = 128
    """Groups of customers with a plane each, at most: more tell more by pass, and make the linear programme larger."""

    passes: int = 80
    """Passes, at most."""

    tolerance: float = 0.1
    """What the dual value may be above its least, in asked gaps."""

    first_box: float = 0.05
    """First box about the prices, in typical worths per typical coupon: prices are near to begin with."""

    large_box: float = 1.0
    """Box that is taken for none, in the same unit."""

    growth: float = 3.0
    """Factor by which the box grows where it was in the way."""

    shrinkage: float = 0.4
    """Factor by which it shrinks after a step that gained too little."""

    enough_gain: float = 0.1
    """Share of what the model promised that a step must gain for the box not to shrink."""


@dataclass(frozen=True)
class SensitivityOptions:
    """Minima of the dual as bounds move, far closer than a solve needs them."""

    steps: int = 25
    """Newton steps in a round, at most."""

    rounds: int = 12
    """Rounds, at most, each from where the last one came to, until a round gains less than asked."""

    stalls: int = 4
    """Steps in a row that gain less than half of what the model promises, at most: what is left is a kink."""

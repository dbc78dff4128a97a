"""Options: who is left free for repair, repair itself, and exchanges."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FreeCustomerOptions:
    """Who is left free for repair in campaigns too large to repair as a whole at once."""

    candidates_per_coupon: float = 2.0
    """Candidates near enough to change hands for each coupon that a limit needs: not all of them can be used."""

    candidates_per_tied_coupon: float = 4.0
    """The same at prices that were found under noise: where coupons are tied, moves cost next to nothing."""

    more_candidates: float = 8.0
    """Factor on that for limits that are still violated after a try."""

    finely_counted_cells: int = 1 << 18
    """Items in segments of customers up to which regrets are counted in all octaves: 1.7 KB each."""

    coarse_octaves: int = 10
    """Octaves of regret that are told apart where there are more: a third of that, and a sample has hardly a candidate
    for each."""

    candidates_per_cell: int = 64
    """Candidates of a sample for each item in a segment, from which on segments have regrets of their own: fewer say
    less of a segment than all together do, as `sampled_candidates` would be all that there are."""

    tries: int = 4
    """Tries, at most, each with `more_candidates` times as many candidates where that was not enough."""

    tries_before_all: int = 2
    """The same where all may be free afterwards, at the cost of a few tries."""

    most_share_before_all: float = 0.25
    """Share of all candidates that free customers may have there: repair of more takes as long as that of all."""

    rounds: int = 12
    """Rounds of moves before a try is given up, but for the last one: more customers do more than more rounds."""

    repaired_per_second: float = 1e6
    """Candidates of free customers that are gathered, repaired and filled in a second, about.

    Where a time limit leaves less, repair is not begun.
    """

    filled_gaps: float = 0.5
    """Gap, in asked gaps, at which an allocation is not filled any more."""

    warm_filled_gaps: float = 1.0
    """The same where prices were known to begin with: filling takes as long as the rest of such a solve."""

    spare_candidates: float = 4.0
    """Candidates that a limit with any need gets beside those for its coupons."""

    spare_candidates_per_million: float = 0.2
    """The same, more for each million customers."""

    least_weight: float = 1 / 64
    """Share of a cell's mean weight that a candidate counts as at least, when what could change hands is summed."""

    halvings: int = 10
    """Levels of customers that a threshold may hold for, each with half of the customers before."""

    sampling_error: float = 1.0
    """Standard deviations that a sample's count may be too large by, before a threshold is kept to fewer customers."""

    sampled_candidates: int = 24
    """Candidates of a sample that a threshold rests on, or all there are: few say little of what all have."""

    packing_error: float = 4.0
    """Standard deviations by which activities that are summed by quantities alone may be off: a limit so near its bound
    may need coupons either way."""

    piece: int = 1 << 15
    """Candidates whose values are computed at a time, so that they stay in cache. No result depends on it."""


@dataclass(frozen=True)
class RaisedPriceOptions:
    """Prices that are raised where limits are violated, since choices are tied."""

    steps: int = 20
    """Passes, at most."""

    first_share: float = 1e-3
    """First step of a price, as a share of it."""

    growth: float = 2.0
    """Factor on it while the limit stays violated."""

    least_share: float = 1e-6
    """A price's size, at least, as a share of what a typical coupon is worth by weight."""

    near_share: float = 1e-3
    """Violation, as a share of all coupons, that is near enough: repair does the rest."""

    own_share: float = 1e-3
    """Share of its own worth that a coupon may be worth less than its prices, where limits are filled first."""


@dataclass(frozen=True)
class RepairOptions:
    """Repair and filling of an allocation by single moves.

    References
    ----------
    Morris, "The breakout method for escaping from local minima", 1993.
    """

    rounds: int = 40
    """Rounds of moves before a repair is given up; each that finds none makes violated limits weigh more."""

    weight_growth: float = 2.0
    """Factor by which the weight of limits grows that stay violated with no move left."""

    new_choice_steps: tuple[float, ...] = (
        1 / 64,
        1 / 32,
        1 / 16,
        1 / 8,
        1 / 4,
        1 / 2,
        1.0,
        2.0,
        4.0,
    )
    """What prices are moved by where no single move is left and customers choose anew, by what a coupon is worth on
    average."""

    new_choice_rounds: int = 6
    """How often customers choose anew in a repair, at most: mostly once is enough."""

    fills: int = 6
    """Rounds of filling, at most; it ends sooner where a round makes no move."""

    fill_progress: float = 1 / 8
    """Share of the moves before that a round of filling must make for another one, where most customers are fixed: the
    best moves come first."""

    large_fill_progress: float = 1 / 20
    """The same with everybody free, beyond `fill_everything_candidates`."""

    wide_row: float = 0.5
    """Share of all items from which on a full limit keeps none of them from coming: what leaves makes room in it."""

    fill_everything_candidates: int = 2_000_000
    """Candidates up to which filling tries every move. Beyond, only items that have a price or a subsidy are tried."""


@dataclass(frozen=True)
class ExchangeOptions:
    """Exchanges of two and three customers' moves, where the gap stays open after repair."""

    idle_share: float = 0.1
    """Share of what is missing that residual capacity must be worth for exchanges to be tried: they fill it."""

    negligible_share: float = 0.1
    """Share of what is missing, by row with residual capacity, that is not worth an exchange."""

    width: int = 128
    """Moves that use a row, and moves that relieve it, that are looked at: of three moves there are the square of
    it and more."""

    least_share: float = 0.02
    """Share of what a row's residual capacity is worth that an exchange must gain."""

    enough_share: float = 0.9
    """The same from which on no other one of three moves is looked at."""

    rounds: int = 24
    """Rounds, at most."""

    progress: float = 0.01
    """Share of all gains so far that a round must gain for another one."""


@dataclass(frozen=True)
class FittingOptions:
    """Moves of two to four customers that end within corridors narrower than a coupon."""

    candidates: int = 300_000
    """Candidates of a campaign, at most: with more of them single moves end within corridors as narrow as any, and to
    list ten million moves takes a gigabyte."""

    narrow: float = 1.0
    """Width of a corridor, in typical coupons, below which it is one that single moves may miss."""

    moves: int = 20_000
    """Single moves that are looked at, those that are worth most: 200 million pairs of them."""

    paired: int = 1_000
    """Those of them, again the ones that are worth most, whose pairs are looked at in pairs, 10^11 of them."""

    pairs: int = 1_000_000
    """Pairs that end within a corridor and are looked at; where more do, only moves that are worth most are."""

    tried: int = 64
    """Of these, the pairs that gain most of which it is seen whether they keep the other limits."""

    firsts: int = 50
    """Moves, those that are worth most, before which others are made where none gain: a tenth of a second each."""

    rounds: int = 100
    """Sets of moves that make an allocation better, at most, for each corridor."""

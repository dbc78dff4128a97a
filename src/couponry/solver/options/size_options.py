"""Options: sizes of campaigns at which the solver works differently, and of samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SizeOptions:
    """Sizes of campaigns, in candidates, at which the solver works differently."""

    tiny_candidates: int = 20_000
    """Candidates up to which a campaign goes to HiGHS as a whole.

    HiGHS then decides it as soon as the gap stays open once, proves that limits conflict, says what is achievable, and
    relaxes limits. The dual of so few candidates is full of kinks, where more patient prices would stop again.
    """

    in_memory_candidates: int = 4_000_000
    """Candidates up to which a campaign is no burden to hold and to look at again.

    Up to here sums are taken from the values as given, every customer is free for repair where few were not enough, and
    quasi-Newton steps are not counted. Beyond, sums are taken from packed values with a known error, and passes are
    what time goes into.
    """

    repaired_whole_candidates: int = 1 << 17
    """Candidates up to which every customer is free for repair at once: so few are repaired in the time in which others
    are fixed. No more than `in_memory_candidates`."""

    page_cache_bytes: float | None = None
    """Bytes of packed candidates in files that the system may keep in memory; None: most of what it says is available.

    Beyond, each pass reads the files. That changes how long a solve takes, and nothing else.
    """


@dataclass(frozen=True)
class SampleSize:
    """Candidates that a sample should have: a share of all, but no fewer and no more than these."""

    at_least: int
    share: float
    at_most: int


@dataclass(frozen=True)
class SamplingOptions:
    """Sizes of samples of customers."""

    first_candidates: int = 1 << 19
    """Candidates in the smallest of the nested samples, at least: where prices start, many evaluations
    are made."""

    candidates_per_price: int = 200
    """Candidates in a sample for each price that is looked for, at least: what a few coupons ask for says little of all
    of them."""

    growth: int = 4
    """Factor by which each nested sample has more customers than the one before it.

    Balances steps that are made on samples that say too little against passes over samples that hardly say more.
    """

    most_candidates: int = 1 << 26
    """Candidates in the largest nested sample, at most: one process works on so many, wherever the others are."""

    customers_per_sampled: int = 32
    """Customers in all for each one in the largest nested sample, at least.

    A larger sample takes so large a share of a pass over everybody that the latter says more for the same time.
    """

    customers_per_only_sampled: float = 4.0
    """The same where that leaves none: many prices ask for a large sample, whose first prices save passes all the
    same."""

    curvature: SampleSize = SampleSize(1 << 19, 1 / 256, 1 << 21)
    """Sample that curvature is taken from, once or so a step; its error is far larger than that of slopes and matters
    far less."""

    curvature_price_share: float = 1 / 64
    """Share of all candidates that the sample for curvature may have where there are too few for each price else."""

    warm_start: SampleSize = SampleSize(1 << 20, 1 / 64, 1 << 22)
    """Larger one of two samples that prices which are known are moved on; the smaller one has `first_candidates`."""

    customers_per_warm_sampled: float = 4.0
    """Customers in all for each one in a sample, from which on it is worth a look before everybody is."""

    proof: SampleSize = SampleSize(1 << 20, 1 / 32, 1 << 21)
    """Sample in which prices are looked for that prove a conflict or an achievable range; everybody is asked whether
    they do."""

    regret: SampleSize = SampleSize(1 << 21, 1 / 32, 1 << 22)
    """Sample whose regrets say who is left free for repair. Everything in it is counted once, by item, so that it
    can be larger than that for curvature."""

    warm_regret: SampleSize = SampleSize(1 << 19, 1 / 8, 1 << 19)
    """The same where prices were known to begin with and go on for all who are left free, so that who they are matters
    less: in small campaigns it is not everybody."""

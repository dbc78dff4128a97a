"""Options: what HiGHS is asked, and how long it may look.

HiGHS is held by nodes of its search, not by time, so that every run ends alike.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ColumnOptions:
    """Whole choices of single customers, listed by branch and bound."""

    per_customer: int = 64
    """Columns of one customer, at most."""

    table_cells: int = 4_000_000
    """Cells of the dense table of customers' sets that are worked on at a time. No result depends on it."""


@dataclass(frozen=True)
class EnumerationOptions:
    """Every allocation of a handful of customers that could be the best."""

    candidates: int = 200
    """Candidates of a campaign beyond which nobody tries."""

    columns: ColumnOptions = ColumnOptions(per_customer=1_024)
    """Choices of one customer, and how they are listed."""

    allocations: int = 20_000
    """Partial allocations that are followed at once, at most."""

    looks: int = 400_000
    """Partial allocations that are looked at in all, at most: about a tenth of a second."""

    decided_exactly: int = 64
    """Allocations that are evaluated in fractions, at most: those within rounding of the best."""


@dataclass(frozen=True)
class MasterOptions:
    """The restricted master programme over columns.

    References
    ----------
    Dantzig, Wolfe, "Decomposition principle for linear programs", 1960.
    Marsten, Hogan, Blankenship, "The boxstep method for large-scale optimization", 1975.
    """

    candidates: int = 100_000
    """Candidates that a master is made for, at most."""

    customers: int = 30_000
    """Customers that a master is made for, at most: it has a row for each."""

    laminar_prices: int = 12
    """Prices up to which a master is made where all customer rules nest. A programme over candidates is as tight there,
    and makes do with fewer columns where there are many prices or slots."""

    laminar_slots: int = 3
    """Coupons per customer up to which a master is made where all customer rules nest."""

    rounds: int = 30
    """Rounds of new prices, at most."""

    price_columns: int = 4_000
    """Columns beside everybody's best one that prices are looked for with, at first."""

    most_price_columns: int = 24_000
    """The same, at most."""

    simplex_iterations: int = 100_000
    """Iterations of the simplex method for new prices, at most."""

    tries: tuple[int, ...] = (500, 1_000, 2_000, 3_000, 4_500, 8_000)
    """Columns beside everybody's best one that HiGHS chooses among, in one try after the other."""

    nodes: int = 50
    """Nodes of HiGHS's search in each try, at most: where columns are few it finds an allocation soon or
    not at all, and more columns help more than more nodes."""

    first_regret: float = 0.01
    """Regret, in typical worths, up to which columns are listed at first."""

    regret_growth: float = 4.0
    """Factor on that regret until enough columns are listed."""

    first_box: float = 0.2
    """First box about the prices, in typical worths per typical coupon."""

    growth: float = 4.0
    """Factor by which the box grows where it was in the way."""

    shrinkage: float = 0.3
    """Factor by which it shrinks after a step that gained too little."""

    enough_gain: float = 0.1
    """Share of what the model promised that a step must gain for the box not to shrink."""

    dual_gaps: float = 0.05
    """What prices may leave of the dual, in asked gaps."""

    stopping_gaps: float = 0.6
    """Gap at which HiGHS may stop, in asked gaps: the rest of the asked gap is for the columns that are left out."""


@dataclass(frozen=True)
class CoreOptions:
    """HiGHS on what prices leave undecided.

    References
    ----------
    Nemhauser, Wolsey, "Integer and Combinatorial Optimization", 1988, II.5.2 (reduced-cost fixing).
    """

    candidates: int = 2_000_000
    """Candidates of a campaign beyond which HiGHS is never asked, and the bound is not taken in float64 again."""

    variables: int = 60_000
    """Undecided candidates that HiGHS is given at most, those of least regret. With fewer than all of them it proves
    nothing of the campaign."""

    few_variables: int = 1_000
    """Undecided candidates up to which HiGHS searches at once. More are first solved at the root, and then a
    neighbourhood at a time."""

    many_variables: int = 20_000
    """Undecided candidates from which on a node takes long."""

    nodes: int = 25_000
    """Nodes of HiGHS's search, at most."""

    few_nodes: int = 500
    """The same where a node takes long, or where the gap is close to the asked one."""

    root_nodes: int = 1
    """The same where only the root is solved."""

    close_gaps: float = 5.0
    """Gap in asked gaps up to which it is close."""

    shortfall_cost: float = 1e-2
    """Cost in the programme of missing a customer's minimum by one coupon, in mean worths of a candidate.

    It costs nothing in truth, and what customers miss is the same in every choice. But where such variables cost
    nothing, HiGHS 1.12 has been seen to end with less than the best as the best, unless presolve was off.
    """


@dataclass(frozen=True)
class FeasibilityOptions:
    """A first allocation, where repair finds none: HiGHS lessens violations a few hundred candidates at a time."""

    first_candidates: int = 400
    """Candidates of the customers who are drawn by lot, at first."""

    least_candidates: int = 150
    """The same, at least."""

    elsewhere: float = 0.1
    """How soon a customer is drawn with no candidate in a violated limit, beside one all of whose candidates are."""

    growth: float = 1.3
    """Factor on their number where a search ended with nothing better."""

    shrinkage: float = 0.8
    """Factor on their number where a search was cut off with nothing better."""

    progress: float = 1e-6
    """Share of the violation that a search must take off to have brought something."""

    rounds: int = 100
    """Searches before columns and before the core, at most."""

    patience: int = 40
    """Searches in a row that bring nothing, at most."""

    nodes: int = 10
    """Nodes of HiGHS's search in each, at most: more searches lessen the violation sooner than more nodes."""

    time_share: float = 0.4
    """Share of the time left that they may take: columns or the core may find an allocation, or that there is none."""


@dataclass(frozen=True)
class MissingOptions:
    """HiGHS on single customers whose search for the fewest minimums missed was cut off."""

    customers: int = 400
    """Customers who miss anything that it is asked about, those with most candidates: a hundredth of a second each."""

    nodes: int = 10_000
    """Nodes of its search for one customer, at most."""

    seconds_beyond: float = 1.0
    """Seconds that it may go on after a time limit: a hundred customers, who would else miss more than they must."""


@dataclass(frozen=True)
class NeighbourhoodOptions:
    """HiGHS on a few hundred candidates at a time, everything else staying as it is.

    References
    ----------
    Shaw, "Using constraint programming and local search methods to solve vehicle routing problems", 1998.
    """

    first_candidates: int = 400
    """Candidates of a neighbourhood that are drawn by lot, at first."""

    least_candidates: int = 200
    """The same, at least."""

    start_candidates: int = 1_000
    """The same where there is no allocation yet."""

    most_different: int = 4_000
    """Candidates that the best allocation decides otherwise than the prices up to which all of them are decided again.
    With more of them choices are tied, and as many are drawn by lot as others: HiGHS would take minutes."""

    growth: float = 1.5
    """Factor on their number where a search ended with nothing better."""

    shrinkage: float = 0.7
    """Factor on their number where a search was cut off with nothing better."""

    rounds: int = 60
    """Searches, at most."""

    patience: int = 8
    """Searches in a row that bring nothing, at most."""

    nodes: int = 50
    """Nodes of HiGHS's search in each, at most."""

    counting_gain: float = 0.05
    """Gain in asked gaps from which on a search has brought something."""

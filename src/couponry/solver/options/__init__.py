"""Every number that tunes the solver, in frozen groups, with its unit and the reason for its value.

Options change how long a solve takes and which of many allocations within the asked gap it ends with. They never
change what it claims: bounds hold and limits are kept whatever they are. Numbers that belong to a format, such as the
number of levels of a packed value, are no options and stand where the format is.

Two units recur. A *typical coupon* of a limit weighs there what its candidates weigh on average. The *typical worth* is
the objective of one coupon, on average over everybody's best choice without prices.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .ending_options import EndingOptions
from .exact_options import (
    ColumnOptions,
    CoreOptions,
    EnumerationOptions,
    FeasibilityOptions,
    MasterOptions,
    MissingOptions,
    NeighbourhoodOptions,
)
from .free_search_options import FreeSearchOptions
from .infeasibility_options import ConflictOptions, RelaxationOptions, WorkOptions
from .newton_options import CurvatureOptions, NewtonOptions
from .price_options import (
    ChargeOptions,
    CuttingPlaneOptions,
    NoiseOptions,
    PriceCapOptions,
    PriceSearchOptions,
    QuasiNewtonOptions,
    RowStepOptions,
    SensitivityOptions,
    TiedPriceOptions,
)
from .repair_options import (
    ExchangeOptions,
    FittingOptions,
    FreeCustomerOptions,
    RaisedPriceOptions,
    RepairOptions,
)
from .size_options import SampleSize, SamplingOptions, SizeOptions

__all__ = [
    "DEFAULT_OPTIONS",
    "ChargeOptions",
    "ColumnOptions",
    "ConflictOptions",
    "CoreOptions",
    "CurvatureOptions",
    "CuttingPlaneOptions",
    "EndingOptions",
    "EnumerationOptions",
    "ExchangeOptions",
    "FeasibilityOptions",
    "FittingOptions",
    "FreeCustomerOptions",
    "MasterOptions",
    "MissingOptions",
    "NeighbourhoodOptions",
    "NewtonOptions",
    "NoiseOptions",
    "PriceCapOptions",
    "PriceSearchOptions",
    "QuasiNewtonOptions",
    "RaisedPriceOptions",
    "RelaxationOptions",
    "RepairOptions",
    "RowStepOptions",
    "SampleSize",
    "SamplingOptions",
    "SensitivityOptions",
    "SizeOptions",
    "SolverOptions",
    "TiedPriceOptions",
    "WorkOptions",
]


@dataclass(frozen=True)
class SolverOptions:
    """All options of the solver.

    Change single ones with `dataclasses.replace`, group by group:

    >>> from dataclasses import replace
    >>> options = SolverOptions()
    >>> patient = replace(options, core=replace(options.core, nodes=100_000))
    >>> patient.core.nodes
    100000
    """

    sizes: SizeOptions = field(default_factory=SizeOptions)
    """Sizes of campaigns at which the solver works differently."""

    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    """Samples of customers."""

    price_search: PriceSearchOptions = field(default_factory=PriceSearchOptions)
    """The search for prices: what is tried in which order, and when prices are good enough."""

    free_search: FreeSearchOptions = field(default_factory=FreeSearchOptions)
    """Prices that go on for free customers alone."""

    noise: NoiseOptions = field(default_factory=NoiseOptions)
    """Noise against ties."""

    charge: ChargeOptions = field(default_factory=ChargeOptions)
    """A charge on each coupon, where value goes with weight."""

    price_caps: PriceCapOptions = field(default_factory=PriceCapOptions)
    """The highest price that a limit can use."""

    quasi_newton: QuasiNewtonOptions = field(default_factory=QuasiNewtonOptions)
    """First prices, by L-BFGS-B."""

    tied_prices: TiedPriceOptions = field(default_factory=TiedPriceOptions)
    """First prices where limits differ in their customers alone."""

    row_steps: RowStepOptions = field(default_factory=RowStepOptions)
    """Steps of each price by itself."""

    newton: NewtonOptions = field(default_factory=NewtonOptions)
    """Newton's method on the dual."""

    curvature: CurvatureOptions = field(default_factory=CurvatureOptions)
    """Second derivatives of the dual, estimated from a sample."""

    cutting_planes: CuttingPlaneOptions = field(default_factory=CuttingPlaneOptions)
    """The least dual of a campaign with few prices."""

    sensitivity: SensitivityOptions = field(default_factory=SensitivityOptions)
    """Minima of the dual as bounds move."""

    free_customers: FreeCustomerOptions = field(default_factory=FreeCustomerOptions)
    """Who is left free for repair in campaigns too large to repair as a whole."""

    repair: RepairOptions = field(default_factory=RepairOptions)
    """Repair and filling of an allocation."""

    raised_prices: RaisedPriceOptions = field(default_factory=RaisedPriceOptions)
    """Prices that are raised where limits are violated, since choices are tied."""

    exchanges: ExchangeOptions = field(default_factory=ExchangeOptions)
    """Exchanges among customers."""

    fitting: FittingOptions = field(default_factory=FittingOptions)
    """Moves of two to four customers that end within corridors narrower than a coupon."""

    columns: ColumnOptions = field(default_factory=ColumnOptions)
    """Whole choices of customers, listed."""

    enumeration: EnumerationOptions = field(default_factory=EnumerationOptions)
    """Every allocation of a handful of customers."""

    master: MasterOptions = field(default_factory=MasterOptions)
    """The restricted master programme over columns."""

    feasibility: FeasibilityOptions = field(default_factory=FeasibilityOptions)
    """A first allocation, by HiGHS on what violates limits."""

    fewest_missing: MissingOptions = field(default_factory=MissingOptions)
    """Customers who may miss fewer of their minimums."""

    core: CoreOptions = field(default_factory=CoreOptions)
    """HiGHS on what prices leave undecided."""

    neighbourhoods: NeighbourhoodOptions = field(default_factory=NeighbourhoodOptions)
    """HiGHS on a few hundred candidates at a time."""

    ending: EndingOptions = field(default_factory=EndingOptions)
    """When a solve ends whose gap stays open."""

    conflict: ConflictOptions = field(default_factory=ConflictOptions)
    """Proofs that limits cannot hold together."""

    work: WorkOptions = field(default_factory=WorkOptions)
    """What a campaign that is suspected of being infeasible may cost."""

    relaxation: RelaxationOptions = field(default_factory=RelaxationOptions)
    """The smallest changes to bounds with which an allocation exists."""


DEFAULT_OPTIONS = SolverOptions()
"""The options of whoever asks for no others."""

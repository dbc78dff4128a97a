"""What a solve returns: the allocation, what came of every limit, the certificate, and what it was made of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..model.campaign_data import CampaignData
from ..model.compiled_campaign import CompiledCampaign
from ..solver.plan import Plan
from .allocation import Allocation

NOT_IN_RESULT_JSON = (
    "allocation",
    "limits",
    "infeasible",
    "campaign",
    "compiled",
    "plan",
    "prices",
)


@dataclass(frozen=True, eq=False)
class CampaignSolution:
    """A solved campaign.

    Attributes
    ----------
    status : {"optimal", "feasible", "infeasible", "unsolved"}
        Within the asked gap; stopped earlier; proved that nothing is feasible; stopped with no feasible allocation.
    message : str
        The same in a sentence.
    objective : float or None
        Sum of the value column over the coupons given, less the penalties of soft limits that are missed, and no
        more than that.
    objective_error : float or None
        Rounding bound: the true objective lies in [objective, objective + objective_error]. 0 up to four million
        candidates, which are summed as given; about 1e-7 of the objective beyond.
    bound : float or None
        No allocation is worth more.
    gap : float or None
        (bound - objective) / abs(bound).
    max_violation : float or None
        Of hard limits, in the worst one's own unit.
    allocated, customers, candidates : int
        Coupons given, customers, candidates.
    customers_below_min : int
        Customers who cannot have as many coupons as their rules ask for.
    customers_without_mandatory : int
        Customers who cannot have all that is mandatory for them.
    customers_cut_off : int
        Customers whose search for the best choice was cut off; the bound makes up for that.
    full_passes : float
        Passes over all candidates; samples count by their share.
    nit : int
        Evaluations of the dual.
    method : {"dual", "dual+milp"}
        The second where HiGHS decided what prices left open.
    seconds : dict of str to float
        By stage.
    peak_memory_bytes, threads : int
    backend, engine : str
    seed : int
    version, name : str
        Of couponry, and of the campaign.
    allocation : Allocation or None
        One row per coupon given, made when asked for.
    limits : pyarrow.Table or None
        One row per limit and group.
    infeasible : dict or None
        The conflict, as infeasible.json has it.
    campaign : CampaignData
        The campaign as it was solved.
    compiled : CompiledCampaign
    plan : Plan or None
        The allocation in its compact form.
    prices : ndarray of float64, shape (n_rows,)
        Signed, of the rows of `compiled.problem`; the bound is taken at them.
    """

    status: str
    message: str
    objective: float | None
    objective_error: float | None
    bound: float | None
    gap: float | None
    max_violation: float | None
    allocated: int
    customers: int
    candidates: int
    customers_below_min: int
    customers_without_mandatory: int
    customers_cut_off: int
    full_passes: float
    nit: int
    method: str
    seconds: dict[str, float]
    peak_memory_bytes: int
    threads: int
    backend: str
    engine: str
    seed: int
    version: str
    name: str
    allocation: Allocation | None = field(repr=False)
    limits: pa.Table | None = field(repr=False)
    infeasible: dict[str, Any] | None = field(repr=False)
    campaign: CampaignData = field(repr=False)
    compiled: CompiledCampaign = field(repr=False)
    plan: Plan | None = field(repr=False)
    prices: NDArray[np.float64] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The content of result.json: everything but the tables."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in NOT_IN_RESULT_JSON]
        return {name: getattr(self, name) for name in names}

    def shares_choices_with(self, other: CompiledCampaign) -> bool:
        """Whether customers of a campaign would choose at some prices just as those of this one.

        True where both have the same candidates, packed alike, the same segments and the same rules.
        """
        own, others = self.compiled.problem.shard, other.problem.shard
        same_packing = own.item is others.item and own.quantity is others.quantity
        return (
            same_packing
            and self.compiled.limits.attributes == other.limits.attributes
            and self.campaign.rules is other.campaign.rules
            and np.array_equal(own.segment, others.segment)
        )

    def facts(self) -> list[tuple[str, str]]:
        """What its summary says, as names and texts."""
        facts = [("campaign", self.name), ("status", f"{self.status}: {self.message}")]
        if self.bound is not None and self.gap is not None:
            facts.append(("bound", f"{self.bound:,.6f} (gap {self.gap:.4%})"))
        if self.objective is not None:
            facts += [
                ("objective", f"{self.objective:,.6f}"),
                ("allocated", f"{self.allocated:,} coupons to {self.customers:,} customers"),
                ("violation", f"{self.max_violation:g} at most, of hard limits"),
            ]
        passes = f"{self.full_passes:.1f} passes over {self.candidates:,} candidates"
        total = sum(self.seconds.values())
        facts += [
            ("work", f"{passes}, {self.method}"),
            ("time", f"{total:.2f} s on {self.threads} threads, {self.backend} backend"),
        ]
        return facts

    def summary(self) -> str:
        """A few lines of text."""
        return "\n".join(f"{name:<12} {text}" for name, text in self.facts())

"""`CampaignSolution`: what a solve found, and what it was made of."""

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
"""Fields that result.json does not have: tables, and what only a session knows."""


@dataclass(frozen=True, eq=False)
class CampaignSolution:
    """A solved campaign.

    Fields from `status` to `infeasible` are those of `couponry.Result`, and described there.

    Attributes
    ----------
    campaign : CampaignData
        The campaign as it was solved.
    compiled : CompiledCampaign
        The campaign as the solver took it.
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
        """Return the content of result.json: everything but the tables.

        Returns
        -------
        dict
            Ready for JSON.
        """
        names = [f.name for f in dataclasses.fields(self) if f.name not in NOT_IN_RESULT_JSON]
        return {name: getattr(self, name) for name in names}

    def shares_choices_with(self, other: CompiledCampaign) -> bool:
        """Return whether customers of a campaign would choose at any prices just as those of this one.

        Parameters
        ----------
        other : CompiledCampaign
            The campaign to compare with.

        Returns
        -------
        bool
            True if both have the same candidates, packed alike, the same segments and the same rules.
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
        """Return what the summary says.

        Returns
        -------
        list of (str, str)
            Names and texts.
        """
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
        """Describe the result in a few lines of text.

        Returns
        -------
        str
            Status, bound, objective, work and time.
        """
        return "\n".join(f"{name:<12} {text}" for name, text in self.facts())

"""`CampaignSolution`: what a solve found, and what it was made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..data.table_view import TableView
from ..model.campaign_data import CampaignData
from ..model.checking.finding import CANDIDATES, Finding
from ..model.compiled_campaign import CompiledCampaign
from ..solver.dual.newton.row_curvature import RowCurvature
from ..solver.options import SolverOptions
from ..solver.plan import Plan
from ..utils.errors import one_line
from .allocation import Allocation
from .beside.backups import BackupRows, Backups
from .coupon_rows import PlannedRows
from .exact_plan import KeptParts, SolvedBy, plan_arrays
from .missed_limits import missed_limits, shortened
from .options import DEFAULT_GAP

NOT_IN_RESULT_JSON = (
    "allocation",
    "limits",
    "infeasible",
    "campaign",
    "compiled",
    "plan",
    "prices",
    "curvature",
    "findings",
    "solver_options",
)
"""Fields that result.json does not have as they are: tables, and what only a session knows."""

LARGE_PARTS = ("allocation", "campaign", "compiled", "plan")
"""Fields that are not pickled: they are made again."""

LATE_PARTS = (*LARGE_PARTS, "customers_below_min", "customers_without_mandatory")
"""Fields that a solution may get when somebody first asks for one of them."""

MAX_LINES = 5
"""Lines of the summary about soft limits that were missed, and as many about findings; the rest is counted."""


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
    curvature : RowCurvature or None
        Of the dual near these prices, for solves that start from them.
    solver_options : SolverOptions
        What tuned the solver.
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
    previous: dict[str, int] | None
    allocation: Allocation | None = field(repr=False)
    limits: TableView | None = field(repr=False)
    infeasible: dict[str, Any] | None = field(repr=False)
    campaign: CampaignData = field(repr=False)
    compiled: CompiledCampaign = field(repr=False)
    plan: Plan | None = field(repr=False)
    prices: NDArray[np.float64] = field(repr=False)
    curvature: RowCurvature | None = field(repr=False)
    findings: list[Finding] = field(repr=False)
    solver_options: SolverOptions = field(repr=False)
    message_costs: float = 0.0
    asked_gap: float = DEFAULT_GAP
    convergence: dict[str, list[float | None]] = field(default_factory=dict, repr=False)

    @classmethod
    def with_parts_later(
        cls, known: Mapping[str, Any], make_parts: Callable[[], Mapping[str, Any]]
    ) -> Self:
        """Return a solution some of whose fields are made when somebody first asks for one of them.

        Parameters
        ----------
        known : mapping of str to object
            The other fields.
        make_parts : callable
            Returns what is lacking of the fields that LATE_PARTS names.

        Returns
        -------
        CampaignSolution
        """
        made = cls.__new__(cls)
        vars(made).update(known)
        vars(made)["_make_parts"] = make_parts
        return made

    @property
    def known_compiled(self) -> CompiledCampaign | None:
        """The campaign as the solver takes it, unless it is still to be compiled."""
        known: CompiledCampaign | None = vars(self).get("compiled")
        return known

    if not TYPE_CHECKING:  # or every name would pass for one of its attributes

        def __getattr__(self, name):
            make_parts = vars(self).get("_make_parts")
            if name not in LATE_PARTS or make_parts is None:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            vars(self).update({**make_parts(), **vars(self)})
            return vars(self)[name]

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: large parts as they can be made again, by content or by the folder that they are in."""
        state = dict(vars(self))
        if not getattr(state.get("_make_parts"), "is_kept", False):
            for name in LATE_PARTS:
                state[name] = getattr(self, name)
            arrays = {} if self.plan is None else plan_arrays(self.plan)
            solved = SolvedBy(self.backend, self.seed, self.solver_options)
            state["_make_parts"] = KeptParts(self.campaign, arrays, solved)
        is_saved = self.allocation is not None and self.allocation.is_saved
        if not (self.backups is not None and self.backups.is_saved):
            state.pop("_backups", None)
        for name in LARGE_PARTS:
            if name != "allocation" or not is_saved:
                state.pop(name, None)
        return state

    @property
    def customers_with_coupons(self) -> int:
        """Customers who were given at least one coupon; counted at first use, in a pass over the allocation."""
        return 0 if self.allocation is None else self.allocation.customers

    @property
    def backups(self) -> Backups | None:
        """What comes next for customers where a coupon falls out; None where the campaign asks for none."""
        if "_backups" not in vars(self):
            vars(self)["_backups"] = self._made_backups()
        made: Backups | None = vars(self)["_backups"]
        return made

    def _made_backups(self) -> Backups | None:
        """Backups, made of the plan."""
        if self.plan is None or not self.campaign.backups:
            return None
        planned, backend = PlannedRows(self.compiled, self.plan), kernels.load(self.backend)
        return Backups(BackupRows(planned, self.prices, backend, self.threads, self.seed))

    def as_dict(self) -> dict[str, Any]:
        """Return the content of result.json: everything but the tables.

        Returns
        -------
        dict
            Ready for JSON.
        """
        names = [f.name for f in dataclasses.fields(self) if f.name not in NOT_IN_RESULT_JSON]
        content = {name: getattr(self, name) for name in names}
        content["customers_with_coupons"] = self.customers_with_coupons
        content["backups"] = None
        if self.backups is not None:
            content["backups"] = {"rows": len(self.backups), "customers": self.backups.customers}
        content["findings"] = [finding.to_dict() for finding in self.findings]
        return content

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
                ("allocated", self._allocated()),
                *([("messages", f"cost {self.message_costs:,.6f}")] if self.message_costs else []),
                ("violation", f"{self.max_violation:g} at most, of hard limits"),
            ]
            if self.backups is not None:
                facts.append(("backups", self._listed(self.backups)))
            if self.previous is not None:
                facts.append(("previous", _told(self.previous)))
            facts += [("not kept", text) for text in self._not_kept()]
            facts += [("cut off", self._cut_off())] if self.customers_cut_off else []
        passes = f"{self.full_passes:.1f} passes over {self.candidates:,} candidates"
        total = sum(self.seconds.values())
        facts += [
            ("work", f"{passes}, {self.method}"),
            ("time", f"{total:.2f} s on {self.threads} threads, {self.backend} backend"),
        ]
        facts += [("note", one.message) for one in self.findings if one.place == CANDIDATES]
        facts += [("warning", text) for text in self._warnings()]
        return facts

    def _allocated(self) -> str:
        """How many coupons went to how many customers."""
        got, all_of_them = self.customers_with_coupons, self.customers
        coupons, whom = _counted(self.allocated, "coupon"), _counted(got, "customer")
        if got == all_of_them:
            return f"{coupons} to {whom}"
        return f"{coupons} to {whom} of {all_of_them:,}; {all_of_them - got:,} got none"

    def _listed(self, backups: Backups) -> str:
        """How many backups how many customers have."""
        whom = _counted(backups.customers, "customer")
        return f"{_counted(len(backups), 'offer')} listed for {whom}, counted in no limit"

    def _not_kept(self) -> list[str]:
        """What rules and soft limits ask for and the allocation does not keep."""
        said = []
        if self.customers_below_min:
            said.append(f"{self._whom(self.customers_below_min)} below a minimum of the rules")
        if self.customers_without_mandatory:
            said.append(f"{self._whom(self.customers_without_mandatory)} without a mandatory offer")
        return said + shortened(missed_limits(self.limits), MAX_LINES, "soft limits")

    def _whom(self, number: int) -> str:
        """So many of those whom rules hold for: customers, or units of several."""
        units = self.campaign.units
        if units is None:
            return _counted(number, "customer")
        return f"{_counted(number, 'unit')} of {units.column!r}"

    def _cut_off(self) -> str:
        """Whose best choice was not looked for to the end."""
        whose = self._whom(self.customers_cut_off)
        return f"the search of {whose}; the bound allows for what it may have missed"

    def _warnings(self) -> list[str]:
        """What the campaign says and was probably not meant."""
        texts = [finding.text for finding in self.findings if finding.severity == "warning"]
        notes = sum(one.severity == "note" and one.place != CANDIDATES for one in self.findings)
        said = shortened(texts, MAX_LINES, "warnings")
        return said + ([f"{_counted(notes, 'note')} more: see findings"] if texts and notes else [])

    def summary(self) -> str:
        """Describe the result in a few lines of text.

        Returns
        -------
        str
            Status, bound, objective, what was not kept, work and time, and warnings.
        """
        return "\n".join(f"{name:<12} {one_line(text, None)}" for name, text in self.facts())

    def __str__(self) -> str:
        return self.summary()


def _told(previous: Mapping[str, int]) -> str:
    """What became of the coupons of an earlier plan."""
    gone = previous["pairs"] - previous["candidates"]
    lost = f" ({gone:,} of them are no candidates any more)" if gone else ""
    stay = f"{previous['stayed']:,} of {_counted(previous['pairs'], 'coupon')} stay"
    return f"{stay}, {previous['left']:,} leave{lost}, {previous['came']:,} come"


def _counted(number: int, what: str) -> str:
    """A number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"

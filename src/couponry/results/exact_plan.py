"""A plan as arrays, to be kept and made a plan again: the same allocation to the bit, on any number of threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..engines.protocol import Engine
from ..engines.streamed import local_engine
from ..kernels import Backend
from ..model.campaign_data import CampaignData
from ..model.compiled_campaign import CompiledCampaign, compile_campaign
from ..solver.options import SolverOptions
from ..solver.plan import Plan
from ..utils.threads import thread_count
from .allocation import Allocation
from .coupon_rows import PlannedRows

PLAN_ARRAYS = {
    "price": np.float32,
    "free": np.int64,
    "free_choice": np.uint8,
    "usage": np.float64,
    "usage_error": np.float64,
    "activity": np.float64,
}
"""Arrays of a plan and their types; see `couponry.solver.plan.Plan`. A choice is kept as bits."""

AT_PRICE = "usage_at_price"
"""The same, where the plan has it."""

NUMBERS = {"objective": float, "feasible": bool, "moves": int}
"""Further fields of a plan, each a number."""


@dataclass(frozen=True)
class SolvedBy:
    """How a campaign was solved, as far as its plan depends on it.

    Attributes
    ----------
    backend : str
        Makes the passes that list the choices; every backend makes the same.
    seed : int
    options : SolverOptions
    """

    backend: str
    seed: int
    options: SolverOptions


def plan_arrays(plan: Plan) -> dict[str, NDArray[Any]]:
    """Take a plan apart.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    dict of str to ndarray
        By name.
    """
    arrays: dict[str, NDArray[Any]] = {name: getattr(plan, name) for name in PLAN_ARRAYS}
    arrays["free_choice"] = np.packbits(plan.free_choice)
    if plan.usage_at_price is not None:
        arrays[AT_PRICE] = plan.usage_at_price
    return arrays | {name: np.array(getattr(plan, name)) for name in NUMBERS}


def plan_of_arrays(
    arrays: Mapping[str, NDArray[Any]],
    compiled: CompiledCampaign,
    solved: SolvedBy,
) -> Plan:
    """Make a plan of its arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of `plan_arrays`.
    compiled : CompiledCampaign
        The campaign that the plan is of.
    solved : SolvedBy
        How it was solved.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        If they do not fit the campaign.
    """
    problem = compiled.problem
    fields: dict[str, Any] = {name: arrays[name].astype(t) for name, t in PLAN_ARRAYS.items()}
    fields |= {name: kind(arrays[name]) for name, kind in NUMBERS.items()}
    fields[AT_PRICE] = arrays.get(AT_PRICE)
    free = fields["free"]
    quantities, *cells = problem.no_prices().shape
    given, *cells_given = fields["price"].shape
    is_under_noise = given == quantities + 1  # the noise of ties is one more quantity
    fits = cells_given == cells and (given == quantities or is_under_noise)
    if not fits or len(fields["activity"]) != len(problem.lower):
        raise ValueError("prices are of another campaign")
    if len(free) and not 0 <= free[0] <= free[-1] < problem.customers:
        raise ValueError("free customers are of another campaign")
    count = int((problem.shard.indptr[free + 1] - problem.shard.indptr[free]).sum())
    fields["free_choice"] = np.unpackbits(fields["free_choice"], count=count)
    engine: Engine = local_engine(
        problem.shard,
        problem.rules,
        _backend(solved.backend),
        thread_count(),
        solved.seed,
        solved.options.sizes.page_cache_bytes,
    )
    return Plan(engine.with_noise(solved.seed) if is_under_noise else engine, **fields)


def parts_of_arrays(
    arrays: Mapping[str, NDArray[Any]], compiled: CompiledCampaign, solved: SolvedBy
) -> dict[str, Any]:
    """Make those parts of a solution that are large in memory.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of the plan; empty where there is none.
    compiled : CompiledCampaign
        The campaign that was solved.
    solved : SolvedBy
        How.

    Returns
    -------
    dict of str to object
        `campaign`, `compiled`, `plan` and `allocation`.
    """
    plan = plan_of_arrays(arrays, compiled, solved) if arrays else None
    return {
        "campaign": compiled.campaign,
        "compiled": compiled,
        "plan": plan,
        "allocation": None if plan is None else Allocation(PlannedRows(compiled, plan)),
    }


@dataclass(frozen=True, eq=False)
class KeptParts:
    """What is kept of a solution's large parts while it is pickled: the campaign's tables, and the plan as arrays."""

    is_kept: ClassVar[bool] = True
    """A pickled solution has it."""

    campaign: CampaignData
    arrays: Mapping[str, NDArray[Any]]
    solved: SolvedBy

    def __call__(self) -> dict[str, Any]:
        """Compile the campaign, and make the parts again."""
        compiled = compile_campaign(self.campaign, _backend(self.solved.backend))
        return parts_of_arrays(self.arrays, compiled, self.solved)


def _backend(name: str) -> Backend:
    """The backend of the solve where it is installed; any other makes the same bits."""
    try:
        return kernels.load(name)
    except (ValueError, ImportError):
        return kernels.load(None)

"""A solution taken apart into what JSON and arrays hold, and made one again of these and of its campaign."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..model.campaign_data import CampaignData
from ..model.checking.finding import Finding
from ..solver.dual.newton.row_curvature import RowCurvature
from ..solver.options import SolverOptions
from ..utils.errors import InvalidInput
from ..utils.threads import thread_count
from .campaign_digests import campaign_digests, differences
from .exact_plan import plan_arrays
from .options import DEFAULT_GAP
from .solution import NOT_IN_RESULT_JSON, CampaignSolution

Options = TypeVar("Options")

OF_PLAN, OF_CURVATURE = "plan.", "curvature."
"""How the names of a plan's arrays begin in the file, and those of a curvature."""


def exact_head(solution: CampaignSolution) -> dict[str, Any]:
    """Return what result.json lacks, as JSON has it.

    Parameters
    ----------
    solution : CampaignSolution

    Returns
    -------
    dict
        `campaign`, the folder and the digests of its parts; `backend`, `seed` and `solver_options`.
    """
    campaign = solution.campaign
    return {
        "campaign": {"folder": campaign.folder, "digests": digests_of(campaign)},
        "backend": solution.backend,
        "seed": solution.seed,
        "solver_options": dataclasses.asdict(solution.solver_options),
    }


def exact_arrays(solution: CampaignSolution) -> dict[str, NDArray[Any]]:
    """Return prices, curvature and plan as arrays.

    Parameters
    ----------
    solution : CampaignSolution

    Returns
    -------
    dict of str to ndarray
        `prices`, and those of the curvature and of the plan by names that begin with ``curvature.`` and ``plan.``.
    """
    arrays: dict[str, NDArray[Any]] = {"prices": solution.prices}
    if solution.curvature is not None:
        curvature = solution.curvature.as_arrays()
        arrays |= {f"{OF_CURVATURE}{name}": array for name, array in curvature.items()}
    if solution.plan is not None:
        arrays |= {f"{OF_PLAN}{name}": array for name, array in plan_arrays(solution.plan).items()}
    return arrays


def fields_of(
    content: Mapping[str, Any], head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    """Return those fields of a solution that its campaign is not needed for.

    Parameters
    ----------
    content : mapping
        Of result.json.
    head, arrays : mapping
        Of `exact_head` and `exact_arrays`.

    Returns
    -------
    dict of str to object
        All but tables, `infeasible`, and the parts that are made later.

    Raises
    ------
    KeyError, TypeError
        If something is missing.
    """
    names = [f.name for f in dataclasses.fields(CampaignSolution)]
    unwritten: dict[str, Any] = {
        "previous": None,
        "message_costs": 0.0,
        "asked_gap": DEFAULT_GAP,
        "convergence": {},
    }
    content = {**unwritten, **content}  # which earlier versions did not write
    fields = {name: content[name] for name in names if name not in NOT_IN_RESULT_JSON}
    return fields | {
        "findings": [Finding(**finding) for finding in content["findings"]],
        "prices": np.asarray(arrays["prices"], np.float64),
        "curvature": _curvature_of(arrays),
        "solver_options": options_of(head["solver_options"]),
    }


def plan_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of the plan alone; none where there is no plan.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of `exact_arrays`.

    Returns
    -------
    dict of str to ndarray
        By the names that `couponry.results.exact_plan.plan_arrays` gives them.
    """
    return _named(arrays, OF_PLAN)


def _curvature_of(arrays: Mapping[str, NDArray[Any]]) -> RowCurvature | None:
    """The curvature; None where the solve knew none."""
    own = _named(arrays, OF_CURVATURE)
    return RowCurvature.of_arrays(own) if own else None


def _named(arrays: Mapping[str, NDArray[Any]], start: str) -> dict[str, NDArray[Any]]:
    """Arrays whose names begin so, by the rest of their names."""
    return {n.removeprefix(start): array for n, array in arrays.items() if n.startswith(start)}


def digests_of(campaign: CampaignData) -> dict[str, str]:
    """Compute a digest of each part of a campaign.

    Parameters
    ----------
    campaign : CampaignData

    Returns
    -------
    dict of str to str
    """
    return campaign_digests(campaign, kernels.load(None).kernels.hash_blocks, thread_count())


def check_same_campaign(campaign: CampaignData, digests: Mapping[str, str], label: str) -> None:
    """Refuse a campaign that has changed since it was solved.

    Parameters
    ----------
    campaign : CampaignData
    digests : mapping of str to str
        Of the campaign as it was solved.
    label : str
        What the result is called in messages.

    Raises
    ------
    InvalidInput
        With one line that says what differs.
    """
    differs = differences(digests, digests_of(campaign))
    if differs:
        raise InvalidInput(
            f"{label}: it is of another campaign, or of one changed since: {differs}"
        )


def options_of(said: Mapping[str, Any]) -> SolverOptions:
    """Return options as they were: those that were not there then have the values that they have now.

    Parameters
    ----------
    said : mapping
        As JSON has them.

    Returns
    -------
    SolverOptions
    """
    return _options(SolverOptions(), said)


def _options(default: Options, said: Mapping[str, Any]) -> Options:
    """A group of options."""
    fields: dict[str, Any] = {}
    for name, value in said.items():
        now = getattr(default, name, None)
        if dataclasses.is_dataclass(now):
            fields[name] = _options(now, value)
        elif hasattr(default, name):
            fields[name] = tuple(value) if isinstance(now, tuple) else value
    return dataclasses.replace(default, **fields)  # type: ignore[type-var]

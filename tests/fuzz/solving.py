"""How small campaigns are solved: in this process, by options that force one stage or another, held by a fake clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.fuzz.small_campaign import Settings, SmallCampaign

import couponry.results.solve
from couponry.result import Result
from couponry.solver.options import DEFAULT_OPTIONS, SolverOptions
from couponry.utils.clock import Clock

_OF_MANY = replace(DEFAULT_OPTIONS, sizes=replace(DEFAULT_OPTIONS.sizes, tiny_candidates=0))

_NOT_ALL = replace(DEFAULT_OPTIONS.enumeration, candidates=0)

STAGES: dict[str, SolverOptions] = {
    "default": DEFAULT_OPTIONS,
    "many": _OF_MANY,
    "many without columns": replace(_OF_MANY, master=replace(DEFAULT_OPTIONS.master, candidates=0)),
    "highs": replace(DEFAULT_OPTIONS, enumeration=_NOT_ALL),
    "many by highs": replace(_OF_MANY, enumeration=_NOT_ALL),
}
"""Options with which a small campaign goes the way of a larger one, too."""

SECONDS_PER_READING = 1000.0
"""The fake clock's step: so long that nothing with a clock of its own comes to its end first."""


class _Steps:
    """A time that goes on by a step each time it is read."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += SECONDS_PER_READING
        return self.seconds


@contextlib.contextmanager
def fake_clock() -> Iterator[None]:
    """Have solves read a clock that only goes on by being read."""
    steps = _Steps()

    def clock(time_limit: float | None, report: Any = None) -> Clock:
        return Clock(time_limit, report, steps)

    original = couponry.results.solve.Clock
    couponry.results.solve.Clock = clock  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        couponry.results.solve.Clock = original  # type: ignore[misc]


def solve(small: SmallCampaign) -> list[tuple[SmallCampaign, Result]]:
    """The results of a small campaign: of itself, and with the bounds of the second solve where it has some."""
    settings = small.settings
    arguments: dict[str, Any] = {
        "gap": settings.gap,
        "threads": settings.threads,
        "backend": settings.backend,
        "seed": settings.seed,
        "solver_options": STAGES[settings.stages],
    }
    if settings.readings is not None:
        arguments["time_limit"] = settings.readings * SECONDS_PER_READING
    with fake_clock():
        campaign = small.campaign()
        results = [(small, campaign.solve(**arguments))]
        if small.changes:
            start = results[0][1] if results[0][1].allocation is not None else None
            changed = campaign.changed(limits=small.changes)
            results.append((small.changed(), changed.solve(**arguments, start=start)))
    return results


def is_held_by_time(settings: Settings) -> bool:
    """Whether a solve may end before it is done."""
    return settings.readings is not None

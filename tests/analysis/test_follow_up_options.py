"""Follow-up solves are tuned as the first one was; changing nothing is a change, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from couponry import Campaign, Limit
from couponry.results.options import SolveOptions
from couponry.solver.options import DEFAULT_OPTIONS, SolverOptions

TUNED = replace(DEFAULT_OPTIONS, sizes=replace(DEFAULT_OPTIONS.sizes))
OTHERS = replace(DEFAULT_OPTIONS, sizes=replace(DEFAULT_OPTIONS.sizes))


@pytest.fixture
def campaign() -> Campaign:
    candidates = {"customer": [1, 1, 2], "offer": ["a", "b", "a"], "value": [1.0, 2.0, 3.0]}
    return Campaign(
        {"offer": ["a", "b"], "margin": [1.0, 1.0]}, candidates, limits=[Limit("all", max=2)]
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[SolverOptions]:
    """The solver options of every solve."""
    found: list[SolverOptions] = []
    check = SolveOptions.check

    def note(options: SolveOptions) -> None:
        found.append(options.solver)
        check(options)

    monkeypatch.setattr(SolveOptions, "check", note)
    return found


def test_follow_ups_are_tuned_as_the_result(campaign: Campaign, asked: list[SolverOptions]) -> None:
    result = campaign.solve(solver_options=TUNED)
    campaign.what_if(result, limits={"all": {"max": 1}})
    campaign.frontier("all", [1, 3], result=result)
    assert len(asked) == 4 and all(options is TUNED for options in asked)


def test_or_as_they_are_asked_to_be(campaign: Campaign, asked: list[SolverOptions]) -> None:
    campaign.what_if(limits={"all": {"max": 1}}, solver_options=OTHERS)
    campaign.frontier("all", [1], solver_options=OTHERS)
    assert len(asked) == 4 and all(options is OTHERS for options in asked)


def test_no_changes_of_offers(campaign: Campaign) -> None:
    assert campaign.what_if(offers={}).gain == 0

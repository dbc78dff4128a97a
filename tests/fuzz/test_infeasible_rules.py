"""One case of each kind of the fuzzer of campaigns that one rule makes infeasible."""

from __future__ import annotations

from tests.fuzz.cases import run_cases
from tests.fuzz.infeasible_rules import KINDS


def test_cases_are_right() -> None:
    tally = run_cases("tests.fuzz.infeasible_rules", range(len(KINDS)))
    assert tally.failures == {}
    assert tally.kinds["status infeasible"] == len(KINDS)

"""A few odd values for arguments of Python's interface."""

from __future__ import annotations

from tests.fuzz.arguments import TARGETS
from tests.fuzz.cases import run_cases


def test_odd_arguments() -> None:
    numbers = range(0, 100 * len(TARGETS), 31)
    tally = run_cases("tests.fuzz.arguments", numbers)
    assert tally.failures == {}
    assert tally.kinds["refused"] > 100

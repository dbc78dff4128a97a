"""A few campaign folders with faults, of each kind, through the command line."""

from __future__ import annotations

from tests.fuzz.cases import run_cases
from tests.support.folder_faults import FAULTS, odd_folder

FUZZER = "tests.fuzz.folders"


def test_folders_with_faults() -> None:
    tally = run_cases(FUZZER, range(1266, 1282))
    assert tally.failures == {}
    assert {*FAULTS, "purchases"} <= set(tally.kinds)


def test_a_case_is_told_by_its_number() -> None:
    for number in (3, 11):
        one, other = odd_folder(number), odd_folder(number)
        assert one.faults == other.faults and repr(one.spec) == repr(other.spec)

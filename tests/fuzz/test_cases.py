"""What runs fuzzers: counts, the command that repeats a failure, and cases that take their process with them."""

from __future__ import annotations

import pytest
from tests.fuzz.cases import main, run_cases

FUZZER = "tests.support.faulty_fuzzer"


def test_cases_are_counted_by_kind_and_failures_by_number() -> None:
    tally = run_cases(FUZZER, range(4))
    assert tally.cases == 4
    assert tally.kinds == {"even": 1, "odd": 1, "odd one": 1, "raised": 1}
    assert tally.failures[2] == ("two is wrong",)
    assert tally.failures[3][0].startswith("ValueError at support/faulty_fuzzer.py:")


def test_a_case_that_kills_its_process_or_hangs_is_a_failure_and_the_others_go_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    status = main(FUZZER, "", ["--first", "1", "--cases", "7", "--hang", "2"])
    out, _ = capfd.readouterr()
    assert status == 1
    assert f"python -m {FUZZER} --case 4    # its process ended with 7" in out
    assert f"python -m {FUZZER} --case 6    # its process ended with 1" in out
    assert f"{FUZZER}: 7 cases, 4 of them wrong" in out


def test_status_is_0_where_nothing_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(FUZZER, "", ["--case", "0"]) == 0
    assert main(FUZZER, "", ["--case", "2"]) == 1
    assert "two is wrong" in capfd.readouterr().out

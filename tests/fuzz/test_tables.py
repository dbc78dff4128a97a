"""A few campaigns of tables in memory, in other containers than Arrow's."""

from __future__ import annotations

from tests.fuzz.cases import run_cases


def test_tables_in_any_container() -> None:
    tally = run_cases("tests.fuzz.tables", range(25))
    assert tally.failures == {}
    assert {"a column", "as it is", "refused", "solved", "the same values"} <= set(tally.kinds)

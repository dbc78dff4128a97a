"""The fault harness, for a few of its cases: `make fuzz` runs them all."""

from __future__ import annotations

import errno

import pytest
from tests.fuzz import faults
from tests.fuzz.faults import KILLED, REPLACED, USED, Fault, strike

CHOSEN = [
    (Fault("rename", KILLED), 2, REPLACED),
    (Fault("write", KILLED), 150, REPLACED),
    (Fault("write", errno.ENOSPC, lasts=True), 60, REPLACED),
    (Fault("fsync", errno.EIO), 55, REPLACED),
    (Fault("open", errno.EMFILE), 55, USED),
    (Fault("allocate", errno.ENOMEM), 900, REPLACED),
]


@pytest.mark.skipif(faults.why_not() is not None, reason=str(faults.why_not()))
def test_what_fails_or_is_killed_leaves_the_old_or_the_new() -> None:
    """One test, so that one process solves for all of them."""
    found = {(fault.name, at): strike(fault, at, stands) for fault, at, stands in CHOSEN}
    assert {case: outcome.wrong for case, outcome in found.items() if outcome.wrong} == {}
    assert not [case for case, outcome in found.items() if "no such call" in outcome.kinds[1]]

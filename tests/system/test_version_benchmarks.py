"""Benchmarks of one version against another: their times, and whether they come to the same answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.cases import fingerprints, versions

import couponry
from couponry.kernels import available


@pytest.mark.skipif(available()["native"] != "yes", reason="they are timed with native kernels")
def test_versions(capfd: pytest.CaptureFixture[str]) -> None:
    """A version beside itself comes to the same answers."""
    found = str(Path(couponry.__file__).parents[1])
    sizes = ["--customers", "3000", "--rounds", "1", "--passes", "1", "--threads", "1"]
    assert versions.main(["--before", found, "--after", found, *sizes]) == 0
    report = json.loads(capfd.readouterr().out)
    assert len(report["works"]) == 4
    assert all(work["same"] and work["ratio"] > 0 for work in report["works"].values())


def test_fingerprints_tell_what_differs() -> None:
    before = {"matching/one": {"status": "optimal", "gap": 0.5}, "demo/13": {}, "random/1": {}}
    now = {"matching/one": {"status": "optimal", "gap": 0.25}, "random/2": {}}
    assert fingerprints.differences(before, now, {"matching", "random"}) == [
        "matching/one: gap 0.5 -> 0.25",
        "random/1: only before",
        "random/2: only now",
    ]

"""The documentation has the figures that its commands print; tests/system/test_demo.py has the demo's."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.cases.figures import COMMANDS, DEMO, ESTIMATE
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support import documented
from benchmarks.support.documented import Statement

from couponry.data.sizes.memory_estimate import CampaignSize, estimate


def test_pages_have_every_statement_once() -> None:
    for statement in (DEMO, ESTIMATE, *(s for command in COMMANDS for s in command.statements)):
        assert len(statement.stated()) == len(statement.printed)


def test_the_small_campaign() -> None:
    """As `benchmarks/cases/small_campaign.py` solves it."""
    (command,) = (command for command in COMMANDS if "small_campaign" in command.run)
    campaign = MIXED.campaign(Synthetic(20_000, 32, seed=0), 1)
    printed = campaign.solve(gap=1e-4, threads=1, seed=0).as_dict()
    for statement in command.statements:
        assert not list(statement.differences(printed))


def test_the_estimate_of_a_large_campaign() -> None:
    size = CampaignSize(3_200_000_000, 100_000_000, 2_000, 1, 4, False, False, True, 0)
    needed = estimate(size)
    printed = {name: getattr(needed, name) / 2**30 for name in ESTIMATE.printed}
    assert not list(ESTIMATE.differences(printed))


def test_another_figure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text("gap 0.50 % of\n1,200 customers")
    monkeypatch.setattr(documented, "ROOT", tmp_path)
    statement = Statement("page.md", "gap # % of # customers", ("gap %", "sizes.0"))
    assert not list(statement.differences({"gap": 0.004951, "sizes": [1200]}))
    found = list(statement.differences({"gap": 0.0056, "sizes": [1201]}))
    assert [line.split(" (")[0] for line in found] == [
        "page.md: 0.50 is now 0.56",
        "page.md: 1,200 is now 1,201",
    ]
    with pytest.raises(LookupError, match="expected once, found 0 times"):
        Statement("page.md", "passes # of", ("passes",)).stated()

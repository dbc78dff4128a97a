"""The benchmarks' generator gives the same bits whoever makes them, and the mixed benchmark does what it says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from synthetic import BLOCK, Synthetic

from couponry.kernels import available


def test_synthetic_candidates_do_not_depend_on_threads_or_order() -> None:
    size = Synthetic(2 * BLOCK + 100, width=8, offers=50, brands=10, seed=3)
    one, three = size.candidates(1), size.candidates(3)
    assert one.equals(three)
    offer, response = size.block(2)  # a block alone, the last and shortest
    assert one.slice(2 * BLOCK * 8)["offer"].to_numpy().tolist() == offer.ravel().tolist()
    assert one.slice(2 * BLOCK * 8)["response"].to_numpy().tolist() == response.ravel().tolist()
    assert one.num_rows == size.customers * 8


def test_synthetic_candidates_are_candidates() -> None:
    table = Synthetic(1000, width=32, offers=60, seed=1).candidates()
    offer = table["offer"].to_numpy().reshape(1000, 32)
    assert (np.diff(offer, axis=1) > 0).all()  # distinct within a customer
    response = table["response"].to_numpy()
    assert response.min() > 0 and response.max() < 1
    assert not Synthetic(1000, offers=60, seed=2).candidates().equals(table)


@pytest.mark.skipif(available()["native"] != "yes", reason="its bare read is a native function")
def test_mixed_campaign(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import mixed_campaign

    hashes = []
    for threads in ("1", "2"):
        arguments = ["mixed_campaign.py", "--customers", "20000", "--threads", threads]
        monkeypatch.setattr(sys, "argv", arguments)
        mixed_campaign.main()
        report = json.loads(capsys.readouterr().out)
        assert report["status"] == "optimal" and report["gap"] <= 5e-4
        assert report["max_violation"] == 0
        assert report["limits"] == 1000 + 128 + 1
        assert report["packed_bytes"] == 20_000 * 32 * 4
        hashes.append(report["allocation_sha256"])
    assert hashes[0] == hashes[1]


def test_readme_shows_the_example_that_is_run() -> None:
    root = Path(__file__).resolve().parents[1]
    example = (root / "examples" / "quickstart.py").read_text().split('"""\n\n', 1)[1].rstrip()
    assert example in (root / "README.md").read_text()
    exec(compile(example, "quickstart.py", "exec"), {})


@pytest.mark.parametrize("order", [[], ["--shuffled"]], ids=["by customer", "shuffled"])
def test_packing(
    order: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import packing

    monkeypatch.setattr(sys, "argv", ["packing.py", "--customers", "3001", *order])
    packing.main()
    assert json.loads(capsys.readouterr().out)["candidates"] == 3001 * 32

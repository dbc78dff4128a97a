"""Passes over what is undecided alone are the same on every engine, wherever its candidates are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.engines.cluster.test_cluster import sharded
from tests.solver.test_tied_prices import CUSTOMERS, OPTIONS, campaign

from couponry.engines.undecided.passes import UndecidedPasses
from couponry.solver.options import SolverOptions

FAR = replace(OPTIONS.row_steps, decided_share=0.3)
NEAR = replace(OPTIONS, row_steps=FAR)
STREAMED = replace(NEAR, sizes=replace(NEAR.sizes, page_cache_bytes=0.0))


def solved(options: SolverOptions = NEAR, store: Path | None = None, **how: Any) -> Any:
    """Objective, bound and coupons of stocks alone."""
    stated = campaign(store=store)
    stated = stated.with_limits(stated.limits[:1])
    result = stated.solve(gap=1e-3, solver_options=options, **how)
    rows = [batch.to_pydict() for batch in result.allocation.batches()]
    return result.objective, result.bound, rows


def test_candidates_elsewhere_are_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    at = UndecidedPasses.at

    def counted(self: UndecidedPasses, price: Any) -> Any:
        made.append(np.shape(price))
        return at(self, price)

    monkeypatch.setattr(UndecidedPasses, "at", counted)
    expected = solved(threads=1)
    passes = len(made)
    assert passes > 3
    assert solved(threads=3) == expected
    assert solved(threads=2, checkpoint=tmp_path / "journal") == expected
    assert solved(threads=1, engine=sharded(tmp_path / "cluster", 4, of=CUSTOMERS)) == expected
    assert solved(STREAMED, tmp_path / "store", threads=2) == expected
    assert len(made) == 5 * passes

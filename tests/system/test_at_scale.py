"""What only large campaigns do: most customers are fixed, earlier prices save passes, allocations come in parts."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import proportional
from tests.support.large_campaign import FEW_FREE, GAP, campaign, coupons

from couponry import Campaign, CustomerRule, InvalidInput, Limit
from couponry.verify import verify_result


def test_few_free_customers_are_as_good_as_everybody(tmp_path: Path) -> None:
    result = campaign().solve(gap=GAP, threads=2, solver_options=FEW_FREE)
    assert result.status == "optimal" and result.gap is not None and result.gap <= GAP
    assert result.max_violation == 0
    assert result.allocation is not None
    plan = result.plan
    assert 0 < len(plan.free) < 0.5 * result.customers
    assert result.allocated == len(coupons(result)) == sum(int(c.sum()) for *_, c in plan.blocks())
    # an independent look, at the tables alone
    from couponry import write_campaign

    folder = write_campaign(campaign(), tmp_path / "campaign")
    report = verify_result(folder, result.write(tmp_path / "out"))
    assert report.ok, report.problems


def test_sums_of_channels_that_share_a_quantity_are_as_good(tmp_path: Path) -> None:
    from couponry import write_campaign

    offers, candidates = proportional(customers=30_000, offers=40)
    load = pc.sum(candidates["weight"]).as_py() / 40
    shared = Campaign(
        offers,
        candidates,
        rules=[CustomerRule("slots", max=3)],
        limits=[Limit("load", sum="weight", by="offer", min=0.02 * load, max=0.1 * load)],
    )
    problem = shared.compile().problem
    assert problem.quantity_of.tolist() == [0, 0]
    result = shared.solve(gap=GAP, threads=2, solver_options=FEW_FREE)
    assert result.allocation is not None and len(result.plan.free) < 25_000
    assert result.limits is not None and max(result.limits["error"].to_pylist()) > 0
    folder = write_campaign(shared, tmp_path / "campaign")
    report = verify_result(folder, result.write(tmp_path / "out"))
    assert report.ok, report.problems


@pytest.mark.parametrize("seed", range(6))
def test_tight_limits_hold_for_the_values_as_given(seed: int) -> None:
    """Sums of fractional columns, everything said of them, and the gap, against sums that are rounded once."""
    rng = np.random.default_rng(seed)
    customers, each, offers = 8_000, 6, 20
    size = customers * each
    # values of a few kinds: all of an item's misses may be to the same side
    value = rng.gamma(2.0, 1.0, size) if seed % 2 else rng.choice(rng.gamma(2.0, 1.0, 3), size)
    table = {
        "customer": np.repeat(np.arange(customers), each),
        "offer": np.sort(rng.random((customers, offers)).argsort(axis=1)[:, :each]).ravel(),
        "value": value,
        "weight": rng.choice([0.1, 0.7, 1.29], size) if seed < 3 else rng.lognormal(0, 1, size),
    }
    weight = table["weight"].sum() / each
    limits = [
        Limit("most", sum="weight", max=0.9 * weight, where={"offer": list(range(10))}),
        Limit("least", sum="weight", min=0.7 * weight, where={"offer": list(range(10, 20))}),
        Limit("soft", sum="weight", max=0.5 * weight, mode="soft", penalty=0.3),
        Limit("ratio", ratio=("value", "weight"), min=1.0),
        Limit("few", sum="count", max=1000, where={"offer": 3}),
    ]
    campaign = Campaign(
        {"offer": np.arange(offers)}, table, rules=[CustomerRule("slots", max=2)], limits=limits
    )
    result = campaign.solve(gap=1e-3, threads=2, solver_options=FEW_FREE)
    assert result.status == "optimal" and result.max_violation == 0
    plan = result.plan
    assert plan.usage_error.any() and plan.feasible
    chosen = np.concatenate([part for *_, part in plan.blocks()]).astype(bool)
    offer, count = table["offer"][chosen], int(chosen.sum())

    def total(column: str, of: Any = slice(None)) -> float:
        return math.fsum(table[column][chosen][of].tolist())

    assert total("weight", offer < 10) <= 0.9 * weight
    assert total("weight", offer >= 10) >= 0.7 * weight
    assert total("value") >= total("weight")
    assert result.allocated == count and (offer == 3).sum() <= 1000
    worth = total("value") - 0.3 * max(0.0, total("weight") - 0.5 * weight)
    assert result.objective <= worth <= result.objective + result.objective_error
    assert result.objective_error < 1e-6 * worth
    assert result.gap >= (result.bound - worth) / result.bound
    true = [
        total("weight", offer < 10), total("weight", offer >= 10), total("weight"),
        total("value") / total("weight"), float((offer == 3).sum()),
    ]  # fmt: skip
    achieved, error = (result.limits[name].to_numpy() for name in ("achieved", "error"))
    assert (np.abs(achieved - true) <= error + 1e-14 * np.abs(true)).all()
    assert error[:4].all() and error[4] == 0


@pytest.mark.parametrize("form", ["result", "table", "folder"])
def test_earlier_prices_save_passes(tmp_path: Path, form: str) -> None:
    first = campaign().solve(gap=GAP, threads=2, solver_options=FEW_FREE)
    start: Any = {"result": first, "table": first.limits, "folder": tmp_path / "first"}[form]
    if form == "folder":
        first.write(start)
    tighter = [
        replace(limit, max=limit.max * 0.99) if limit.max is not None else limit
        for limit in campaign().limits
    ]
    other = campaign().with_limits(tighter)
    cold, warm = (
        other.solve(gap=GAP, threads=2, solver_options=FEW_FREE),
        other.solve(gap=GAP, threads=2, start=start, solver_options=FEW_FREE),
    )
    assert cold.status == warm.status == "optimal"
    assert warm.nit < cold.nit and warm.full_passes < cold.full_passes


def test_a_start_without_prices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="start: no file"):
        campaign().solve(start=tmp_path)
    with pytest.raises(InvalidInput, match="limits of start: expected a column"):
        campaign().solve(start=pa.table({"name": ["caps"]}))


def test_large_allocations_are_folders_of_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("couponry.results.allocation.PART_ROWS", 100_000)
    monkeypatch.setattr("couponry.engines.local.BLOCK_CANDIDATES", 1 << 16)
    result = campaign().solve(gap=GAP, threads=2)
    folder = result.write(tmp_path / "out") / "allocation.parquet"
    parts = sorted(folder.iterdir())
    assert len(parts) >= 3
    assert pq.read_table(folder).equals(result.allocation.to_arrow())
    assert result.allocation is not None and len(result.allocation) == result.allocated

"""Shards packed by workers, with witnesses of the others: the arrays of one machine, whatever rules and limits ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.cluster_campaigns import on_cluster, segments
from tests.support.packed_elsewhere import assert_same, packed, stated
from tests.support.random_campaigns import draw
from tests.support.random_units import draw_units

from couponry import ClusterCampaign, InvalidInput
from couponry.engines import Cluster, InProcessRunner
from couponry.results.cluster import elsewhere, packing
from couponry.results.cluster.elsewhere import packed_elsewhere
from couponry.results.cluster.stated_customers import StatedCustomers


@pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")
@pytest.mark.parametrize("seed", [9, 12, 1001, 1006, 1010, 1016])
def test_the_arrays_of_one_machine(seed: int, tmp_path: Path) -> None:
    drawn = draw(seed)
    problem, found = packed(drawn, tmp_path)
    local = drawn.campaign().compile().problem
    assert_same(problem, local)
    assert len(found.known.witnesses) < local.customers


@pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")
@pytest.mark.parametrize("seed", [2, 5, 8])
def test_the_arrays_of_one_machine_of_households(seed: int, tmp_path: Path) -> None:
    """Whose customers' ids are anywhere."""
    drawn = draw_units(seed)
    problem, _ = packed(drawn, tmp_path, 3)
    assert_same(problem, drawn.campaign().compile().problem)


def test_who_shows_something_else_becomes_a_witness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever witnesses were picked: the tables are compared for every shard."""

    def first(some: StatedCustomers, *_: Any) -> StatedCustomers:
        return some.some(np.zeros(1, np.int64))

    for module in (elsewhere, packing):
        monkeypatch.setattr(module, "witnesses_of", first)
    local = segments(40)
    engine = Cluster(InProcessRunner(), tmp_path, 14)
    found = packed_elsewhere(on_cluster(local, engine)._shards, engine)
    assert_same(found.compiled_with(found.engine(engine, 0, 1)).problem, local.compile().problem)
    assert len(found.known.witnesses) > 10


def test_shards_are_used_again_for_other_bounds(tmp_path: Path) -> None:
    drawn = draw(4)
    campaign, cluster = stated(drawn, tmp_path, 4)
    first = packed_elsewhere(campaign._shards, cluster)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.arrays")}
    capped = next(limit for limit in drawn.limits if limit.max is not None and limit.table is None)
    wider = {capped.name: {"max": 2 * float(capped.max or 0) + 1}}
    other = campaign.changed(limits=wider)
    again = packed_elsewhere(other._shards, cluster)
    assert again.store == first.store
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.arrays")} == files
    local = drawn.campaign().changed(limits=wider).compile().problem
    assert_same(again.compiled_with(again.engine(cluster, 0, 1)).problem, local)
    rules = campaign.changed(drop_rules=[drawn.rules[0].name])
    assert packed_elsewhere(rules._shards, cluster).store != first.store


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"offer": [1, 7]}, "offer 7 is not in table offers"),
        ({"customer": [1, None]}, "row 1: expected an id, got null"),
        ({"value": [1.0, np.nan]}, "expected a finite number"),
        ({"customer": [1, 1]}, "the pair of customer 1 and offer 1 is there twice"),
        ({"customer": None}, "table candidates: expected a column 'customer'"),
    ],
)
def test_bad_rows_are_one_error(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    rows = {"customer": [1, 2], "offer": [1, 1], "value": [1.0, 2.0]} | changes
    rows = {name: values for name, values in rows.items() if values is not None}
    engine = Cluster(InProcessRunner(), tmp_path, 1)
    with pytest.raises(InvalidInput) as raised:
        ClusterCampaign(engine, {"offer": [1]}, rows)
    assert said in str(raised.value)


def test_other_arguments(tmp_path: Path) -> None:
    engine = Cluster(InProcessRunner(), tmp_path)
    rows = {"customer": [1], "offer": [1], "value": [1.0]}
    with pytest.raises(InvalidInput, match=r"^engine: expected a cluster of couponry.engines"):
        ClusterCampaign(None, {"offer": [1]}, rows)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="table customers, column 'customer'"):
        ClusterCampaign(engine, {"offer": [1]}, rows, {"customer": ["a"]})
    with pytest.raises(InvalidInput, match="at least one row, got none"):
        ClusterCampaign(engine, {"offer": [1]}, {n: np.array(v)[:0] for n, v in rows.items()})

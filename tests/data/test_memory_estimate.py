"""What a campaign will take of memory and disk is known before it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import random_tables, replaced, shuffled, spec, write_folder

from couponry import (
    Campaign,
    InvalidInput,
    Limit,
    memory_estimate,
    read_campaign,
)
from couponry.data.sizes import too_large
from couponry.data.sizes.memory_estimate import BYTES_PER_CELL, CampaignSize
from couponry.utils.memory import available_memory
from couponry.utils.toml_writer import dumps


def test_estimate(campaign_folder: Path) -> None:
    needed = memory_estimate(campaign_folder)
    assert (needed.candidates, needed.customers, needed.columns) == (360, 60, 2)
    assert needed.disk >= sum(
        array.nbytes for array in read_campaign(campaign_folder).candidates.columns.values()
    )
    assert 0 < needed.memory_with_store <= needed.memory
    assert needed.disk_while_building < needed.disk * 1.5
    assert "360" in needed.summary() and "store" in needed.summary()
    table = pq.read_table(campaign_folder / "candidates.parquet")
    (campaign_folder / "campaign.toml").write_text(
        dumps(spec())
    )  # without table customers, and ids far apart
    assert memory_estimate(campaign_folder).customers == 45
    pq.write_table(replaced(table, "customer", range(360)), campaign_folder / "candidates.parquet")
    assert memory_estimate(campaign_folder).customers == 360
    pq.write_table(
        shuffled(table),
        campaign_folder / "candidates.parquet",
        row_group_size=50,
    )
    assert memory_estimate(campaign_folder).disk_while_building > needed.disk * 1.5


def test_estimate_counts_bounds_that_differ_by_customer(tmp_path: Path) -> None:
    """The arrays of the bounds, and no less: with a store, nothing else of a rule grows with the customers."""
    tables = random_tables(customers=300)
    needed = []
    for name, slots, brands in (("same", 3, 2), ("one", "slots", 2), ("two", "slots", "slots")):
        rules = [
            {"name": "slots", "max": slots},
            {"name": "brands", "by": "brand", "max": brands},
        ]
        folder = write_folder(tmp_path / name, tables, spec(customer_rule=rules))
        needed.append(memory_estimate(folder).memory)
    compiled = read_campaign(tmp_path / "two").compile().problem.rules
    held = sum(
        array.nbytes
        for array in compiled._asdict().values()
        if getattr(array, "shape", ())[-1:] == (300,)
    )
    assert held >= 2 * 4 * 300
    assert held <= needed[2] - needed[0] <= held + 12 * 300
    assert needed[1] - needed[0] == 16 * 300


@pytest.mark.parametrize("each", [12, 40])
def test_estimate_counts_the_constraints_of_rules_that_conflict(each: int, tmp_path: Path) -> None:
    tables = random_tables(customers=300, offers=60, each=each)
    ids, random = tables["offers"]["offer"].to_pylist(), np.random.default_rng(each)
    pairs = [(a, b) for n, a in enumerate(ids) for b in ids[n + 1 :] if random.random() < 0.05]
    conflicts = pa.table({"offer_a": [a for a, _ in pairs], "offer_b": [b for _, b in pairs]})
    plain = spec(customer_rule=[{"name": "all", "max": 5}])
    folder = write_folder(tmp_path / "plain", tables, plain)
    rule = {"name": "apart", "conflicts": "conflicts.parquet"}
    ruled = spec(customer_rule=[{"name": "all", "max": 5}, rule])
    other = write_folder(tmp_path / "ruled", tables, ruled, conflicts=conflicts)
    more = memory_estimate(other).memory - memory_estimate(folder).memory
    rules = read_campaign(other).compile().problem.rules
    taken = rules.constraints.nbytes + rules.constraint_ptr.nbytes
    assert 0.8 * taken < more < 2 * taken


@pytest.mark.parametrize("strings", [False, True], ids=["integers", "text"])
def test_estimate_covers_what_a_store_takes(strings: bool, tmp_path: Path) -> None:
    tables = random_tables(customers=5_000, strings=strings)
    folder = write_folder(tmp_path / "campaign", tables, spec())
    store = tmp_path / "store"
    read_campaign(folder, store=store)
    taken = sum(path.stat().st_size for path in store.glob("*.npy"))
    assert 0.5 * taken < memory_estimate(folder).disk < 1.6 * taken


def test_what_cannot_fit_names_the_store(
    campaign_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = CampaignSize(3_200_000_000, 100_000_000, 2_000, 1, 4, False, False, True, 0)
    monkeypatch.setattr("couponry.campaign_folder.read.campaign_size", lambda *_: size)
    with pytest.raises(
        InvalidInput,
        match=r"3,200,000,000 candidates .* 16.0 GiB are allowed; with a store .* enough",
    ):
        read_campaign(campaign_folder, memory_limit="16GiB")
    with pytest.raises(InvalidInput, match=r"even with a store, but only 1\.0 GiB are allowed"):
        read_campaign(campaign_folder, store=tmp_path / "store", memory_limit="1GiB")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10**9}))
    with pytest.raises(InvalidInput, match=r"^disk: .*store.* but only 953\.7 MiB are free"):
        read_campaign(campaign_folder, store=tmp_path / "store", memory_limit="16GiB")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("text", ["", "lots", "8 GiB of it", "-1", "0", True, "1e9"])
def test_sizes_that_are_none(text: Any, campaign_folder: Path) -> None:
    with pytest.raises(InvalidInput, match="memory_limit: expected a size such as 8GiB"):
        read_campaign(campaign_folder, memory_limit=text)


def test_estimate_says_what_passes_read_from_the_disk(
    campaign_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = memory_estimate(campaign_folder)
    # item and two quantities, two bytes each
    assert (needed.pass_bytes, needed.pass_bytes_from_disk) == (360 * 6, 0)
    assert "reads 2.1 KiB of a store, which stay in memory" in needed.summary()
    monkeypatch.setattr("couponry.data.sizes.memory_estimate.available_memory", lambda: 1000)
    needed = memory_estimate(campaign_folder)
    assert needed.pass_bytes_from_disk == 360 * 6 - 800 and not needed.disk_rate_measured
    assert "1.3 KiB from the disk: 0.0 s at 1.00 GB/s (assumed)" in needed.summary()
    monkeypatch.setattr("couponry.utils.files.disk_rate.LEAST_BYTES", 1000)
    needed = memory_estimate(campaign_folder)
    assert needed.disk_rate_measured and needed.disk_rate > 0
    assert needed.as_dict()["disk_rate"] == needed.disk_rate
    assert "GB/s (measured on the campaign's files)" in needed.summary()


def test_cached_files_of_a_control_group_are_no_memory_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("couponry.utils.memory.CONTROL_GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("100000\n")
    (tmp_path / "memory.current").write_text("90000\n")
    (tmp_path / "memory.stat").write_text("anon 20000\nactive_file 30000\ninactive_file 35000\n")
    assert available_memory() == 75_000
    (tmp_path / "memory.max").write_text("max\n")
    assert (available_memory() or 0) > 1_000_000


def test_limits_by_columns_of_customers_take_memory(tmp_path: Path) -> None:
    """Offers in each segment of customers that limits tell apart, with and without candidates."""
    tables = random_tables()
    stores = pa.array([f"s{n % 5}" for n in range(tables["customers"].num_rows)])
    tables["customers"] = tables["customers"].append_column("store", stores)
    limits: list[dict[str, Any]] = [{"name": "stock", "by": ["store", "offer"], "max": 4}]
    needed = []
    for some in ([], limits):
        folder = tmp_path / str(len(some))
        write_folder(folder, tables, spec(limit=some))
        needed.append(memory_estimate(folder).memory)
    assert needed[1] - needed[0] == BYTES_PER_CELL * 5 * tables["offers"].num_rows


def test_more_customers_told_apart_than_there_is_memory_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of tables in memory, too, and before anything of that size is taken."""
    tables = random_tables()
    stores = pa.array([f"s{n % 5}" for n in range(tables["customers"].num_rows)])
    customers = tables["customers"].append_column("store", stores)
    limit = Limit("stock", by=["store", "offer"], max=4)
    campaign = Campaign(
        tables["offers"], tables["candidates"], customers=customers, limits=[limit], value="value"
    )
    cells = 5 * tables["offers"].num_rows
    monkeypatch.setattr(too_large, "available_memory", lambda: BYTES_PER_CELL * cells - 1)
    with pytest.raises(InvalidInput, match="limits tell 5 segments of customers apart"):
        campaign.solve()
    monkeypatch.setattr(too_large, "available_memory", lambda: BYTES_PER_CELL * cells)
    assert campaign.solve().max_violation == 0

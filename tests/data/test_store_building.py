"""A candidate store is whole or not there, and built in little memory."""

from __future__ import annotations

import gc
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pytest
from tests.support.campaigns import random_tables
from tests.support.stores import batches, run_python

from couponry import Campaign, InvalidInput


def test_a_build_that_fails_leaves_nothing(campaign_folder: Path, tmp_path: Path) -> None:
    tables = random_tables()

    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(tables["candidates"].slice(0, 100), 10)
        raise RuntimeError("the line went dead")

    with pytest.raises(RuntimeError, match="dead"):
        Campaign(tables["offers"], broken(), store=tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["campaign"]


def test_files_of_a_build_that_fails_are_closed(tmp_path: Path) -> None:
    rows = pa.table({"customer": [1, 2], "offer": [1, 1], "value": [1.0, float("nan")]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(InvalidInput, match="finite"):
            Campaign({"offer": [1]}, batches(rows, 1), store=tmp_path / "store")
        gc.collect()
    assert caught == []


KILLED = """
    import sys, time
    import pyarrow as pa
    from couponry import Campaign

    def batches():
        for customer in range(1000):
            if customer == 500:
                print("half", flush=True)
                time.sleep(600)
            yield pa.record_batch({"customer": [customer], "offer": [1], "value": [1.0]})

    Campaign({"offer": [1]}, batches(), store=sys.argv[1])
"""


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_killed_leaves_nothing_that_looks_whole(
    blow: signal.Signals, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    process = run_python(KILLED, store)
    assert process.stdout is not None and process.stdout.readline() == b"half\n"
    assert len(list(tmp_path.glob(".store.*.draft"))) == 1 and not store.exists()
    process.send_signal(blow)
    process.wait(600)
    process.stdout.close()
    assert not store.exists()
    tables = random_tables()
    Campaign(tables["offers"], tables["candidates"], store=store)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]  # nor the draft of whoever died


def test_a_store_that_somebody_is_building_is_left_alone(tmp_path: Path) -> None:
    process = run_python(KILLED, tmp_path / "store")
    assert process.stdout is not None and process.stdout.readline() == b"half\n"
    tables = random_tables()
    with pytest.raises(InvalidInput, match=r"^store '.*/store': another run is writing it; wait"):
        Campaign(tables["offers"], tables["candidates"], store=tmp_path / "store")
    assert len(list(tmp_path.glob(".store.*.draft"))) == 1
    process.kill()
    process.wait(600)
    process.stdout.close()
    Campaign(tables["offers"], tables["candidates"], store=tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


MEMORY = """
    import resource, sys
    import numpy as np, pyarrow as pa
    from couponry import Campaign, CustomerRule, Limit
    from couponry.data import external_sort
    from couponry.utils.arrays import blocks

    store, shuffled = sys.argv[1], sys.argv[2] == "shuffled"
    external_sort.BLOCK_ROWS = blocks.BLOCK_SIZE = 1 << 16
    external_sort.RUN_ROWS = 1 << 18
    external_sort.MERGED_ROWS = 1 << 16
    customers, each = 250_000, 16
    # an order of all customers that needs no memory
    stride = 99_991 if shuffled else 1

    def batches():
        rng = np.random.default_rng(1)
        for start in range(0, customers, 2_000):
            ids = np.arange(start, start + 2_000) * stride % customers
            columns = {
                "customer": np.repeat(ids, each),
                "offer": np.tile(np.arange(each), 2_000),
                "response": rng.random(2_000 * each, np.float32) / 10,
                "value": rng.random(2_000 * each),
                "weight": rng.random(2_000 * each),
            }
            yield pa.record_batch(columns)

    def campaign(candidates, store):
        offers = {"offer": np.arange(each), "face_value": np.ones(each)}
        limits = [Limit("b", sum="cost", max=1e5), Limit("w", sum="weight", max=1e5)]
        made = Campaign(
            offers, candidates, rules=[CustomerRule("slots", max=3)], limits=limits, store=store
        )
        return made.compile()

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    small = pa.table({"customer": [1], "offer": [1], "response": [0.1], "value": [1.0], "weight": [1.0]})
    campaign(small, store + "-small")
    before = peak()
    problem = campaign(batches(), store).problem
    print((peak() - before) * 1024, problem.candidates, problem.shard.item.nbytes)
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="counts memory in other units")
@pytest.mark.parametrize("order", ["ordered", "shuffled"])
def test_memory_of_a_build(order: str, tmp_path: Path) -> None:
    """4 million candidates with 3 columns: 240 MB as an Arrow table and float64, more while they are sorted."""
    process = run_python(MEMORY, tmp_path / "store", order)
    out, _ = process.communicate(timeout=600)
    taken, candidates, _ = map(int, out.split())
    assert candidates == 4_000_000
    in_memory = candidates * (8 + 8 + 4 + 8 + 8) + candidates * 3 * 8
    assert taken < in_memory / 2, f"{taken / 2**20:.0f} MiB"

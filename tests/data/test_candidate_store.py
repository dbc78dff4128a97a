"""Candidates in a folder: the same campaign as in memory, used again while the input is the same, whole or absent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from tests.campaign_folder.test_bad_input import CASES, Draft
from tests.support.campaigns import random_tables, replaced, shuffled, spec, write_folder

from couponry import (
    Campaign,
    CustomerRule,
    InvalidInput,
    Limit,
    memory_estimate,
    read_campaign,
    write_campaign,
)
from couponry.data import external_sort
from couponry.data.memory_estimate import Size
from couponry.model.compiled_campaign import CompiledCampaign
from couponry.utils import array_store
from couponry.utils.toml_writer import dumps

RULES = [CustomerRule("slots", max=3), CustomerRule("one each", by="product", max=1)]
LIMITS = [
    Limit("budget", sum="cost", max=4.0),
    Limit("weights", sum="weight", max=30.0),
    Limit("gold", max=12, customers={"segment": ["gold"]}),
]
BY_ROLE = [Limit("roles", max=40, by="role")]
Sizes = tuple[int, int, int]


@pytest.fixture(params=[(1 << 20, 1 << 22, 1 << 20), (1, 40, 7), (7, 25, 3)], ids=str)
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sizes:
    """Rows that are sorted at a time, in a run, and worked on at a time."""
    monkeypatch.setattr(external_sort, "BLOCK_ROWS", request.param[0])
    monkeypatch.setattr(external_sort, "RUN_ROWS", request.param[1])
    monkeypatch.setattr(array_store, "BLOCK", request.param[2])
    return request.param


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk: nobody pulls the plug here."""
    monkeypatch.setattr("couponry.utils.atomic_folder.os.fsync", lambda handle: None)


def fields(compiled: CompiledCampaign, campaign: Campaign) -> dict[str, Any]:
    """Every array of a compiled problem, and what it is about."""
    problem, candidates = compiled.problem, campaign.candidates
    arrays = {
        "item": problem.shard.item,
        "quantity": problem.shard.quantity,
        "indptr": problem.shard.indptr,
        "segment": problem.shard.segment,
        "offer": candidates.offer,
        "rows": problem.rows.toarray(),
        **{
            name: getattr(problem, name)
            for name in (
                "low",
                "step",
                "error",
                "fine",
                "fine_error",
                "objective",
                "lower",
                "upper",
            )
        },
        **{f"channel {c}": channel for c, channel in enumerate(problem.channels)},
        **{f"rules {n}": np.array(part) for n, part in enumerate(problem.rules)},
    }
    return {
        "customers": candidates.customers.to_pylist(),
        **{name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()},
    }


def whole(tables: dict[str, Any], **how: Any) -> dict[str, Any]:
    campaign = Campaign(**tables, rules=RULES, **{"limits": LIMITS, **how})
    return fields(campaign.compile(), campaign)


def batches(table: pa.Table, rows: int) -> Iterator[pa.RecordBatch]:
    yield from table.combine_chunks().to_batches(rows)


def ways(table: pa.Table, folder: Path) -> dict[str, Any]:
    """The same candidates in every order and shape that they may come in."""
    folder.mkdir()
    for part, start in enumerate(range(0, len(table), 50)):
        pq.write_table(table.slice(start, 50), folder / f"{part}.parquet", row_group_size=17)
    upside_down = table.take(pa.array(np.arange(len(table))[::-1]))
    return {
        "ordered": table,
        "shuffled": shuffled(table),
        "upside down": upside_down,
        "two runs": pa.concat_tables([table.slice(50), table.slice(0, 50)]),
        "files": str(folder),
        "dataset": pyarrow.dataset.dataset(folder),
        "reader": pa.RecordBatchReader.from_batches(table.schema, batches(table, 5)),
        "iterator": batches(shuffled(table, 1), 13),
    }


@pytest.mark.parametrize(
    ("strings", "single", "limits"),
    [
        (False, False, LIMITS),
        (False, True, LIMITS + BY_ROLE),
        (True, True, LIMITS),
        (True, False, LIMITS + BY_ROLE),
    ],
    ids=["integers", "integers, float32, roles", "text, float32", "text, roles"],
)
def test_the_same_bits_in_any_order_any_blocks_and_any_place(
    strings: bool, single: bool, limits: list[Limit], tmp_path: Path, sizes: Sizes
) -> None:
    tables: dict[str, Any] = random_tables(customers=20, strings=strings)
    if single:
        tables["candidates"] = replaced(
            tables["candidates"], "response", tables["candidates"]["response"].cast(pa.float32())
        )
    with pytest.MonkeyPatch.context() as large:  # the reference: everything in one block
        large.setattr(external_sort, "BLOCK_ROWS", 1 << 20)
        large.setattr(array_store, "BLOCK", 1 << 20)
        expected = whole(tables, limits=limits)
    kinds = {expected[name][0] for name in expected if name.startswith("channel")}
    assert (np.dtype(np.float32) in kinds) == single
    for store in (None, tmp_path / "store"):
        found = ways(tables["candidates"], tmp_path / f"parts-{store is None}")
        for way, candidates in found.items():
            got = whole({**tables, "candidates": candidates}, limits=limits, store=store)
            different = [name for name in expected if got[name] != expected[name]]
            assert not different, (way, store)


@pytest.mark.parametrize("column", ["margin", "issue_cost"])
def test_money_of_candidates(column: str, tmp_path: Path, sizes: Sizes) -> None:
    """Default amounts are computed per candidate then, and live in the store too."""
    tables: dict[str, Any] = random_tables()
    values = np.random.default_rng(2).uniform(0, 1, len(tables["candidates"]))
    tables["candidates"] = replaced(tables["candidates"].drop("value"), column, values)
    expected = whole(tables)
    assert (
        whole({**tables, "candidates": shuffled(tables["candidates"])}, store=tmp_path / "s")
        == expected
    )


def test_arrays_are_mapped_and_offers_serve_as_items(tmp_path: Path) -> None:
    tables: dict[str, Any] = random_tables()
    campaign = Campaign(**tables, rules=RULES, limits=LIMITS, store=tmp_path / "store")
    problem = campaign.compile().problem
    assert problem.shard.item is campaign.candidates.offer
    assert problem.shard.item.dtype == np.uint16
    assert problem.shard.indptr is campaign.candidates.indptr
    for array in (
        problem.shard.item,
        problem.shard.quantity,
        problem.shard.indptr,
        *problem.channels,
    ):
        assert not array.flags.writeable and array.flags.c_contiguous and not array.flags.owndata
        assert np.shares_memory(array, array)
    for name in ("offer", "indptr", "column-0", "customer"):
        on_disk = np.load(tmp_path / "store" / f"{name}.npy", mmap_mode="r")
        assert len(on_disk) in (60, 61, 360)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["store"]
    files = {path.name for path in (tmp_path / "store").iterdir()}
    assert "store.json" in files and "quantity.npy" not in files


def test_solved_alike(tmp_path: Path) -> None:
    tables: dict[str, Any] = random_tables(customers=200)
    found = [
        Campaign(**tables, rules=RULES, limits=LIMITS, store=store).solve(gap=0.02)
        for store in (None, tmp_path / "store")
    ]
    assert found[0].allocation.to_arrow().equals(found[1].allocation.to_arrow())
    assert (found[0].objective, found[0].bound) == (found[1].objective, found[1].bound)


def test_ids_that_are_hard_to_sort(tmp_path: Path, sizes: Sizes) -> None:
    """The largest and smallest integers; text that is empty, of any alphabet, or the beginning of another."""
    for customers in (
        [2**63 - 1, -(2**63), 0, -1, 5, 2**62],
        ["", "a", "ab", "ß", "z", "\U0001f600", "\uffff", "a\x00"],
    ):
        rows = {
            "customer": [c for c in customers for _ in range(2)],
            "offer": [1, 2] * len(customers),
            "value": np.arange(2.0 * len(customers)),
        }
        found = [
            Campaign({"offer": [1, 2]}, rows, store=store).candidates
            for store in (None, tmp_path / "store")
        ]
        key = None if isinstance(customers[0], int) else str.encode
        assert found[0].customers.to_pylist() == sorted(customers, key=key)
        assert found[0].customers.equals(found[1].customers)
        assert np.array_equal(found[0].columns["value"], found[1].columns["value"])
        assert found[1].indptr.tolist() == list(range(0, 2 * len(customers) + 1, 2))


def test_only_empty_text(tmp_path: Path) -> None:
    rows = {"customer": [""], "offer": ["x"], "value": [1.0]}
    campaign = Campaign({"offer": ["x"]}, rows, store=tmp_path / "store")
    assert campaign.candidates.customers.to_pylist() == [""]
    for _ in range(2):  # nothing to quantise either
        assert Campaign(
            {"offer": ["x"]}, rows, store=tmp_path / "store"
        ).compile().problem.shard.quantity.shape == (0, 1)


def test_written_in_blocks(tmp_path: Path, sizes: Sizes) -> None:
    campaign = Campaign(**random_tables(strings=True), rules=RULES, store=tmp_path / "store")
    write_campaign(campaign, tmp_path / "campaign")
    again = read_campaign(tmp_path / "campaign")
    assert again.candidates.customers.equals(campaign.candidates.customers)
    for name, column in campaign.candidates.columns.items():
        assert np.array_equal(column, again.candidates.columns[name])
    assert np.array_equal(again.candidates.role, campaign.candidates.role)


# ---- bad input


SPOILT = [
    case
    for case, (_, expected) in CASES.items()
    if any("table candidates" in part for part in expected)
]


@pytest.mark.parametrize("case", SPOILT)
def test_bad_candidates_say_the_same_in_small_blocks(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, _ = CASES[case]
    spoil(Draft()).write(tmp_path / "campaign")
    said = []
    for block, store in ((1 << 20, None), (3, tmp_path / "store"), (3, None)):
        monkeypatch.setattr(external_sort, "BLOCK_ROWS", block)
        monkeypatch.setattr(external_sort, "RUN_ROWS", block)
        with pytest.raises(InvalidInput) as caught:
            read_campaign(tmp_path / "campaign", store=store).compile()
        said.append(str(caught.value))
        assert [p.name for p in tmp_path.iterdir() if p.name != "store"] == ["campaign"]
    assert len(set(said)) == 1


def test_a_pair_twice_far_apart(tmp_path: Path, sizes: Sizes) -> None:
    tables: dict[str, Any] = random_tables()
    table = shuffled(tables["candidates"])
    table = pa.concat_tables([table, table.slice(3, 1), table.slice(100, 1).slice(0, 0)])
    ids = (table["customer"][3].as_py(), table["offer"][3].as_py())
    for store in (None, tmp_path / "store"):
        with pytest.raises(
            InvalidInput, match=rf"row 360: the pair of customer {ids[0]} and offer {ids[1]} is"
        ):
            Campaign(tables["offers"], table, store=store)
        with pytest.raises(InvalidInput, match=r"table candidates: the pair of customer"):
            Campaign(tables["offers"], batches(table, 9), store=store)  # cannot be read again
    assert not (tmp_path / "store").exists()


def test_batches_that_do_not_fit() -> None:
    offers = {"offer": [1, 2]}
    good = pa.record_batch({"customer": [1], "offer": [1], "value": [1.0]})
    for bad, expected in (
        (pa.record_batch({"customer": ["x"], "offer": [1], "value": [1.0]}), "do not fit"),
        (pa.record_batch({"customer": [2], "offer": [1]}), "no column 'value'"),
    ):
        with pytest.raises(InvalidInput, match=expected):
            Campaign(offers, iter([good, bad]))
    with pytest.raises(InvalidInput, match="record batches"):
        Campaign(offers, iter([1]))
    with pytest.raises(InvalidInput, match="at least one row"):
        Campaign(offers, iter([]))


# ---- used again, or not


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "campaign", random_tables(), spec())


def stamp(store: Path) -> int:
    return (store / "store.json").stat().st_mtime_ns


def test_a_store_is_used_again_until_the_input_changes(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = read_campaign(folder, store=store)
    built = stamp(store)
    again = read_campaign(folder, store=store)
    assert stamp(store) == built
    assert fields(first.compile(), first) == fields(again.compile(), again)

    def rebuilt() -> bool:
        nonlocal built
        read_campaign(folder, store=store)
        built, before = stamp(store), built
        return built != before

    offers = pq.read_table(folder / "offers.parquet")
    pq.write_table(replaced(offers, "margin", offers["face_value"]), folder / "offers.parquet")
    assert not rebuilt()  # the candidates do not know of it
    pq.write_table(offers.slice(0, 11), folder / "offers.parquet")
    with pytest.raises(InvalidInput, match="not in table offers"):
        read_campaign(folder, store=store)
    assert stamp(store) == built  # what is there stays until something else is whole
    pq.write_table(offers, folder / "offers.parquet")
    assert not rebuilt()
    candidates = pq.read_table(folder / "candidates.parquet")
    pq.write_table(shuffled(candidates), folder / "candidates.parquet")
    assert rebuilt()
    write_folder(folder, {}, spec(limit=[{"name": "w", "sum": "weight", "max": 9.0}]))
    assert rebuilt()
    manifest = json.loads((store / "store.json").read_text())
    (store / "store.json").write_text(json.dumps({**manifest, "format": 0}))
    assert rebuilt()
    (store / "store.json").write_text("{")
    assert rebuilt()
    assert not rebuilt()


def test_old_arrays_stay_while_a_store_is_replaced(tmp_path: Path) -> None:
    tables: dict[str, Any] = random_tables()
    how: dict[str, Any] = {"rules": RULES, "limits": LIMITS + BY_ROLE, "store": tmp_path / "store"}
    old = Campaign(**tables, **how)
    customers, values = old.candidates.customers.to_pylist(), old.candidates.columns["value"].copy()
    new = Campaign(**random_tables(seed=2), **how)
    assert old.candidates.customers.to_pylist() == customers
    assert np.array_equal(old.candidates.columns["value"], values)
    # what is packed of the old ones is not taken for the new ones
    assert fields(old.compile(), old) == whole(tables, limits=LIMITS + BY_ROLE)
    assert fields(new.compile(), new) == whole(dict(random_tables(seed=2)), limits=LIMITS + BY_ROLE)


def test_what_is_packed_is_used_again(folder: Path, tmp_path: Path) -> None:
    write_folder(folder, {}, spec(tables={**spec()["tables"], "customers": "customers.parquet"}))
    store = tmp_path / "store"

    def limited(limits: list[Limit]) -> tuple[dict[str, Any], set[tuple[str, int]]]:
        campaign = Campaign(
            pq.read_table(folder / "offers.parquet"),
            folder / "candidates.parquet",
            pq.read_table(folder / "customers.parquet"),
            rules=RULES,
            limits=limits,
            store=store,
        )
        found = fields(campaign.compile(), campaign)
        return found, {(path.name, path.stat().st_ino) for path in store.iterdir() if path.is_dir()}

    by_role = LIMITS + BY_ROLE
    first, made = limited(by_role)
    assert {name.split(".")[0] for name, _ in made} == {"item", "span", "packed"}
    again, made_again = limited(by_role)
    assert again == first and made_again == made
    other, made_other = limited(LIMITS)  # the same columns, roles not told apart
    assert other == whole(dict(random_tables()))
    packed = [name for name, _ in made_other if name.startswith("packed")]
    assert len(packed) == 1 and packed[0] not in {name for name, _ in made}  # the other one is gone
    assert limited(by_role)[0] == first


def test_what_was_packed_otherwise_is_packed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: dict[str, Any] = random_tables()
    pq.write_table(tables["candidates"], tmp_path / "candidates.parquet")
    tables["candidates"] = tmp_path / "candidates.parquet"
    store, found = tmp_path / "store", []
    for packing in ("an earlier one", "this one"):
        monkeypatch.setattr("couponry.model.measures.PACKING", packing)
        whole(tables, store=store)
        found.append(
            ([path.name for path in store.glob("packed.*")], (store / "offer.npy").stat().st_ino)
        )
    (before, offer), (after, same_offer) = found
    assert len(before) == len(after) == 1 and before != after
    assert offer == same_offer  # candidates are those that were there


def test_amounts_made_of_other_offers_are_not_used_again(folder: Path, tmp_path: Path) -> None:
    """The store is the same where only the money columns of offers change; what was made of them is not."""
    table = pq.read_table(folder / "candidates.parquet").drop("value")
    values = np.random.default_rng(2).uniform(0, 1, len(table))
    pq.write_table(replaced(table, "issue_cost", values), folder / "candidates.parquet")
    offers = pq.read_table(folder / "offers.parquet")
    found = []
    for margin in (offers["margin"], offers["face_value"], offers["margin"]):
        pq.write_table(replaced(offers, "margin", margin), folder / "offers.parquet")
        stored = read_campaign(folder, store=tmp_path / "store")
        plain = read_campaign(folder)
        found.append(fields(stored.compile(), stored))
        assert found[-1] == fields(plain.compile(), plain)
    assert found[0] == found[2] != found[1]


def test_a_folder_of_something_else_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    for name in ("mine", "file"):
        with pytest.raises(InvalidInput, match=name):
            read_campaign(folder, store=tmp_path / name)
    assert (tmp_path / "mine" / "precious.txt").read_text() == "precious"
    (tmp_path / "empty").mkdir()
    read_campaign(folder, store=tmp_path / "empty")


def test_an_array_that_is_gone_or_cut_off(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    for spoil in (
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: path.write_bytes(b""),
    ):
        read_campaign(folder, store=store)
        spoil(store / "offer.npy")
        with pytest.raises(InvalidInput, match=r"store .*remove it"):
            read_campaign(folder, store=store)
        (store / "store.json").unlink()
        for path in store.iterdir():
            path.unlink()


# ---- whole or not there


def test_a_build_that_fails_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    tables = random_tables()

    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(tables["candidates"].slice(0, 100), 10)
        raise RuntimeError("the line went dead")

    with pytest.raises(RuntimeError, match="dead"):
        Campaign(tables["offers"], broken(), store=tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["campaign"]


KILLED = """
    import sys, time
    import pyarrow as pa
    from couponry import Campaign

    def batches():
        for customer in range(1000):
            if customer == 500:
                print("half", flush=True)
                time.sleep(60)
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
    drafts = list(tmp_path.iterdir())
    assert len(drafts) == 1 and drafts[0].name.startswith(".store.")
    process.send_signal(blow)
    process.wait(30)
    process.stdout.close()
    assert not store.exists()
    tables = random_tables()
    Campaign(tables["offers"], tables["candidates"], store=store)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]  # nor the draft of whoever died


def test_the_draft_of_somebody_at_work_stays(tmp_path: Path) -> None:
    process = run_python(KILLED, tmp_path / "store")
    assert process.stdout is not None and process.stdout.readline() == b"half\n"
    tables = random_tables()
    Campaign(tables["offers"], tables["candidates"], store=tmp_path / "store")
    assert len(list(tmp_path.iterdir())) == 2
    process.kill()
    process.wait(30)
    process.stdout.close()


def run_python(code: str, *arguments: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": path, "COUPONRY_THREADS": "2"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )


# ---- within memory


MEMORY = """
    import resource, sys
    import numpy as np, pyarrow as pa
    from couponry import Campaign, CustomerRule, Limit
    from couponry.data import external_sort
    from couponry.utils import array_store

    store, shuffled = sys.argv[1], sys.argv[2] == "shuffled"
    external_sort.BLOCK_ROWS = array_store.BLOCK = 1 << 16
    external_sort.RUN_ROWS = 1 << 18
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
    out, _ = process.communicate(timeout=120)
    taken, candidates, _ = map(int, out.split())
    assert candidates == 4_000_000
    in_memory = candidates * (8 + 8 + 4 + 8 + 8) + candidates * 3 * 8
    assert taken < in_memory / 2, f"{taken / 2**20:.0f} MiB"


# ---- the plan


def test_estimate(folder: Path) -> None:
    needed = memory_estimate(folder)
    assert (needed.candidates, needed.customers, needed.columns) == (360, 60, 2)
    assert needed.disk >= sum(
        array.nbytes for array in read_campaign(folder).candidates.columns.values()
    )
    assert 0 < needed.memory_with_store <= needed.memory
    assert needed.disk_while_building < needed.disk * 1.5
    assert "360" in needed.summary() and "store" in needed.summary()
    table = pq.read_table(folder / "candidates.parquet")
    (folder / "campaign.toml").write_text(
        dumps(spec())
    )  # without table customers, and ids far apart
    assert memory_estimate(folder).customers == 45
    pq.write_table(replaced(table, "customer", range(360)), folder / "candidates.parquet")
    assert memory_estimate(folder).customers == 360
    pq.write_table(
        shuffled(table),
        folder / "candidates.parquet",
        row_group_size=50,
    )
    assert memory_estimate(folder).disk_while_building > needed.disk * 1.5


@pytest.mark.parametrize("each", [12, 40])
def test_estimate_counts_the_sets_of_rules_that_conflict(each: int, tmp_path: Path) -> None:
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
    taken = rules.sets.nbytes + rules.ptr.nbytes
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
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = Size(3_200_000_000, 100_000_000, 2_000, 1, 4, False, False, True, 0)
    monkeypatch.setattr("couponry.campaign_folder.read.campaign_size", lambda *_: size)
    with pytest.raises(
        InvalidInput,
        match=r"3,200,000,000 candidates .* 16.0 GiB are allowed; with a store .* enough",
    ):
        read_campaign(folder, memory_limit="16GiB")
    with pytest.raises(InvalidInput, match=r"even with a store, but only 1\.0 GiB are allowed"):
        read_campaign(folder, store=tmp_path / "store", memory_limit="1GiB")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10**9}))
    with pytest.raises(InvalidInput, match=r"^disk: .*store.* but only 953\.7 MiB are free"):
        read_campaign(folder, store=tmp_path / "store", memory_limit="16GiB")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("text", ["", "lots", "8 GiB of it", "-1", "0", True, "1e9"])
def test_sizes_that_are_none(text: Any, folder: Path) -> None:
    with pytest.raises(InvalidInput, match="memory_limit: expected a size such as 8GiB"):
        read_campaign(folder, memory_limit=text)


def test_command_line(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from couponry.cli import run

    assert run(["estimate", str(folder)]) == 0
    assert "360" in capfd.readouterr().out
    assert run(["estimate", str(folder), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["candidates"] == 360
    store = tmp_path / "store"
    options = ["--store", str(store), "--memory-limit", "8GiB", "--quiet"]
    found = []
    for out in ("a", "b"):
        assert run(["solve", str(folder), "--out", str(tmp_path / out), *options]) == 0
        found.append((stamp(store), pq.read_table(tmp_path / out / "allocation.parquet")))
    assert found[0][0] == found[1][0] and found[0][1].equals(found[1][1])
    capfd.readouterr()
    assert run(["solve", str(folder), "--out", str(tmp_path / "c"), "--memory-limit", "much"]) == 2
    assert "expected a size" in capfd.readouterr().err

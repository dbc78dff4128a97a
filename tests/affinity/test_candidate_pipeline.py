"""From transactions to an allocation: by one call and by one command, stages timed, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.instances.synthetic_purchases import Shoppers
from tests.support.campaigns import replaced, shuffled

from couponry import (
    Campaign,
    CustomerRule,
    InvalidInput,
    Limit,
    Targeting,
    cli,
    memory_estimate,
    read_campaign,
)
from couponry.affinity import CandidateModel, candidate_pipeline, pipeline_fit
from couponry.affinity.candidates import weighted_purchases
from couponry.affinity.history.ranged_history import RangedHistory
from couponry.affinity.scores import lightgbm_trees
from couponry.analysis.explain_files import explain_written
from couponry.data.sizes import memory_estimate as memory_estimates
from couponry.utils.toml_writer import dumps
from couponry.verify import verify_result

SIZE = Shoppers(2000, rows=20, products=300, types=20, offers=40, weeks=20)
TARGETING = {"kind": "type", "reward": 4, "activation": 4, "innovation": 2}
RULES = [CustomerRule("slots", max=3), CustomerRule("new", where={"role": ["innovation"]}, max=1)]
LIMITS = [Limit("caps", by="offer", max=150.0)]
STAGES = ["history", "fit", "candidates"]


@cache
def tables() -> dict[str, pa.Table]:
    return {
        "offers": SIZE.offers_table(),
        "transactions": SIZE.block(0),
        "covers": SIZE.covers_table(),
        "products": SIZE.products_table(),
    }


def write(folder: Path, change: Callable[[dict[str, Any]], None] = lambda spec: None) -> Path:
    folder.mkdir()
    spec: dict[str, Any] = {
        "schema": 1,
        "name": "of transactions",
        "tables": {name: f"{name}.parquet" for name in tables()},
        "candidates": dict(TARGETING),
        "customer_rule": [
            {"name": "slots", "max": 3},
            {"name": "new", "where": {"role": ["innovation"]}, "max": 1},
        ],
        "limit": [{"name": "caps", "by": "offer", "max": 150.0}],
    }
    change(spec)
    for name, table in tables().items():
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "campaign.toml").write_text(dumps(spec), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("transactions") / "campaign")


@cache
def in_memory() -> Campaign:
    return made(tables()["transactions"])


def made(transactions: Any, **options: Any) -> Campaign:
    rest = {name: tables()[name] for name in ("covers", "products")}
    return Campaign.from_transactions(
        tables()["offers"],
        transactions,
        **rest,
        targeting=Targeting(**TARGETING),
        rules=RULES,
        limits=LIMITS,
        **options,
    )


def bits(campaign: Campaign) -> list[Any]:
    found = campaign.candidates
    columns = (found.indptr, found.offer, found.role, found.columns["response"])
    return [found.customers.to_pylist(), *(column.tobytes() for column in columns)]


def test_one_command(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out, store = tmp_path / "out", tmp_path / "store"
    arguments = ["solve", str(folder), "--out", str(out), "--store", str(store), "--json"]
    assert cli.run(arguments) == 0
    printed = capfd.readouterr()
    result = json.loads(printed.out)
    assert list(result["seconds"])[:3] == STAGES and result["status"] == "optimal"
    assert "candidates: " in printed.err and " customers" in printed.err
    assert result["candidates"] == len(in_memory().candidates)
    assert pq.read_table(out / "allocation.parquet").equals(
        in_memory().solve().allocation.to_arrow()
    )
    assert not (store / "purchases").exists()  # histories are gone when candidates are there
    report = verify_result(folder, out)
    assert report.ok, report.problems
    customer = pq.read_table(out / "allocation.parquet")["customer"][0].as_py()
    assert "given" in explain_written(folder, out, str(customer)).summary()
    # a store of the same input is used again: nothing is made
    again = read_campaign(folder, store)
    assert again.seconds == {} and bits(again) == bits(in_memory())
    told = write(tmp_path / "other", lambda spec: spec["candidates"].update(half_life=8.0))
    assert read_campaign(told, store).seconds.keys() == set(STAGES)


def test_the_same_bits_whatever_the_order(folder: Path, tmp_path: Path) -> None:
    table = tables()["transactions"]
    expected = bits(in_memory())
    assert bits(read_campaign(folder)) == expected
    assert bits(made(shuffled(table).to_reader(999))) == expected
    assert bits(made(shuffled(table), store=tmp_path / "store", memory_limit="2GiB")) == expected


@pytest.mark.parametrize(("memory", "threads"), [("4GiB", "2"), ("2GiB", "2"), ("4GiB", "1")])
def test_the_model_is_fitted_meanwhile_where_memory_and_threads_allow(
    memory: str, threads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, by = bits(in_memory()), list[threading.Thread]()

    def fitted(*arguments: Any) -> pipeline_fit.Fitted:
        by.append(threading.current_thread())
        return pipeline_fit.fitted(*arguments)

    monkeypatch.setattr(candidate_pipeline, "fitted", fitted)
    monkeypatch.setenv("COUPONRY_THREADS", threads)
    found = made(tables()["transactions"], store=tmp_path / "store", memory_limit=memory)
    assert bits(found) == expected
    is_meanwhile = (memory, threads) == ("4GiB", "2")
    assert [one is not threading.current_thread() for one in by] == [is_meanwhile]


@pytest.mark.parametrize("limit", ["1536MiB", "8GiB"])
def test_threads_that_make_candidates_have_room(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, used = bits(in_memory()), []

    def blocks(self: CandidateModel, histories: Any, threads: int) -> Any:
        used.append((threads, self.memory(threads), self.memory(threads + 1)))
        return plain(self, histories, threads)

    plain = CandidateModel.blocks
    monkeypatch.setattr(CandidateModel, "blocks", blocks)
    monkeypatch.setattr(weighted_purchases, "BYTES_PER_CANDIDATE", 200)
    monkeypatch.setenv("COUPONRY_THREADS", "16")
    found = made(tables()["transactions"], store=tmp_path / "store", memory_limit=limit)
    assert bits(found) == expected
    ((threads, needed, one_more),) = used
    if limit == "8GiB":
        assert threads == 16
    else:
        assert 1 < threads < 16 and needed <= memory_estimates.SCORING_BYTES < one_more


def test_a_fit_ends_where_histories_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise InvalidInput("disk: full")

    monkeypatch.setenv("COUPONRY_THREADS", "2")
    monkeypatch.setattr(RangedHistory, "statistics", fails)
    with pytest.raises(InvalidInput, match="disk: full"):
        made(tables()["transactions"], store=tmp_path / "store", memory_limit="4GiB")
    for thread in threading.enumerate():
        if thread.name == "couponry-fit":
            thread.join(120)
            assert not thread.is_alive()


def test_groups_of_products_are_part_of_what_a_store_is_made_from(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    products = tables()["products"]
    brand = pa.array([f"brand {i % 7}" for i in range(len(products))])
    name = pa.array([f"name {i}" for i in range(len(products))])
    branded = products.append_column("brand", brand).append_column("name", name)
    given = {"products": branded, "store": tmp_path / "store", "covers": tables()["covers"]}

    def read(**changed: Any) -> Campaign:
        return Campaign.from_transactions(
            tables()["offers"], folder / "transactions.parquet",
            targeting=Targeting(**TARGETING), **{**given, **changed},
        )  # fmt: skip

    first = read()
    assert read().seconds == {} and bits(first) != bits(in_memory())
    one_shot = read(products=branded.to_reader(), store=None)
    assert bits(one_shot) == bits(first)
    other = branded.set_column(2, "brand", pa.array(["one", "other"] * (len(products) // 2)))
    assert read(products=other).seconds.keys() == set(STAGES)
    names = products.append_column("name", name)  # groups nothing
    assert bits(read(products=names)) == bits(in_memory())
    trees = lightgbm_trees.is_installed()
    monkeypatch.setattr(lightgbm_trees, "is_installed", lambda: not trees)
    assert read(products=names).seconds.keys() == set(STAGES)  # so is whether there may be trees


def test_text_ids(tmp_path: Path) -> None:
    table = tables()["transactions"]
    text = pa.array([f"Zoë {i:07}" for i in table["customer"].to_pylist()])
    found = made(replaced(table, "customer", text))
    plain = in_memory().candidates
    assert found.candidates.customers.to_pylist() == [
        f"Zoë {i:07}" for i in plain.customers.to_pylist()
    ]
    # another sample would be another model: small inputs are taken whole
    assert found.candidates.columns["response"].tobytes() == plain.columns["response"].tobytes()


def test_response_from_coefficients(tmp_path: Path) -> None:
    told = {"intercept": -1.0, "p0": 1.0, "role=reward": 0.5}
    moved = read_campaign(
        write(tmp_path / "c", lambda spec: spec["candidates"].update(response=told))
    )
    mine = moved.candidates.role == 1
    plain = in_memory().candidates.columns["response"]
    assert (moved.candidates.columns["response"][mine] < plain[mine]).all()
    assert moved.candidates.offer.tobytes() == in_memory().candidates.offer.tobytes()


def test_numbers_of_any_kind(folder: Path, tmp_path: Path) -> None:
    """NumPy's numbers are as good as Python's, and a store of them is used again."""
    told = Targeting(**{**TARGETING, "reward": np.int64(4)}, response={"p0": np.float32(1.0)})  # type: ignore[arg-type]
    rest = {name: tables()[name] for name in ("covers", "products")}
    for again in (False, True):
        found = Campaign.from_transactions(
            tables()["offers"], folder / "transactions.parquet", **rest, targeting=told, store=tmp_path / "store"
        )  # fmt: skip
        assert (found.seconds == {}) == again


def test_customers_who_may_get_something(tmp_path: Path) -> None:
    ids = in_memory().candidates.customers
    some = pa.table(
        {"customer": shuffled(pa.table({"c": ids[::3]}))["c"], "segment": ["a"] * len(ids[::3])}
    )
    limits = [Limit("caps", customers={"segment": "a"}, max=50.0)]
    rest = {name: tables()[name] for name in ("covers", "products")}
    found = Campaign.from_transactions(
        tables()["offers"], tables()["transactions"], **rest, customers=some,
        targeting=Targeting(**TARGETING), limits=limits,
    )  # fmt: skip
    assert found.candidates.customers.equals(ids[::3])
    first = slice(0, int(found.candidates.indptr[1]))
    assert found.candidates.offer[first].tolist() == in_memory().candidates.offer[first].tolist()
    assert found.candidates.columns["response"][0] == in_memory().candidates.columns["response"][0]
    assert found.solve().allocated == 50


def test_incremental_value(tmp_path: Path) -> None:
    told = {"p0": 1.0, "role=reward": 0.5}
    one = write(tmp_path / "c", lambda s: s["candidates"].update(response=told, incremental=True))
    found = read_campaign(one)
    assert list(found.candidates.columns) == ["response", "value", "value_most"]
    plain = (
        found.candidates.role > 1
    )  # p1 = p0 there: a coupon adds nothing, and costs its face value
    assert (found.candidates.columns["value"][plain] < 0).all()
    assert (found.candidates.columns["value"][~plain] > 0).any()
    result = found.solve()
    assert result.status == "optimal" and result.allocated > 0
    assert "value is the least" in result.summary()
    assert set(result.allocation.to_arrow().column_names) >= {"value", "response", "cost"}


def test_what_it_needs_is_told_before_it_starts(folder: Path, tmp_path: Path) -> None:
    needed = memory_estimate(folder)
    assert (
        needed.candidates == 10 * needed.customers and needed.memory > needed.memory_with_store / 2
    )
    for options in ({}, {"store": tmp_path / "store"}):
        with pytest.raises(InvalidInput, match=r"need about .* GiB.*only 300\.0 MiB are allowed"):
            read_campaign(folder, memory_limit="300MiB", **options)
        with pytest.raises(InvalidInput, match=r"need about .* GiB.*only 300\.0 MiB are allowed"):
            made(folder / "transactions.parquet", memory_limit="300MiB", **options)
    assert not (tmp_path / "store").exists()


KILLED = """
    import sys, time
    from couponry import read_campaign
    from couponry.affinity.candidates import candidate_model, response_odds
    from couponry.affinity.history import ranged_history

    stage, folder, store = sys.argv[1:]

    def stop(*arguments, **options):
        print("there", flush=True)
        time.sleep(600)

    if stage == "history":
        ranged_history.RangedHistory.statistics = stop
    elif stage == "fit":
        candidate_model.CandidateModel.fit = stop
    else:
        response_odds.ResponseOdds.probabilities = stop
    read_campaign(folder, store)
"""


@pytest.mark.parametrize(
    ("stage", "blow"),
    [*((stage, signal.SIGKILL) for stage in STAGES), ("fit", signal.SIGINT)],
)
def test_killed_in_any_stage_and_run_again(
    stage: str, blow: signal.Signals, folder: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), stage, str(folder), str(store)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert process.stdout is not None and process.stdout.readline() == b"there\n"
    process.send_signal(blow)
    process.wait(600)
    process.stdout.close()
    assert not store.exists()
    assert bits(read_campaign(folder, store)) == bits(in_memory())
    assert [path.name for path in tmp_path.iterdir()] == ["store"]  # nothing of whoever died


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s["tables"].update(candidates="x.parquet"), "expected candidates or transactions, got both"),
        (lambda s: s["tables"].pop("transactions"), "table 'covers' goes with transactions"),
        (lambda s: s["candidates"].update(rewards=1), r"\[candidates\]: unknown key 'rewards'"),
        (lambda s: s["candidates"].update(reward=-1), "reward: expected a whole number from 0 up to 65,535, got -1"),
        (lambda s: s["candidates"].update(window=0), "window: expected a whole number from 1 up to [0-9,]+, got 0"),
        (lambda s: s["candidates"].update(window=20), r"more than 20 weeks \(the window\)"),
        (lambda s: s["candidates"].update(half_life=0), "half_life: expected weeks above 0, got 0"),
        (lambda s: s["candidates"].update(kind="brand"), "table products: expected a column 'brand'"),
        (lambda s: s["candidates"].update(kind=3), "kind: expected a column of products, got 3"),
        (lambda s: s["candidates"].update(response=3), "response: expected coefficients, got 3"),
        (lambda s: s["candidates"].update(response={"depth": 1.0}), "table offers: expected a column 'depth'"),
        (lambda s: s["candidates"].update(columns={"who": "customer"}), "columns: expected names among"),
        (lambda s: s["candidates"].update(columns=[1]), "columns: expected names of columns"),
        (lambda s: s["candidates"].update(incremental=True), "expected coefficients of a response beside it"),
        (lambda s: s["candidates"].update(incremental=1), "incremental: expected true, false or a share .*, got 1"),
        (lambda s: s["candidates"].update(reward=0, activation=0, innovation=0), "at least one offer a customer"),
        (lambda s: s.update(candidates=[1]), "candidates: expected a table, got"),
        (lambda s: s["tables"].pop("covers"), "table offers: expected a column 'product', or a table covers"),
    ],
)  # fmt: skip
def test_bad_input(change: Callable[[dict[str, Any]], None], expected: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=expected):
        read_campaign(write(tmp_path / "campaign", change))


def test_ids_of_different_types() -> None:
    table = tables()["transactions"]
    text = replaced(table, "product", table["product"].cast(pa.string()))
    with pytest.raises(
        InvalidInput, match="column 'product': expected integers as in table covers"
    ):
        made(text)
    with pytest.raises(InvalidInput, match="row 0: expected an id, got null"):
        made(replaced(table, "customer", pa.array([None] + [1] * (len(table) - 1))))

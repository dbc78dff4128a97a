"""The benchmarks' generators give the same bits whoever makes them, and every benchmark does what it says."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.instances import bipartite, synthetic_purchases
from benchmarks.instances.synthetic import BLOCK, Synthetic
from benchmarks.instances.synthetic_purchases import Shoppers
from benchmarks.peers.programme import programme
from benchmarks.peers.solvers import highs
from numpy.typing import NDArray
from tests.support.oracle import Oracle

from couponry import CustomerRule, Limit
from couponry.affinity import PurchaseHistory
from couponry.engines import workers
from couponry.kernels import available

needs_native = pytest.mark.skipif(
    available()["native"] != "yes", reason="their bare read is a native function"
)
PEERS = [name for name in ("similaripy", "sparse_dot_topn", "implicit") if find_spec(name)]
Said = Callable[..., dict[str, Any]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Said:
    """Runs a benchmark's command; what it printed."""

    def run(module: ModuleType, *options: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [module.__name__, *options])
        capfd.readouterr()
        module.main()
        sys.stdout.flush()
        printed: dict[str, Any] = json.loads(capfd.readouterr().out)
        return printed

    return run


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


def test_synthetic_candidates_that_are_most_of_the_offers() -> None:
    offer, _ = Synthetic(500, width=50, offers=55, seed=1).block(0)
    assert (np.diff(offer, axis=1) > 0).all()


def test_shoppers_are_the_same_whoever_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic_purchases, "BLOCK", 500)
    size = Shoppers(1200, rows=20, products=300, types=20, offers=40, seed=3)
    one, three = (list(size.batches(threads)) for threads in (1, 3))
    assert all(a.equals(b) for a, b in zip(one, three, strict=True)) and len(one) == 3
    assert size.block(2).equals(one[2])
    ids = np.concatenate([size.ids(number) for number in range(3)])
    assert sorted(ids.tolist()) == list(range(1200))
    rows = pa.concat_tables(one)
    # light and heavy shoppers, products that sell as Zipf has it, and much that is bought again
    each = np.unique(rows["customer"].to_numpy(), return_counts=True)[1]
    assert each.mean() == pytest.approx(20, rel=0.1) and each.max() > 4 * each.mean()
    pairs = rows.group_by(["customer", "product"]).aggregate([("week", "count")])
    assert 0.3 < (pairs["week_count"].to_numpy() > 1).mean() < 0.8


def test_histories_of_shoppers_are_those_of_their_transactions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(synthetic_purchases, "BLOCK", 500)
    size = Shoppers(700, products=300, types=20, offers=40, scattered=False)
    for number in range(size.blocks):
        made = size.history(number)
        expected = PurchaseHistory.from_transactions(
            size.block(number), half_lives=(16,), until=size.weeks - 1
        )
        (rows, trips), (of_rows, of_trips) = made.aggregates(), expected.aggregates()
        assert rows.equals(of_rows) and trips.equals(of_trips)
        assert (made.indptr == expected.indptr).all()


@needs_native
def test_affinity_scale(said: Said) -> None:
    from benchmarks.cases.affinity import affinity_scale

    report = said(affinity_scale, "--customers", "3000")
    assert report["candidates"] > 20 * report["with_purchases"] > 0
    assert report["pairs"] > 5 * report["with_purchases"]
    assert report["packing_seconds"] > 0 and report["peak_memory_gib"] < 10


def test_history_speed(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    from benchmarks.cases.affinity import history_speed

    Shoppers(500).write(tmp_path, 1)
    found = {part: history_speed.measured(part, tmp_path, "1GiB") for part in history_speed.PARTS}
    pairs = {part: one["pairs"] for part, one in found.items() if part != "decode"}
    assert len(set(pairs.values())) == 1 and pairs["ranges"] > 1000
    assert min(one["seconds"] for one in found.values()) > 0


def test_end_to_end(said: Said) -> None:
    from benchmarks.cases import end_to_end

    report = said(end_to_end, "--customers", "2000")
    assert list(report["seconds"])[:3] == ["history", "fit", "candidates"]
    assert report["status"] == "optimal" and report["max_violation"] == 0
    assert report["transactions"] > 20 * 2000 and report["allocation_bytes"] > 0
    assert report["seconds_of_the_command"] > sum(report["seconds"].values())
    assert report["with_cores_to_itself"] == {}


def test_cores_are_idle_where_fewer_threads_could_run() -> None:
    from benchmarks.support.free_cores import Look, looked_at, with_cores_to_itself

    alone, waiting, nobody = (
        Look("fit", 2.0, 1.0, 1.0),
        Look("dual", 4.0, 2.0, 9.0),
        Look("dual", 1.0, 0.0, 0.0),
    )
    found = with_cores_to_itself([alone, waiting, nobody], 2)
    assert found["fit"] == {"seconds": 1.0, "processor_seconds": 1.0, "idle": 1.0}
    assert found["dual"] == {"seconds": 2.0, "processor_seconds": 2.0, "idle": 2.0}
    if not Path("/proc/self/task").exists():
        return
    say = "import sys, time\nfor stage in ('fit', 'dual'):"
    say += "\n    print(f'2026-11-30 16:00:00 {stage}: 0.1 s', file=sys.stderr)"
    looks = looked_at([sys.executable, "-u", "-c", say + "\n    time.sleep(0.3)"])
    assert {"fit", "dual"} <= {look.stage for look in looks}
    with pytest.raises(subprocess.CalledProcessError):
        looked_at([sys.executable, "-c", "raise SystemExit(3)"])


@needs_native
def test_cluster_driver(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.cases import cluster_driver
    from benchmarks.instances import rows_on_workers

    monkeypatch.setattr(rows_on_workers, "SMALL", 4_096)
    asked = ["--one", "--customers", "40000", "--shard-customers", "32768"]
    report = said(cluster_driver, *asked, "--folder", str(tmp_path))
    assert report["status"] == "optimal" and report["candidates"] == 8 * 40_000
    assert report["free_customers"] > 0 and list(report["peak_mib"])[-1] == "all"


@needs_native
def test_cluster_billion() -> None:
    from benchmarks.cases import cluster_billion

    parts = {"pass_ns_per_candidate": 1.0, "fix_ns_per_candidate": 2.0, "cells": 1000}
    solves = [
        {
            "customers": size,
            "free_customers": size**0.5,
            "passes": 10.0,
            "jobs": 56,
            "processor_seconds_between_jobs": 1.5,
        }
        for size in (10_000, 40_000)
    ]
    assert cluster_billion.power([1.0, 4.0], [1.0, 2.0]) == pytest.approx(0.5)
    tables = cluster_billion.added_tables(2)
    asked = argparse.Namespace(customers=1e6, width=10, nodes=2, cores=5, network=1e9)
    parts["shard_bytes_per_candidate"] = 8.0
    crowd = {"free_customers": 2_000, "processor_seconds_of_repair": 3.0, "moves": 70}
    measured = parts, {"processes": 0.1}, solves, crowd, tables
    said_of_it = cluster_billion.put_together(*measured, asked)
    assert "| passes over everybody | 1.00 ns a candidate | 10 | 0.0 |" in said_of_it
    assert "| job floor | 100.0 ms on processes | 56 | 5.6 |" in said_of_it
    assert "200 at 40,000; power 0.50: 1,000" in said_of_it
    assert "3.00 processor seconds of 2,000 free, 70 moves | 1 | 1.5 |" in said_of_it
    assert "| the driver between jobs | 1.50 s, at most | 1 | 1.5 |" in said_of_it


@needs_native
def test_mixed_campaign_in_memory_and_past_it(said: Said, tmp_path: Path) -> None:
    from benchmarks.cases import mixed_campaign

    past_memory = ("--threads", "2", "--store", str(tmp_path / "store"), "--page-cache", "1")
    reports = [
        said(mixed_campaign, "--customers", "20000", *options)
        for options in (("--threads", "1"), past_memory)
    ]
    for report in reports:
        assert report["status"] == "optimal" and report["gap"] <= 5e-4
        assert report["max_violation"] == 0
        assert report["limits"] == 1000 + 128 + 1
        assert report["packed_bytes"] == 20_000 * 32 * 4
        assert report["own_memory_bytes"] > 0
    assert reports[0]["allocation_sha256"] == reports[1]["allocation_sha256"]
    assert "read_from" not in reports[0] and reports[1]["read_from"] == "disk"


@needs_native
def test_portfolio_in_memory_and_from_files(said: Said, tmp_path: Path) -> None:
    from benchmarks.cases import portfolio

    hashes = []
    for options in ([], ["--folder", str(tmp_path)]):
        report = said(portfolio, "--customers", "1000", "--gap", "0.0005", *options)
        assert report["status"] == "optimal" and report["gap"] <= 5e-4
        assert report["max_violation"] == 0
        assert report["limits"] == 1000 + 640 + 1
        assert report["candidates"] == 1000 * 200
        hashes.append(report["allocation_sha256"])
    assert hashes[0] == hashes[1]
    with pytest.raises(SystemExit, match="200,000 candidates"):
        said(portfolio, "--customers", "999", "--folder", str(tmp_path))


def test_warm_start(said: Said) -> None:
    from benchmarks.cases import warm_start

    report = said(warm_start, "--customers", "8000", "--threads", "2")
    assert [c["change"] for c in report["changes"]] == [0.05, -0.05, 0.05, -0.05]
    for change in report["changes"]:
        warm, cold = change["warm"], change["cold"]
        assert max(warm["gap"], cold["gap"]) <= 5e-4
        assert warm["objective"] == pytest.approx(cold["objective"], rel=1e-3)


def test_late_customers(said: Said) -> None:
    from benchmarks.cases import late_customers

    report = said(late_customers, "--customers", "3000", "--repeats", "1", "--threads", "1")
    for room in ("ample room", "half as much again", "what is left"):
        assert report[room]["file_bytes"] < 1_000_000
        assert 0 <= report[room]["many"]["share_of_the_best"] < 1.0 + 1e-6
        assert report[room]["many"]["decide_per_pass"] > 0 < report[room]["one"]["microseconds"]
    assert report["ample room"]["many"]["coupons"] > report["what is left"]["many"]["coupons"]
    assert report["half as much again"]["many"]["share_of_the_best"] > 0.93


def test_cancelling(said: Said) -> None:
    from benchmarks.cases import cancelling

    report = said(cancelling, "--customers", "3000", "--cancels", "1", "--only", "solve", "save")
    assert list(report["pieces"]) == ["solve", "save"]
    for piece in report["pieces"].values():
        intervals = [each["processor_seconds"] for each in piece["longest_intervals"]]
        assert piece["questions"] > 2 and sorted(intervals, reverse=True) == intervals
        assert sum(intervals) <= piece["processor_seconds"] + 0.01 and len(piece["cancels"]) == 1
    assert report["pieces"]["solve"]["progress"]["events"] > 5


def test_prices(said: Said) -> None:
    from benchmarks.cases import prices

    report = said(prices, "--customers", "5000", "--limits", "4", "--threads", "2")
    assert report["moves"] == len(report["each"]) == 8 and report["either"] == 8
    assert {move["limit"] for move in report["each"]} >= {"budget"}


@needs_native
def test_threads(said: Said) -> None:
    from benchmarks.cases import threads

    report = said(threads, "--customers", "3000", "--most", "2")
    assert [run["threads"] for run in report["runs"]] == [1, 2]
    assert report["runs"][0]["solve_speed_up"] == 1.0
    for run in report["runs"]:
        stages = run["stages"].values()
        assert sum(stage["wall_seconds"] for stage in stages) >= run["solve_seconds"]
        assert run["stages"]["passes"]["calls"] >= 1 and run["solve_per_pass"] > 1.0
        assert all(0.0 <= stage["alone"] <= 1.0 for stage in stages)
        assert all(s["unshared_seconds"] <= s["critical_seconds"] for s in stages)
        assert run["critical_seconds"] <= 1.05 * run["processor_seconds"]
    assert threads.counts(6) == [1, 2, 4, 6]


def test_shared_pieces_on_a_core_for_each_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.support.shared_pieces import SharedPieces, makespan

    assert makespan([], 3) == 0.0
    assert makespan([4.0, 1.0, 2.0, 3.0], 1) == 10.0
    assert makespan([4.0, 1.0, 2.0, 3.0], 2) == 6.0  # the last one is taken after 3
    shared = SharedPieces(workers.run_together, workers._runs_of_blocks)
    monkeypatch.setattr(workers, "run_together", shared.run_together)
    monkeypatch.setattr(workers, "_runs_of_blocks", shared.runs_of_blocks)

    def work(worker: int, start: int, stop: int) -> None:
        until = time.thread_time() + 0.01
        while time.thread_time() < until:
            pass
        if stop - start == 1:  # what a piece shares out is a part of it
            workers.share_out(lambda *_: None, np.arange(9), 1)

    workers.share_out(work, np.arange(9), 4)
    assert shared.regions == 1
    assert 0.02 <= shared.longest < 0.05  # eight pieces by four threads


@needs_native
def test_small_campaign(said: Said) -> None:
    from benchmarks.cases import small_campaign

    report = said(small_campaign, "--customers", "300", "--gap", "0.001", "--highs-seconds", "600")
    ours, peer = report["by_the_tables"], report["highs"]
    assert report["gap"] <= 1e-3 and peer["gap"] <= 1e-3
    assert ours["max_violation"] <= 1e-9 and peer["max_violation"] <= 1e-6
    assert ours["objective"] == pytest.approx(report["objective"], rel=1e-9)
    assert ours["objective"] <= peer["bound"] and peer["objective"] <= report["bound"]


def test_a_programme_says_what_the_oracle_says() -> None:
    size = Synthetic(40, width=8, offers=12, brands=4, seed=5)
    offers, candidates = size.offers_table(), size.candidates()
    limits = [
        Limit("caps", by="offer", table=pa.table({"offer": [1, 7], "max": [4.0, 9.0]})),
        Limit("brands", by="brand", table=pa.table({"brand": [0, 2], "min": [9.0, 12.0]})),
        Limit("budget", sum="cost", max=9.0),
    ]
    slots = [CustomerRule("slots", max=2)]
    oracle = Oracle(offers, candidates, rules=slots, limits=limits)
    best = oracle.solve(oracle.reach())
    same = programme(offers, candidates, 2, limits)
    found = highs(same, 1e-6, 20.0)
    assert best.value is not None and best.chosen is not None and found.x is not None
    assert found.figures["objective"] == pytest.approx(best.value, rel=1e-6)
    assert same.violation(found.x) <= 1e-9

    coupons = candidates.filter(pa.array(best.chosen))
    assert (same.given(coupons, offers.num_rows) == best.chosen).all()
    assert same.violation(np.ones(len(candidates))) >= 3  # 8 coupons of 2
    with pytest.raises(ValueError, match="expected candidates only"):
        same.given(pa.table({"customer": [41], "offer": [0]}), offers.num_rows)


def test_store_inventories_beside_the_mixed_campaign(said: Said) -> None:
    from benchmarks.cases import store_inventories

    sizes = ["--customers", "4000", "--stores", "4", "--offers", "60", "--gap", "0.01"]
    report = said(store_inventories, *sizes)
    stores, mixed = report["store_inventories"], report["mixed"]
    assert stores["limits"] == 240
    assert stores["status"] == mixed["status"] == "optimal"
    assert stores["max_violation"] == 0
    assert report["estimated_memory_bytes"] > 0


def published_matching(
    sources: int, destinations: int, sparsity: float
) -> tuple[list[tuple[int, int, float, float]], NDArray[np.float64]]:
    """(source, destination, value, weight) of each edge, by source, and the capacities: an edge at a time."""
    random = np.random.default_rng(42)
    breadth, scale = random.lognormal(0.0, 1.0, (2, destinations))
    worth = random.lognormal(-4.0, 0.75, destinations)
    affinity = random.lognormal(0.0, 0.5, sources)
    expected = breadth / breadth.sum() * (sparsity * destinations) * sources
    edges = []
    for j, degree in enumerate(random.poisson(expected)):
        if degree == 0:
            continue
        drawn = random.choice(sources, min(degree, sources), replace=False)
        noise = random.lognormal(0.0, 0.5, len(drawn))
        for i, factor in zip(drawn.tolist(), noise.tolist(), strict=True):
            value = min(worth[j] * affinity[i] * factor, 0.5)
            edges.append((i, j, value, scale[j] * value))
    load = np.zeros(destinations)
    for i in range(sources):
        mine = [edge for edge in edges if edge[0] == i]
        if mine:
            _, j, _, weight = max(mine, key=lambda edge: edge[3])
            load[j] += weight
    return sorted(edges), random.uniform(0.5, 1.0, destinations) * (load + 1e-8)


@pytest.mark.parametrize("size", [(300, 20, 0.1), (40, 30, 0.9)], ids=["sparse", "dense"])
def test_matching_problem_is_the_published_one(
    size: tuple[int, int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bipartite, "BLOCK", 64)  # several blocks of sources
    edges, capacity = published_matching(*size)
    drawn = bipartite.draw(*size)
    table = pa.Table.from_batches(drawn.batches())
    source, destination, value, weight = (np.array(column) for column in zip(*edges, strict=True))
    assert table["customer"].to_numpy().tolist() == source.tolist()
    assert table["offer"].to_numpy().tolist() == destination.tolist()
    assert table["value"].to_numpy().tolist() == value.astype(np.float32).tolist()
    assert table["weight"].to_numpy().tolist() == weight.astype(np.float32).tolist()
    assert drawn.capacity.tolist() == capacity.tolist()


SMALL_MATCHING = ["--sources", "8000", "--destinations", "40", "--sparsity", "0.25"]


@needs_native
def test_matching_in_memory_and_from_files(said: Said, tmp_path: Path) -> None:
    from benchmarks.cases import matching

    hashes = []
    for options in ([], ["--folder", str(tmp_path)]):
        report = said(matching, *SMALL_MATCHING, "--gap", "0.002", *options)
        assert report["status"] == "optimal" and report["gap"] <= 2e-3
        assert report["max_violation"] == 0
        assert report["limits"] == 40
        hashes.append(report["allocation_sha256"])
    assert hashes[0] == hashes[1]


@needs_native
def test_matching_beside_pdlp(said: Said) -> None:
    pytest.importorskip("ortools", reason="the peer")
    from benchmarks.cases import matching

    report = said(matching, *SMALL_MATCHING, "--gap", "0.002", "--peer", "pdlp")
    peer = report["peer"]
    assert peer["status"] == "optimal" and peer["iterations"] > 0
    assert peer["objective"] == pytest.approx(peer["primal_objective"], rel=1e-6)
    # the relaxation lies between the allocation and its bound
    assert report["objective"] <= peer["objective"] * 1.001
    assert peer["objective"] <= report["bound"] * 1.001


def test_readme_shows_the_example_that_is_run() -> None:
    root = Path(__file__).resolve().parents[2]
    example = (root / "examples" / "quickstart.py").read_text().split('"""\n\n', 1)[1].rstrip()
    assert example in (root / "README.md").read_text()
    exec(compile(example, "quickstart.py", "exec"), {})


@pytest.mark.parametrize("order", [[], ["--shuffled"]], ids=["by customer", "shuffled"])
def test_packing(order: list[str], said: Said) -> None:
    from benchmarks.cases import packing

    assert said(packing, "--customers", "3001", *order)["candidates"] == 3001 * 32


@needs_native
def test_affinity_factors(said: Said) -> None:
    from benchmarks.cases.affinity import affinity_factors

    report = said(affinity_factors, "--customers", "500", "--rounds", "1", "--offers", "100")
    for statistic in ("least", "median"):
        done = report[statistic]["customers_a_processor_second"]
        assert {"couponry, 1 thread", "couponry, 2 threads", "numpy"} <= set(done)
        assert min(done.values()) > 0
    right = np.tile(np.arange(affinity_factors.KEPT), (5, 1))
    customer, offer = np.ones((5, 1)), np.arange(40, 0, -1)[:, None]
    affinity_factors.check_lists("right", right, customer, offer)
    with pytest.raises(SystemExit, match="left out are better by 32"):
        affinity_factors.check_lists("wrong", right + 1, customer, offer)


@needs_native
def test_affinity_trees(said: Said) -> None:
    from benchmarks.cases.affinity import affinity_trees

    sizes = {"--rows": "300", "--features": "6", "--train": "500", "--rounds": "1"}
    options = [word for pair in sizes.items() for word in pair]
    report = said(affinity_trees, *options, "--trees", "2", "3")
    assert report["inner_nodes_a_tree"]["3"] > 5
    rows = report["least"]["rows_a_processor_second"]
    assert {"bare read", "couponry, 3 trees", "lightgbm, 3 trees"} <= set(rows)


@pytest.mark.skipif(not PEERS, reason="compares with similaripy, sparse_dot_topn and implicit")
def test_affinity_speed(said: Said) -> None:
    from benchmarks.cases.affinity import affinity_speed

    report = said(
        affinity_speed, "--customers", "300", "--rounds", "1", "--offers", "200", "--threads", "2"
    )
    found = report["200 offers"]
    assert found["same_lists"]["similaripy"]["coupons"] == 300 * affinity_speed.KEPT
    for statistic in ("least", "median"):
        one, two = found[statistic]["1 thread"], found[statistic]["2 threads"]
        assert set(one["customers_a_second"]) == {"couponry", *PEERS}
        assert set(two["customers_a_second"]) == {"couponry", "similaripy", "sparse_dot_topn"}
    assert set(report["personal history alone"]["customers_a_second"]) == {"1", "2"}


@pytest.mark.skipif(not PEERS, reason="compares with similaripy, sparse_dot_topn and implicit")
def test_affinity_speed_refuses_other_lists() -> None:
    from benchmarks.cases.affinity import affinity_speed as speed

    bought, similar = speed.histories(50, 1), speed.similarities(100, 2)
    ours = speed.OfferChooser(similar, speed.KEPT).choose(bought)
    work, keys = speed.peers(bought, similar, 1)["similaripy"]
    theirs, scores = keys(work())
    speed.same(ours, (theirs, scores), 100)
    other = theirs.copy()
    other[np.argmax(scores)] = np.setdiff1d(np.arange(100), theirs[theirs < 100])[0]
    with pytest.raises(SystemExit, match="the same lists"):
        speed.same(ours, (other, scores), 100)


def small_level(seed: int) -> Any:
    """Households with favourites, some weeks of them, as the Complete Journey's purchases are given."""
    import pandas as pd
    from benchmarks.instances.affinity_data import Level

    random = np.random.default_rng(seed)
    household = np.repeat(np.arange(60), 52 * 4)
    week = np.tile(np.repeat(np.arange(1, 53), 4), 60)
    item = (household * 7 + random.geometric(0.2, len(week))) % 90
    rows = pd.DataFrame({"customer": household, "item": item, "day": 7 * week, "week": week})
    rows["basket"] = week
    rows["discount"] = (random.random(len(rows)) < 0.3).astype(float)
    groups = pa.table({"item": np.arange(90), "category": [f"c{i // 9}" for i in range(90)]})
    return Level("type", rows, groups, before=0)


def test_affinity_quality(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    from benchmarks.cases.affinity import affinity_quality

    level = small_level(1)
    monkeypatch.setattr(affinity_quality, "levels", lambda: {"product": level, "type": level})
    report = said(affinity_quality, "--level", "type")["type"]
    personal, popular = report["personal"], report["popularity"]
    assert personal["recall@20"] > 1.5 * popular["recall@20"] and personal["ndcg@20"] <= 1
    assert personal["households"] == 60
    for tenth in personal["calibration"][-3:]:
        assert tenth["predicted"] == pytest.approx(tenth["happened"], abs=0.1)
    assert set(report) >= {"decay x repeat rate", "new items", "joint list"}


def test_affinity_cuts(said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    from benchmarks.cases.affinity import affinity_cuts

    monkeypatch.setattr(affinity_cuts, "levels", lambda: {"type": small_level(1)})
    options = ["--last", "40", "--weeks", "2", "--scorer", "decay x repeat rate"]
    options += ["--scorer", "TIFU-KNN", "--scorer", "UP-CF", "--scorer", "PersonalModel"]
    kept = str(tmp_path / "kept.npz")
    (cut,) = said(affinity_cuts, *options, "--keep", kept)["type"]
    figures, differences = cut["scorers"], cut["differences"]
    assert {one["households"] for one in figures.values()} == {60}
    assert figures["PersonalModel"]["calibration"]["bought before"][
        "predicted / happened"
    ] == pytest.approx(1, abs=0.2)
    for name in ("TIFU-KNN", "UP-CF", "PersonalModel"):
        away = differences[name]["decay x repeat rate"]["ndcg@20"]
        expected = figures[name]["ndcg@20"] - figures["decay x repeat rate"]["ndcg@20"]
        assert away["low"] <= away["mean"] <= away["high"]
        assert away["mean"] == pytest.approx(expected, abs=1e-4)
    (again,) = said(affinity_cuts, *options, "--beside", kept)["type"]
    assert again["differences"]["UP-CF"]["kept"]["recall@20"] == {"mean": 0, "low": 0, "high": 0}
    bits = said(affinity_cuts, "--scramble", "--last", "40", "--scorer", "PersonalModel")["type"]
    assert bits == [{"last": 40, "scorer": "PersonalModel", "same bits": True}]


def test_affinity_levels(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    from benchmarks.cases.affinity import affinity_levels

    from couponry.affinity.scores.training_windows import bought_again
    from couponry.data.roles import ROLES

    level = small_level(1)
    monkeypatch.setattr(affinity_levels, "levels", lambda: {"type": level})
    report = said(affinity_levels, "--from", "40")["type"]
    for place, last in enumerate((40, 44, 48)):
        history, later = level.history(1, last), level.history(last + 1, last + 4)
        again = int(bought_again(history, later).sum())
        assert report["reward"]["purchases"][place] == again
        new = len(later) - again - np.setdiff1d(later.items, history.items).size
        assert sum(report[role]["purchases"][place] for role in ROLES[1:]) == new
    bought, last_two = (
        report["reward"][key] for key in ("purchases", "foretold / happened, last two")
    )
    assert last_two["the window before"][1] == pytest.approx(bought[1] / bought[2], abs=1e-3)
    for figures in report.values():
        assert figures["deviations"]["a line known beforehand"] >= 0.0


def test_methods_of_others_are_those_of_their_papers() -> None:
    pytest.importorskip("pandas")
    from benchmarks.instances.affinity_split import Split
    from benchmarks.peers.baskets import Baskets
    from benchmarks.peers.tifu_knn import TifuKnn
    from benchmarks.peers.up_cf import UpCf

    split = Split(small_level(2), 8, 2)
    baskets = Baskets.before(split)
    held = np.zeros((60, 8, 90))
    held[baskets.customer, baskets.basket, split.history.items.to_numpy()[baskets.item]] = 1
    inside, over = 0.9 ** np.array([2, 1, 0]) / 3, 0.7 ** np.array([2, 1, 0]) / 3
    groups = [held[:, :3], held[:, 3:6], held[:, 6:]]
    means = [inside[3 - group.shape[1] :] * 3 / group.shape[1] @ group for group in groups]
    vectors = sum(weight * mean for weight, mean in zip(over, means, strict=True))
    alone = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2) + np.diag(np.full(60, np.inf))
    near = np.argsort(alone, axis=1)[:, :5]
    expected = 0.6 * vectors + 0.4 * vectors[near].mean(axis=1)
    found = TifuKnn(3, 0.9, 0.7, 5, 0.6).scores(split, baskets)
    ids = split.history.items.to_numpy()
    np.testing.assert_allclose(found[2], expected[found[0], ids[found[1]]], rtol=1e-4, atol=1e-6)
    ever, share = held.max(axis=1), held[:, -4:].mean(axis=1)
    size = ever.sum(axis=1)
    alike = (ever @ ever.T) / (size[:, None] ** 0.25 * size[None, :] ** 0.75)
    expected = alike**5 @ share
    found = UpCf(4, 0.25, 5).scores(split, baskets)
    np.testing.assert_allclose(found[2], expected[found[0], ids[found[1]]], rtol=1e-4, atol=1e-6)


def test_candidate_speed(tmp_path: Path) -> None:
    """In one process, while the command takes one for each part."""
    from benchmarks.cases import candidate_speed

    candidate_speed.write(tmp_path, Synthetic(300), text=True, shuffled=True)
    for part in candidate_speed.PARTS:
        assert candidate_speed.measured(part, tmp_path, touched=True)["processor_seconds"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {"candidates", "offers.parquet"}


def test_ranking_is_judged_as_written_down() -> None:
    pytest.importorskip("pandas")
    from benchmarks.instances.affinity_data import Truth, ranked

    truth = Truth(np.array([0, 2, 11]), items=10, customers=3, place=np.arange(3))
    lists = ranked(truth, np.array([0, 0]), np.array([2, 5]), np.array([1.0, 2.0]), np.arange(10.0))
    assert lists[0, :3].tolist() == [5, 2, 9] and lists[1, 0] == 9
    found = truth.judge(lists)
    first = (1 / np.log2(3) + 1 / np.log2(11)) / (
        1 + 1 / np.log2(3)
    )  # of 0 and 2, at places 10 and 2
    second = 1 / np.log2(10)  # of 1, at place 9
    assert found["recall@20"] == 1.0 and found["households"] == 2
    assert found["ndcg@20"] == pytest.approx((first + second) / 2, abs=1e-4)


def test_area_under_the_curve() -> None:
    pytest.importorskip("pandas")
    from benchmarks.cases.affinity.affinity_response import auc

    happened = np.array([True, False, True, False])
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), happened) == 0.75
    assert auc(np.zeros(4), happened) == 0.5


@needs_native
def test_digests(said: Said) -> None:
    from benchmarks.cases import digests

    report = said(digests, "--megabytes", "1", "--rounds", "1")
    assert report["bytes"] == 1 << 20 and report["runs"][0]["least"]["pass_per_bare_read"] > 0


def test_report_pages(said: Said) -> None:
    from benchmarks.cases import report_pages

    (page,) = said(report_pages, "--customers", "300")["pages"]
    assert page["customers"] == 300 and 10_000 < page["bytes"] < 2_000_000
    assert len(page["seconds"]) == 2 and min(page["processor_seconds"]) > 0


def test_import_time(said: Said) -> None:
    from benchmarks.cases import import_time

    report = said(import_time, "--rounds", "1")
    assert set(report["seconds"]) == {"numpy and pyarrow", "couponry"}

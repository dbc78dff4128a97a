"""Candidates that are more than memory holds: read piece by piece, let go of, and the same answers bit for bit."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from tests.support.campaigns import random_tables
from tests.support.large_campaign import FEW_FREE, GAP, campaign, coupons

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines import local, streamed
from couponry.engines.local import LocalEngine
from couponry.engines.protocol import Engine
from couponry.engines.streamed import StreamedEngine, local_engine
from couponry.solver.dual.sampling import Samples
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.utils.arrays import mapped_arrays, read_ahead
from couponry.utils.arrays.array_store import FolderStore, save
from couponry.utils.arrays.read_ahead import PiecewiseArray, ReadAhead


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BLOCK_CANDIDATES", 1 << 14)


@pytest.fixture
def dropped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that were read past the page cache, or let go of behind passes, call by call."""
    sizes: list[int] = []
    drop, read = mapped_arrays.drop_from_page_cache, mapped_arrays.UncachedReads.read

    def record(*arrays: Any) -> None:
        sizes.extend(array.nbytes for array in arrays)
        drop(*arrays)

    def record_read(self: Any, part: Any, room: Any) -> Any:
        found = read(self, part, room)
        sizes.extend([] if found is None else [part.nbytes])
        return found

    monkeypatch.setattr(mapped_arrays, "drop_from_page_cache", record)
    monkeypatch.setattr(mapped_arrays.UncachedReads, "read", record_read)
    return sizes


def in_store(customers: int, folder: Path) -> Campaign:
    """A mixed campaign whose candidates are files."""
    size = Synthetic(customers, 32, offers=200, brands=60)
    return MIXED.campaign(size, 2, store=folder / "store")


def with_page_cache(size: float) -> Any:
    return replace(FEW_FREE, sizes=replace(FEW_FREE.sizes, page_cache_bytes=size))


def test_a_solve_past_memory_is_the_solve_in_memory(tmp_path: Path, dropped: list[int]) -> None:
    stored = in_store(40_000, tmp_path)
    shard = stored.compile().problem.shard
    size = shard.item.nbytes + shard.quantity.nbytes
    results, let_go = [], []
    for share in (1.0, 0.5, 0.0):
        dropped.clear()
        results.append(
            stored.solve(gap=GAP, threads=2, solver_options=with_page_cache(share * size))
        )
        let_go.append(sum(dropped))
    in_memory, half, nothing = results
    assert in_memory.allocation is not None and in_memory.status == "optimal"
    for other in (half, nothing):
        assert isinstance(other.plan.engine, StreamedEngine)
        assert coupons(other) == coupons(in_memory)
        assert (other.objective, other.gap, other.full_passes) == (
            in_memory.objective,
            in_memory.gap,
            in_memory.full_passes,
        )
        assert other.limits.equals(in_memory.limits)
    # every whole pass lets all of it go, or half
    assert let_go[0] == 0 and let_go[2] > 3 * size
    assert 0.4 * let_go[2] < let_go[1] < 0.6 * let_go[2]


def answers(engine: Engine, fine: Any, price: Any, threshold: Any, some: list[Any]) -> list[Any]:
    """Everything that an engine says, as bytes."""
    found: list[Any] = []

    def add(*parts: Any) -> None:
        for part in parts:
            if hasattr(part, "evaluate"):
                add(*part.shard, *part._rules, part.evaluate(price))
            elif isinstance(part, tuple):
                add(*part)
            else:
                found.append((part.shape, part.tobytes()) if isinstance(part, np.ndarray) else part)

    add(*engine.evaluate_with_cut_off(price), *engine.choose(price))
    fixed = engine.fix(price, threshold, fine)
    add(*fixed, *engine.samples(some))
    add(*engine.blocks(price, *fixed[2:4]))
    noisy = engine.with_noise(5)
    for each in (engine, noisy):
        for one in each.of_customers(np.array([2, 117])):
            add(*one)
    add(noisy.evaluate(np.concatenate([price, price[:1] / 1000])))
    add(engine.with_rules(noisy._rules._replace(upper=np.ones(1, np.int32))).evaluate(price))
    return found


@pytest.mark.parametrize("conflict", [False, True])
def test_pieces_answer_like_everybody(
    conflict: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With segments, bounds that differ by customer, and rules that are constraints of each customer."""
    monkeypatch.setattr(local, "BLOCK_CANDIDATES", 25)
    monkeypatch.setattr(streamed, "FEW_CANDIDATES", 0)
    tables = random_tables(customers=300)
    rules = [CustomerRule("slots", max="slots"), CustomerRule("brands", by="brand", max="slots")]
    if conflict:
        rules.append(CustomerRule("windows", by="product", max=1))
    stored = Campaign(
        **tables,
        rules=rules,
        limits=[Limit("gold", max=12, customers={"segment": ["gold"]})],
        store=tmp_path / "store",
    )
    problem = stored.compile().problem
    assert len(problem.shard.segment) > 1 and len(problem.rules.upper) > 1
    random = np.random.default_rng(3)
    price = (problem.no_prices() + random.random(problem.no_prices().shape)).astype(np.float32)
    threshold = np.full((1, 2, *price.shape[1:]), 0.05, np.float32)
    customers = problem.customers
    some = [np.arange(1, customers, 9), np.arange(customers - 3, customers), np.arange(0)]
    backend = kernels.load()
    expected = answers(
        LocalEngine(problem.shard, problem.rules, backend, 1, 7),
        problem.fine,
        price,
        threshold,
        some,
    )
    for threads, kept in ((1, 0.0), (3, problem.shard.item.nbytes)):
        engine = local_engine(problem.shard, problem.rules, backend, threads, 7, kept)
        assert isinstance(engine, StreamedEngine) and len(engine._cuts) > 9
        assert answers(engine, problem.fine, price, threshold, some) == expected


def test_samples_of_a_streamed_engine_take_one_read(tmp_path: Path, dropped: list[int]) -> None:
    problem = in_store(20_000, tmp_path).compile().problem
    options = replace(FEW_FREE.sampling, first_candidates=1 << 12)
    found = []
    for memory in (np.inf, 0.0):
        engine = local_engine(problem.shard, problem.rules, kernels.load(), 2, 0, memory)
        samples = Samples(engine, 0, options)
        duals = [samples.dual(problem, level) for level in range(len(samples))]
        duals += [samples.for_curvature(problem), samples.for_regrets(problem)]
        found.append([dual.engine.shard.item.tobytes() for dual in duals])
    assert len(found[0]) > 3 and found[0] == found[1]
    assert sum(dropped) == problem.shard.item.nbytes + problem.shard.quantity.nbytes


def test_dear_passes_are_fewer() -> None:
    search = replace(DEFAULT_OPTIONS.price_search, dear_candidates=0, dear_pass=100.0)
    results = [
        campaign().solve(gap=GAP, threads=2, solver_options=options)
        for options in (FEW_FREE, replace(FEW_FREE, price_search=search))
    ]
    assert all(result.gap <= GAP and result.max_violation == 0 for result in results)
    assert results[1].full_passes < results[0].full_passes - 0.9


def test_what_goes_wrong_ends_the_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = in_store(20_000, tmp_path).compile().problem
    engine = local_engine(problem.shard, problem.rules, kernels.load(), 2, 0, 0.0)
    price = problem.no_prices()
    calls = []

    def fail(self: Any, price: Any) -> Any:
        calls.append(price)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LocalEngine, "evaluate_with_cut_off", fail)
        with pytest.raises(KeyboardInterrupt):
            engine.evaluate(price)
    assert len(calls) <= 2  # of ten pieces
    with monkeypatch.context() as patched:
        patched.setattr(read_ahead.UncachedReads, "read", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine.evaluate(price)
    assert not any(thread.name == "read ahead" for thread in threading.enumerate())
    assert engine.evaluate(price + np.float32(1)).sum() > 0


@pytest.mark.parametrize("refused", [None, "open", "preadv"])
def test_pieces_are_read_in_order_into_little_memory(
    refused: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FolderStore(tmp_path) as store:
        one = save(store, "one", np.arange(10_000)).reshape(1, -1)
        two = save(store, "two", np.arange(20_000, dtype=np.uint16).reshape(2, 10_000))
    refusals: list[Any] = []
    if refused:  # as file systems do that know no reads past the page cache
        call = getattr(os, refused)

        def refuse(*arguments: Any) -> Any:
            if refused == "preadv" and refusals:
                return call(*arguments)
            refusals.append(arguments)
            raise OSError(22, "Invalid argument")

        monkeypatch.setattr(f"os.{refused}", refuse)
    arrays = [PiecewiseArray(one), PiecewiseArray(two, kept=300), PiecewiseArray(np.array(two))]
    cuts = np.array([0, 100, 101, 3500, 10_000])
    with ReadAhead(arrays, cuts, ahead=2) as reading:
        for expected, (number, parts) in enumerate(reading.pieces()):
            assert number == expected
            for array, part in zip(arrays, parts, strict=True):
                assert np.array_equal(part, array.values[:, cuts[number] : cuts[number + 1]])
                assert part.flags.c_contiguous and part.flags.aligned
    assert number == 3 and bool(refusals) == bool(refused)
    with ReadAhead(arrays, cuts, ahead=2) as reading:  # nobody asks for all of them
        next(reading.pieces())

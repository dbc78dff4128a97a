"""What only large campaigns do: movers, Newton's method, samples, journals, warm starts, allocations in parts."""

from __future__ import annotations

import functools
import itertools
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import scipy.optimize
import scipy.sparse as sp
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.campaigns import proportional

from couponry import Campaign, CustomerRule, InvalidInput, Limit, kernels
from couponry.engines import checkpoint as journals
from couponry.engines.checkpoint import Journal, Journaled
from couponry.engines.local import LocalEngine
from couponry.result import Result
from couponry.solver.dual.lagrangian import Lagrangian, as_float32
from couponry.solver.dual.newton import _Model
from couponry.solver.dual.sampling import Samples, nested_samples
from couponry.solver.dual.scaling import Scales
from couponry.solver.primal.fixed_customers import (
    activity_unsure,
    nobody_near,
    part_of,
    settle,
    settled_usage,
    usage_error,
    usage_within,
)
from couponry.solver.primal.free_customers import Regrets
from couponry.solver.problem import Problem
from couponry.verify import verify_result

GAP = 5e-4


@functools.cache
def campaign() -> Campaign:
    """Enough customers for samples, Newton's method and movers; a second to solve."""
    return MIXED.campaign(Synthetic(40_000, 32, offers=200, brands=60), 2)


@pytest.fixture
def few_movers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couponry.solver.solve.WHOLE", 0)
    monkeypatch.setattr("couponry.solver.dual.sampling.FIRST_SAMPLE", 1 << 14)
    for look in "CURVATURE_LOOK", "REGRET_LOOK":
        monkeypatch.setattr(f"couponry.solver.dual.sampling.{look}", (1 << 17, 0.0, 1 << 17))


def coupons(result: Result) -> list[tuple[int, int]]:
    assert result.allocation is not None
    return list(
        zip(
            *(result.allocation.to_arrow()[n].to_pylist() for n in ("customer", "offer")),
            strict=True,
        )
    )


# ---- movers


def test_movers_are_few_and_as_good_as_everybody(few_movers: None, tmp_path: Path) -> None:
    result = campaign().solve(gap=GAP, threads=2)
    assert result.status == "optimal" and result.gap is not None and result.gap <= GAP
    assert result.max_violation == 0
    assert result.allocation is not None
    plan = result.allocation._plan
    assert 0 < len(plan.movers) < 0.5 * result.customers
    assert result.allocated == len(coupons(result)) == sum(int(c.sum()) for *_, c in plan.blocks())
    # an independent look, at the tables alone
    from couponry import write_campaign

    folder = write_campaign(campaign(), tmp_path / "campaign")
    report = verify_result(folder, result.write(tmp_path / "out"))
    assert report.ok, report.problems


def test_sums_of_channels_that_share_a_quantity_are_as_good(
    few_movers: None, tmp_path: Path
) -> None:
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
    result = shared.solve(gap=GAP, threads=2)
    assert result.allocation is not None and len(result.allocation._plan.movers) < 25_000
    assert result.limits is not None and max(result.limits["error"].to_pylist()) > 0
    folder = write_campaign(shared, tmp_path / "campaign")
    report = verify_result(folder, result.write(tmp_path / "out"))
    assert report.ok, report.problems


@pytest.fixture
def two_channels(request: pytest.FixtureRequest) -> Problem:
    """Two channels of a numeric type, three segments; values of one item are whole numbers, of one all but the same."""
    rng = np.random.default_rng(3)
    table = {
        "customer": np.repeat(np.arange(90), 7),
        "offer": np.tile(np.arange(7), 90),
        "value": rng.gamma(2.0, 1.0, 630).astype(request.param),
        "weight": rng.normal(5.0, 2.0, 630).astype(request.param),
    }
    table["weight"][1::7] = rng.integers(0, 3, 90)
    table["weight"][2::7] = 1e6 + rng.integers(0, 2, 90)
    customers = {"customer": np.arange(90), "kind": np.arange(90) % 3}
    limits = [Limit("a", sum="weight", customers={"kind": k}, max=1.0) for k in range(2)]
    slots = [CustomerRule("slots", max=3)]
    offers = {"offer": np.arange(7)}
    return Campaign(offers, table, customers, rules=slots, limits=limits).compile().problem


either_type = pytest.mark.parametrize("two_channels", [np.float32, np.float64], indirect=True)


def prices_of(problem: Problem, engine: LocalEngine) -> Any:
    lagrangian = Lagrangian(problem, engine)
    prices = np.full(len(problem.lower), 0.05)
    return as_float32(lagrangian.price_table(lagrangian.reduced(prices)))


@either_type
def test_values_as_given_are_within_the_fine_error(two_channels: Problem) -> None:
    problem = two_channels
    item = problem.shard.item
    for c, channel in enumerate(problem.channels):
        steps = problem.shard.quantity[c] - 0.5 + problem.fine[c] / 256
        off = np.abs(channel - (problem.low[c][item] + problem.step[c][item] * steps))
        assert (off <= problem.fine_error[c][item]).all()
        # float64 itself is coarser than a 512th of a step where a value is large beside its item's range
        rounding = 1e-15 * np.abs(channel)
        assert (off <= problem.step[c][item] / 512 * (1 + 1e-9) + rounding).all()
        largest = np.zeros(len(problem.low[c]))
        np.maximum.at(largest, item, off)
        assert np.allclose(largest, problem.fine_error[c], rtol=1e-6)


@either_type
def test_settled_sums_are_within_their_error(two_channels: Problem) -> None:
    problem = two_channels
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    price = prices_of(problem, engine)
    chosen, _ = engine.choose(price)
    usage, error = usage_within(problem, engine, price)
    off = np.abs(usage - exactly(problem, chosen))
    assert (off <= error + 1e-15 * np.abs(usage)).all() and off[1:].any() and not off[0].any()
    assert (error[1:].sum(axis=(1, 2)) < 1e-7 * usage[1:].sum(axis=(1, 2))).all()

    near = nobody_near(problem)
    near[:, :, :, ::2] = 0.3
    settled = settle(problem, engine, price, near)
    assert 0 < len(settled.movers) < 90
    theirs = np.isin(problem.customer_of(), settled.movers)
    assert np.array_equal(settled.chosen, chosen[theirs])
    assert np.array_equal(settled.fine, problem.fine[:, theirs])
    usage = settled_usage(problem, settled)
    off = np.abs(usage - exactly(problem, chosen.astype(bool) & ~theirs))
    assert (off <= usage_error(problem, usage[0]) + 1e-15 * np.abs(usage)).all()
    scales = Scales.of(problem, engine)
    part = part_of(problem, scales, settled, problem.rows @ usage.ravel())
    for c, channel in enumerate(part.channels):
        given = np.asarray(problem.channels[c], float)[theirs]
        off = np.abs(channel - given)
        assert (off <= problem.fine_error[c][part.shard.item] + 1e-15 * np.abs(given)).all()

    changed = 1 - settled.chosen
    whole = np.concatenate([c for *_, c in engine.blocks(price, settled.movers, changed)])
    assert np.array_equal(whole[theirs], changed)
    assert np.array_equal(whole[~theirs], chosen[~theirs])


@either_type
def test_sums_of_quantities_alone_are_likely_within_what_they_are_unsure_of(
    two_channels: Problem,
) -> None:
    problem = two_channels
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    price = prices_of(problem, engine)
    chosen, counted = engine.choose(price)
    usage = Lagrangian(problem, engine).usage(counted)
    off = np.abs(problem.rows @ (usage - exactly(problem, chosen)).ravel())
    unsure = activity_unsure(problem, usage[0])
    assert (off <= unsure).all() and (off > unsure / 100).any()


def test_a_candidate_that_weighs_little_counts_for_little() -> None:
    random = np.random.default_rng(3)
    weight = random.choice([0.25, 1.0], 4_000)
    table = {
        "customer": np.repeat(np.arange(1000), 4),
        "offer": np.tile(np.arange(4), 1000),
        "value": random.uniform(1.0, 2.0, 4_000),
        "weight": weight,
    }
    heavy = Campaign(
        {"offer": np.arange(4)},
        table,
        rules=[CustomerRule("slots", max=2)],
        limits=[Limit("load", sum="weight", by="offer", max=100.0)],
    )
    problem = heavy.compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    dual = Lagrangian(problem, engine)
    counted = Regrets(dual, np.zeros(4), Scales.of(problem, engine)).count[:, -1]
    mean = np.array([weight[k::4].mean() for k in range(4)])
    relative = np.minimum(1.0, weight / np.tile(mean, 1000))
    held, _ = engine.choose(as_float32(dual.price_table(dual.reduced(np.zeros(4)))))
    leaves = np.bincount(problem.shard.item[held == 1], relative[held == 1], 4)
    comes = np.bincount(problem.shard.item[held == 0], relative[held == 0], 4)
    assert np.allclose(counted, np.concatenate([leaves, comes]), rtol=1e-3)


def exactly(problem: Problem, chosen: Any) -> Any:
    """Usage of a choice from the channels as given, each cell's sum rounded once."""
    usage = np.zeros((1 + len(problem.channels), problem.objective[0].size))
    positions = np.flatnonzero(chosen)
    cells = problem.cells(positions)
    for cell in np.unique(cells):
        there = positions[cells == cell]
        usage[:, cell] = len(there), *(math.fsum(c[there].tolist()) for c in problem.channels)
    return usage.reshape(problem.objective.shape)


@either_type
def test_settled_sums_depend_on_neither_blocks_nor_threads(
    two_channels: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, found = two_channels, []
    for block, threads, backend in itertools.product((50, 300, 1 << 19), (1, 3), kernels.BACKENDS):
        monkeypatch.setattr("couponry.engines.local.BLOCK", block)
        engine = LocalEngine(problem.shard, problem.rules, kernels.load(backend), threads, 0)
        near = nobody_near(problem)
        near[:, :, :, ::2] = 0.3
        settled = settle(problem, engine, prices_of(problem, engine), near)
        found.append([settled_usage(problem, settled), settled.movers, settled.fine])
    for other in found[1:]:
        for mine, theirs in zip(other, found[0], strict=True):
            assert mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("seed", range(6))
def test_tight_limits_hold_for_the_values_as_given(few_movers: None, seed: int) -> None:
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
    result = campaign.solve(gap=1e-3, threads=2)
    assert result.status == "optimal" and result.max_violation == 0
    plan = result.allocation._plan
    assert plan.error.any() and plan.feasible
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


# ---- Newton's method


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 12), edges=st.integers(1, 40))
def test_steps_minimise_the_model_within_their_box(seed: int, size: int, edges: int) -> None:
    rng = np.random.default_rng(seed)
    changes = sp.csr_array(rng.normal(size=(edges, size)) * (rng.random((edges, size)) < 0.5))
    model = _Model(sp.csr_array(changes.T @ changes))
    gradient = rng.normal(size=size)
    low, high = -rng.random(size) * (rng.random(size) < 0.7), rng.random(size)
    step, promised = model.minimum(gradient, low, high)
    assert (step >= low).all() and (step <= high).all()
    matrix = model._matrix.toarray() + np.diag(model._damping)

    def value(x: Any) -> float:
        return float(gradient @ x + 0.5 * x @ matrix @ x)

    best = scipy.optimize.minimize(
        value, np.zeros(size), jac=lambda x: gradient + matrix @ x, method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)), options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10},
    )  # fmt: skip
    assert promised == pytest.approx(-value(step), abs=1e-9)
    assert value(step) <= best.fun + 2e-4 * (1e-3 + abs(best.fun))


def test_few_passes_reach_a_gap_that_many_would(few_movers: None) -> None:
    result = campaign().solve(gap=2e-4, threads=2)
    assert result.status == "optimal" and result.full_passes <= 30


# ---- samples


def test_samples_are_nested_and_spread_evenly() -> None:
    samples = nested_samples(100_003, [50, 400, 3200], 8)
    assert [len(s) for s in samples] == [50, 400, 3200]
    for small, large in itertools.pairwise(samples):
        assert np.isin(small, large).all()
    for sample in samples:
        assert (np.diff(sample) > 0).all() and sample[0] >= 0 and sample[-1] < 100_003
        stretch = np.arange(len(sample) + 1) * 100_003 // len(sample)
        assert (np.histogram(sample, stretch - 0.5)[0] == 1).all()


def test_a_sample_stands_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couponry.solver.dual.sampling.FIRST_SAMPLE", 1 << 15)
    problem = campaign().compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    samples = Samples(engine, 0)
    assert len(samples) >= 1
    nothing = np.zeros(len(problem.lower))
    whole = Lagrangian(problem, engine).evaluate(nothing)
    part = samples.dual(problem, len(samples) - 1).evaluate(nothing)
    assert part.dual == pytest.approx(whole.dual, rel=0.03)


# ---- journals


KILLED = """
import sys
import couponry.engines.journal as journals
journals.WORTH = 1
import test_at_scale
monkey = __import__("pytest").MonkeyPatch()
small = (1 << 17, 0.0, 1 << 17)
for name, value in (
    ("solver.WHOLE", 0), ("sampling.FIRST_SAMPLE", 1 << 14),
    ("sampling.CURVATURE_LOOK", small), ("sampling.REGRET_LOOK", small),
):
    monkey.setattr("couponry.solver." + name, value)
campaign = test_at_scale.campaign()
print("ready", flush=True)
result = campaign.solve(gap=2e-4, threads=2, checkpoint=sys.argv[1])
print(hash(tuple(test_at_scale.coupons(result))), result.nit, flush=True)
"""


def solving(checkpoint: Path) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(checkpoint)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
    )  # fmt: skip


def test_killed_at_any_moment_and_resumed_gives_the_same(tmp_path: Path) -> None:
    undisturbed = solving(tmp_path / "other").communicate(timeout=120)[0].split("\n")[1]
    checkpoint = tmp_path / "progress"
    sizes = []
    for wait in (0.05, 0.15, 0.3):
        process = solving(checkpoint)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        sizes.append(checkpoint.stat().st_size if checkpoint.exists() else 0)
    assert sizes == sorted(sizes) and sizes[-1] > 0  # each goes on where the last one was
    assert solving(checkpoint).communicate(timeout=120)[0].split("\n")[1] == undisturbed


def test_what_a_journal_knows_is_not_computed_again(
    few_movers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("couponry.engines.checkpoint.WORTH", 1)
    first = campaign().solve(gap=GAP, threads=2, checkpoint=tmp_path / "progress")

    def refuse(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(LocalEngine, "evaluate", refuse)
    again = campaign().solve(gap=GAP, threads=1, checkpoint=tmp_path / "progress")
    assert coupons(again) == coupons(first)
    assert again.full_passes == pytest.approx(first.full_passes)


def answers(path: Path) -> list[int]:
    """Which of three questions are computed, and not answered from the journal."""
    computed: list[int] = []

    def compute(n: int) -> Any:
        computed.append(n)
        return np.arange(n + 5)

    journal = Journal(path, b"subject")
    for n in range(3):
        found = journal.answer(bytes([n]) * 32, functools.partial(compute, n))
        assert found.tolist() == list(range(n + 5))
    journal.close()
    return computed


def test_a_journal_that_broke_off_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    assert answers(path) == [0, 1, 2]
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        computed = answers(path)
        assert computed and computed == list(range(3 - len(computed), 3))
        assert path.read_bytes() == whole  # and completed
    assert answers(path) == []


def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path, b"subject").close()
    with pytest.raises(InvalidInput, match="of another campaign"):
        Journal(path, b"another")
    path.write_bytes(b"something else altogether, and longer than a header would be")
    with pytest.raises(InvalidInput, match="of another campaign"):
        Journal(path, b"subject")


def test_seed_and_rules_are_part_of_what_a_journal_is_about(tmp_path: Path) -> None:
    small = Synthetic(2_000, 8, offers=20, brands=5)
    tables = small.offers_table(), small.candidates()
    path = tmp_path / "progress"
    Campaign(*tables, rules=[CustomerRule("slots", max=3)]).solve(checkpoint=path)
    for rule, seed in ((CustomerRule("slots", max=2), 0), (CustomerRule("slots", max=3), 1)):
        with pytest.raises(InvalidInput, match="checkpoint"):
            Campaign(*tables, rules=[rule]).solve(checkpoint=path, seed=seed)


def test_a_journaled_engine_answers_like_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "WORTH", 1)
    problem = campaign().compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    journal = Journal(tmp_path / "journal", b"")
    journaled = Journaled.over(engine, journal)
    lagrangian = Lagrangian(problem, journaled)
    table = as_float32(lagrangian.price_table(lagrangian.reduced(np.zeros(len(problem.lower)))))
    some = np.arange(0, engine.customers, 7)
    other_rules = problem.rules._replace(upper=np.full(1, 2, np.int32))
    pairs = [
        (journaled, engine),
        (journaled.sample(some), engine.sample(some)),
        (journaled.with_rules(other_rules), engine.with_rules(other_rules)),
    ]
    answers = [(a.evaluate(table), b.evaluate(table)) for a, b in pairs]
    for mine, theirs in [
        *answers,
        *((a.evaluate(table), t) for (a, _), (_, t) in zip(pairs, answers, strict=True)),
    ]:
        assert np.array_equal(mine, theirs)
    assert len({a.tobytes() for a, _ in answers}) == 3
    for _ in range(2):  # asked, and read from the journal
        for mine, theirs in pairs:
            usage, cut = mine.evaluate_within(table)
            expected, expected_cut = theirs.evaluate_within(table)
            assert np.array_equal(usage, expected) and cut == expected_cut


def test_a_journal_keeps_what_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "WORTH", 1)
    offers = np.arange(12)
    pairs = np.array([(a, b) for a in offers for b in offers if a < b and (a + b) % 3 == 1])
    made = Campaign(
        {"offer": offers},
        {"customer": np.repeat(np.arange(40), 12), "offer": np.tile(offers, 40),
         "value": np.random.default_rng(1).random(480)},
        rules=[CustomerRule("apart", conflicts={"offer_a": pairs[:, 0], "offer_b": pairs[:, 1]})],
    )  # fmt: skip
    problem = made.compile().problem
    rules = problem.rules._replace(nodes=1)
    engine = LocalEngine(problem.shard, rules, kernels.load(), 2, 0)
    lagrangian = Lagrangian(problem, engine)
    table = as_float32(lagrangian.price_table(lagrangian.reduced(np.zeros(0))))
    usage, cut = engine.evaluate_within(table)
    assert cut.customers > 0 and cut.slack > 0
    for _ in range(2):
        journal = Journal(tmp_path / "journal", b"")
        found = Journaled.over(engine, journal).evaluate_within(table)
        journal.close()
        assert np.array_equal(found[0], usage) and found[1] == cut


# ---- warm starts


@pytest.mark.parametrize("form", ["result", "table", "folder"])
def test_earlier_prices_save_passes(few_movers: None, tmp_path: Path, form: str) -> None:
    first = campaign().solve(gap=GAP, threads=2)
    start: Any = {"result": first, "table": first.limits, "folder": tmp_path / "first"}[form]
    if form == "folder":
        first.write(start)
    tighter = [
        replace(limit, max=limit.max * 0.99) if limit.max is not None else limit
        for limit in campaign().limits
    ]
    other = campaign().with_limits(tighter)
    cold, warm = other.solve(gap=GAP, threads=2), other.solve(gap=GAP, threads=2, start=start)
    assert cold.status == warm.status == "optimal"
    assert warm.nit < cold.nit and warm.full_passes < cold.full_passes


def test_a_start_without_prices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="start: no file"):
        campaign().solve(start=tmp_path)
    with pytest.raises(InvalidInput, match="limits of start: expected a column"):
        campaign().solve(start=pa.table({"name": ["caps"]}))


# ---- allocations in parts


def test_large_allocations_are_folders_of_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("couponry.results.allocation.PART_ROWS", 100_000)
    monkeypatch.setattr("couponry.engines.local.BLOCK", 1 << 16)
    result = campaign().solve(gap=GAP, threads=2)
    folder = result.write(tmp_path / "out") / "allocation.parquet"
    parts = sorted(folder.iterdir())
    assert len(parts) >= 3
    assert pq.read_table(folder).equals(result.allocation.to_arrow())
    assert result.allocation is not None and len(result.allocation) == result.allocated

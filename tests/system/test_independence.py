"""The same campaign and seed give the same allocation: any threads, blocks, order of rows, backend or process."""

from __future__ import annotations

import functools
import hashlib
import logging
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.campaigns import shuffled
from tests.support.forks import in_fork
from tests.support.random_campaigns import RandomCampaign, draw

from couponry import Campaign, CustomerRule, Limit
from couponry.kernels import available
from couponry.result import Result
from couponry.solver.options import SamplingOptions, SizeOptions, SolverOptions

LARGEST = 400  # customers
# channels, windows, roles, everything at once with a contact history and without; 6 needs the exact core
SEEDS = (4, 6, 8, 15, 36)
SECONDS = 600.0  # after which a process or thread counts as hanging
ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def drawn(seed: int) -> RandomCampaign:
    return draw(seed, LARGEST)


def bits(result: Result) -> str:
    """A hash of everything in a result but times, memory and the names of what computed it."""
    assert result.allocation is not None
    assert result.limits is not None
    digest = hashlib.sha256()
    for table in (result.allocation.to_arrow(), result.limits):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        digest.update(sink.getvalue())
    figures = (result.status, result.objective, result.bound, result.gap, result.method, result.nit)
    digest.update(repr(figures).encode())
    return digest.hexdigest()


@functools.cache
def expected(seed: int) -> str:
    return bits(drawn(seed).campaign().solve(threads=1))


# ---- on this machine


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("block", [1, 500])
def test_threads_and_blocks(
    seed: int, threads: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = expected(seed)
    monkeypatch.setattr("couponry.engines.local.BLOCK_CANDIDATES", block)
    assert bits(drawn(seed).campaign().solve(threads=threads)) == wanted


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("whole", [0, 1 << 30])  # candidates up to which everybody may move
def test_threads_and_blocks_over_samples(
    seed: int, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SolverOptions(
        sizes=SizeOptions(in_memory_candidates=whole),
        sampling=SamplingOptions(first_candidates=300),
    )
    answers = set()
    for threads, block in ((1, 1 << 19), (2, 200), (3, 7)):
        monkeypatch.setattr("couponry.engines.local.BLOCK_CANDIDATES", block)
        answers.add(bits(drawn(seed).campaign().solve(threads=threads, solver_options=options)))
    assert len(answers) == 1


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("order", [1])
def test_order_of_rows(seed: int, order: int) -> None:
    campaign = drawn(seed)
    again = Campaign(
        shuffled(campaign.offers, order),
        shuffled(campaign.candidates, order),
        shuffled(campaign.customers, order),
        rules=campaign.rules,
        limits=campaign.limits,
        value=campaign.value,
        history=None if campaign.history is None else shuffled(campaign.history, order),
    )
    assert bits(again.solve(threads=1)) == expected(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_chunks_of_tables(seed: int) -> None:
    campaign = drawn(seed)
    tables = [campaign.offers, campaign.candidates, campaign.customers]
    chunked = [pa.concat_tables([t.slice(0, 5), t.slice(5, 0), t.slice(5)]) for t in tables]
    again = Campaign(
        chunked[0],
        chunked[1],
        chunked[2],
        rules=campaign.rules,
        limits=campaign.limits,
        value=campaign.value,
        history=campaign.history,
    )
    assert bits(again.solve(threads=1)) == expected(seed)


@pytest.mark.compiles
@pytest.mark.parametrize("seed", SEEDS)
def test_backends(seed: int) -> None:
    for backend in BACKENDS - {"reference"}:
        assert bits(drawn(seed).campaign().solve(threads=1, backend=backend)) == expected(seed)


# native is not among them where couponry was built without a compiler
BACKENDS = {name for name, state in available().items() if state == "yes"}
pytest.importorskip("numba", reason="the second backend")
assert {"numba", "reference"} <= BACKENDS


@functools.cache
def tiny() -> Mapping[str, Any]:
    """Sixty customers, ties, a cap, a promise and a budget: quick enough for plain Python."""
    rng = np.random.default_rng(3)
    offer = np.argsort(rng.random((60, 9)), axis=1)[:, :5].ravel()
    pairs = len(offer)
    return {
        "offers": pa.table({"offer": np.arange(9), "brand": [f"b{j // 3}" for j in range(9)]}),
        "candidates": pa.table(
            {
                "customer": np.repeat(np.arange(60), 5),
                "offer": offer,
                "value": rng.choice([1.0, 2.0, 2.5], pairs),
                "cost": rng.uniform(0.1, 1.0, pairs),
            }
        ),
        "rules": [CustomerRule("slots", max=2), CustomerRule("brand", by="brand", max=1)],
        "limits": [
            Limit("cap", by="offer", max=14),
            Limit("promise", where={"brand": "b2"}, min=35),
            Limit("budget", sum="cost", max=45.0),
        ],
    }


@pytest.mark.compiles
def test_reference_backend() -> None:
    results = [Campaign(**tiny()).solve(threads=1, backend=name) for name in BACKENDS]
    assert {result.backend for result in results} == BACKENDS
    assert len({bits(result) for result in results}) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_second_solve_of_the_same_campaign(seed: int) -> None:
    campaign = drawn(seed).campaign()
    assert [bits(campaign.solve(threads=1)) for _ in range(2)] == [expected(seed)] * 2


@pytest.mark.compiles
def test_solving_with_another_backend_or_seed_in_between_changes_nothing() -> None:
    campaign = drawn(36).campaign()
    campaign.solve(threads=2, seed=99, backend="numba")
    assert bits(campaign.solve(threads=1)) == expected(36)


def test_callers_tables_are_left_as_they_were() -> None:
    campaign = drawn(36)
    before = [
        pa.table(t.to_pydict(), schema=t.schema) for t in (campaign.offers, campaign.candidates)
    ]
    campaign.campaign().solve(threads=2)
    assert [campaign.offers, campaign.candidates] == before


# ---- the seed breaks ties and does nothing else


def test_seed_decides_only_among_equals() -> None:
    tables = (
        pa.table({"offer": [0, 1]}),
        pa.table(
            {"customer": np.repeat(np.arange(200), 2), "offer": [0, 1] * 200, "value": [1.0] * 400}
        ),
    )
    results = [
        Campaign(*tables, rules=[CustomerRule("slots", max=1)]).solve(seed=seed) for seed in (0, 1)
    ]
    assert all(r.allocation is not None for r in results)
    first, second = (r.allocation.to_arrow() for r in results)
    assert [r.objective for r in results] == [200.0, 200.0]
    offers = first["offer"].to_numpy(), second["offer"].to_numpy()
    assert not np.array_equal(*offers)
    for offer in offers:  # a fair coin, not always the first
        assert 60 < (offer == 0).sum() < 140


def test_seed_changes_nothing_without_ties() -> None:
    rng = np.random.default_rng(0)
    tables = (
        pa.table({"offer": np.arange(4)}),
        pa.table(
            {
                "customer": np.repeat(np.arange(200), 4),
                "offer": np.tile(np.arange(4), 200),
                "value": rng.permutation(800) + 1.0,
            }
        ),
    )
    campaign = Campaign(*tables, rules=[CustomerRule("slots", max=2)])
    assert len({bits(campaign.solve(seed=seed)) for seed in (0, 1, 2**32 - 1)}) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_other_seeds_are_as_good(seed: int) -> None:
    results = [drawn(seed).campaign().solve(threads=1, seed=other) for other in (0, 1, 2)]
    objectives = [result.objective for result in results if result.objective is not None]
    bound = min(result.bound for result in results if result.bound is not None)
    assert len(objectives) == 3
    # each bound holds for every seed's allocation
    assert max(objectives) <= bound * (1 + 1e-12)


# ---- other processes and threads


def solve_in_child(seed: int, threads: int) -> str:
    """For processes started afresh, which find this module by its name."""
    return bits(draw(seed, LARGEST).campaign().solve(threads=threads))


@pytest.mark.parametrize("hash_seed", ["17"])
def test_fresh_process(hash_seed: str) -> None:
    code = """if True:
        import sys
        from tests.system.test_independence import solve_in_child
        print(*(solve_in_child(int(seed), 2) for seed in sys.argv[1:]))
    """
    paths = os.pathsep.join(map(str, (ROOT, os.environ.get("PYTHONPATH", ""))))
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, SEEDS)],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert run.stdout.split() == [expected(seed) for seed in SEEDS]


OTHER_USE = """if True:
    import os
    import pickle
    import signal
    import sys
    import warnings
    import numpy as np
    import scipy.optimize
    from tests.system.test_independence import bits

    rng = np.random.default_rng(0)
    warnings.simplefilter("ignore")
    rows = scipy.optimize.LinearConstraint(rng.random((20, 80)), -np.inf, 10.0)
    options = {"threads": 3, "node_limit": 10}
    found = scipy.optimize.milp(-rng.random(80), integrality=np.ones(80), constraints=rows,
                                bounds=scipy.optimize.Bounds(0, 1), options=options)
    assert found.x is not None
    with open(sys.argv[1], "rb") as file:  # drawing one needs HiGHS, too
        campaign = pickle.load(file).campaign()
    print(bits(campaign.solve(threads=2)), flush=True)
    child = os.fork()
    if child == 0:
        signal.alarm(600)  # ends a child that hangs
        print(bits(campaign.solve(threads=2)), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_after_other_use_of_highs(tmp_path: Path) -> None:
    """HiGHS keeps one pool of threads for a process; what else used it must not matter, nor a fork after that."""
    paths = os.pathsep.join(map(str, (ROOT, os.environ.get("PYTHONPATH", ""))))
    (tmp_path / "campaign").write_bytes(pickle.dumps(drawn(6)))
    run = subprocess.run(
        [sys.executable, "-c", OTHER_USE, str(tmp_path / "campaign")],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert run.stdout.split() == [expected(6)] * 2


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_after_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {seed: expected(seed) for seed in SEEDS}
    monkeypatch.setattr(
        "couponry.engines.local.BLOCK_CANDIDATES", 500
    )  # so that all threads get work
    campaigns = {seed: drawn(seed).campaign() for seed in SEEDS}
    before = {seed: bits(campaign.solve(threads=3)) for seed, campaign in campaigns.items()}
    assert before == wanted
    # the child uses campaigns that the parent has compiled, and compiles its own
    in_fork(lambda: {s: bits(c.solve(threads=3)) for s, c in campaigns.items()} == wanted)
    in_fork(lambda: {s: bits(drawn(s).campaign().solve(threads=3)) for s in SEEDS} == wanted)
    assert bits(campaigns[SEEDS[0]].solve(threads=3)) == wanted[SEEDS[0]]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_while_another_thread_solves(monkeypatch: pytest.MonkeyPatch) -> None:
    # the lock of a file that another thread logs to while this one forks stays held in the child, whatever logs there
    monkeypatch.setattr(logging.getLogger("couponry"), "propagate", False)
    wanted = expected(36)
    monkeypatch.setattr("couponry.engines.local.BLOCK_CANDIDATES", 500)
    stop = threading.Event()

    def keep_solving() -> None:
        campaign = drawn(4).campaign()
        while not stop.is_set():
            campaign.solve(threads=2)

    busy = threading.Thread(target=keep_solving)
    busy.start()
    try:
        campaign = drawn(36).campaign()
        for _ in range(5):
            in_fork(lambda: bits(campaign.solve(threads=3)) == wanted)
    finally:
        stop.set()
        busy.join(SECONDS)
    assert not busy.is_alive()


def test_spawned_process() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answers = [pool.apply_async(solve_in_child, (seed, 2)) for seed in SEEDS]
        assert [answer.get(SECONDS) for answer in answers] == [expected(seed) for seed in SEEDS]


def test_several_python_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {seed: expected(seed) for seed in SEEDS}
    monkeypatch.setattr("couponry.engines.local.BLOCK_CANDIDATES", 500)
    shared = drawn(36).campaign()  # not compiled yet: all threads come at once
    start = threading.Barrier(6)
    answers: list[tuple[int, str]] = []

    def work(seed: int, campaign: Campaign) -> None:
        start.wait(SECONDS)
        for _ in range(2):
            answers.append((seed, bits(campaign.solve(threads=2))))

    jobs = [(36, shared)] * 3 + [(seed, drawn(seed).campaign()) for seed in (4, 6, 15)]
    workers = [threading.Thread(target=work, args=job, daemon=True) for job in jobs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(SECONDS)
    assert not any(worker.is_alive() for worker in workers)
    assert sorted(answers) == sorted((seed, wanted[seed]) for seed, _ in jobs for _ in range(2))

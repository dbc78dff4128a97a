"""One engine, many threads: passes at once give what each gives alone, in this process and in children of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.support.constraint_cases import constrained_case
from tests.support.kernel_cases import Case, activity_of, backend_names, local_search

from couponry import kernels
from couponry.engines import local, rounds
from couponry.engines.local import LocalEngine
from couponry.kernels import REPAIR

TOGETHER = 6
NATIVE = "native" if any(name.startswith("native") for name in backend_names()) else None


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few customers, so that every thread gets many of them."""
    monkeypatch.setattr(local, "BLOCK_CANDIDATES", 40)
    monkeypatch.setattr(local, "SLOW_BLOCK_CANDIDATES", 20)
    monkeypatch.setattr(rounds, "FEW", 10)  # moves by rounds
    monkeypatch.setattr(rounds, "ROUND_SHARE", 4)
    monkeypatch.setattr(rounds, "PIECE_CANDIDATES", 30)


def engine_of(case: Case, threads: int) -> LocalEngine:
    return LocalEngine(case.shard, case.rules, kernels.load(NATIVE), threads, case.seed)


def passes(case: Case) -> dict[str, Callable[[LocalEngine], Any]]:
    """What an engine is asked for, by name; each gives arrays and numbers."""
    _, segments, items = case.price.shape
    threshold = np.full((3, 2, segments, items), 0.2, np.float32)
    fine = (
        np.arange(len(case.exact) * len(case.shard.item)).reshape(case.exact.shape).astype(np.uint8)
    )
    chosen = engine_of(case, 1).choose(case.price)[0]

    def fix(engine: LocalEngine) -> Any:
        found = engine.fix(case.price, threshold, fine)
        return found.usage, found.fine_usage, found.free, found.free_choice, found.free_fine

    def choose_exactly(engine: LocalEngine) -> Any:
        mine = chosen.copy()
        return mine, engine.choose_exactly(case.exact, case.reduced, mine)

    def improve(engine: LocalEngine) -> Any:
        search = local_search(case, REPAIR, activity_of(case, chosen), chosen.copy())
        return engine.improve(search, lambda: False), search.activity, search.chosen

    return {
        "evaluate": lambda engine: engine.evaluate_with_cut_off(case.price),
        "choose": lambda engine: engine.choose(case.price),
        "alternatives": lambda engine: engine.alternatives(case.price),
        "fix": fix,
        "choose_exactly": choose_exactly,
        "regret": lambda engine: engine.regret(case.exact, case.reduced, chosen),
        "improve": improve,
        "noise": lambda engine: engine.with_noise(7).evaluate(
            np.concatenate([case.price, case.price[-1:]])
        ),
    }  # fmt: skip


def bits(found: Any) -> Any:
    """Arrays as bytes, so that they can be compared."""
    if isinstance(found, np.ndarray):
        return found.tobytes()
    return tuple(bits(each) for each in found) if isinstance(found, tuple | list) else found


CASE = constrained_case(
    8, customers=120, longest=40, attributes=2, segments=2, items=60, rules=2, upper=5
)


@pytest.mark.parametrize("threads", [1, 3])
def test_passes_of_many_threads_at_once(threads: int) -> None:
    wanted = {name: bits(work(engine_of(CASE, 1))) for name, work in passes(CASE).items()}
    shared = engine_of(CASE, threads)
    start = threading.Barrier(TOGETHER)
    found: list[dict[str, Any]] = [{} for _ in range(TOGETHER)]

    def ask(number: int) -> None:
        work = list(passes(CASE).items())
        start.wait()
        for name, one in work[number:] + work[:number]:  # different ones at the same time
            found[number][name] = bits(one(shared))

    askers = [threading.Thread(target=ask, args=(n,)) for n in range(TOGETHER)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert found == [wanted] * TOGETHER


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.skipif(
    os.environ.get("COUPONRY_SANITIZED") == "thread",
    reason="ThreadSanitizer takes a child's thread for one of its parent's that has the same id",
)
def test_passes_after_a_fork() -> None:
    engine = engine_of(CASE, 3)
    wanted = {name: bits(work(engine)) for name, work in passes(CASE).items()}
    child = os.fork()
    if child == 0:  # threads of the parent are not here; nothing may wait for them
        try:
            same = {name: bits(work(engine)) for name, work in passes(CASE).items()} == wanted
            os._exit(0 if same else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_blocks_of_an_allocation_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BLOCK_CANDIDATES", 800)  # cut smaller in passes of many threads
    nobody = np.empty(0, np.int64), np.empty(0, np.uint8)
    one, many = (list(engine_of(CASE, threads).blocks(CASE.price, *nobody)) for threads in (1, 9))
    assert len(one) > 1 and bits(one) == bits(many)

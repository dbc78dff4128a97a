"""Checkpoints: a solve that was killed goes on where it was, and nothing is computed twice."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.instances.synthetic import Synthetic
from tests.support.large_campaign import FEW_FREE, GAP, campaign, coupons

from couponry import Campaign, CustomerRule, InvalidInput, Limit, kernels
from couponry.engines import checkpoint
from couponry.engines.checkpoint import CheckpointedEngine
from couponry.engines.checkpoint_file import CheckpointFile
from couponry.engines.local import LocalEngine
from couponry.kernels import Shard
from couponry.results.solve import _subject
from couponry.solver.dual.lagrangian import Lagrangian, as_float32
from couponry.solver.packed import HeldCandidates

KILLED = """
import os, signal, sys
from couponry.engines import checkpoint
from tests.support.large_campaign import FEW_FREE, campaign, coupons

checkpoint.LEAST_RECORDED_CANDIDATES = 1
path, writes, sync = sys.argv[1], int(sys.argv[2]), os.fsync

def counted(handle):
    global writes
    sync(handle)
    writes -= 1
    if writes == 0:
        os.kill(os.getpid(), signal.SIGKILL)

os.fsync = counted
result = campaign().solve(gap=2e-4, threads=2, checkpoint=path, solver_options=FEW_FREE)
print(hash(tuple(coupons(result))), result.nit, -writes)
"""


def solved(checkpoint: Path, writes: int = 0) -> tuple[int, list[str]]:
    """Exit status and output of a solve that is killed once it has written so often; 0: never."""
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(checkpoint), str(writes)],
        stdout=subprocess.PIPE, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
    )  # fmt: skip
    return done.returncode, done.stdout.split()


def test_killed_at_any_moment_and_resumed_gives_the_same(tmp_path: Path) -> None:
    status, (allocation, evaluations, writes) = solved(tmp_path / "other")
    assert status == 0
    checkpoint = tmp_path / "progress"
    sizes = []
    for more in (2, int(writes) // 2):
        assert solved(checkpoint, more) == (-signal.SIGKILL, [])
        sizes.append(checkpoint.stat().st_size)
    assert 0 < sizes[0] < sizes[1]  # each goes on where the last one was
    status, resumed = solved(checkpoint)
    assert status == 0 and resumed[:2] == [allocation, evaluations]
    assert 0 < int(resumed[2]) < int(writes)


def test_what_a_journal_knows_is_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("couponry.engines.checkpoint.LEAST_RECORDED_CANDIDATES", 1)
    settings: dict[str, Any] = {"gap": GAP, "solver_options": FEW_FREE}
    first = campaign().solve(**settings, threads=2, checkpoint=tmp_path / "progress")

    def refuse(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(LocalEngine, "evaluate", refuse)
    again = campaign().solve(**settings, threads=1, checkpoint=tmp_path / "progress")
    assert coupons(again) == coupons(first)
    assert again.full_passes == pytest.approx(first.full_passes)


def answers(path: Path) -> list[int]:
    """Which of three questions are computed, and not answered from the journal."""
    computed: list[int] = []

    def compute(n: int) -> Any:
        computed.append(n)
        return np.arange(n + 5)

    journal = CheckpointFile(path, b"subject")
    for n in range(3):
        found = journal.answer(bytes([n]) * 32, functools.partial(compute, n))
        assert found.tolist() == list(range(n + 5))
    journal.close()
    return computed


def test_a_journal_that_broke_off_is_read_as_far_as_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
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
    CheckpointFile(path, b"subject").close()
    with pytest.raises(InvalidInput, match="of another campaign"):
        CheckpointFile(path, b"another")
    path.write_bytes(b"something else altogether, and longer than a header would be")
    with pytest.raises(InvalidInput, match="of another campaign"):
        CheckpointFile(path, b"subject")
    assert path.read_bytes().startswith(b"something else")
    for header in (b"couponry journal 1\n", b"couponry journal 2, 0.0.1\n"):
        path.write_bytes(header + b"subject" * 9)
        with pytest.raises(InvalidInput, match="of another version of couponry; remove it or"):
            CheckpointFile(path, b"subject")
        assert path.read_bytes() == header + b"subject" * 9
    with pytest.raises(InvalidInput, match="expected a file, got something else"):
        CheckpointFile(tmp_path, b"subject")


def test_a_journal_that_is_damaged_is_read_as_far_as_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    path = tmp_path / "journal"
    answers(path)
    whole = path.read_bytes()
    begin = whole.index(b"subject") + len(b"subject")
    for place in range(begin, len(whole)):
        for bit in (0, 6):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            assert answers(path) in ([0, 1, 2], [1, 2], [2])
            assert path.read_bytes() == whole


def test_one_solve_at_a_time_has_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    answers(path)
    whole = path.read_bytes()
    with (
        CheckpointFile(path, b"subject"),
        pytest.raises(InvalidInput, match=r"^checkpoint .*: another run is writing it; wait until"),
    ):
        CheckpointFile(path, b"subject")
    assert path.read_bytes() == whole and answers(path) == []


def test_a_solve_that_fails_lets_go_of_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Campaign(
        {"offer": [1]}, {"customer": [1, 2], "offer": [1, 1], "value": [1.0, 2.0]},
        limits=[Limit("few", max=1)],
    )  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(LocalEngine, "evaluate", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError) as kept:  # noqa: F841  with its frames
            small.solve(checkpoint=tmp_path / "journal")
    assert small.solve(checkpoint=tmp_path / "journal").objective == 2.0


def test_an_infeasible_campaign_has_its_journal_until_all_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "LEAST_RECORDED_CANDIDATES", 1)
    small = Synthetic(300, 6, offers=12, brands=4)
    limits = [Limit("many", min=300), Limit("few", max=20)]
    made = Campaign(small.offers_table(), small.candidates(), limits=limits)
    found = [made.solve(checkpoint=tmp_path / "journal") for _ in range(2)]
    assert [result.status for result in found] == ["infeasible"] * 2
    assert found[0].infeasible == found[1].infeasible


def test_every_number_of_the_candidates_is_part_of_what_a_journal_is_about() -> None:
    n = 2_200_000  # more than any sample of them would hold
    items, quantity = np.arange(n, dtype=np.uint16) % 50, np.ones((1, n), np.uint16)
    made = Campaign({"offer": [1]}, {"customer": [1], "offer": [1], "value": [1.0]}).compile()
    rules = made.problem.rules._replace(constraints=np.arange(n))
    shard = Shard(0, np.array([0, n]), items, quantity, np.zeros(1, np.uint16))
    packed = HeldCandidates(shard, rules, made.problem.attributes, made.problem.fine)
    problem, seen = replace(made.problem, packed=packed), set()
    for array in (items, items, items, quantity[0], quantity[0], rules.constraints):
        seen.add(_subject(problem, 0, kernels.load(), 2))
        array[1_033_000 + 4_000 * len(seen)] ^= 1
    assert len(seen) == 6


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
    monkeypatch.setattr(checkpoint, "LEAST_RECORDED_CANDIDATES", 1)
    problem = campaign().compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    journal = CheckpointFile(tmp_path / "journal", b"")
    journaled = CheckpointedEngine.over(engine, journal)
    lagrangian = Lagrangian(problem, journaled)
    table = as_float32(lagrangian.price_table(lagrangian.reduced(np.zeros(len(problem.lower)))))
    some = np.arange(0, engine.customers, 7)
    other_rules = problem.rules._replace(upper=np.full(1, 2, np.int32))
    pairs = [
        (journaled, engine),
        *zip(journaled.samples([some, some[::2]]), engine.samples([some, some[::2]]), strict=True),
        (journaled.with_rules(other_rules), engine.with_rules(other_rules)),
    ]
    answers = [(a.evaluate(table), b.evaluate(table)) for a, b in pairs]
    for mine, theirs in [
        *answers,
        *((a.evaluate(table), t) for (a, _), (_, t) in zip(pairs, answers, strict=True)),
    ]:
        assert np.array_equal(mine, theirs)
    assert len({a.tobytes() for a, _ in answers}) == 4
    for _ in range(2):  # asked, and read from the journal
        for mine, theirs in pairs:
            usage, cut = mine.evaluate_with_cut_off(table)
            expected, expected_cut = theirs.evaluate_with_cut_off(table)
            assert np.array_equal(usage, expected) and cut == expected_cut


def test_a_journal_keeps_what_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LEAST_RECORDED_CANDIDATES", 1)
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
    usage, cut = engine.evaluate_with_cut_off(table)
    assert cut.customers > 0 and cut.slack > 0
    for _ in range(2):
        journal = CheckpointFile(tmp_path / "journal", b"")
        found = CheckpointedEngine.over(engine, journal).evaluate_with_cut_off(table)
        journal.close()
        assert np.array_equal(found[0], usage) and found[1] == cut

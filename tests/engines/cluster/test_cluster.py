"""Solves over shards: the bits of a solve on one machine, whoever runs the tasks, and however they are cut."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.cluster_campaigns import (
    AS_THE_LARGEST,
    CUSTOMERS,
    GAPS,
    KINDS,
    fingerprint,
    infeasible,
    mixed,
    segments,
    solved,
)
from tests.support.cluster_driver import Mortal, ended_after_each_job, killed
from tests.support.large_campaign import FEW_FREE, GAP, campaign

from couponry import CancelToken, InvalidInput, Limit, Unsupported
from couponry.analysis.compare import compare, compare_saved
from couponry.engines import Cluster, InProcessRunner, ProcessPoolRunner, Runner
from couponry.engines import local as local_engines
from couponry.engines.cluster import engine as engines
from couponry.engines.cluster import gathering
from couponry.engines.cluster.runner import shared_out
from couponry.engines.local import LocalEngine
from couponry.kernels import load
from couponry.result import Result
from couponry.results.cluster import shards as shards_module
from couponry.results.cluster.shards import shards_of
from couponry.solver.options import SampleSize, SamplingOptions
from couponry.solver.packed import CandidatesElsewhere
from couponry.utils.arrays.digests import digest_of_arrays


def refuse(*_: Any) -> Any:
    raise AssertionError("asked for arrays")


@functools.cache
def locally(kind: str) -> tuple[str, float]:
    """Fingerprint and passes of a solve in memory."""
    result = solved(kind, threads=1)
    return fingerprint(result), result.full_passes


def sharded(
    folder: Path, shards: int, runner: Runner | None = None, of: int = CUSTOMERS
) -> Cluster:
    return Cluster(runner or InProcessRunner(2, 3), folder, -(-of // shards))


def customers_of(kind: str) -> int:
    return KINDS[kind]().compile().problem.customers


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolRunner]:
    runner = ProcessPoolRunner(2)
    yield runner
    runner.close()


@pytest.mark.parametrize(
    ("kind", "shards"),
    [*product(KINDS, [4, 64]), ("mixed", 16), ("segments", 16)],
)
def test_the_bits_of_one_machine(kind: str, shards: int, tmp_path: Path) -> None:
    customers = customers_of(kind)
    engine = sharded(tmp_path, shards, of=customers)
    result = solved(kind, threads=2, engine=engine)
    assert len(list(tmp_path.glob("*.arrays"))) == -(-customers // engine.shard_customers)
    assert (fingerprint(result), result.full_passes) == locally(kind)
    assert result.engine == "local shards"


@pytest.mark.parametrize(("kind", "shards"), [*zip(KINDS, cycle([4, 16, 64, 64]), strict=False)])
def test_the_bits_of_one_machine_in_processes(
    kind: str, shards: int, tmp_path: Path, pool: ProcessPoolRunner
) -> None:
    engine = sharded(tmp_path, shards, pool, of=customers_of(kind))
    result = solved(kind, threads=1, engine=engine)
    assert (fingerprint(result), result.full_passes) == locally(kind)


def test_kinds_are_what_they_are_for() -> None:
    """The plan of the matching campaign is under noise, nothing is feasible in one, and so on."""
    matching, contacts, split = (solved(kind) for kind in ("matching", "contacts", "segments"))
    quantities = matching.compiled.problem.quantities
    assert matching.plan.price.shape[0] == 1 + quantities + 1
    assert len(contacts.compiled.problem.rules.constraint_ptr) > 1
    assert len(split.compiled.problem.shard.segment) > 1
    assert solved("infeasible").status == "infeasible"


@pytest.mark.parametrize("most_sampled", [1 << 21, 1 << 16])
def test_samples_and_newton(
    most_sampled: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign large enough for nested samples, curvature and a few free customers: nothing else is gathered.

    The solver has no array of candidates or customers, and would be refused one. Large samples stay with the workers.
    """
    monkeypatch.setattr(engines, "MOST_SAMPLED", most_sampled)
    monkeypatch.setattr(gathering, "MOST_GATHERED", 1_000)
    monkeypatch.setattr(CandidatesElsewhere, "_held", property(refuse))
    few = SampleSize(1 << 16, 0.0, 1 << 16)
    many = SampleSize(1 << 17, 0.0, 1 << 17)  # losses of so many are counted by workers
    larger = replace(FEW_FREE.sampling, customers_per_sampled=4, curvature=few, regret=many)
    options: dict[str, Any] = {"gap": GAP, "solver_options": replace(FEW_FREE, sampling=larger)}
    local = campaign().solve(threads=2, **options)
    asked = list[str]()

    class Noting(InProcessRunner):
        def run(self, task: bytes, shares: Any) -> Any:
            asked.append(type(pickle.loads(pickle.loads(task)[1])).__name__)
            return super().run(task, shares)

    engine = sharded(tmp_path, 16, Noting(2, 3), of=40_000)
    result = campaign().solve(threads=1, engine=engine, **options)
    assert ("LossesTask" in asked) == (most_sampled < 1 << 21)
    samples = [name for name in asked if name.startswith("Samples")]
    is_large = most_sampled < 1 << 21  # one job for all samples that are asked for together
    assert samples == ["SamplesOfBothKindsTask" if is_large else "SamplesTask"]
    assert 0 < len(result.plan.free) < 20_000
    assert fingerprint(result) == fingerprint(local) and result.full_passes == local.full_passes
    assert bool(list(tmp_path.glob("*-sample-*"))) == (most_sampled < 1 << 21)
    cluster = result.plan.engine
    for ask in (lambda: cluster.shard, lambda: cluster.choose(result.plan.price)):
        with pytest.raises(Unsupported, match="expected at most 1,000"):
            ask()


@pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")
def test_conflicts_of_many_are_proved_without_gathering_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules that differ by customer are left out one by one: they are written beside the shards."""
    monkeypatch.setattr(gathering, "MOST_GATHERED", 100)
    few = SampleSize(1 << 9, 0.0, 1 << 9)
    options = replace(
        AS_THE_LARGEST,
        sampling=SamplingOptions(1 << 8, curvature=few, regret=few, proof=few),
        cutting_planes=replace(AS_THE_LARGEST.cutting_planes, candidates=0),
        enumeration=replace(AS_THE_LARGEST.enumeration, candidates=0),
        work=replace(AS_THE_LARGEST.work, solves=1_000.0),
    )
    made = infeasible().changed(
        drop_limits=["caps", "promise"], add_limits=[Limit("many", min=1_500)]
    )
    results = [
        made.solve(solver_options=options, threads=1, engine=engine)
        for engine in (None, sharded(tmp_path, 4, of=customers_of("infeasible")))
    ]
    assert fingerprint(results[0]) == fingerprint(results[1])
    assert results[1].infeasible is not None
    assert results[1].infeasible["customer_rules"] == [{"customer_rule": "slots", "max": "slots"}]
    assert len(list(tmp_path.glob("*-rules-*.arrays"))) >= 4


def test_everybody_in_memory(tmp_path: Path) -> None:
    """Where candidates are few the solver asks for all of them, which are gathered."""
    made = segments()
    local = made.solve(threads=1)
    assert fingerprint(made.solve(threads=1, engine=sharded(tmp_path, 4))) == fingerprint(local)


# ---- answers one by one


@pytest.mark.parametrize("customers", [CUSTOMERS, 40])
def test_answers_like_everybody(
    customers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In sixteen shards, and with a customer in each."""
    compiled, backend = segments(customers).compile(), load()
    problem = compiled.problem
    for module in (local_engines, engines):
        monkeypatch.setattr(module, "BLOCK_CANDIDATES", 20 + customers // 8)
    made = sharded(tmp_path, min(16 if customers > 40 else 40, customers), of=customers)
    cluster = made.engine(shards_of(compiled, made, backend, 1), backend.name, 0, 1)
    local = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
    random = np.random.default_rng(3)
    price = random.random(problem.no_prices().shape).astype(np.float32)
    threshold = np.full((1, 2, *price.shape[1:]), 0.2, np.float32)
    for mine, theirs in zip(cluster.choose(price), local.choose(price), strict=True):
        assert np.array_equal(mine, theirs)
    assert (cluster.customers, cluster.candidates) == (local.customers, local.candidates)
    assert cluster.most_candidates == local.most_candidates
    for fine in (problem.fine, problem.fine[:0]):
        mine, theirs = (each.fix(price, threshold, fine) for each in (cluster, local))
        assert 0 < len(mine.free) < problem.customers
        for one, other in zip(mine[:5], theirs[:5], strict=True):
            assert np.array_equal(one, other)
        for one, other in zip(mine.engine.shard, theirs.engine.shard, strict=True):
            assert np.array_equal(one, other)
    blocks = [list(each.blocks(price, mine.free, mine.free_choice)) for each in (cluster, local)]
    assert [block[:2] for block in blocks[0]] == [block[:2] for block in blocks[1]]
    assert all(np.array_equal(one[2], other[2]) for one, other in zip(*blocks, strict=True))
    assert len(blocks[0]) > 5
    others = problem.rules._replace(upper=np.ones(problem.customers, np.int32))
    assert np.array_equal(
        cluster.with_rules(others).evaluate(price), local.with_rules(others).evaluate(price)
    )


def test_shares_are_consecutive_and_about_as_large() -> None:
    assert shared_out(range(7), 3) == [(0, 1), (2, 3), (4, 5, 6)]
    assert shared_out(range(2), 5) == [(0,), (1,)]


# ---- used again, and what is wrong


def test_candidates_are_compared_with_shards_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign that was solved over shards is solved over them again without a look at its candidates."""
    made, digests = mixed(), list[Any]()

    def counted(*arguments: Any) -> bytes:
        digests.append(arguments)
        return digest_of_arrays(*arguments)

    monkeypatch.setattr(shards_module, "digest_of_arrays", counted)
    for _ in range(3):
        made.solve(
            gap=GAPS["mixed"], solver_options=AS_THE_LARGEST, engine=sharded(tmp_path / "one", 4)
        )
    made.solve(
        gap=GAPS["mixed"], solver_options=AS_THE_LARGEST, engine=sharded(tmp_path / "two", 4)
    )
    assert len(digests) == 1


def test_shards_are_written_once(tmp_path: Path) -> None:
    made = mixed()
    engine = sharded(tmp_path, 4)
    first = made.solve(gap=GAPS["mixed"], solver_options=AS_THE_LARGEST, engine=engine)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    bounds = made.changed(limits={"b": {"max": 2_000}})
    bounds.solve(gap=GAPS["mixed"], solver_options=AS_THE_LARGEST, engine=engine)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    other = made.changed(rules={"slots": {"max": 2}})
    other.solve(gap=GAPS["mixed"], solver_options=AS_THE_LARGEST, engine=engine)
    assert not set(tmp_path.glob("*.arrays")) & set(written)
    assert first.allocation is not None
    with pytest.raises(InvalidInput, match="it is missing; remove the folder, and have"):
        fingerprint(first)


def spoilt(path: Path) -> None:
    content = np.fromfile(path, np.uint8)
    content[4096:] ^= 1  # all arrays
    content.tofile(path)


def replaced(path: Path) -> None:
    other = sorted(path.parent.glob("*.arrays"))[-1]
    path.write_bytes(other.read_bytes())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (Path.unlink, "it is missing"),
        (spoilt, "is not as it was written"),
        (replaced, "not the file that was written"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "shorter or longer"),
        (lambda path: path.write_bytes(b""), "not the file"),
    ],
)
def test_a_shard_that_is_not_as_written_is_one_error(
    damage: Any, said: str, tmp_path: Path, pool: ProcessPoolRunner
) -> None:
    result = solved("mixed", engine=sharded(tmp_path, 4, pool))
    victim = sorted(tmp_path.glob("*.arrays"))[1]
    damage(victim)
    with pytest.raises(InvalidInput, match="shard ") as raised:
        result.plan.engine.evaluate(result.plan.price)
    assert said in str(raised.value) and victim.name[:6] in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 2}'])
def test_a_manifest_that_cannot_be_read_is_written_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / "shards.json").write_text(text)
    assert solved("mixed", engine=sharded(tmp_path, 4)).status == "optimal"


def test_bad_arguments(tmp_path: Path) -> None:
    runner = InProcessRunner()
    for wrong in ({"runner": 3}, {"store": ""}, {"store": 3}, {"shard_customers": 0}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            Cluster(**({"runner": runner, "store": tmp_path} | wrong))
    with pytest.raises(InvalidInput, match="engine: expected a cluster"):
        mixed().solve(engine="spark")  # type: ignore[arg-type]
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match=r"shards '[^']*file'"):
        mixed().solve(engine=Cluster(runner, tmp_path / "file"))
    with pytest.raises(InvalidInput, match="holds something else"):
        mixed().solve(engine=Cluster(runner, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    for name in ("000000-0123.arrays", ".000001.0123.draft"):
        (tmp_path / name).touch()
    assert solved("contacts", engine=sharded(tmp_path, 4)).status == "optimal"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 5 and "000000-0123.arrays" not in names


# ---- as locally


@pytest.mark.parametrize("kind", ["segments", "contacts", "soft"])
def test_a_driver_that_ends_after_each_job_goes_on(kind: str, tmp_path: Path) -> None:
    """No job is done twice."""
    here = Mortal(InProcessRunner(), 0, killed)
    solved(kind, engine=sharded(tmp_path / "other", 4, here), checkpoint=tmp_path / "other-journal")
    jobs, result = ended_after_each_job(kind, InProcessRunner(), tmp_path)
    assert jobs == here.jobs
    assert (fingerprint(result), result.full_passes) == locally(kind)


def test_a_cancelled_solve_ends(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    assert solved("mixed", engine=sharded(tmp_path, 4), cancel=token).message == "cancelled"


def test_results_are_pickled_without_the_cluster(tmp_path: Path) -> None:
    result: Result = solved("contacts", engine=sharded(tmp_path, 4))
    again = pickle.loads(pickle.dumps(result))
    assert isinstance(again.plan.engine, LocalEngine)
    assert fingerprint(again) == locally("contacts")[0]


@pytest.mark.parametrize("kind", ["segments", "matching"])
def test_explanations_open_no_more_shards_than_they_need(kind: str, tmp_path: Path) -> None:
    """Under noise, too."""
    local, result = solved(kind), solved(kind, engine=sharded(tmp_path, 16))
    (fixed,) = np.setdiff1d(np.arange(CUSTOMERS), local.plan.free)[[400]]
    free = local.plan.free[-1]
    for path in sorted(tmp_path.glob("*.arrays"))[fixed * 16 // CUSTOMERS + 1 :]:
        path.unlink()
    ids = result.campaign.candidates.customers
    for number in (int(fixed), int(free)):
        found = [each.explain(ids[number].as_py()).as_dict() for each in (local, result)]
        assert found[0] == found[1]


def test_results_answer_questions(tmp_path: Path) -> None:
    """What is asked of a result is what it is on one machine."""
    local, result = solved("segments"), solved("segments", engine=sharded(tmp_path, 16))
    assert result.by("brand").equals(local.by("brand"))
    assert result.per_customer().equals(local.per_customer())
    other = solved("mixed")
    for before in (local, result):
        moved = compare_saved(before, other).moved
        assert compare(before, other, None).moved == moved and moved.customers > 0
    assert compare(local, result, None).moved.customers == 0

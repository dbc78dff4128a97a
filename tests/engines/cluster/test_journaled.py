"""What a journal knows of tasks: by what they are, in every process, and nothing that is not an answer."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.cluster_driver import Mortal, killed
from tests.support.cluster_tasks import Sums, Texts

from couponry.engines import InProcessRunner
from couponry.engines.checkpoint_file import CheckpointFile
from couponry.engines.cluster import journaled
from couponry.engines.cluster.journaled import JournaledRunner, key_of
from couponry.engines.cluster.recipe import ShardRecipe
from couponry.engines.cluster.shards import RulesBeside
from couponry.engines.cluster.store import ShardStore
from couponry.engines.cluster.tasks import EvaluateTask, FixTask

TABLE = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
BESIDE = RulesBeside("shards", (("one", "digest"),), frozenset({"upper", "lower", "segment"}))
RECIPE = ShardRecipe(ShardStore("shards", "digest"), "native", 0, BESIDE)
TASK = EvaluateTask(RECIPE, TABLE)

OTHERS = [
    replace(TASK, price=TABLE[:, ::-1]),
    replace(TASK, price=TABLE.reshape(1, 3, 2)),
    replace(TASK, price=TABLE.astype(np.float64)),
    FixTask(RECIPE, TABLE, TABLE, False),
    *(
        replace(TASK, recipe=replace(RECIPE, **{field: value}))
        for field, value in {
            "store": ShardStore("shards", "another"),
            "seed": 1,
            "noise": 0,
            "rules": replace(BESIDE, files=(("other", "digest"),)),
        }.items()
    ),
]


def test_tasks_are_told_apart() -> None:
    keys = {key_of(task, range(3)) for task in (TASK, *OTHERS)}
    assert len(keys | {key_of(TASK, range(2))}) == len(OTHERS) + 2
    copied = pickle.loads(pickle.dumps(TASK))
    assert key_of(copied, (0, 1, 2)) == key_of(TASK, range(3))


def test_keys_are_the_same_in_every_process() -> None:
    asked = f"from {__name__} import TASK; from {key_of.__module__} import key_of; print(key_of(TASK, range(3)).hex())"
    paths = os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, sys.path)])
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
    command = [sys.executable, "-c", asked]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == key_of(TASK, range(3)).hex()


def journaled_runner(path: Path) -> tuple[JournaledRunner, Mortal, CheckpointFile]:
    file, mortal = CheckpointFile(path, b"subject"), Mortal(InProcessRunner(1, 2), 0, killed)
    return JournaledRunner(mortal, file), mortal, file


def test_answers_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journaled, "MOST_RECORDED_BYTES", 10_000)
    for asked in (2, 0):
        runner, mortal, file = journaled_runner(tmp_path / "journal")
        with file:
            sums, texts = runner.sum(Sums(), range(5)), runner.map(Texts(3), range(5))
            assert [table.tolist() for table in sums] == [[5, 10], [30] * 4]
            assert texts == ["000", "111", "222", "333", "444"]
            assert mortal.jobs == asked
            runner.map(Texts(9_999), range(5))  # too long to be written down
            assert mortal.jobs == asked + 1
    assert len(runner.map(Texts(3), range(5))) == 5 and mortal.jobs == asked + 2  # it is closed


@dataclass(frozen=True)
class Writes:
    """Answers with the name of a file, which it writes."""

    file: str

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[str]:
        Path(self.file).touch()
        return [self.file for _ in shards]

    def still_there(self, found: Sequence[str]) -> bool:
        return all(Path(name).exists() for name in found)


def test_files_that_have_gone_are_written_again(tmp_path: Path) -> None:
    task = Writes(str(tmp_path / "file"))
    for asked in (1, 0):
        runner, mortal, file = journaled_runner(tmp_path / "journal")
        with file:
            assert runner.map(task, range(1)) == [task.file]
        assert mortal.jobs == asked
    Path(task.file).unlink()
    runner, mortal, file = journaled_runner(tmp_path / "journal")
    with file:
        runner.map(task, range(1))
    assert mortal.jobs == 1 and Path(task.file).exists()


@pytest.mark.parametrize("planted", [os.system, Path("file"), np.load, Sums(), key_of])
def test_a_journal_holds_answers_alone(planted: Any, tmp_path: Path) -> None:
    runner, _, file = journaled_runner(tmp_path / "journal")
    with file:
        file.write_down(key_of(Texts(), range(1)), pickle.dumps([planted]))
        with pytest.raises(pickle.UnpicklingError, match="expected an answer of tasks"):
            runner.map(Texts(), range(1))

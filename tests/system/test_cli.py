"""The command line: exit statuses, what goes to which stream, and output that is there whole or not at all."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import Ran
from tests.support.campaigns import SLOTS, random_tables, spec, write_folder

from couponry import cli

Folder = Callable[..., Path]
HANGS = 600.0  # seconds after which a process counts as hanging
LIMITS = [
    {"name": "cap", "max": 40, "where": {"brand": ["A", "B"]}},
    {"name": "cost", "sum": "cost", "max": 6.0},
]
IMPOSSIBLE = [
    {"name": "few", "max": 10, "where": {"brand": ["A"]}},
    {"name": "many", "min": 15, "where": {"brand": ["A"]}},
]
INFEASIBLE_FILES = ["infeasible.json", "result.json", "solution.json", "solution.npz"]


def beside(out: Path) -> list[str]:
    """What is in the folder of an output folder, drafts that were left included."""
    return sorted(
        path.name for path in out.parent.iterdir() if not path.name.startswith("campaign")
    )


# ---- exit statuses


def test_0_solved(run: Callable[..., Ran], folder: Folder, tmp_path: Path) -> None:
    ran = run("solve", folder(limit=LIMITS), "--out", tmp_path / "out")
    assert ran.status == 0
    assert "optimal" in ran.out and "campaign     small" in ran.out
    assert "dual" in ran.err  # progress
    assert beside(tmp_path / "out") == ["out"]
    files = sorted(file.name for file in (tmp_path / "out").iterdir())
    of_session = ["solution.json", "solution.npz"]
    assert files == ["allocation.parquet", "limits.parquet", "result.json", *of_session]


def test_0_into_folders_that_are_not_there_yet(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    ran = run("solve", folder(limit=LIMITS), "--out", tmp_path / "deep" / "er" / "out")
    assert ran.status == 0 and (tmp_path / "deep" / "er" / "out" / "result.json").is_file()


def test_2_invalid(run: Callable[..., Ran], folder: Folder, tmp_path: Path) -> None:
    path = folder(limit=[{"name": "L", "sum": "x", "max": 1}])
    ran = run("solve", path, "--out", tmp_path / "o", "--quiet")
    assert ran.status == 2 and ran.out == "" and not (tmp_path / "o").exists()
    assert ran.err.startswith("couponry: error: limit 'L'") and ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["solve"], ["solve", "."], ["sovle"], ["verify", "."]], ids=" ".join
)
def test_2_usage(arguments: list[str], run: Callable[..., Ran]) -> None:
    ran = run(*arguments)
    assert ran.status == 2 and ran.out == ""
    assert ran.err.startswith("couponry: error: ") and ran.err.count("\n") == 1


def test_3_infeasible(run: Callable[..., Ran], folder: Folder, tmp_path: Path) -> None:
    ran = run("solve", folder(limit=IMPOSSIBLE), "--out", tmp_path / "out", "--quiet")
    assert ran.status == 3
    assert "couponry: infeasible: " in ran.err and "'few'" in ran.err and "'many'" in ran.err
    assert sorted(contents(tmp_path / "out")) == INFEASIBLE_FILES
    assert run("verify", folder(limit=IMPOSSIBLE), tmp_path / "out").status == 0


def test_4_stopped_with_nothing(run: Callable[..., Ran], folder: Folder, tmp_path: Path) -> None:
    """The best choice without prices breaks the limits, nothing at all, too, and there is no time to repair it."""
    path = folder(limit=[*LIMITS, {"name": "some", "min": 20, "where": {"brand": ["C"]}}])
    ran = run("solve", path, "--out", tmp_path / "out", "--time-limit", "1e-9", "--quiet", "--json")
    assert ran.status == 4
    assert json.loads(ran.out)["status"] == "unsolved" and json.loads(ran.out)["allocated"] == 0
    assert "couponry: unsolved: " in ran.err
    assert beside(tmp_path / "out") == []


def test_0_stopped_with_something(run: Callable[..., Ran], folder: Folder, tmp_path: Path) -> None:
    """No limits bind: what is found at once is optimal, however little time there was."""
    path = folder(limit=[{"name": "cap", "max": 10_000}])
    ran = run("solve", path, "--out", tmp_path / "out", "--time-limit", "1e-9", "--json")
    assert ran.status == 0 and json.loads(ran.out)["status"] == "optimal"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that takes some seconds at a gap of 0."""
    rng = np.random.default_rng(1)
    customers, offers, each = 60_000, 300, 12
    chosen = rng.integers(0, offers // each, (customers, each)) + np.arange(each) * (offers // each)
    tables = {
        "offers": pa.table({"offer": np.arange(offers), "brand": np.arange(offers) % 40}),
        "candidates": pa.table(
            {
                "customer": np.repeat(np.arange(customers), each),
                "offer": chosen.ravel(),
                "value": rng.gamma(2.0, 1.0, customers * each),
                "cost": rng.uniform(0.1, 1.0, customers * each),
            }
        ),
    }
    limits = [
        {"name": "brands", "by": "brand", "sum": "cost", "max": 700.0},
        {"name": "offers", "by": "offer", "max": 500},
    ]
    return write_folder(
        tmp_path_factory.mktemp("large") / "campaign",
        tables,
        spec(customer_rule=[SLOTS], limit=limits),
    )


def start(*arguments: str | Path, code: str | None = None) -> subprocess.Popen[str]:
    command = ["-m", "couponry"] if code is None else ["-c", code]
    return subprocess.Popen(
        [sys.executable, *command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COUPONRY_THREADS": "1"},
    )


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Read standard error up to a line with this word."""
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    raise AssertionError(f"{word!r} was never said")


def test_130_interrupted(large: Path, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    process = start("solve", large, "--out", tmp_path / "out", "--gap", "0")
    wait_for(process, "dual")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    # processor time, which does not depend on what else the machine does
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 10
    assert "interrupted" in err and "Traceback" not in err and out == ""
    assert beside(tmp_path / "out") == []


# ---- streams


def test_json_is_all_there_is_on_standard_output(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    ran = run("solve", folder(limit=LIMITS), "--out", tmp_path / "out", "--json")
    assert json.loads(ran.out) == json.loads((tmp_path / "out" / "result.json").read_text())
    assert "dual" in ran.err
    quiet = run("solve", folder(limit=LIMITS), "--out", tmp_path / "quiet", "--json", "--quiet")
    assert json.loads(quiet.out)["status"] == "optimal" and quiet.err == ""


def test_json_of_an_infeasible_campaign(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    ran = run("solve", folder(limit=IMPOSSIBLE), "--out", tmp_path / "out", "--json")
    assert json.loads(ran.out)["status"] == "infeasible"


def test_streams_of_a_process(folder: Folder, tmp_path: Path) -> None:
    """As above, with nothing of this process in between; also python -m couponry."""
    process = start("solve", folder(limit=LIMITS), "--out", tmp_path / "out", "--json")
    out, err = process.communicate(timeout=HANGS)
    assert process.returncode == 0
    assert json.loads(out)["threads"] == 1
    assert "dual" in err


CHATTER = """
import ctypes, sys
from couponry import Campaign, cli
solve = Campaign.solve
def chatty(self, **options):
    ctypes.CDLL(None).printf(b"chatter of a native solver\\n")
    return solve(self, **options)
Campaign.solve = chatty
sys.exit(cli.run(sys.argv[1:]))
"""


def test_native_solvers_do_not_write_to_standard_output(folder: Folder, tmp_path: Path) -> None:
    process = start(
        "solve", folder(limit=LIMITS), "--out", tmp_path / "out", "--json", code=CHATTER
    )
    out, err = process.communicate(timeout=HANGS)
    assert process.returncode == 0 and json.loads(out)["status"] == "optimal"
    assert "chatter of a native solver" in err


# ---- all or nothing

PAUSE = """
import sys, time
from couponry import cli
from couponry.campaign_folder import write
def pause(path, content):
    path.write_text("half")
    print("WRITING", file=sys.stderr, flush=True)
    time.sleep(600)
write._write_json = pause
sys.exit(cli.run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("sent", "status"),
    [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)],
    ids=["kill -9", "terminate", "interrupt"],
)
def test_stopped_while_writing(
    sent: signal.Signals, status: int, folder: Folder, tmp_path: Path, run: Callable[..., Ran]
) -> None:
    path = folder(limit=LIMITS)
    process = start("solve", path, "--out", tmp_path / "out", code=PAUSE)
    wait_for(process, "WRITING")
    assert not (tmp_path / "out").exists()
    process.send_signal(sent)
    process.communicate(timeout=HANGS)
    assert process.returncode == status
    assert not (tmp_path / "out").exists()
    if sent != signal.SIGKILL:
        assert beside(tmp_path / "out") == []
    # and the next run is not in the way of what is left
    assert run("solve", path, "--out", tmp_path / "out").status == 0
    assert run("verify", path, tmp_path / "out").status == 0


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_write_that_fails_leaves_nothing(
    overwrite: bool,
    run: Callable[..., Ran],
    folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = folder(limit=LIMITS)
    options = ["--overwrite"] if overwrite else []
    if overwrite:
        assert run("solve", path, "--out", tmp_path / "out").status == 0
    before = {f.name: f.read_bytes() for f in (tmp_path / "out").glob("*")}
    write = pq.write_table

    def full(table: pa.Table, where: Path, **options: Any) -> None:
        write(table.slice(0, 1), where, **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("couponry.campaign_folder.write.pq.write_table", full)
    ran = run("solve", path, "--out", tmp_path / "out", "--quiet", *options)
    assert ran.status == 2 and "No space left on device" in ran.err and ran.err.count("\n") == 1
    assert beside(tmp_path / "out") == (["out"] if overwrite else [])
    assert {f.name: f.read_bytes() for f in (tmp_path / "out").glob("*")} == before


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "couponry: error: not enough memory\n"),
        (
            RuntimeError("can't start new thread"),
            "couponry: error: not enough memory: can't start new thread\n",
        ),
        (
            SystemError("error return without exception set"),
            "couponry: error: not enough memory: error return without exception set\n",
        ),
    ],
)
def test_a_lack_of_memory_is_one_line(
    error: Exception,
    line: str,
    run: Callable[..., Ran],
    folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("couponry.cli.solving.read_campaign", fail)
    ran = run("solve", folder(limit=LIMITS), "--out", tmp_path / "out", "--quiet")
    assert ran.status == 2 and ran.err == line and beside(tmp_path / "out") == []


def test_overwrite(run: Callable[..., Ran], folder: Folder, tmp_path: Path) -> None:
    path, out = folder(limit=LIMITS), tmp_path / "out"
    assert run("solve", path, "--out", out).status == 0
    (out / "note.txt").write_text("mine")
    ran = run("solve", path, "--out", out)
    assert ran.status == 2 and str(out) in ran.err and (out / "note.txt").exists()
    assert run("solve", path, "--out", out, "--overwrite").status == 0
    assert not (out / "note.txt").exists() and beside(out) == ["out"]


def contents(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in out.iterdir()}


def test_an_infeasible_outcome_does_not_replace_an_allocation(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    good, bad, out = folder(limit=LIMITS), folder(limit=IMPOSSIBLE), tmp_path / "out"
    assert run("solve", good, "--out", out).status == 0
    before, beside_it = contents(out), tmp_path / "out.infeasible"
    for _ in range(2):  # the second time it replaces the one of the first
        ran = run("solve", bad, "--out", out, "--overwrite", "--quiet")
        assert ran.status == 3 and contents(out) == before
        assert f"{out} stays as it was; this outcome is in {beside_it}" in ran.err
        assert sorted(contents(beside_it)) == INFEASIBLE_FILES
        assert beside(out) == ["out", "out.infeasible"]
    assert run("verify", bad, beside_it).status == 0
    assert run("solve", good, "--out", out, "--overwrite").status == 0
    assert beside(out) == ["out"]  # no outcome of earlier runs that could be taken for this one's


def test_an_infeasible_outcome_replaces_an_allocation_when_that_is_asked_for(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    good, bad, out = folder(limit=LIMITS), folder(limit=IMPOSSIBLE), tmp_path / "out"
    assert run("solve", good, "--out", out).status == 0
    ran = run("solve", bad, "--out", out, "--overwrite", "--replace-solved", "--quiet")
    assert ran.status == 3 and sorted(contents(out)) == INFEASIBLE_FILES
    ran = run("solve", bad, "--out", out, "--overwrite", "--quiet")
    assert ran.status == 3 and beside(out) == ["out"]  # there was no allocation to keep
    assert run("solve", good, "--out", out, "--overwrite").status == 0
    assert "allocation.parquet" in contents(out) and beside(out) == ["out"]


def test_what_bears_the_name_of_an_outcome_is_left_alone(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    good, bad, out = folder(limit=LIMITS), folder(limit=IMPOSSIBLE), tmp_path / "out"
    (tmp_path / "out.infeasible").mkdir()
    (tmp_path / "out.infeasible" / "note.txt").write_text("mine")
    for _ in range(2):
        assert run("solve", good, "--out", out, "--overwrite").status == 0
    ran = run("solve", bad, "--out", out, "--overwrite", "--quiet")
    assert ran.status == 2 and "out.infeasible': expected a new folder" in ran.err
    assert contents(tmp_path / "out.infeasible") == {"note.txt": b"mine"}


@pytest.mark.parametrize("inside", ["folder itself", "campaign", "store", "checkpoint"])
def test_overwrite_never_replaces_what_a_run_needs(
    inside: str, run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    path = folder(limit=LIMITS)
    assert run("solve", path, "--out", out).status == 0
    options = {"store": ["--store", out / "s"], "checkpoint": ["--checkpoint", out / "deep" / "c"]}
    if inside == "campaign":
        path = path.rename(out / "campaign")
    target = path if inside == "folder itself" else out
    ran = run("solve", path, "--out", target, "--overwrite", *options.get(inside, []))
    assert ran.status == 2 and ran.err.count("\n") == 1
    assert re.search("expected another one than that of the (campaign|store|checkpoint)", ran.err)
    assert (path / "campaign.toml").exists() and (out / "result.json").exists()


def test_overwrite_replaces_nothing_but_results(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    path, home = folder(limit=LIMITS), tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("all of it")
    ran = run("solve", path, "--out", home, "--overwrite")
    assert ran.status == 2 and "holds something else" in ran.err and ran.err.count("\n") == 1
    assert (home / "thesis.txt").read_text() == "all of it"
    (home / "thesis.txt").unlink()
    assert run("solve", path, "--out", home, "--overwrite").status == 0


def test_overwrite_keeps_what_is_there_when_the_input_is_bad(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run("solve", folder(limit=LIMITS), "--out", out).status == 0
    before = contents(out)
    assert run("solve", folder(schema=2), "--out", out, "--overwrite").status == 2
    assert contents(out) == before


def test_the_second_run_into_a_folder_is_refused_before_it_solves(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    path, out = folder(limit=LIMITS), tmp_path / "out"
    process = start("solve", path, "--out", out, code=PAUSE)
    wait_for(process, "WRITING")
    ran = run("solve", path, "--out", out, "--overwrite")
    assert ran.status == 2 and ran.err.count("\n") == 1  # no progress either
    assert f"output folder '{out}': another run is writing it; wait until that" in ran.err
    process.kill()
    process.communicate(timeout=HANGS)
    assert run("solve", path, "--out", out).status == 0 and beside(out) == ["out"]


def test_the_same_bytes_twice(run: Callable[..., Ran], folder: Folder, tmp_path: Path) -> None:
    path = folder(limit=LIMITS)
    for name, threads in (("one", "1"), ("two", "2")):
        assert run("solve", path, "--out", tmp_path / name, "--threads", threads).status == 0
    for file in ("allocation.parquet", "limits.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


# ---- the other commands


def test_verify(run: Callable[..., Ran], folder: Folder, tmp_path: Path) -> None:
    path, out = folder(limit=LIMITS), tmp_path / "out"
    assert run("solve", path, "--out", out).status == 0
    ran = run("verify", path, out)
    assert ran.status == 0 and "all holds" in ran.out and ran.err == ""
    table = pq.read_table(out / "allocation.parquet")
    pq.write_table(table.slice(1), out / "allocation.parquet")
    ran = run("verify", path, out)
    assert ran.status == 1 and "result.json: allocated: expected" in ran.out
    ran = run("verify", path, out, "--json")
    report = json.loads(ran.out)
    assert ran.status == 1 and report["ok"] is False and len(report["problems"]) >= 2
    ran = run("verify", path, tmp_path / "nowhere")
    assert ran.status == 2 and ran.out == "" and "result.json" in ran.err
    assert ran.err.count("\n") == 1


def test_verify_against_another_campaign(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path
) -> None:
    assert run("solve", folder(limit=LIMITS), "--out", tmp_path / "out").status == 0
    ran = run("verify", folder(random_tables(seed=2), limit=LIMITS), tmp_path / "out")
    assert ran.status == 1 and "not candidates" in ran.out


def test_info(run: Callable[..., Ran], folder: Folder) -> None:
    ran = run("info", folder(limit=LIMITS))
    assert ran.status == 0
    for word in ("small", "slots", "cap", "cost", "360", "60", "12"):
        assert word in ran.out
    ran = run("info")
    assert ran.status == 0
    for word in ("couponry", "pyarrow", "numpy", "python", "native"):
        assert word in ran.out.lower()


def test_info_of_bad_input(run: Callable[..., Ran], folder: Folder) -> None:
    ran = run("info", folder(schema=2))
    assert ran.status == 2 and "schema" in ran.err and ran.out == ""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["solve", "--help"], ["--version"]], ids=" ".join
)
def test_help(arguments: list[str], run: Callable[..., Ran]) -> None:
    ran = run(*arguments)
    assert ran.status == 0 and "couponry" in ran.out and ran.err == ""


def test_help_says_what_exit_statuses_mean(run: Callable[..., Ran]) -> None:
    assert f"Exit status: {cli.EXIT_STATUSES}." in " ".join(run("--help").out.split())
    assert {status.value for status in cli.ExitStatus} == {0, 1, 2, 3, 4, 130, 141, 143}


def test_what_cannot_fit_is_refused_before_it_is_read(
    run: Callable[..., Ran], folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("couponry.data.sizes.memory_estimate.available_memory", lambda: 1000)
    ran = run("solve", folder(limit=LIMITS), "--out", tmp_path / "out")
    assert ran.status == 2
    assert ran.err.startswith("couponry: error: memory:")
    assert "1.0 KiB are available" in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()

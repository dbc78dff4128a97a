"""The fault harness: the n-th open, read, write, fsync, rename, removal, mmap or allocation of a solve fails, or kills.

A small campaign is solved with a store, a checkpoint and --overwrite. Either a result and a store of an older campaign
stand there, or the store is its own, and the checkpoint knows half of the answers. Whatever fails, the command ends
with one line and exit status 2, or as if nothing had failed. What is there afterwards is the old or the new, byte for
byte; and the same command again gives what it would have given, and leaves nothing else behind.

There is a case for every fault at every call, in a shuffled order, so that any number of them is a sample. Needs Linux,
glibc and gcc.
"""

from __future__ import annotations

import atexit
import errno
import functools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.fuzz.cases import Outcome, main
from tests.support.campaigns import random_tables, replaced, spec, write_folder

HERE = Path(__file__).parent
KILLED = 0
KINDS = ("open", "read", "write", "fsync", "rename", "remove", "mmap", "allocate")

CALLS = {
    "open": 230, "read": 120, "write": 210, "fsync": 80, "rename": 16, "remove": 70, "mmap": 50, "allocate": 3100,
}  # fmt: skip
"""Calls of each kind that are tried: somewhat more than a solve makes."""

LEAST_ALLOCATION = 512
"""Bytes of an allocation that counts."""


class Fault(NamedTuple):
    """What happens to a call."""

    kind: str
    error: int  # KILLED: it never returns
    lasts: bool = False  # all later ones, too

    @property
    def name(self) -> str:
        """What the fault is called where cases are counted."""
        what = errno.errorcode[self.error] if self.error else "kill"
        return f"{self.kind} {what}{' from then on' if self.lasts else ''}"


FAULTS = (
    *(Fault(kind, KILLED) for kind in KINDS),
    Fault("open", errno.EMFILE),
    Fault("open", errno.EACCES),
    Fault("open", errno.EMFILE, lasts=True),
    Fault("read", errno.EIO),
    Fault("write", errno.ENOSPC),
    Fault("write", errno.ENOSPC, lasts=True),
    Fault("write", errno.EIO),
    Fault("fsync", errno.EIO),
    Fault("rename", errno.EIO),
    Fault("rename", errno.EINVAL, lasts=True),
    Fault("remove", errno.EBUSY),
    Fault("mmap", errno.ENOMEM),
    Fault("allocate", errno.ENOMEM),
)

THREAD_DIED = "Exception ignored in thread started by: <bound method Thread._bootstrap of"
"""What CPython prints of a thread that had no memory to start. Whoever started it waits for ever; not ours to mend."""

REPLACED, USED = "replaced", "used"
"""What stands where a solve begins: the store of another campaign, or its own one."""

CASES = [(fault, at, REPLACED) for fault in FAULTS for at in range(1, CALLS[fault.kind] + 1)]
CASES += [(*case[:2], USED) for case in CASES if case[0].kind != "allocate" and case[1] <= 90]
random.Random(0).shuffle(CASES)

THREAD_DATA = "cannot allocate memory for thread-local data: ABORT"
"""What the C library says before it ends a process."""

VOLATILE = ("seconds", "peak_memory_bytes", "full_passes")
"""What result.json says of a run, and not of its result."""


def why_not() -> str | None:
    """Why the harness cannot run here; None if it can."""
    if sys.platform != "linux" or shutil.which("gcc") is None:
        return "needs Linux and gcc"
    return None


class Harness:
    """A campaign, what an older one left, and the process that solves while something fails."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="couponry-faults-"))
        atexit.register(shutil.rmtree, self.root, ignore_errors=True)
        shim = self.root / "shim.so"
        command = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(shim), str(HERE / "fault_shim.c")]
        subprocess.run([*command, "-ldl"], check=True)
        tables = random_tables()
        other = replaced(tables["candidates"], "value", tables["candidates"]["weight"])
        limits = [{"name": "cost", "sum": "cost", "max": 6.0}]
        self.older = write_folder(
            self.root / "older", {**tables, "candidates": other}, spec(limit=limits)
        )
        self.campaign = write_folder(self.root / "campaign", tables, spec(limit=limits))
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.fault_driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "LD_PRELOAD": str(shim),
                "PYTHONPATH": path,
                "COUPONRY_THREADS": "1",
            },
        )
        atexit.register(self._end)
        self._tell({"arguments": self.arguments(self.campaign, self.root / "warm")})
        self.before = self.root / "before"
        self.after = self.root / "after"
        self.run(self.older, self.before)
        (self.before / "progress").unlink()
        shutil.copytree(self.before, self.after)
        ran = self.run(self.campaign, self.after)
        if ran["status"] != 0:
            raise RuntimeError(f"the campaign is not solved: {ran}")
        more = {kind: made for kind, made in ran["calls"].items() if made > CALLS[kind]}
        if more:
            raise RuntimeError(f"CALLS: expected as many as a solve makes, got fewer than {more}")
        self.old, self.new = contents(self.before / "out"), contents(self.after / "out")
        self.new_store = stored(self.after / "store")
        self.halfway = shutil.copytree(self.after, self.root / "halfway")
        shutil.rmtree(self.halfway / "out")
        shutil.copytree(self.before / "out", self.halfway / "out")
        progress = (self.after / "progress").read_bytes()
        (self.halfway / "progress").write_bytes(progress[: len(progress) // 2])

    @staticmethod
    def arguments(folder: Path, state: Path) -> list[str]:
        """The command that is run."""
        state.mkdir(exist_ok=True)
        return [
            "solve", str(folder), "--quiet", "--overwrite", "--out", str(state / "out"),
            "--store", str(state / "store"), "--checkpoint", str(state / "progress"),
        ]  # fmt: skip

    def run(self, folder: Path, state: Path, fault: Fault | None = None, at: int = 0) -> Any:
        """Solve; returns what the driver says of it."""
        kind = -1 if fault is None else KINDS.index(fault.kind)
        error, lasts = (0, False) if fault is None else fault[1:]
        self._tell(
            {
                "arguments": self.arguments(folder, state),
                "fault": [kind, at, error, int(lasts), LEAST_ALLOCATION],
            }
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said:
            harness.cache_clear()  # the next case begins with another one
            raise RuntimeError(f"the process that solves has ended with {self.process.wait()}")
        return json.loads(said)

    def _end(self) -> None:
        """End the process that solves."""
        self.process.kill()
        self.process.communicate()

    def _tell(self, ask: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(ask) + "\n")
        self.process.stdin.flush()


@functools.cache
def harness() -> Harness:
    """One for all cases of a process."""
    return Harness()


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a result, without what is another in every run."""
    found = {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}
    if "result.json" in found:
        said = json.loads(found["result.json"])
        found["result.json"] = json.dumps(
            {key: value for key, value in said.items() if key not in VOLATILE}
        ).encode()
    if "solution.json" in found:  # it has digests of the others, and one of itself
        said = json.loads(found["solution.json"])
        of_run = ("sha256", "check")
        found["solution.json"] = json.dumps(
            {key: value for key, value in said.items() if key not in of_run}
        ).encode()
    return found


def stored(folder: Path) -> list[tuple[str, bytes]]:
    """The arrays of a store, those made of others by their kind."""
    return sorted(
        ("/".join(part.split(".")[0] for part in file.relative_to(folder).parts), file.read_bytes())
        for file in folder.rglob("*.npy")
    )


def run_case(number: int) -> Outcome:
    """One fault at one call."""
    return strike(*CASES[number % len(CASES)])


def strike(fault: Fault, at: int, stands: str = REPLACED) -> Outcome:
    """A fault at the so-manieth call of its kind."""
    made = harness()
    state = made.root / "state"
    shutil.rmtree(state, ignore_errors=True)
    shutil.copytree(made.before if stands == REPLACED else made.halfway, state)
    ran = made.run(made.campaign, state, fault, at)
    wrong = [*ending(fault, ran), *left_behind(made, state, ran)]
    again = made.run(made.campaign, state)
    if again["status"] != 0 or again["err"]:
        wrong.append(f"the same command again ends with {again['status']}: {again['err']!r}")
    elif contents(state / "out") != made.new or stored(state / "store") != made.new_store:
        wrong.append("the same command again gives something else")
    beside = sorted(path.name for path in state.iterdir())
    if beside != ["out", "progress", "store"]:
        wrong.append(f"the same command again leaves {beside}")
    return Outcome((f"store {stands}", *kinds(fault, ran)), tuple(wrong))


def kinds(fault: Fault, ran: dict[str, Any]) -> tuple[str, ...]:
    """What a case is counted under."""
    if ran["spared"]:
        return (f"{fault.name} in Arrow, which ends the process: not tried, as killing it is",)
    if not ran["faults"]:
        return (f"{fault.kind}: no such call",)
    if THREAD_DIED in ran["err"]:
        return (fault.name, "hangs: CPython waits for a thread that had no memory to start")
    if is_ended_by_others(fault, ran):
        return fault.name, f"ended by {Path(ran['owner']).name.split('.')[0]}, which had no memory"
    ends = {0: "as if nothing had failed", 2: "exit status 2"}
    return fault.name, ends.get(ran["status"], "killed")


def ending(fault: Fault, ran: dict[str, Any]) -> list[str]:
    """What is wrong about how a run ended."""
    status, err = ran["status"], ran["err"]
    if fault.error == KILLED and ran["faults"]:
        return [] if status == -9 else [f"killed, it ends with {status}"]
    if status == 0 and not err:
        return []
    if THREAD_DIED in err and status is None:
        return []
    if not ran["faults"]:
        return [f"without a fault it ends with {status}: {err!r}"]
    if is_ended_by_others(fault, ran):
        return []
    if status == 2 and err.startswith("couponry: error: ") and err.count("\n") == 1:
        return []
    return [f"it ends with {status}: {err[-600:]!r}"]


def is_ended_by_others(fault: Fault, ran: dict[str, Any]) -> bool:
    """Whether a library that is not couponry's ended the process when it got no memory: what a kill does."""
    if (
        fault.kind != "allocate"
        or fault.error != errno.ENOMEM
        or "/couponry/kernels/" in ran["owner"]
    ):
        return False
    return ran["status"] in (-6, -11) or (ran["status"] == 127 and THREAD_DATA in ran["err"])


def left_behind(made: Harness, state: Path, ran: dict[str, Any]) -> list[str]:
    """What is wrong about what is there after a run."""
    wrong, found = [], contents(state / "out")
    if found not in (made.old, made.new):
        wrong.append(f"the output folder is neither the old nor the new: {sorted(found)}")
    if ran["status"] == 0 and found != made.new:
        wrong.append("the run ends with 0, and the output folder is not the new one")
    if not (state / "store" / "store.json").exists():
        wrong.append("there is no store, neither the old nor the new")
    return wrong


if __name__ == "__main__":
    sys.exit(main("tests.fuzz.faults", __doc__ or ""))

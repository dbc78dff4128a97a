"""Processes that tests start: their children, and where they listen."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

Started = subprocess.Popen[bytes]

PR_SET_PDEATHSIG = 1
LISTENS = "0A"
LOOPBACK = re.compile("[0-9A-F]{6}7F|0{16}FFFF0000[0-9A-F]{6}7F|0{24}01000000")
"""Addresses from 127.0.0.0 on as the system writes them, the same as IPv6 addresses, and ::1."""


def descendants(pid: int) -> list[int]:
    """A process and everything that it has started, directly or not."""
    children: dict[int, list[int]] = {}
    for found in _all_processes():
        children.setdefault(parent_of(found), []).append(found)
    tree = [pid]
    for each in tree:
        tree += children.get(each, [])
    return tree


def parent_of(pid: int) -> int:
    """The process that started another one; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def command_of(pid: int) -> str:
    """What a process was started as; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def listening(pid: int) -> list[str]:
    """Addresses that a process listens at, as /proc/net/tcp and tcp6 write them."""
    own = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            own.add(os.readlink(descriptor))
        tables = [Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
    except OSError:
        return []
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return [row[1] for row in rows if row[3] == LISTENS and f"socket:[{row[9]}]" in own]


def wait_for(what: Callable[[], object], pid: Started, log: Path) -> object:
    """Ask until the answer is no longer empty; what a process that ends before has written is shown."""
    for _ in range(1200):
        found = what()
        if found:
            return found
        if pid.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{pid.args} came to nothing:\n{log.read_text()[-4000:]}")


def start(command: Sequence[str | Path], environment: dict[str, str], log: Path) -> Started:
    """Start a process that writes to a log, and that does not outlive this thread."""
    with open(log, "wb") as output:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end(started: list[Started]) -> None:
    """End processes, and whatever they have started."""
    left = [pid for each in started for pid in descendants(each.pid)]
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for each in started:
        each.wait()


def _all_processes() -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            yield int(entry)

"""What a command would take with its cores to itself, on a machine that others work on: by how many threads could run.

Linux tells of each thread how long it ran, and how long it waited for a core. Where fewer threads than cores could run,
cores are idle whoever else is there; where more could, the command would have had all of its cores.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SECONDS = 0.1
"""Between two looks at the threads."""

START = "start"
"""The stage before any is named."""


class Look(NamedTuple):
    """What threads did since the look before, in seconds.

    Attributes
    ----------
    stage : str
    clock, ran, waited : float
        By the clock; threads that ran, and that waited for a core, all of them together.
    """

    stage: str
    clock: float
    ran: float
    waited: float


def looked_at(command: Sequence[str]) -> list[Look]:
    """Run a command, and look at its threads all the while.

    Parameters
    ----------
    command : sequence of str
        Says stages on standard error, as in "2026-11-28 09:20:00 dual: ...".

    Returns
    -------
    list of Look

    Raises
    ------
    subprocess.CalledProcessError
    """
    stage = [START]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        said = threading.Thread(target=_listen, args=(run, stage))
        said.start()
        looks, before, since = list[Look](), dict[str, tuple[float, float]](), time.perf_counter()
        while run.poll() is None:
            now, threads = time.perf_counter(), _threads(run.pid)
            new = [(of, before.get(name, (0.0, 0.0))) for name, of in threads.items()]
            ran, waited = (sum(of[k] - was[k] for of, was in new) for k in (0, 1))
            looks.append(Look(stage[0], now - since, ran, waited))
            before, since = threads, now
            time.sleep(SECONDS)
        said.join()
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command)
    return looks


def with_cores_to_itself(looks: Sequence[Look], cores: int) -> dict[str, dict[str, float]]:
    """Add up what each stage would take with cores that nobody else works on.

    Parameters
    ----------
    looks : sequence of Look
    cores : int

    Returns
    -------
    dict of str to dict of str to float
        By stage: `seconds` by the clock, `processor_seconds`, and `idle`, seconds of cores.
    """
    found: dict[str, dict[str, float]] = {}
    for look in looks:
        could_run = min((look.ran + look.waited) / max(look.clock, 1e-9), cores)
        seconds = look.clock if could_run < SECONDS else look.ran / could_run
        of = found.setdefault(look.stage, dict.fromkeys(("seconds", "processor_seconds"), 0.0))
        of["seconds"] += seconds
        of["processor_seconds"] += look.ran
    for of in found.values():
        of["idle"] = cores * of["seconds"] - of["processor_seconds"]
        of.update({name: round(value, 2) for name, value in of.items()})
    return found


def _listen(run: subprocess.Popen[str], stage: list[str]) -> None:
    """Keep the stage that was said last, as the one entry of a list."""
    for line in run.stderr or ():
        words = line.split(" ", 3)
        if len(words) == 4 and words[2].endswith(":") and words[0][:1].isdigit():
            stage[0] = words[2].removesuffix(":")


def _threads(process: int) -> dict[str, tuple[float, float]]:
    """Return how long each thread of a process ran, and how long it waited for a core."""
    found = {}
    for task in Path(f"/proc/{process}/task").glob("*/schedstat"):
        try:
            ran, waited, _ = task.read_text().split()
        except (OSError, ValueError):  # it has ended meanwhile
            continue
        found[task.parent.name] = int(ran) / 1e9, int(waited) / 1e9
    return found

"""Runs couponry's command line in forked processes, in which the n-th call of a kind fails; `faults.py` talks to it.

Started with the library made of fault_shim.c in LD_PRELOAD. It imports and solves once, so that a forked process has
little to do but to solve, and then answers one JSON object a line with another: to the arguments and the fault the
status that the process ended with, its standard error, and how many calls of each kind it made.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

from couponry import cli
from couponry.engines import checkpoint

KINDS = ("open", "read", "write", "fsync", "rename", "remove", "mmap", "allocate")
HANG_SECONDS = 60.0

shim: Any = ctypes.CDLL(None)
shim.fault_counts.restype = ctypes.POINTER(ctypes.c_long)
shim.fault_begin.argtypes = [
    ctypes.c_int, ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_size_t,
]  # fmt: skip


def run(ask: dict[str, Any], errors: int) -> None:
    """Be the process that fails; never returns."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(errors, 2)
    status = 70  # an exception that nobody caught
    shim.fault_begin(*ask["fault"])
    try:
        status = cli.run(ask["arguments"])
    finally:
        shim.fault_end()
        if status == 70:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def ended(child: int) -> int | None:
    """The exit status of a process, less than 0 for a signal; None where it hangs."""
    until = time.monotonic() + HANG_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> None:
    """Answer until there is nothing more to answer."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    checkpoint.LEAST_RECORDED_CANDIDATES = 1
    counts = shim.fault_counts()
    cli.run(json.loads(sys.stdin.readline())["arguments"])
    for line in sys.stdin:
        ctypes.memset(counts, 0, 2000)
        read, errors = os.pipe()  # it takes what an error prints before anybody reads it
        child = os.fork()
        if child == 0:
            run(json.loads(line), errors)
        os.close(errors)
        status = ended(child)
        with os.fdopen(read, errors="replace") as printed:
            err = printed.read()
        found = {
            "status": status,
            "err": err,
            "calls": dict(zip(KINDS, counts[: len(KINDS)], strict=True)),
            "faults": counts[len(KINDS)],
            "owner": bytes(ctypes.cast(counts, ctypes.POINTER(ctypes.c_char))[128:1128])
            .split(b"\0")[0]
            .decode(errors="replace"),
            "spared": counts[len(KINDS) + 1],
        }
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()

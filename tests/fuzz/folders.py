"""Campaign folders with faults, through the command line: a documented status, one line, no traceback, no hang.

Each case spoils a small campaign folder (`tests/support/odd_folders.py`): campaign.toml, its values, keys and bytes;
cells, columns of every type that Arrow has, rows; truncated and bit-flipped Parquet; CSV; files that are folders, pipes
or links; options. The folder is solved, whatever is written is verified, and other commands read it, too.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tests.fuzz.cases import Outcome, main
from tests.support.odd_folders import GOOD_TABLES, OddFolder, odd_folder

from couponry import cli
from couponry.utils.errors import UNSAFE

FAST = Path("/dev/shm")
LONGEST_LINE = 300
FINDINGS = ("couponry: warning: ", "couponry: note: ")
"""How lines begin about what its user may not have meant: they say nothing of how a command ended."""

STATUSES = {"solve": {0, 2, 3, 4}, "verify": {0, 1, 2}}


class Ran(NamedTuple):
    """What a command came to."""

    status: int
    out: str
    err: str
    warned: tuple[str, ...]


def command(*arguments: str | Path) -> Ran:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("always")
        status = cli.run([str(argument) for argument in arguments])
    warned = tuple(f"{w.category.__name__}: {w.message}" for w in caught)
    lines = err.getvalue().splitlines(keepends=True)
    said = "".join(line for line in lines if not line.startswith(FINDINGS))
    return Ran(int(status), out.getvalue(), said, warned)


def said(ran: Ran) -> str:
    """What was said on standard error, or the end of it."""
    return ran.err.strip()[-700:]


def wrong_with(ran: Ran, name: str) -> list[str]:
    """What is wrong with how a command ended, whatever it was asked."""
    wrong = [f"{name}: {warning}" for warning in ran.warned]
    if ran.status not in STATUSES.get(name, {0, 2}):
        wrong.append(f"{name}: status {ran.status}: {said(ran)}")
    if "Traceback" in ran.err or "internal error" in ran.err:
        wrong.append(f"{name}: {said(ran)}")
    if ran.status == 2:
        if not ran.err.startswith("couponry: error: ") or ran.err.count("\n") != 1:
            wrong.append(f"{name}: more or less than a line: {said(ran)!r}")
        if len(ran.err) > LONGEST_LINE + 1:
            wrong.append(f"{name}: a line of {len(ran.err)} characters: {said(ran)!r}")
        if UNSAFE.search(ran.err.rstrip("\n")):
            wrong.append(f"{name}: control characters: {said(ran)!r}")
        if ran.out:
            wrong.append(f"{name}: refused, and said on standard output: {ran.out[:200]!r}")
    elif ran.status in (0, 1) and ran.err:
        wrong.append(f"{name}: status {ran.status}, and said: {said(ran)!r}")
    return wrong


@cache
def good_result() -> Path:
    """A result of the campaign without any fault, to verify against spoilt folders."""
    folder = Path(
        tempfile.mkdtemp(prefix="couponry-fuzz-good", dir=FAST if FAST.is_dir() else None)
    )
    good = OddFolder.good(np.random.default_rng(0))
    good.tables.update(GOOD_TABLES)
    good.spec.pop("customer_rule", None), good.spec.pop("limit", None)
    good.write(folder / "campaign")
    ran = command(
        "solve", folder / "campaign", "--out", folder / "out", "--quiet", "--threads", "1"
    )
    assert ran.status == 0, ran.err
    return folder / "out"


def run_case(number: int) -> Outcome:
    """Solve one folder, verify what was written, and have other commands read it."""
    odd = odd_folder(number)
    place = Path(
        tempfile.mkdtemp(prefix=f"couponry-fuzz-{number}-", dir=FAST if FAST.is_dir() else None)
    )
    try:
        odd.write(place / "campaign")
        with chdir(place):  # whatever an option names is made there
            kinds, wrong = _try(odd, place, number)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    told = "; ".join(odd.faults) or "no fault"
    return Outcome(tuple(kinds), tuple(f"{line} [{told}]" for line in wrong))


def _try(odd: OddFolder, place: Path, number: int) -> tuple[list[str], list[str]]:
    folder, out = place / "campaign", place / "out"
    options = ["--quiet", "--json", "--threads", "1", "--gap", "1e-3", "--time-limit", "20"]
    ran = command("solve", folder, "--out", out, *options, *odd.arguments)
    wrong = wrong_with(ran, "solve")
    kinds = [f"solve: status {ran.status}", *(fault.split(": ")[0] for fault in odd.faults)]
    if ran.status in (0, 3):
        json.loads(ran.out)
        checked = command("verify", folder, out)
        wrong += wrong_with(checked, "verify")
        if checked.status != 0:
            wrong.append(f"verify: {checked.status}: {checked.out[:600]} {checked.err[:600]}")
    elif out.exists():
        wrong.append("solve: status 2 or 4, and something was written")
    if ran.status == 2 and not odd.arguments:
        wrong += _refused_alike(folder, ran, len(odd.faults))
    other = ("info", "estimate", "explain")[number % 3]
    more = (
        [out if out.exists() else good_result(), "--customer", "1007"] if other == "explain" else []
    )
    read = command(other, folder, *more)
    wrong += wrong_with(read, other)
    kinds.append(f"{other}: status {read.status}")
    if ran.status == 0 and read.status == 2 and not (other == "explain" and "customer" in read.err):
        wrong.append(f"{other}: solved, but refused here: {read.err}")
    return kinds, wrong


def _refused_alike(folder: Path, solved: Ran, faults: int) -> list[str]:
    """What `verify` says of a folder that `solve` has refused: the same."""
    ran = command("verify", folder, good_result())
    wrong = wrong_with(ran, "verify")
    if ran.status != 2:
        wrong.append(f"verify: status {ran.status}, but solve says {solved.err}")
    elif faults == 1 and ran.err != solved.err:
        wrong.append(f"verify says: {ran.err!r}, solve: {solved.err!r}")
    return wrong


if __name__ == "__main__":
    sys.exit(main("tests.fuzz.folders", __doc__.splitlines()[0]))

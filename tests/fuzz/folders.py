"""Campaign folders with faults, through the command line: a documented status, one line, no traceback, no hang.

Each case spoils a small campaign folder (`tests/support/folder_faults.py`): campaign.toml, its values, keys and
bytes; cells, columns of every type that Arrow has, rows; truncated and bit-flipped Parquet; CSV; tables in several
files; files that are folders, pipes or links; options. The folder is solved, whatever is written is verified, and
other commands read it, too. Some folders have purchases in place of candidates.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
from tests.fuzz.cases import Outcome, main
from tests.support.databases import one_database
from tests.support.folder_faults import HARMLESS, good_folder, is_of_purchases, odd_folder
from tests.support.odd_folders import OddFolder

from couponry import cli
from couponry.utils.errors import UNSAFE

FAST = Path("/dev/shm")
LONGEST_LINE = 300
FINDINGS = ("couponry: warning: ", "couponry: note: ")
"""How lines begin about what its user may not have meant: they say nothing of how a command ended."""

STATUSES = {"solve": {0, 2, 3, 4}, "verify": {0, 1, 2}}

READERS = ("info", "estimate", "explain", "check")
"""Commands that read a campaign folder; one of them is tried in each case."""

CUSTOMER = "1007"


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


def wrong_with(ran: Ran, name: str, as_json: bool = False) -> list[str]:
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
        if as_json:
            wrong += _wrong_with_json(ran, name)
        elif ran.out and name != "check":
            wrong.append(f"{name}: refused, and said on standard output: {ran.out[:200]!r}")
    if UNSAFE.search(ran.out.replace("\n", "")):
        wrong.append(f"{name}: control characters on standard output: {ran.out!r}")
    if ran.status in (0, 1) and ran.err:
        wrong.append(f"{name}: status {ran.status}, and said: {said(ran)!r}")
    return wrong


def _wrong_with_json(ran: Ran, name: str) -> list[str]:
    """What is wrong with the object in which a refused command says on standard output what it says of the error."""
    error = json.loads(ran.out)["error"]
    if error["exit_status"] != ran.status:
        return [f"{name}: status {ran.status}, but in JSON {error['exit_status']}"]
    if f"couponry: error: {error['message']}\n" != ran.err:
        return [f"{name}: said {said(ran)!r}, but in JSON {error['message'][:200]!r}"]
    return []


@cache
def good_result() -> Path:
    """A result of the campaign without any fault, to verify against spoilt folders."""
    folder = Path(
        tempfile.mkdtemp(prefix="couponry-fuzz-good", dir=FAST if FAST.is_dir() else None)
    )
    good = OddFolder.good(np.random.default_rng(0))
    good.spec.pop("customer_rule", None), good.spec.pop("limit", None)
    good.write(folder / "campaign")
    ran = command(
        "solve", folder / "campaign", "--out", folder / "out", "--quiet", "--threads", "1"
    )
    assert ran.status == 0, ran.err
    return folder / "out"


@contextmanager
def settings(number: int) -> Iterator[None]:
    """Most cases on one thread, and with a DuckDB that is there already: to start either takes longer than they do."""
    with ExitStack() as stack:
        if number % 7:
            stack.enter_context(patch.dict(os.environ, {"COUPONRY_THREADS": "1"}))
            if is_of_purchases(number):
                stack.enter_context(one_database())
        yield


def run_case(number: int) -> Outcome:
    """Solve one folder, verify what was written, and have other commands read it."""
    odd = odd_folder(number)
    place = Path(
        tempfile.mkdtemp(prefix=f"couponry-fuzz-{number}-", dir=FAST if FAST.is_dir() else None)
    )
    try:
        odd.write(place / "campaign")
        with chdir(place), settings(number):  # whatever an option names is made there
            kinds, wrong = _try(odd, place, number)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if is_of_purchases(number):
        kinds.append("purchases")
    told = "; ".join(odd.faults) or "no fault"
    return Outcome(tuple(kinds), tuple(f"{line} [{told}]" for line in wrong))


def _try(odd: OddFolder, place: Path, number: int) -> tuple[list[str], list[str]]:
    folder, out = place / "campaign", place / "out"
    as_json = bool(number % 3)
    ran = _solve(folder, out, *(["--json"] if as_json else []), *odd.arguments)
    wrong = wrong_with(ran, "solve", as_json)
    kinds = [f"solve: status {ran.status}", *(fault.split(": ")[0] for fault in odd.faults)]
    if ran.status in (0, 3):
        if as_json:
            json.loads(ran.out)
        checked = command("verify", folder, out)
        wrong += wrong_with(checked, "verify")
        if checked.status != 0:
            wrong.append(f"verify: {checked.status}: {checked.out[:600]} {checked.err[:600]}")
        if odd.faults and HARMLESS.issuperset(odd.faults):
            wrong += _as_good(out, place, number)
            kinds.append("as without faults")
    elif out.exists():
        wrong.append("solve: status 2 or 4, and something was written")
    if ran.status == 2 and not odd.arguments:
        wrong += _refused_alike(folder, ran, len(odd.faults))
    reader = odd.pick(READERS)
    read, more_wrong = _read(reader, folder, out, ran, 0 if odd.arguments else len(odd.faults))
    return [*kinds, f"{reader}: status {read.status}"], wrong + more_wrong


def _solve(folder: Path, out: Path, *more: str) -> Ran:
    options = ["--quiet", "--threads", "1", "--gap", "1e-3", "--time-limit", "20"]
    return command("solve", folder, "--out", out, *options, *more)


def _read(reader: str, folder: Path, out: Path, solved: Ran, faults: int) -> tuple[Ran, list[str]]:
    """Have another command read the folder; and what is wrong with what it says after a solve has said this.

    faults: how many the folder has, 0 where it may be the options of the solve that are wrong.
    """
    more: list[str | Path] = []
    if reader == "explain":
        more = [out if out.exists() else good_result(), "--customer", CUSTOMER, "--json"]
    ran = command(reader, folder, *more)
    wrong = wrong_with(ran, reader, "--json" in more)
    # an allocation need not be there, nor the customer in it
    unknown = reader == "explain" and "error: explain: " in ran.err
    if solved.status in (0, 3) and ran.status == 2 and not unknown:
        wrong.append(f"{reader}: solved, but refused here: {ran.err}")
    if reader == "check" and solved.status == 2 and faults:
        if ran.status != 2:
            wrong.append(f"check: status {ran.status}, but solve says {solved.err}")
        elif faults == 1 and ran.err != solved.err:
            wrong.append(f"check says: {ran.err!r}, solve: {solved.err!r}")
    if reader == "explain" and solved.status == ran.status == 0:
        given = {row["offer"] for row in json.loads(ran.out)["decisions"] if row["given"]}
        rows = pq.read_table(out / "allocation.parquet").to_pylist()
        theirs = {row["offer"] for row in rows if str(row["customer"]) == CUSTOMER}
        if given != theirs:
            wrong.append(f"explain: given {given}, but in the allocation {theirs}")
    return ran, wrong


def _as_good(out: Path, place: Path, number: int) -> list[str]:
    """What is wrong with the result of a folder whose faults are none, beside that of the folder without them."""
    good_folder(number).write(place / "good")
    ran = _solve(place / "good", place / "good-out")
    if ran.status == 2:
        return [f"solve: without harmless faults refused: {ran.err}"]
    found, good = (json.loads((o / "result.json").read_text()) for o in (out, place / "good-out"))
    if (found["status"] == "infeasible") != (good["status"] == "infeasible"):
        return [f"solve: {found['status']}, but without faults {good['status']}"]
    if "infeasible" in (found["status"], good["status"]):
        return []
    slack = 1e-9 * max(1.0, abs(good["bound"]))
    if found["objective"] > good["bound"] + slack or good["objective"] > found["bound"] + slack:
        return [f"solve: {found['objective']} up to {found['bound']}, but without faults {good['objective']} up to "
                f"{good['bound']}"]  # fmt: skip
    return []


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

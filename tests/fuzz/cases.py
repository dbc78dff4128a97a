"""Runs the numbered cases of a fuzzer in processes of their own, counts them by kind, and names what went wrong.

A fuzzer is a module with a function ``run_case(number: int) -> Outcome`` that depends on nothing but the number, and
ends with ``sys.exit(main("tests.fuzz.NAME", "what it does"))``. Then

    python -m tests.fuzz.NAME --cases 1000 --first 0 --processes 2
    python -m tests.fuzz.NAME --case 417

run many cases, or one. A failure is reported with the command that repeats it. A case that takes longer than
``--hang`` seconds, or takes its process with it, is a failure, too; the others go on.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import multiprocessing
import multiprocessing.connection
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HANG_SECONDS = 120.0
"""A case that takes longer hangs: it is some thousand times what one takes."""

SECONDS_BETWEEN_REPORTS = 30.0


@dataclass(frozen=True)
class Outcome:
    """What one case came to: the kinds that it is counted under, and everything that is wrong, in words."""

    kinds: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


@dataclass
class Tally:
    """Cases counted by kind, and the failures by the number of the case."""

    cases: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    failures: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def add(self, number: int, outcome: Outcome) -> None:
        """Count one case."""
        self.cases += 1
        self.kinds.update(outcome.kinds)
        if outcome.wrong:
            self.failures[number] = outcome.wrong


def guarded(module: Any, number: int) -> Outcome:
    """One case; what it raises is wrong, too."""
    try:
        outcome: Outcome = module.run_case(number)
    except Exception as error:  # one case must not hide what the others show
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{'/'.join(Path(last.filename).parts[-2:])}:{last.lineno}"
        return Outcome(("raised",), (f"{type(error).__name__} at {where}: {error}",))
    return outcome


def run_cases(name: str, numbers: Iterable[int]) -> Tally:
    """Run cases one after the other in this process.

    Parameters
    ----------
    name : str
        Module of the fuzzer.
    numbers : iterable of int

    Returns
    -------
    Tally
    """
    module = importlib.import_module(name)
    tally = Tally()
    for number in numbers:
        tally.add(number, guarded(module, number))
    return tally


def _work(
    name: str, numbers: range, hang: float, out: multiprocessing.connection.Connection
) -> None:
    """Run cases in a process of its own; says which one it begins, and what each comes to."""
    module = importlib.import_module(name)
    for number in numbers:
        out.send((number, None))
        faulthandler.dump_traceback_later(hang, exit=True)
        outcome = guarded(module, number)
        faulthandler.cancel_dump_traceback_later()
        out.send((number, outcome))
    out.close()


class _Worker:
    """A process with every so-manieth of the cases; another takes over where it dies."""

    def __init__(self, name: str, numbers: range, hang: float):
        self.name, self.numbers, self.hang = name, numbers, hang
        self.begun = numbers.start
        self.start()

    def start(self) -> None:
        """Begin with what is left of its cases."""
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe(duplex=False)
        self.process = context.Process(
            target=_work, args=(self.name, self.numbers, self.hang, end), daemon=True
        )
        self.process.start()
        self.has_begun = False
        end.close()

    def hear(self, tally: Tally) -> bool:
        """Take one message; False when there is nothing more to come."""
        try:
            number, outcome = self.pipe.recv()
        except EOFError:
            self.process.join()
            if self.process.exitcode == 0:
                return False
            if not self.has_begun:
                raise RuntimeError(
                    f"{self.name}: its process ended before the first case"
                ) from None
            died = f"its process ended with {self.process.exitcode}: a crash, or longer than {self.hang:g} s"
            tally.add(self.begun, Outcome(("died",), (died,)))
            self.numbers = range(
                self.begun + self.numbers.step, self.numbers.stop, self.numbers.step
            )
            if not len(self.numbers):
                return False
            self.start()
            return True
        self.begun, self.has_begun = number, True
        if outcome is not None:
            tally.add(number, outcome)
        return True


def run_in_processes(
    name: str, first: int, cases: int, processes: int, hang: float = HANG_SECONDS
) -> Tally:
    """Run cases in several processes; prints how it goes, and each failure as it comes.

    Parameters
    ----------
    name : str
        Module of the fuzzer.
    first, cases : int
        Cases ``first`` to ``first + cases - 1``.
    processes : int
    hang : float
        Seconds after which a case is given up.

    Returns
    -------
    Tally
    """
    tally, last, started = Tally(), first + cases, time.monotonic()
    workers = [
        _Worker(name, range(first + n, last, processes), hang) for n in range(min(processes, cases))
    ]
    told: set[int] = set()
    next_report = started + SECONDS_BETWEEN_REPORTS
    while workers:
        by_pipe = {worker.pipe: worker for worker in workers}
        for pipe in multiprocessing.connection.wait(list(by_pipe)):
            worker = by_pipe[pipe]  # type: ignore[index]
            if not worker.hear(tally):
                workers.remove(worker)
        for number in sorted(tally.failures.keys() - told):
            told.add(number)
            print(f"python -m {name} --case {number}    # {tally.failures[number][0]}", flush=True)
        if time.monotonic() >= next_report:
            next_report += SECONDS_BETWEEN_REPORTS
            a_case = (time.monotonic() - started) * processes / max(1, tally.cases)
            print(f"… {tally.cases:,} of {cases:,} cases, {1000 * a_case:.0f} ms each", flush=True)
    return tally


def report(name: str, tally: Tally) -> None:
    """Print the count by kind, and the failures."""
    print(f"{name}: {tally.cases:,} cases, {len(tally.failures):,} of them wrong")
    for kind, count in sorted(tally.kinds.items()):
        print(f"  {count:8,}  {kind}")


def main(name: str, what: str, argv: Sequence[str] | None = None) -> int:
    """Run the command line of a fuzzer.

    Parameters
    ----------
    name : str
        Module of the fuzzer.
    what : str
        What it does, for ``--help``.
    argv : sequence of str, optional

    Returns
    -------
    int
        Exit status: 1 if anything is wrong.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=what)
    parser.add_argument("--cases", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--processes", type=int, default=1, help="default: 1")
    parser.add_argument("--hang", type=float, default=HANG_SECONDS, help="most seconds of a case")
    parser.add_argument("--case", type=int, help="only this one, with all that is wrong")
    given = parser.parse_args(argv)
    if given.case is not None:
        outcome = importlib.import_module(name).run_case(given.case)
        print(f"case {given.case}: {', '.join(outcome.kinds)}")
        print("\n".join(outcome.wrong) or "nothing is wrong")
        return 1 if outcome.wrong else 0
    tally = run_in_processes(name, given.first, given.cases, given.processes, given.hang)
    report(name, tally)
    return 1 if tally.failures else 0

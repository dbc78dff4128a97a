"""How long whoever cancels waits: what is longest between two questions whether anybody has, at every stage of the
work.

    python benchmarks/cases/cancelling.py [--customers 1000000] [--only solve history ...] [--cancels 4]

Each piece of work is done once with a token that writes down when it is asked; processor seconds between two
questions, of all threads together, are what one who cancels at the worst moment waits for, at most, on a machine
that does nothing else. The work is then cancelled at so many moments, evenly spread, and what passes until it has
returned is measured: that is the clock, and processor seconds of all threads. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pyarrow.dataset as ds
from benchmarks.instances.synthetic import Synthetic
from benchmarks.instances.synthetic_purchases import Shoppers
from benchmarks.support.hardware import describe
from mixed_campaign import MIXED

import couponry
from couponry.affinity import DiscoveryModel, PersonalModel, PurchaseHistory
from couponry.utils.clock import Clock
from couponry.utils.threads import thread_count

KNOWN_WEEKS = 47
"""Weeks of which models know the purchases; those of the weeks behind them are learned from."""

LONGEST = 5
"""Intervals that are told of each piece of work."""


class Asked(couponry.CancelToken):
    """A token that writes down what passes between two questions, and where they are asked."""

    def __init__(self) -> None:
        super().__init__()
        self.longest: list[tuple[float, str, str]] = []
        self.times, self._last, self._where = 0, time.process_time(), "start"
        self._lock, self._calling = threading.Lock(), 0

    def note(self) -> None:
        """Somebody asks, or is told as soon as somebody cancels."""
        where = place()
        with self._lock:
            now = time.process_time()
            if not self._calling:
                self.longest.append((now - self._last, self._where, where))
                self.longest = sorted(self.longest, reverse=True)[:LONGEST]
            self._last, self._where, self.times = now, where, self.times + 1

    @property
    def is_cancelled(self) -> bool:
        self.note()
        return self._event.is_set()

    def check(self) -> None:
        self.note()
        super().check()

    @contextmanager
    def calling(self, end: Callable[[], object]) -> Iterator[None]:
        with super().calling(end):
            self.note()
            self._calling += 1
            try:
                yield
            finally:
                self.note()
                self._calling -= 1


def place() -> str:
    """The innermost lines of couponry's own that ask, but for those of progress."""
    lines = [
        f"{frame.filename.split('/couponry/')[-1]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_stack()
        if "/couponry/" in frame.filename and "/utils/" not in frame.filename
    ]
    return " > ".join(lines[-3:])


def cancelled(work: Callable[[couponry.CancelToken], object], seconds: float) -> dict[str, Any]:
    """Cancel work after some seconds, and measure what passes until it has returned."""
    token, at = couponry.CancelToken(), [0.0, 0.0]

    def cancel() -> None:
        at[:] = time.perf_counter(), time.process_time()
        token.cancel()

    timer = threading.Timer(seconds, cancel)
    timer.start()
    with suppress(couponry.Cancelled):
        work(token)
    clock, processor = time.perf_counter(), time.process_time()
    timer.cancel()
    timer.join()
    if at[0] == 0.0:
        return {"after": round(seconds, 2), "cancelled": False}
    waited = {"seconds": clock - at[0], "processor_seconds": processor - at[1]}
    return {"after": round(seconds, 2), **{name: round(t, 3) for name, t in waited.items()}}


def measured(work: Callable[[couponry.CancelToken], object], cancels: int) -> dict[str, Any]:
    """The longest intervals of one piece of work, and what cancelling takes."""
    asked, started = Asked(), (time.perf_counter(), time.process_time())
    work(asked)
    asked.note()
    seconds, processor = time.perf_counter() - started[0], time.process_time() - started[1]
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "questions": asked.times,
        "longest_intervals": [
            {"processor_seconds": round(t, 3), "from": begin, "to": end}
            for t, begin, end in asked.longest
        ],
        "cancels": [
            cancelled(work, seconds * (k + 0.5) / cancels) for k in range(cancels)
        ],
    }  # fmt: skip


def cost_of_progress(work: Callable[[couponry.CancelToken], object], processor: float) -> Any:
    """What it costs to tell of progress: events of a piece of work, and what telling as many takes.

    Events go to a callable, and as text to a handler of the log that drops them. processor: seconds of the work.
    """
    events: list[couponry.ProgressEvent] = []
    with couponry.watch(progress=events.append):
        work(couponry.CancelToken())
    logger, dropped = logging.getLogger("couponry"), Dropped()
    logger.setLevel(logging.INFO)
    logger.addHandler(dropped)
    begun, rounds = time.process_time(), 20
    with couponry.watch(progress=events.append):
        clock = Clock()
        for event in rounds * events[:]:
            clock.say(event.message, event.share)
    seconds = (time.process_time() - begun) / rounds
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(dropped)
    return {
        "events": len(events) // (rounds + 1),
        "processor_seconds": round(seconds, 5),
        "share_of_work": round(seconds / processor, 6),
    }


class Dropped(logging.Handler):
    """Makes a line of each record, and drops it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def pieces(
    customers: int, folder: Path, only: list[str]
) -> Iterator[tuple[str, Callable[[couponry.CancelToken], object]]]:
    """What is cancelled, by name."""
    threads = thread_count()

    def within(work: Callable[[], object]) -> Callable[[couponry.CancelToken], object]:
        def watched(token: couponry.CancelToken) -> object:
            with couponry.watch(cancel=token):
                return work()

        return watched

    if not only or {"solve", "what_if", "frontier", "save", "report"} & set(only):
        campaign = MIXED.campaign(Synthetic(customers), threads)
        yield "solve", within(lambda: campaign.changed().solve())
        result = campaign.solve()
        less = {"budget": {"max": "-5%"}}
        yield "what_if", lambda token: campaign.what_if(result, limits=less, cancel=token)
        yield (
            "frontier",
            lambda token: campaign.frontier("budget", factors=[0.9, 1.1], cancel=token),
        )
        yield "report", within(lambda: result.report(folder / "report.html"))
        yield "save", within(lambda: result.save(folder / "result", overwrite=True))
        del campaign, result
    if not only or {"history", "personal", "discovery"} & set(only):
        Shoppers(customers).write(folder / "purchases", threads)
        paths = folder / "purchases"
        yield "history", within(lambda: PurchaseHistory.from_transactions(paths))
        earlier = ds.dataset(paths).scanner(filter=ds.field("week") <= KNOWN_WEEKS).to_reader()
        history = PurchaseHistory.from_transactions(earlier)
        since = ds.dataset(paths).scanner(filter=ds.field("week") > KNOWN_WEEKS).to_reader()
        later = PurchaseHistory.from_transactions(since)
        yield "personal", within(lambda: PersonalModel().fit([(history, later)]))
        yield "discovery", within(lambda: DiscoveryModel().fit([(history, later)]))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--cancels", type=int, default=4)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, work in pieces(given.customers, Path(temporary), given.only):
            if not given.only or name in given.only:
                found[name] = measured(work, given.cancels)
                if name in ("solve", "frontier"):
                    cost = cost_of_progress(work, found[name]["processor_seconds"])
                    found[name]["progress"] = cost
                print(f"{name}: {json.dumps(found[name], indent=1)}", file=sys.stderr, flush=True)
    said = {"benchmark": "cancelling", "customers": given.customers, "pieces": found}
    print(json.dumps({**said, **describe(thread_count())}, indent=1))


if __name__ == "__main__":
    main()

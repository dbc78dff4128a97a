"""Customers a second and core from factors, as of two towers, to the best 32 offers, beside NumPy, FAISS and implicit.

BLAS has as many threads as OPENBLAS_NUM_THREADS says; seconds are those of all processors together.
"""

from __future__ import annotations

import os

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # of BLAS, which reads it at import: figures are of a core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import _paths  # noqa: F401
import numpy as np
from benchmarks.support.hardware import describe
from benchmarks.support.timing import STATISTICS, Disturbance, interleaved
from numpy.typing import NDArray

from couponry.affinity import FactorChooser
from couponry.utils.threads import thread_count

KEPT = 32
BLOCK = 256  # customers of a product by NumPy, which are fastest here
CLOSE = 1e-4  # of scores: the others add in another order
LOOKED_AT = 2000  # customers whose lists are checked
Array = NDArray[Any]


def by_numpy(customer: Array, offer: Array) -> Array:
    """The best in no order, a block of customers after the other."""
    kept = np.empty((len(customer), KEPT), np.int64)
    for start in range(0, len(customer), BLOCK):
        score = customer[start : start + BLOCK] @ offer.T
        kept[start : start + BLOCK] = np.argpartition(score, len(offer) - KEPT, axis=1)[:, -KEPT:]
    return kept


def peers(customer: Array, offer: Array) -> dict[str, Callable[[], Array]]:
    """The same work by others, on one thread each: the offers of every customer, by rows."""
    works: dict[str, Callable[[], Array]] = {"numpy": partial(by_numpy, customer, offer)}
    if find_spec("faiss"):
        import faiss

        faiss.omp_set_num_threads(1)
        index = faiss.IndexFlatIP(offer.shape[1])
        index.add(offer)
        works["faiss"] = lambda: index.search(customer, KEPT)[1]
    if find_spec("implicit"):
        from implicit.cpu.topk import topk

        works["implicit"] = lambda: topk(offer, customer, KEPT, num_threads=1)[0]
    return works


def check_lists(name: str, kept: Array, customer: Array, offer: Array) -> None:
    """Refuses lists that leave out an offer which is better than one of theirs, by scores in float64."""
    score = customer[:LOOKED_AT].astype(float) @ offer.T.astype(float)
    chosen = np.zeros(score.shape, bool)
    np.put_along_axis(chosen, kept[:LOOKED_AT].astype(np.int64), True, axis=1)
    if (chosen.sum(axis=1) != KEPT).any():
        raise SystemExit(f"{name}: expected {KEPT} offers a customer")
    worst = np.where(chosen, score, np.inf).min(axis=1)
    best_left = np.where(chosen, -np.inf, score).max(axis=1)
    if (best_left > worst + CLOSE).any():
        raise SystemExit(f"{name}: offers left out are better by {(best_left - worst).max():.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--offers", type=int, default=1000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument(
        "--threads", type=int, default=2, help="of couponry; one is measured beside"
    )
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    random = np.random.default_rng(1)
    customer, offer = (
        random.normal(size=(size, arguments.factors)).astype(np.float32)
        for size in (arguments.customers, arguments.offers)
    )
    chooser = FactorChooser(offer, KEPT)
    works: dict[str, Callable[[], Any]] = {
        f"couponry, {count} thread{'s'[: count - 1]}": partial(
            chooser.choose, customer, threads=count
        )
        for count in sorted({1, thread_count(arguments.threads)})
    }
    check_lists("couponry", chooser.choose(customer).offer.reshape(-1, KEPT), customer, offer)
    for name, work in peers(customer, offer).items():
        check_lists(name, work(), customer, offer)
        works[name] = work
    disturbance = Disturbance()
    seconds = interleaved(works, arguments.rounds, 90.0, clock=time.process_time)
    report: dict[str, Any] = describe(thread_count(arguments.threads))
    for how, statistic in STATISTICS.items():
        report[how] = {
            "customers_a_processor_second": {
                name: round(arguments.customers / float(statistic(took)))
                for name, took in seconds.items()
            }
        }
    report["others_had"] = disturbance.shares()
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

"""Customers a second from sparse histories to the best 32 offers, beside similaripy, sparse_dot_topn and implicit."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import _paths  # noqa: F401
import numpy as np
import scipy.sparse as sp
from benchmarks.support.hardware import describe
from benchmarks.support.timing import STATISTICS, Disturbance, interleaved
from numpy.typing import NDArray

from couponry.affinity import OfferChooser, TopOffers
from couponry.utils.threads import thread_count

ITEMS, KEPT = 20_000, 32
PURCHASES, LINKS = 60, 10  # of a customer; of an item, so that about 600 products are added up
Kept = tuple[NDArray[np.int64], NDArray[np.floating]]
SOME = 1000  # customers for implicit, which is called for one at a time
CLOSE = 1e-5  # relative: the others add in another order


def histories(customers: int, seed: int) -> sp.csr_array:
    """Zipf items, light and heavy shoppers, weights like decayed counts; float32."""
    random = np.random.default_rng(seed)
    count = np.clip(random.lognormal(np.log(PURCHASES) - 0.18, 0.6, customers), 1, 600).astype(int)
    popular = 1.0 / np.arange(1, ITEMS + 1) ** 0.8
    item = random.choice(ITEMS, int(count.sum()), p=popular / popular.sum())
    row = np.repeat(np.arange(customers), count)
    weight = random.gamma(1.0, 1.0, len(item)).astype(np.float32) + np.float32(0.05)
    found = sp.csr_array((weight, (row, item)), shape=(customers, ITEMS))
    found.sum_duplicates()
    found.indices = found.indices.astype(np.int32)
    return found


def similarities(offers: int, seed: int) -> sp.csr_array:
    """Each item is similar to some offers, more often to popular ones; positive, float32."""
    random = np.random.default_rng(seed)
    popular = 1.0 / np.arange(1, offers + 1) ** 0.5
    offer = random.choice(offers, ITEMS * LINKS, p=popular / popular.sum())
    row = np.repeat(np.arange(ITEMS), LINKS)
    value = random.beta(1.5, 8.0, ITEMS * LINKS).astype(np.float32) + np.float32(1e-3)
    found = sp.csr_array((value, (row, offer)), shape=(ITEMS, offers))
    found.sum_duplicates()
    return found


def peers(
    bought: sp.csr_array, similar: sp.csr_array, threads: int
) -> dict[str, tuple[Callable[[], Any], Callable[[Any], Kept]]]:
    """The same work by others, each with the settings that are fastest here; and their answers as keys and scores.

    A key is customer * offers + offer. What turns answers into keys is not a part of the work.
    """
    import similaripy
    import sparse_dot_topn
    from implicit.nearest_neighbours import NearestNeighboursScorer

    x, s = sp.csr_matrix(bought), sp.csr_matrix(similar)
    for matrix in (x, s):  # as they like them best
        matrix.indices, matrix.indptr = (
            matrix.indices.astype(np.int32),
            matrix.indptr.astype(np.int32),
        )
    scorer = NearestNeighboursScorer(s.astype(np.float64))

    def by_similaripy() -> Any:
        return similaripy.dot_product(
            x, s, k=KEPT, num_threads=threads, verbose=False, format_output="csr"
        )

    def by_sparse_dot_topn() -> Any:
        return sparse_dot_topn.sp_matmul_topn(
            x, s, top_n=KEPT, threshold=0.0, n_threads=threads, sort=False
        )

    def by_implicit() -> list[tuple[NDArray[np.int32], NDArray[np.float64]]]:
        """A call a customer, as its batches do; by one thread."""
        found = []
        for i in range(min(SOME, x.shape[0])):
            part = slice(x.indptr[i], x.indptr[i + 1])
            ends = np.array([0, part.stop - part.start], np.int32)
            found.append(
                scorer.recommend(
                    ends, x.indices[part], x.data[part], K=KEPT, remove_own_likes=False
                )
            )
        return found

    def of_implicit(found: list[tuple[NDArray[np.int32], NDArray[np.float64]]]) -> Kept:
        keys = [i * s.shape[1] + offer.astype(np.int64) for i, (offer, _) in enumerate(found)]
        return np.concatenate(keys), np.concatenate([score for _, score in found])

    works: dict[str, tuple[Callable[[], Any], Callable[[Any], Kept]]] = {
        "similaripy": (by_similaripy, _kept),
        "sparse_dot_topn": (by_sparse_dot_topn, _kept),
    }
    return works | ({"implicit": (by_implicit, of_implicit)} if threads == 1 else {})


def _kept(matrix: Any) -> Kept:
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return row * matrix.shape[1] + matrix.indices, matrix.data


def same(ours: TopOffers, theirs: Kept, offers: int) -> dict[str, int]:
    """Refuses another answer: lists may differ only where scores at their end are as good as equal."""
    keys, scores = theirs
    kept = scores > 0
    keys, scores = keys[kept], scores[kept]
    mine = ours.customer * offers + ours.offer
    mine = mine[ours.customer <= keys.max() // offers]
    if len(mine) != len(keys):
        raise SystemExit(f"expected {len(mine)} coupons as couponry has, got {len(keys)}")
    end = np.full(int(ours.customer.max()) + 1, np.inf)
    np.minimum.at(end, ours.customer, ours.score)
    odd = ~np.isin(keys, mine)
    away = np.abs(scores[odd] - end[keys[odd] // offers]) / end[keys[odd] // offers]
    if (away > CLOSE).any():
        raise SystemExit(f"expected the same lists, got scores apart by {away.max():.2g}")
    return {"coupons": len(mine), "of_equal_scores": int(odd.sum())}


def compared(offers: int, customers: int, threads: list[int], rounds: int) -> dict[str, Any]:
    bought, similar = histories(customers, 1), similarities(offers, 2)
    chooser = OfferChooser(similar, KEPT)
    ours = chooser.choose(bought, threads=1)
    works: dict[tuple[str, int], Callable[[], Any]] = {}
    answers = {}
    for count in threads:
        works["couponry", count] = partial(chooser.choose, bought, threads=count)
        for name, (work, keys) in peers(bought, similar, count).items():
            works[name, count] = work
            answers[name] = same(ours, keys(work()), offers)
    seconds = interleaved(works, rounds, 60.0)
    whole = {"implicit": customers / min(SOME, customers)}
    report: dict[str, Any] = {
        "customers": customers,
        "purchases_a_customer": round(bought.nnz / customers, 1),
        "products_added_a_customer": round(
            int(np.diff(similar.indptr)[bought.indices].sum()) / customers, 1
        ),
        "same_lists": answers,
    }
    for how, statistic in STATISTICS.items():
        took = {
            key: whole.get(key[0], 1.0) * float(statistic(all_times))
            for key, all_times in seconds.items()
        }
        report[how] = {
            f"{count} threads" if count > 1 else "1 thread": {
                "customers_a_second": {
                    name: round(customers / s) for (name, c), s in took.items() if c == count
                },
                "times_the_fastest_other": round(
                    min(s for (name, c), s in took.items() if c == count and name != "couponry")
                    / took["couponry", count],
                    2,
                ),
                "times_one_thread": round(took["couponry", 1] / took["couponry", count], 2),
            }
            for count in threads
        }
    return report


def alone(customers: int, threads: list[int], rounds: int) -> dict[str, Any]:
    """Personal history alone: decayed purchases x the root of repeat rates, the best 32."""
    bought = histories(customers, 3)
    repeat = np.random.default_rng(4).beta(2.0, 5.0, ITEMS).astype(np.float32)
    chooser = OfferChooser(sp.diags_array(np.sqrt(repeat)).tocsr(), KEPT)
    works = {t: partial(chooser.choose, bought, threads=t) for t in threads}
    seconds = interleaved(works, rounds, 20.0)
    return {
        "purchases_a_customer": round(bought.nnz / customers, 1),
        "customers_a_second": {t: round(customers / min(seconds[t])) for t in threads},
        "median": {t: round(customers / float(np.median(seconds[t]))) for t in threads},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=400_000)
    parser.add_argument("--threads", type=int, default=2, help="one thread is measured beside")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--offers", type=int, action="append")
    arguments = parser.parse_args()
    threads = sorted({1, thread_count(arguments.threads)})
    report: dict[str, Any] = describe(threads[-1])
    disturbance = Disturbance()
    for offers in arguments.offers or (1000, 5000):
        report[f"{offers} offers"] = compared(
            offers, arguments.customers, threads, arguments.rounds
        )
    report["personal history alone"] = alone(arguments.customers, threads, arguments.rounds)
    report["others_had"] = disturbance.shares()
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

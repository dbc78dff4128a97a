"""Customers a second from sparse histories to the best 32 offers, beside similaripy, sparse_dot_topn and implicit."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from hardware import describe
from numpy.typing import NDArray
from timing import Disturbance, interleaved

from couponry.affinity import BestOffers, OfferChooser
from couponry.engines.threads import thread_count

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
) -> dict[str, Callable[[], Kept]]:
    """The same work by others: keys (customer * offers + offer) and scores of what they keep."""
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

    def by_similaripy() -> Kept:
        return _kept(
            similaripy.dot_product(
                x, s, k=KEPT, num_threads=threads, verbose=False, format_output="csr"
            )
        )

    def by_sparse_dot_topn() -> Kept:
        return _kept(
            sparse_dot_topn.sp_matmul_topn(x, s, top_n=KEPT, n_threads=threads, sort=False)
        )

    def by_implicit() -> Kept:
        """A call a customer, as its batches do; by one thread."""
        keys, scores = [], []
        for i in range(min(SOME, x.shape[0])):
            part = slice(x.indptr[i], x.indptr[i + 1])
            ends = np.array([0, part.stop - part.start], np.int32)
            offer, score = scorer.recommend(
                ends, x.indices[part], x.data[part], K=KEPT, remove_own_likes=False
            )
            keys.append(i * s.shape[1] + offer.astype(np.int64))
            scores.append(score)
        return np.concatenate(keys), np.concatenate(scores)

    return {
        "similaripy": by_similaripy,
        "sparse_dot_topn": by_sparse_dot_topn,
        "implicit": by_implicit,
    }


def _kept(matrix: Any) -> Kept:
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return row * matrix.shape[1] + matrix.indices, matrix.data


def same(ours: BestOffers, theirs: Kept, offers: int) -> dict[str, int]:
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


def compared(offers: int, customers: int, threads: int, rounds: int) -> dict[str, Any]:
    bought, similar = histories(customers, 1), similarities(offers, 2)
    products = int((bought.indptr[1:] - bought.indptr[:-1]).sum())
    chooser = OfferChooser(similar, KEPT)
    works: dict[str, Callable[[], Any]] = {
        "couponry": lambda: chooser.choose(bought, threads=threads),
        **peers(bought, similar, threads),
    }
    ours = chooser.choose(bought, threads=threads)
    answers = {
        name: same(ours, work(), offers) for name, work in works.items() if name != "couponry"
    }
    seconds = interleaved(works, rounds, 40.0)
    whole = dict.fromkeys(works, 1.0) | {"implicit": customers / min(SOME, customers)}
    least = {name: whole[name] * min(times) for name, times in seconds.items()}
    median = {name: whole[name] * float(np.median(times)) for name, times in seconds.items()}
    added = int(np.diff(similar.indptr)[bought.indices].sum())
    return {
        "customers": customers,
        "purchases_a_customer": round(products / customers, 1),
        "products_added_a_customer": round(added / customers, 1),
        "same_lists": answers,
        "customers_a_second": {name: round(customers / s) for name, s in least.items()},
        "median": {name: round(customers / s) for name, s in median.items()},
        "times_the_fastest_other": {
            "least": round(
                min(s for n, s in least.items() if n != "couponry") / least["couponry"], 2
            ),
            "median": round(
                min(s for n, s in median.items() if n != "couponry") / median["couponry"], 2
            ),
        },
    }


def alone(customers: int, threads: int, rounds: int) -> dict[str, Any]:
    """Personal history alone: decayed purchases x the root of repeat rates, the best 32."""
    bought = histories(customers, 3)
    repeat = np.random.default_rng(4).beta(2.0, 5.0, ITEMS).astype(np.float32)
    chooser = OfferChooser(sp.diags_array(np.sqrt(repeat)).tocsr(), KEPT)
    counts = sorted({1, threads})
    works = {t: (lambda t=t: chooser.choose(bought, threads=t)) for t in counts}
    seconds = interleaved(works, rounds, 20.0)
    return {
        "purchases_a_customer": round(bought.nnz / customers, 1),
        "customers_a_second": {t: round(customers / min(seconds[t])) for t in counts},
        "median": {t: round(customers / float(np.median(seconds[t]))) for t in counts},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--offers", type=int, action="append")
    arguments = parser.parse_args()
    threads = thread_count(arguments.threads)
    report: dict[str, Any] = describe(threads)
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

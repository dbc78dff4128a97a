"""The choice of offers: the same bits from every backend, blocking and number of threads; against plain sorting."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from couponry import InvalidInput
from couponry.affinity import OfferChooser, TopOffers
from couponry.affinity.candidates.choosing import choice_blocks
from couponry.kernels import available

BACKENDS = [name for name, state in available().items() if state == "yes"]
SETS = (
    importlib.import_module("couponry.kernels._native").instruction_sets()
    if "native" in BACKENDS
    else []
)


@pytest.fixture(params=SETS)
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    native = importlib.import_module("couponry.kernels._native")
    native._use_instruction_set(request.param)
    yield request.param
    native._use_instruction_set(SETS[0])


def case(seed: int, customers: int, items: int, offers: int, *, ties: bool) -> dict[str, Any]:
    random = np.random.default_rng(seed)

    def values(*shape: int) -> np.ndarray:
        found = random.normal(size=shape)
        return np.round(found) if ties else found

    def sparse(rows: int, columns: int, share: float) -> sp.csr_array:
        return sp.csr_array(values(rows, columns) * (random.random((rows, columns)) < share))

    return {
        "purchases": sparse(customers, items, 0.4),
        "similarity": sparse(items, offers, 0.5),
        "own": sparse(items, offers, 0.15),
        "kinds": (random.integers(-1, 4, items), random.integers(-1, 4, offers)),
        "prior": values(offers) if seed % 2 else None,
        "eligible": sparse(customers, offers, 0.7) if seed % 3 else None,
    }


def expected(made: dict[str, Any], quota: dict[str, int], above: float) -> list[tuple[Any, ...]]:
    """By sorting everything; scores in float32, added up in the order of the items."""
    bought, similar, own = (
        sp.csr_array(made[n], dtype=np.float32) for n in ("purchases", "similarity", "own")
    )
    found = []
    for i in range(bought.shape[0]):
        items = range(bought.indptr[i], bought.indptr[i + 1])
        scored = []
        for j in range(similar.shape[1]):
            score, mine = (
                np.float32(0 if made["prior"] is None else made["prior"][j]),
                np.float32(0),
            )
            linked, reward, kind = made["prior"] is not None, False, False
            for e in items:
                k, w = bought.indices[e], bought.data[e]
                if j in similar.indices[similar.indptr[k] : similar.indptr[k + 1]]:
                    score, linked = score + w * np.float32(similar[k, j]), True
                if j in own.indices[own.indptr[k] : own.indptr[k + 1]]:
                    mine, reward = mine + w * np.float32(own[k, j]), True
                kind |= made["kinds"][0][k] >= 0 and made["kinds"][0][k] == made["kinds"][1][j]
            if made["eligible"] is not None and made["eligible"][i, j] == 0:
                continue
            role = 0 if reward else 1 if kind else 2
            if (reward or linked) and (mine if reward else score) > above:
                scored.append((role, mine if reward else score, j))
        kept = []
        for role, name in enumerate(("reward", "activation", "innovation")):
            mine_first = sorted((s for s in scored if s[0] == role), key=lambda s: (-s[1], s[2]))
            kept += mine_first[: quota.get(name, 0)]
        found += [(i, j, role, float(score)) for role, score, j in sorted(kept, key=lambda s: s[2])]
    return found


def rows(chosen: TopOffers) -> list[tuple[Any, ...]]:
    columns = (chosen.customer, chosen.offer, chosen.role, chosen.score)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def choose(
    made: dict[str, Any], quota: Any, backend: str, above: float = -np.inf, **options: Any
) -> TopOffers:
    arguments = {name: made[name] for name in ("own", "kinds", "prior")}
    chooser = OfferChooser(made["similarity"], quota, above=above, backend=backend, **arguments)
    return chooser.choose(made["purchases"], eligible=made["eligible"], **options)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    offers=st.sampled_from([1, 7, 40]),
    quota=st.sampled_from(
        [{"reward": 2, "activation": 3, "innovation": 4}, {"activation": 1}, {"innovation": 50, "reward": 1}]
    ),
    ties=st.booleans(),
    above=st.sampled_from([-np.inf, 0.0]),
)  # fmt: skip
def test_against_sorting(
    backend: str, seed: int, offers: int, quota: dict[str, int], ties: bool, above: float
) -> None:
    made = case(seed, 6, 12, offers, ties=ties)
    assert rows(choose(made, quota, backend, above)) == expected(made, quota, above)


QUOTA = {"reward": 8, "activation": 12, "innovation": 12}


@cache
def by_reference(seed: int) -> TopOffers:
    return choose(case(seed, 60, 80, 300, ties=False), QUOTA, "reference")


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "reference"])
@pytest.mark.parametrize("seed", [1, 2, 6])
def test_bits_blocks_and_threads(backend: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made, reference = case(seed, 60, 80, 300, ties=False), by_reference(seed)
    for pairs, threads in ((1 << 19, 1), (50, 2), (1, 3)):
        monkeypatch.setattr(choice_blocks, "BLOCK_PAIRS", pairs)
        found = choose(made, QUOTA, backend, threads=threads)
        for name in ("customer", "offer", "role", "score"):
            mine, theirs = getattr(found, name), getattr(reference, name)
            assert mine.dtype == theirs.dtype and mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_many_customers_at_once_get_what_few_get(instruction_set: str, seed: int) -> None:
    """Kinds of offers are sets where a call has many customers, lists where it has few; few candidates are one list."""
    made = case(seed, 200, 60, 190, ties=seed == 7)
    made["prior"] = np.random.default_rng(seed).normal(size=190)
    quotas = QUOTA, {"reward": 2, "innovation": 30}, {"activation": 70, "innovation": 9}
    for quota in quotas:
        together = rows(choose(made, quota, "native"))
        for start in range(0, 200, 40):
            some = slice(start, start + 40)
            eligible = None if made["eligible"] is None else made["eligible"][some]
            few = {**made, "purchases": made["purchases"][some], "eligible": eligible}
            found = [(row[0] + start, *row[1:]) for row in rows(choose(few, quota, "native"))]
            assert found == [row for row in together if start <= row[0] < start + 40]


Ranked = list[tuple[np.ndarray, np.ndarray, np.ndarray]]


def ranked(made: dict[str, Any]) -> Ranked:
    """For each customer, where all offers are innovations: scores, what is linked, and offers by score."""
    bought, similar = (sp.csr_array(made[n], dtype=np.float32) for n in ("purchases", "similarity"))
    found = []
    for i in range(bought.shape[0]):
        score = np.zeros(similar.shape[1], np.float32)
        linked = np.full(len(score), made["prior"] is not None)
        if made["prior"] is not None:
            score[:] = made["prior"]
        for e in range(bought.indptr[i], bought.indptr[i + 1]):
            links = slice(*similar.indptr[bought.indices[e] : bought.indices[e] + 2])
            score[similar.indices[links]] += bought.data[e] * similar.data[links]
            linked[similar.indices[links]] = True
        found.append((score, linked, np.argsort(-score, kind="stable")))
    return found


def best_of(by_customer: Ranked, quota: int, above: float) -> list[tuple[Any, ...]]:
    found = []
    for i, (score, linked, order) in enumerate(by_customer):
        kept = np.sort(order[(linked & (score > above))[order]][:quota])
        found += [(i, int(j), 2, float(score[j])) for j in kept]
    return found


@pytest.mark.parametrize("offers", [63, 64, 65, 1000, 20_000])
@pytest.mark.parametrize("sign", ["positive", "any"])
def test_many_offers_on_every_instruction_set(instruction_set: str, offers: int, sign: str) -> None:
    for seed, ties in enumerate((False, True, False, True)):
        random = np.random.default_rng(seed)
        links = min(offers, 40)

        def values(*shape: int, random: Any = random, ties: bool = ties) -> np.ndarray:
            found = random.normal(size=shape)
            found = np.round(2 * found) if ties else found
            return np.abs(found) if sign == "positive" else found

        of = np.sort(
            random.permuted(np.tile(np.arange(offers), (30, 1)), axis=1)[:, :links], axis=1
        )
        similar = sp.csr_array(
            (values(30 * links), of.ravel(), np.arange(0, 30 * links + 1, links)), (30, offers)
        )
        made = {"similarity": similar, "purchases": sp.csr_array(values(12, 30) * (random.random((12, 30)) < 0.6)),
                "prior": values(offers) if seed > 1 else None}  # fmt: skip
        by_customer = ranked(made)
        for quota, above in (
            (1, -np.inf),
            (32, 0.5),
            (32, -np.inf),
            (64, -1.0),
            (65, -np.inf),
            (300, -np.inf),
        ):
            chooser = OfferChooser(
                similar, quota, prior=made["prior"], above=above, backend="native"
            )
            assert rows(chooser.choose(made["purchases"])) == best_of(by_customer, quota, above)


@pytest.mark.parametrize("offers", [5, 300, 17_000])
def test_roles_on_every_instruction_set(instruction_set: str, offers: int) -> None:
    quota = {"reward": 8, "activation": 12, "innovation": 40}
    for seed, ties in ((1, True), (2, False), (4, True)):
        made = case(seed, 12, 30, min(offers, 300), ties=ties)
        if offers > 300:  # the same offers, far apart
            wide = {
                name: _far_apart(made[name], offers) for name in ("similarity", "own", "eligible")
            }
            item, offer = made["kinds"]
            wide |= {
                "kinds": (
                    item,
                    _far_apart(sp.csr_array(offer[None] + 1.0), offers).toarray()[0].astype(int)
                    - 1,
                )
            }
            made = wide | {"purchases": made["purchases"], "prior": None}
        assert rows(choose(made, quota, "native")) == rows(choose(made, quota, "numba"))


def _far_apart(matrix: sp.csr_array | None, offers: int) -> sp.csr_array | None:
    if matrix is None:
        return None
    apart = offers // matrix.shape[1]
    return sp.csr_array(
        (matrix.data, matrix.indices * apart, matrix.indptr), (matrix.shape[0], offers)
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_scores_far_apart_equal_and_infinite(backend: str) -> None:
    huge = np.float32(3e38)
    values = np.array([[1e-30, 1.0, 1.0, 1.0, huge, -huge, 2e-30, 1.0]], np.float32)
    once = sp.csr_array(np.array([[1.0]]))
    for quota, best_first in ((1, [4]), (3, [1, 2, 4]), (6, [1, 2, 3, 4, 6, 7])):
        found = OfferChooser(values, quota, backend=backend).choose(once)
        assert found.offer.tolist() == sorted(best_first)
    twice = sp.csr_array(np.array([[2.0]]))  # to infinity
    with np.errstate(over="ignore"):
        assert OfferChooser(values, 2, backend=backend).choose(twice).offer.tolist() == [1, 4]
    same = OfferChooser(np.ones((1, 9)), 4, backend=backend).choose(once)
    assert same.offer.tolist() == [0, 1, 2, 3]


def test_formats_of_matrices_do_not_matter() -> None:
    made = case(4, 30, 40, 50, ties=False)
    made["eligible"] = None
    wanted = rows(OfferChooser(made["similarity"], 5).choose(made["purchases"]))
    long = made["purchases"].copy()
    long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
    doubled = sp.coo_array(made["purchases"])
    halves = (np.tile(doubled.data / 2, 2), (np.tile(doubled.row, 2), np.tile(doubled.col, 2)))
    for purchases in (sp.csr_matrix(made["purchases"]), long, sp.csc_array(made["purchases"]),
                      sp.coo_array(halves, shape=doubled.shape)):  # fmt: skip
        before = purchases.data.copy()
        for similarity in (made["similarity"], sp.csr_matrix(made["similarity"])):
            assert rows(OfferChooser(similarity, 5).choose(purchases)) == wanted
        assert (purchases.data == before).all()
    assert rows(OfferChooser(made["similarity"].toarray(), 5).choose(made["purchases"])) == wanted


def test_nobody_and_nothing() -> None:
    chooser = OfferChooser(np.ones((3, 4)), 2)
    assert rows(chooser.choose(sp.csr_array((0, 3)))) == []
    assert rows(chooser.choose(sp.csr_array((5, 3)))) == []
    assert rows(OfferChooser(np.ones((3, 4)), 0).choose(sp.csr_array(np.ones((5, 3))))) == []


def broken(**arrays: Any) -> sp.csr_array:
    """A matrix whose arrays were changed after it was made."""
    matrix = sp.csr_array(np.ones((4, 2), np.float32))
    assert matrix.has_canonical_format
    for name, values in arrays.items():
        getattr(matrix, name)[:] = values
    return matrix


BAD = [
    (lambda: OfferChooser(np.ones((2, 3)), 1).choose(broken(data=np.nan)), "purchases: expected finite numbers"),
    (lambda: OfferChooser(np.ones((2, 3)), 1).choose(broken(indices=[0, 2] * 4)), "expected columns from 0 to 1"),
    (lambda: OfferChooser(np.ones((2, 3)), 1).choose(broken(indptr=[0, 9999, 4, 6, 8])), "offsets of rows"),
    (lambda: OfferChooser(np.array([[np.nan]]), 1), "similarity: expected finite numbers"),
    (lambda: OfferChooser(np.array([[1e300]]), 1), "similarity: expected finite numbers of float32"),
    (lambda: OfferChooser(np.array([["a"]]), 1), "similarity: expected numbers"),
    (lambda: OfferChooser(np.ones((2, 3)), -1), "quota: expected whole numbers"),
    (lambda: OfferChooser(np.ones((2, 3)), {"prize": 1}), "quota: expected roles among"),
    (lambda: OfferChooser(np.ones((2, 3)), 4, own=np.ones((2, 3))), "a number for each role"),
    (lambda: OfferChooser(np.ones((2, 3)), {"reward": 1}, own=np.ones((3, 2))), "own: expected 2 x 3"),
    (lambda: OfferChooser(np.ones((2, 3)), 1, prior=[1.0]), "prior: expected 3 numbers"),
    (lambda: OfferChooser(np.ones((2, 3)), {}, kinds=([0.5, 1], [1, 2, 3])), "kinds of items"),
    (lambda: OfferChooser(np.ones((2, 3)), 1).choose(np.ones((4, 2))), "expected a sparse matrix"),
    (lambda: OfferChooser(np.ones((2, 3)), 1).choose(sp.csr_array((4, 3))), "expected 2 columns"),
    (lambda: OfferChooser(np.ones((2, 3)), 1).choose(sp.csr_array((4, 2)), eligible=sp.csr_array((4, 2))), "eligible"),
    (lambda: OfferChooser(np.ones((2, 3)), 1, above=np.nan), "above: expected a number"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()

"""The choice of offers by factors: sums in their order, by roles, with the same bits for any company and backend."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from tests.support.kernel_calls import calls_of_affinity
from tests.support.kernel_cases import backend as running
from tests.support.kernel_cases import every_native

from couponry import InvalidInput
from couponry.affinity import FactorChooser, OfferChooser, TopOffers
from couponry.affinity.candidates.choosing import choice_blocks
from couponry.kernels import available, load

BACKENDS = [name for name in ("native", "reference") if available()[name] == "yes"]
"""Numba would compile once more for choosers without links: it has a test of its own."""

COLUMNS = ("number", "offer", "role", "score")


def factors(seed: int, customers: int, offers: int, count: int, ties: bool) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    made = random.normal(size=(customers, count)), random.normal(size=(offers, count))
    return tuple(np.round(each, 0 if ties else 9).astype(np.float32) for each in made)


def same(found: TopOffers, expected: TopOffers) -> None:
    for name in COLUMNS:
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert mine.dtype == theirs.dtype and mine.tobytes() == theirs.tobytes(), name


def sorted_out(customer: Any, offer: Any, quota: int, prior: Any) -> list[tuple[int, int, float]]:
    """By sorting; scores in float32, one product and one sum after the other."""
    score = np.zeros((len(customer), len(offer)), np.float32)
    if prior is not None:
        score += prior
    for f in range(offer.shape[1]):
        score += np.outer(customer[:, f], offer[:, f])
    best = np.sort(np.argsort(-score, axis=1, kind="stable")[:, :quota], axis=1)
    return [(i, int(j), float(score[i, j])) for i in range(len(customer)) for j in best[i]]


@pytest.mark.parametrize("offers", [1, 63, 65, 1000])
@every_native
def test_against_sorting_on_every_instruction_set(name: str, offers: int) -> None:
    for seed, (customers, count, ties) in enumerate(((1, 1, True), (9, 7, True), (70, 64, False))):
        customer, offer = factors(seed, customers, offers, count, ties)
        prior = np.linspace(0, 1, offers, dtype=np.float32) if seed == 2 else None
        for quota in 1, 32, 300:
            with running(name):
                chooser = FactorChooser(offer, quota, prior=prior, backend="native")
                found = chooser.choose(customer)
            rows = zip(found.customer, found.offer, found.score, strict=True)
            expected = sorted_out(customer, offer, min(quota, offers), prior)
            assert [(int(i), int(j), float(s)) for i, j, s in rows] == expected


def with_roles(seed: int = 3) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    customer, offer = factors(seed, 23, 150, 6, seed % 2 == 0)
    purchases = sp.random_array((23, 12), density=0.2, rng=random, dtype=np.float32)
    return {
        "customer": customer,
        "offer": offer,
        "purchases": sp.csr_array(purchases),
        "own": sp.csr_array(sp.random_array((12, 150), density=0.1, rng=random)),
        "kinds": (random.integers(-1, 4, 12), random.integers(-1, 4, 150)),
        "prior": random.normal(size=150),
        "eligible": sp.csr_array(sp.random_array((23, 150), density=0.8, rng=random)),
    }


QUOTA = {"reward": 3, "activation": 4, "innovation": 5}


def by_factors(made: dict[str, Any], backend: str, **options: Any) -> TopOffers:
    named = {name: made[name] for name in ("own", "kinds", "prior")}
    chooser = FactorChooser(made["offer"], QUOTA, backend=backend, above=-1.5, **named)
    return chooser.choose(made["customer"], made["purchases"], eligible=made["eligible"], **options)


@pytest.mark.parametrize("backend", BACKENDS)
def test_roles_are_those_of_items_and_scores_those_of_factors_as_items(backend: str) -> None:
    """A factor is like an item that is similar to every offer, and that everybody bought."""
    for seed in 3, 4:
        made = with_roles(seed)
        count, items = made["offer"].shape[1], made["own"].shape[0]
        chooser = OfferChooser(
            sp.vstack([sp.csr_array(made["offer"].T), sp.csr_array((items, 150))]),
            QUOTA,
            own=sp.vstack([sp.csr_array((count, 150)), made["own"]]),
            kinds=(np.append(np.full(count, -1), made["kinds"][0]), made["kinds"][1]),
            prior=made["prior"],
            above=-1.5,
            backend="reference",
        )
        bought = sp.csr_array(sp.hstack([sp.csr_array(made["customer"]), made["purchases"]]))
        expected = chooser.choose(bought, eligible=made["eligible"])
        assert set(expected.role.tolist()) == {0, 1, 2}
        same(by_factors(made, backend), expected)


@pytest.mark.skipif(available()["numba"] != "yes", reason="needs Numba")
def test_numba_adds_factors_to_what_links_say() -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        call = list(calls_of_affinity(random, customers=5, items=7, offers=70, factors=3))[-1]
        compiled = call.copy()
        call.run(load("reference").kernels)
        compiled.run(load("numba").kernels)
        for path, array in compiled.arrays().items():
            assert array.tobytes() == call.arrays()[path].tobytes(), path


def test_alone_and_in_any_company(monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_roles()
    whole = by_factors(made, BACKENDS[0], threads=1)
    ends = np.append(0, np.cumsum(whole.number))
    chooser = FactorChooser(
        made["offer"],
        QUOTA,
        own=made["own"],
        kinds=made["kinds"],
        prior=made["prior"],
        above=-1.5,
        backend=BACKENDS[0],
    )
    for i in range(23):
        one = slice(i, i + 1)
        alone = chooser.choose(
            made["customer"][one], made["purchases"][one], eligible=made["eligible"][one]
        )
        assert alone.offer.tolist() == whole.offer[ends[i] : ends[i + 1]].tolist()
        assert alone.score.tobytes() == whole.score[ends[i] : ends[i + 1]].tobytes()
    for size, threads in ((1, 3), (40, 2)):
        monkeypatch.setattr(choice_blocks, "BLOCK_FACTORS", size)
        same(by_factors(made, BACKENDS[0], threads=threads), whole)
        parts = list(chooser.blocks(made["customer"], made["purchases"], eligible=made["eligible"]))
        assert len(parts) == -(-23 // max(size // 6, 1))
        assert parts[-1].first + len(parts[-1].number) == 23
        assert b"".join(part.score.tobytes() for part in parts) == whole.score.tobytes()


def test_what_overflows_is_chosen_first_or_never() -> None:
    offer = np.array([[3e38, 0.0], [1.0, 0.0], [3e38, 3e38]], np.float32)
    for backend in BACKENDS:
        with np.errstate(over="ignore", invalid="ignore"):
            chooser = FactorChooser(offer, 2, backend=backend)
            assert chooser.choose([[2.0, -2.0]]).offer.tolist() == [0, 1]  # inf - inf: no number
    assert (
        FactorChooser(offer, 2, backend="reference").choose(np.zeros((0, 2))).offer.tolist() == []
    )


def test_what_is_given_is_left_alone_and_need_not_be_float32() -> None:
    customer, offer = factors(1, 5, 9, 3, False)
    expected = FactorChooser(offer, 2).choose(customer)
    for other in (customer.astype(float), np.asfortranarray(customer), customer.tolist()):
        same(FactorChooser(offer.astype(float), 2).choose(other), expected)


def test_choosers_have_a_text_and_pickle() -> None:
    customer, offer = factors(2, 4, 9, 3, False)
    chooser, other = FactorChooser(offer, 2), OfferChooser(offer.T, 2)
    assert repr(chooser) == "<FactorChooser of at most 2 of 9 offers by 3 factors>"
    assert repr(other) == "<OfferChooser of at most 2 of 9 offers by 3 items>"
    same(pickle.loads(pickle.dumps(chooser)).choose(customer), chooser.choose(customer))
    bought = sp.csr_array(customer)
    same(pickle.loads(pickle.dumps(other)).choose(bought), other.choose(bought))


GOOD = np.ones((4, 2), np.float32)
BAD = [
    (lambda: FactorChooser([[np.nan]], 1), "offer_factors: expected finite numbers"),
    (lambda: FactorChooser([1.0], 1), "offer_factors: expected a matrix of numbers"),
    (lambda: FactorChooser(np.ones((3, 0)), 1), "offer_factors: expected a matrix of numbers"),
    (lambda: FactorChooser([["a"]], 1), "offer_factors: expected a matrix of numbers"),
    (lambda: FactorChooser(GOOD, 1).choose(np.ones((2, 3))), "customer_factors: expected 2 columns"),
    (lambda: FactorChooser(GOOD, 1).choose([[1, np.inf]]), "customer_factors: expected finite .* at 1"),
    (lambda: FactorChooser(GOOD, 1).choose(GOOD * np.float32(np.nan)), "customer_factors: expected finite"),
    (lambda: FactorChooser(GOOD, 1, prior=[1.0]), "prior: expected 4 numbers"),
    (lambda: FactorChooser(GOOD, 1, own=np.ones((3, 4))), "a number for each role"),
    (lambda: FactorChooser(GOOD, {}, own=np.ones((3, 5))), "own: expected 3 x 4"),
    (lambda: FactorChooser(GOOD, {}, own=np.ones((3, 4)), kinds=([1], [1] * 4)), "own: expected 1 x 4"),
    (lambda: FactorChooser(GOOD, {}, own=np.ones((3, 4))).choose(GOOD), "purchases: expected them"),
    (lambda: FactorChooser(GOOD, {}, own=np.ones((3, 4))).choose(GOOD, sp.csr_array((4, 2))), "3 columns as own"),
    (lambda: FactorChooser(GOOD, 1).choose(GOOD, sp.csr_array((3, 0))), "purchases: expected 4 customers"),
    (lambda: FactorChooser(GOOD, 1).choose(GOOD, eligible=sp.csr_array((4, 2))), "eligible: expected 4"),
    (lambda: FactorChooser(GOOD, 1, above=np.nan), "above: expected a number"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()

"""Candidates of histories: the same bits for any blocks, threads and place, by roles, with odds that come true."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from benchmarks.instances.synthetic_purchases import Shoppers

from couponry import Campaign, CustomerRule, InvalidInput
from couponry.affinity import (
    Assortment,
    CandidateModel,
    Catalogue,
    PersonalModel,
    PurchaseHistory,
    ResponseModel,
    incremental_bounds,
)
from couponry.affinity.candidates import weighted_purchases
from couponry.affinity.scores import features
from couponry.data.candidate_batches import CandidateBlocks
from couponry.data.candidate_rows import CandidateRows
from couponry.data.external_sort import RowWriter
from couponry.kernels import available, load
from couponry.kernels.affinity_contract import (
    Bought,
    Chosen,
    Eligible,
    Factors,
    Kinds,
    Links,
    OfferScoring,
    Pairs,
)
from couponry.utils.arrays.array_store import FolderStore, MemoryStore, save

QUOTA = {"reward": 4, "activation": 3, "innovation": 2}
SIZE = Shoppers(3000, rows=20, products=400, types=30, offers=60, weeks=20, scattered=False)
FAR = 2**31 + 7  # the first pair of anybody who is scored


@cache
def shopped() -> tuple[PurchaseHistory, PurchaseHistory, PurchaseHistory]:
    """Everything, what was before the last four weeks, and those."""
    rows = SIZE.block(0)
    week = rows["week"].to_numpy()
    before, after = rows.filter(pa.array(week < 16)), rows.filter(pa.array(week >= 16))
    then = PurchaseHistory.from_transactions(before, half_lives=(16,))
    window = PurchaseHistory.from_transactions(after, half_lives=(16,))
    return then.update(after), then, window


def assortment() -> Assortment:
    return Assortment(SIZE.offers_table(), SIZE.covers_table(), SIZE.products_table(), "type")


@cache
def model(response: bool = False) -> CandidateModel:
    everything, then, window = shopped()
    coefficients = {"intercept": -0.5, "p0": 0.5, "role=reward": 1.0, "depth": 2.0}
    made = CandidateModel(
        assortment(),
        QUOTA,
        response=ResponseModel(coefficients) if response else None,
        offer_columns={"depth": np.linspace(0, 0.5, 60)} if response else None,
    )
    return made.fit([(then, window)], everything)


def everything_of(candidates: Any) -> dict[str, Any]:
    return {
        "customers": candidates.customers.to_pylist(),
        "indptr": candidates.indptr.tolist(),
        "offer": candidates.offer.tobytes(),
        "role": candidates.role.tobytes(),
        "response": candidates.columns["response"].tobytes(),
        "dtype": candidates.columns["response"].dtype,
    }


def part_of(history: PurchaseHistory, start: int, stop: int) -> PurchaseHistory:
    ends = history.indptr[start : stop + 1]
    rows = slice(int(ends[0]), int(ends[-1]))
    return replace(
        history,
        customers=history.customers[start:stop],
        indptr=ends - ends[0],
        item=history.item[rows],
        pairs=Pairs(*(array[rows] for array in history.pairs)),
        trips=Pairs(*(array[start:stop] for array in history.trips)),
    )


def test_the_same_bits_for_any_blocks_threads_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, blocks = shopped()[0], model().candidates(shopped()[0])
    expected = everything_of(Campaign(SIZE.offers_table(), blocks).candidates)

    def in_parts() -> Iterator[PurchaseHistory]:
        for start in range(0, len(history.customers), 700):
            yield part_of(history, start, min(start + 700, len(history.customers)))

    monkeypatch.setattr(weighted_purchases, "BLOCK_PAIRS", 1000)
    monkeypatch.setattr(weighted_purchases, "BLOCK_CUSTOMERS", 77)
    for threads in ("1", "3"):
        monkeypatch.setenv("COUPONRY_THREADS", threads)
        for histories in (history, in_parts):
            for store in (None, tmp_path / f"store-{threads}"):
                made = Campaign(SIZE.offers_table(), model().candidates(histories), store=store)
                assert everything_of(made.candidates) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store-1", "store-3"]


def test_a_campaign_is_solved_from_the_store(tmp_path: Path) -> None:
    rules = [CustomerRule("slots", max=2), CustomerRule("rewards", where={"role": "reward"}, max=1)]
    found = [
        Campaign(
            SIZE.offers_table(), model().candidates(shopped()[0]), rules=rules, store=store
        ).solve()
        for store in (None, tmp_path / "store")
    ]
    assert found[0].allocation.to_arrow().equals(found[1].allocation.to_arrow())
    assert found[0].status == "optimal" and found[0].allocated > 0


def test_roles_are_what_was_bought() -> None:
    history, offers = shopped()[0], assortment()
    made = Campaign(SIZE.offers_table(), model().candidates(history)).candidates
    covers, kind = offers.among(history.items)
    place = {customer: i for i, customer in enumerate(history.customers.to_pylist())}
    for number in range(0, len(made.customers), 50):
        i = place[made.customers[number].as_py()]
        items = history.item[history.indptr[i] : history.indptr[i + 1]]
        own = set(covers[items].nonzero()[1].tolist())
        kinds = set(kind[items].tolist())
        rows = slice(made.indptr[number], made.indptr[number + 1])
        for offer, role in zip(made.offer[rows].tolist(), made.role[rows].tolist(), strict=True):
            expected = 1 if offer in own else 2 if offers.offer_kind[offer] in kinds else 3
            assert role == expected
        given = np.bincount(made.role[rows], minlength=4)
        assert (given[1:] <= [QUOTA[r] for r in ("reward", "activation", "innovation")]).all()
        assert given[1] == min(len(own), QUOTA["reward"])


def test_odds_come_true_where_they_were_fitted() -> None:
    """A logistic model with an intercept predicts as many as there were, for each role."""
    _, then, window = shopped()
    made = CandidateModel(assortment(), QUOTA).fit([(then, window)])
    candidates = Campaign(SIZE.offers_table(), made.candidates(then)).candidates
    covers, _ = assortment().among(window.items)
    bought = sp.csr_array(
        (np.ones(len(window)), window.item.astype(np.int64), window.indptr),
        shape=(len(window.customers), len(window.items)),
    )
    later = dict(zip(window.customers.to_pylist(), (bought @ covers).toarray() > 0, strict=True))
    never = np.zeros(60, bool)
    who = np.repeat(np.arange(len(candidates.customers)), np.diff(candidates.indptr))
    ids = candidates.customers.to_pylist()
    truth = np.array(
        [later.get(ids[i], never)[j] for i, j in zip(who, candidates.offer, strict=True)]
    )
    for role in (1, 2, 3):
        mine = candidates.role == role
        assert truth[mine].sum() > 0
        predicted = candidates.columns["response"][mine].sum()
        assert predicted == pytest.approx(truth[mine].sum(), rel=0.02)


@cache
def personal_model() -> CandidateModel:
    everything, then, window = shopped()
    groups = Catalogue(SIZE.products_table(), ["type"], item="product")
    made = CandidateModel(assortment(), QUOTA, personal=PersonalModel(groups))
    return made.fit([(then, window)], everything)


def test_rewards_are_those_most_likely_to_be_bought_again() -> None:
    everything = shopped()[0]
    fitted = personal_model()
    found = Campaign(SIZE.offers_table(), fitted.candidates(everything)).candidates
    assert fitted.personal is not None
    again = fitted.personal.score(everything)
    shape = len(everything.customers), len(everything.items)
    never = sp.csr_array(
        (-np.log1p(-again), everything.item.astype(np.int64), everything.indptr), shape=shape
    )
    covers = assortment().among(everything.items)[0]
    any_of_it = -np.expm1(-(never @ covers).toarray())  # by offer
    customer = np.repeat(np.arange(len(found.customers)), np.diff(found.indptr))
    mine = found.role == 1
    chosen = np.zeros(any_of_it.shape, bool)
    chosen[customer[mine], found.offer[mine]] = True
    worst = np.where(chosen, any_of_it, 2.0).min(axis=1)
    best_left = np.where(chosen, 0.0, any_of_it).max(axis=1)
    assert (best_left <= worst + 1e-6).all() and mine.sum() > 1000
    happened = Campaign(SIZE.offers_table(), model().candidates(everything)).candidates
    assert (happened.role == 1).sum() == mine.sum()  # as many as by decayed frequency


def test_rewards_by_probability_do_not_depend_on_who_else_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything, fitted = shopped()[0], personal_model()
    expected = everything_of(
        Campaign(SIZE.offers_table(), fitted.candidates(everything)).candidates
    )
    monkeypatch.setattr(weighted_purchases, "BLOCK_PAIRS", 1000)
    monkeypatch.setattr(features, "BLOCK_PAIRS", 77)
    monkeypatch.setenv("COUPONRY_THREADS", "2")

    def in_parts() -> Iterator[PurchaseHistory]:
        for start in range(0, len(everything.customers), 700):
            yield part_of(everything, start, min(start + 700, len(everything.customers)))

    found = Campaign(SIZE.offers_table(), fitted.candidates(in_parts)).candidates
    assert everything_of(found) == expected


def test_response_moves_the_odds_of_buying() -> None:
    plain = Campaign(SIZE.offers_table(), model().candidates(shopped()[0])).candidates
    moved = Campaign(SIZE.offers_table(), model(True).candidates(shopped()[0])).candidates
    assert (plain.offer == moved.offer).all() and (plain.role == moved.role).all()
    p0, p1 = (c.columns["response"].astype(np.float64) for c in (plain, moved))
    odds = np.log(p0) - np.log1p(-p0)
    expected = -0.5 + 0.5 * odds + (plain.role == 1) + 2.0 * np.linspace(0, 0.5, 60)[plain.offer]
    assert np.allclose(np.log(p1) - np.log1p(-p1), expected, atol=2e-4)


@pytest.mark.parametrize("share", [None, 0.4])
def test_value_is_what_a_coupon_adds(share: float | None) -> None:
    money = np.linspace(1, 3, 60), np.linspace(0.1, 0.9, 60)
    _, then, window = shopped()
    response = ResponseModel({"intercept": -0.3, "p0": 1.0, "role=reward": 0.5})
    made = CandidateModel(
        assortment(), QUOTA, response=response, money=money, incremental_share=share
    ).fit([(then, window)], shopped()[0])
    campaign = Campaign(SIZE.offers_table(), made.candidates(shopped()[0]))
    found = campaign.candidates
    plain = Campaign(SIZE.offers_table(), model().candidates(shopped()[0]))
    p0, p1 = plain.candidates.columns["response"], found.columns["response"]
    margin, discount = (column[found.offer] for column in money)
    assert (p1 > p0)[found.role == 1].all() and (p1 < p0)[found.role > 1].all()
    known = {"buys_without": p0, "redeems": p1, "margin": margin, "discount": discount}
    least, most = incremental_bounds(**known)
    if share is None:
        assert np.allclose(found.columns["value"], least, atol=1e-6)
        assert np.allclose(found.columns["value_most"], most, atol=1e-6)
        assert "value is the least" in campaign.summary()
        return
    assert list(found.columns) == ["response", "value"] and "note" not in campaign.summary()
    assert (found.columns["value"] >= least - 1e-6).all()
    free = (share * p1 >= p1 - p0) & (share * p1 <= 1 - p0)
    assert free.any()
    assert np.allclose(
        found.columns["value"][free], (p1 * (share * margin - discount))[free], atol=1e-6
    )


def test_what_values_do_not_say_is_said() -> None:
    anyway = Campaign(SIZE.offers_table(), model().candidates(shopped()[0]))
    assert "credits sales that would have happened anyway" in anyway.summary()
    result = anyway.changed(add_rules=[CustomerRule("slots", max=1)]).solve()
    assert "credits sales that would have happened anyway" in result.summary()
    assert [one.severity for one in result.findings if one.place == "candidates"] == ["note"]
    redeemed = Campaign(SIZE.offers_table(), model(True).candidates(shopped()[0]))
    assert "also of those who would have bought anyway" in redeemed.summary()
    with pytest.raises(InvalidInput, match="money: expected a response model"):
        CandidateModel(assortment(), QUOTA, money=([1.0] * 60, [0.5] * 60))


def test_a_similarity_from_outside() -> None:
    everything, then, window = shopped()
    random = np.random.default_rng(1)
    items = len(then.items)
    given = random.normal(size=(items, 60)) * (random.random((items, 60)) < 0.1)  # of any sign
    long = sp.csr_array(given)
    long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
    found = []
    for similarity in (sp.csr_array(given), sp.csr_matrix(given), sp.csc_array(given), long, given):
        made = CandidateModel(assortment(), QUOTA, similarity=similarity).fit([(then, window)])
        found.append(
            everything_of(Campaign(SIZE.offers_table(), made.candidates(everything)).candidates)
        )
    assert all(one == found[0] for one in found)
    with pytest.raises(
        InvalidInput, match="similarity: expected 400 items of the history x 60 offers"
    ):
        CandidateModel(assortment(), QUOTA, similarity=given[1:]).fit([(then, window)])


def test_pairs_beyond_two_to_the_31(tmp_path: Path) -> None:
    """A customer whose pairs lie far behind, in files with a hole of 2**31 pairs before them."""
    history = part_of(shopped()[0], 10, 12)
    last = len(history)

    def far(name: str, array: np.ndarray) -> np.ndarray:
        shape = (FAR + len(array), *array.shape[1:])
        file = np.memmap(tmp_path / name, array.dtype, "w+", shape=shape)
        file[FAR:] = array
        return file

    moved = replace(
        history,
        customers=pa.array([-1, *history.customers.to_pylist()]),
        indptr=np.append(0, history.indptr + FAR),
        item=far("item", history.item),
        pairs=Pairs(*(far(name, array) for name, array in history.pairs._asdict().items())),
        trips=Pairs(*(np.concatenate([array[:1], array]) for array in history.trips)),
    )
    assert moved.indptr[-1] == FAR + last
    parts = [
        model()._read(weighted_purchases.CustomerRange(moved, 1, 3)),
        model()._read(weighted_purchases.CustomerRange(history, 0, 2)),
    ]
    far_off, near = parts
    assert (far_off.matrix != near.matrix).nnz == 0 and (far_off.trips == near.trips).all()
    assert far_off.own_weight.tolist() == near.own_weight.tolist()


@pytest.mark.skipif(available()["native"] != "yes", reason="native kernels were not built")
@pytest.mark.parametrize("backend", ["native", "reference"])  # numba: the text of the reference
def test_choices_of_pairs_beyond_two_to_the_31(backend: str, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    item, weight = random.integers(0, 9, 6).astype(np.uint32), random.random(6, np.float32)
    indptr = np.array([0, 4, 6])

    def far(name: str, array: np.ndarray) -> np.ndarray:
        file = np.memmap(tmp_path / name, array.dtype, "w+", shape=FAR + len(array))
        file[FAR:] = array
        return np.asarray(file)

    nothing = Links.new(np.zeros(10, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    links = Links.new(
        np.arange(0, 50, 5), np.tile(np.arange(5, dtype=np.int32), 9), random.random(45, np.float32)
    )
    kinds = Kinds(np.full(9, -1, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int32))
    everything = Eligible(np.zeros(0, np.int64), np.zeros(0, np.int32))
    found = []
    for bought in (
        Bought(indptr, item, weight, weight),
        Bought(indptr + FAR, far("item", item), far("weight", weight), far("own", weight)),
    ):
        chosen = Chosen.new(2, 3)
        scoring = OfferScoring(
            bought, links, nothing, kinds, 5, np.zeros(0, np.float32), Factors.none(), everything,
            np.array([0, 0, 3], np.int32), np.float32(-np.inf),
        )  # fmt: skip
        load(backend).kernels.best_offers(scoring, 0, 2, chosen)
        found.append([array.tolist() for array in chosen])
    assert found[0] == found[1] and found[0][0] == [3, 3]


def test_candidates_beyond_two_to_the_31() -> None:
    writer = RowWriter(MemoryStore(), {"offer": np.dtype(np.uint16)}, pa.int64())
    writer.rows = 2**31 + 5  # as if so many had been written
    writer.append(
        CandidateRows(pa.array([1, 2]), np.array([0, 1, 3]), {"offer": np.zeros(3, np.uint16)})
    )
    assert writer.finish().indptr.tolist() == [0, 2**31 + 6, 2**31 + 8]


def test_no_more_memory_for_more_customers() -> None:
    """Twenty times as many customers, in blocks, take no more memory while they are scored."""
    history = shopped()[0]

    def peak(times: int) -> int:
        tracemalloc.start()
        shift = pa.array(np.arange(len(history.customers)))
        again = replace(history, customers=shift)
        for rows in model().blocks(lambda: iter([again] * times), 1):
            del rows
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # what is loaded and compiled once
    assert peak(20) < 1.3 * peak(1)


def resident(folder: Path) -> int:
    """Bytes of the files of a folder that this process has mapped and touched, as Linux tells."""
    found, is_of_folder = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            is_of_folder = bool(rest) and str(folder) in rest[-1]
        elif is_of_folder and first == "Rss:":
            found += int(rest[0]) * 1024
    return found


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells what is mapped")
def test_pages_of_purchases_that_were_scored_are_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighted_purchases, "BLOCK_PAIRS", 1 << 17)  # of which there are several
    history, store, times = shopped()[0], FolderStore(tmp_path), 24

    def repeated(name: str, states: Pairs) -> Pairs:
        columns = zip(Pairs._fields, states, strict=True)
        return Pairs(
            *(save(store, f"{name}-{field}", np.concatenate([c] * times)) for field, c in columns)
        )

    lengths = np.tile(np.diff(history.indptr), times)
    mapped = replace(
        history,
        customers=pa.array(np.arange(len(lengths))),
        indptr=save(store, "indptr", np.append(0, np.cumsum(lengths))),
        item=save(store, "item", np.tile(history.item, times)),
        pairs=repeated("pairs", history.pairs),
        trips=repeated("trips", history.trips),
    )
    held = [resident(tmp_path) for _ in model().blocks(mapped, 1)]
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert len(held) >= 6 and max(held) < size / 2 and resident(tmp_path) < size / 20


def test_memory_that_is_not_enough_is_told_with_its_sizes() -> None:
    with pytest.raises(InvalidInput, match=r"needs about .* MiB, but only 100\.0 MiB are allowed"):
        model().candidates(shopped()[0], memory_limit="100MiB")


GOOD = CandidateRows(
    pa.array([1, 2]),
    np.array([0, 2, 3]),
    {
        "offer": np.array([0, 1, 1], np.uint16),
        "role": np.array([1, 2, 3], np.uint8),
        "response": np.array([0.1, 0.2, 0.3], np.float32),
    },
)


def blocks(*rows: CandidateRows, offers: Any = (7, 8)) -> CandidateBlocks:
    columns = {"response": np.dtype(np.float32)}
    return CandidateBlocks(
        pa.array(list(offers)), pa.int64(), columns, lambda threads, scratch: iter(rows)
    )


def spoiled(**columns: Any) -> CandidateRows:
    changed = {name: np.array(v, GOOD.columns[name].dtype) for name, v in columns.items()}
    return replace(GOOD, columns={**GOOD.columns, **changed})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (blocks(GOOD, GOOD), "expected customers in ascending order, got 1 after 2"),
        (blocks(spoiled(offer=[1, 0, 1])), "each customer's offers in ascending order"),
        (blocks(spoiled(offer=[1, 1, 1])), "each customer's offers in ascending order"),
        (blocks(spoiled(offer=[0, 1, 2])), "expected offers below 2, got 2"),
        (blocks(spoiled(role=[1, 2, 4])), "expected roles up to 3, got 4"),
        (blocks(spoiled(response=[0.1, 1.5, 0.3])), "probabilities from 0 to 1, got 1.5"),
        (blocks(spoiled(response=[0.1, float("nan"), 0.3])), "expected finite numbers, got nan"),
        (blocks(), "expected at least one, got none"),
        (blocks(GOOD, offers=(7, 9)), "of the 2 offers of table offers, got those of 2 others"),
    ],
)
def test_blocks_that_are_not_what_they_should_be(given: CandidateBlocks, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        Campaign({"offer": [7, 8]}, given)
    assert len(Campaign({"offer": [7, 8]}, blocks(GOOD)).candidates) == 3

"""Offers for what customers did not buy: the likeliest of a discovery model, whoever else is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.instances.synthetic_purchases import Shoppers

from couponry import Campaign, InvalidInput
from couponry.affinity import (
    Assortment,
    CandidateModel,
    Catalogue,
    DiscoveryModel,
    PurchaseHistory,
    pipeline_fit,
)
from couponry.affinity.candidates import offer_knowledge, weighted_purchases
from couponry.affinity.candidates.outcomes import bought_later
from couponry.affinity.candidates.weighted_purchases import CustomerRange
from couponry.affinity.history.customer_part import customer_part, customers_spread
from couponry.affinity.pipeline_model import quick_discovery
from couponry.kernels import load
from couponry.kernels.affinity_contract import Chosen

ARRAYS = "number", "offer", "role", "score"
QUOTA = {"reward": 4, "activation": 3, "innovation": 5}
SIZE = Shoppers(1500, rows=20, products=200, types=15, offers=40, weeks=20, scattered=False)


@cache
def shopped() -> tuple[PurchaseHistory, PurchaseHistory, PurchaseHistory]:
    """Everything, what was before the last four weeks, and those."""
    rows = SIZE.block(0)
    week = rows["week"].to_numpy()
    before, after = rows.filter(pa.array(week < 16)), rows.filter(pa.array(week >= 16))
    then = PurchaseHistory.from_transactions(before, half_lives=(4, 16))
    window = PurchaseHistory.from_transactions(after, half_lives=(4, 16))
    return then.update(after), then, window


@cache
def fitted(*, single: bool = False) -> CandidateModel:
    """A model of offers, each for one product or for several."""
    everything, then, window = shopped()
    products = SIZE.products_table()
    offers, covers = SIZE.offers_table(), SIZE.covers_table()
    if single:
        every = range(200)
        offers = pa.table({"offer": every})
        covers = pa.table({"offer": every, "product": every})
    discovery = quick_discovery(Catalogue(products, ["type"], item="product"))
    if single:
        discovery.items = 150  # the others take no part
    made = CandidateModel(Assortment(offers, covers, products, "type"), QUOTA, discovery=discovery)
    return made.fit([(then, window)], everything)


def log_odds_of(made: CandidateModel, bought: Any, number: Any, offer: Any, score: Any) -> Any:
    """Log odds that each customer's offers are begun."""
    assert made._new is not None
    role = np.ones(len(offer), np.uint8)
    chosen = Chosen(number.copy(), offer.astype(np.int32), role, score.astype(np.float32))
    purchases = bought.indptr.astype(np.int64), bought.indices.astype(np.int32), bought.data
    load().kernels.score_begun(made._new.tables, *purchases, chosen)
    return chosen.score


def test_offers_for_a_product_are_as_likely_as_the_product() -> None:
    """Tables add up to what the discovery model says of pairs of customers and products."""
    everything, made = shopped()[0], fitted(single=True)
    assert made.discovery is not None and made._new is not None
    bought = made._read(CustomerRange.whole(everything))
    customer, item = (one.ravel() for one in np.mgrid[0:300, 0:200])
    expected = made.discovery.scorer(everything, made.items_).score(0, 300, customer, item)
    said = (bought.matrix[:300] @ made.similarity_).toarray()[customer, item].astype(np.float32)
    number = np.full(300, 200, np.int32)
    found = log_odds_of(made, bought.matrix[:300], number, item, said + made._prior[item])
    expected = expected.astype(np.float64)
    assert np.abs(found - np.log(expected / (1 - expected))).max() < 1e-4
    assert found.std() > 0.5


def test_the_likeliest_of_those_chosen_by_neighbours_are_taken() -> None:
    everything, made = shopped()[0], fitted()
    assert made._new is not None
    bought = made._read(CustomerRange.whole(everything))
    pool = made._chooser().choose(bought.matrix, own_weight=bought.own_weight)
    given = replace(pool, **{name: getattr(pool, name).copy() for name in ARRAYS})  # written over
    found = made._new.likeliest(given, bought.matrix)
    log_odds = log_odds_of(made, bought.matrix, pool.number, pool.offer, pool.score)
    expected = []
    for role, quota in enumerate(QUOTA.values()):
        for customer in range(len(everything.customers)):
            mine = np.flatnonzero((pool.customer == customer) & (pool.role == role))
            best = mine if role == 0 else mine[np.argsort(-log_odds[mine], kind="stable")]
            expected += best[:quota].tolist()
    expected.sort()
    assert found.offer.tolist() == pool.offer[expected].tolist()
    assert found.role.tolist() == pool.role[expected].tolist()
    assert found.number.sum() == len(expected) < len(pool.offer)
    chance = 1 / (1 + np.exp(-log_odds[expected]))
    new = found.role > 0
    assert np.allclose(found.score[new], chance[new], rtol=1e-5)
    assert (found.score[~new] == pool.score[expected][~new]).all()


def test_equal_odds_are_taken_in_the_order_of_the_offers() -> None:
    for backend in None, "reference":
        chosen = Chosen(
            np.array([4, 0, 2], np.int32),
            np.arange(6, dtype=np.int32),
            np.array([1, 1, 2, 1, 2, 2], np.uint8),
            np.array([-1.0, -1.0, 3.0, -1.0, -0.0, 0.0], np.float32),
        )
        load(backend).kernels.keep_likeliest(np.array([0, 2, 1], np.int32), chosen)
        assert chosen.number.tolist() == [3, 0, 1]
        assert chosen.offer[:4].tolist() == [0, 1, 2, 4]
        assert chosen.role[:4].tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("offers", [20, 60, 200])
def test_what_is_no_number_is_refused_and_unchecked_never_kept_before_numbers(offers: int) -> None:
    """No score is none; were one, the search for the largest must end all the same."""
    score = np.full(offers, np.nan, np.float32)
    score[5::7] = 1.0
    score[-4] = 2.0

    def chosen() -> Chosen:
        number, offer = np.array([offers], np.int32), np.arange(offers, dtype=np.int32)
        return Chosen(number, offer, np.ones(offers, np.uint8), score.copy())

    kernel = pytest.importorskip("couponry.kernels._native.affinity").keep_likeliest
    quota = np.array([0, 2, 0], np.int32)
    with pytest.raises(ValueError, match=r"chosen\.score"):
        kernel(quota, chosen())
    kept = chosen()
    try:
        kernel(quota, kept, unchecked=True)
    except ValueError:  # built to check always
        return
    assert kept.number.tolist() == [2]
    assert kept.offer[:2].tolist() == [5, offers - 4]


def everything_of(candidates: Any) -> dict[str, Any]:
    found = {name: column.tobytes() for name, column in candidates.columns.items()}
    ids = candidates.customers.to_pylist(), candidates.indptr.tolist()
    return {**found, "offer": candidates.offer.tobytes(), "ids": ids}


def test_the_same_bits_for_blocks_threads_and_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    everything, made = shopped()[0], fitted()
    expected = everything_of(Campaign(SIZE.offers_table(), made.candidates(everything)).candidates)
    monkeypatch.setattr(weighted_purchases, "BLOCK_PAIRS", 700)
    monkeypatch.setenv("COUPONRY_THREADS", "2")

    def in_parts() -> Iterator[PurchaseHistory]:
        for start in range(0, len(everything.customers), 400):
            stop = min(start + 400, len(everything.customers))
            yield customer_part(everything, start, stop)

    found = Campaign(SIZE.offers_table(), made.candidates(in_parts)).candidates
    assert everything_of(found) == expected


def test_more_of_what_is_begun_is_found_than_by_neighbours() -> None:
    """Of what customers begin to buy in the window that the model has not seen."""
    _, then, window = shopped()
    rows = SIZE.block(0)
    early = pa.array(rows["week"].to_numpy() < 12)
    late = pa.array((rows["week"].to_numpy() >= 12) & (rows["week"].to_numpy() < 16))
    before = PurchaseHistory.from_transactions(rows.filter(early), half_lives=(4, 16))
    middle = PurchaseHistory.from_transactions(rows.filter(late), half_lives=(4, 16))
    products = SIZE.products_table()
    begun = []
    for discovery in (None, quick_discovery(Catalogue(products, ["type"], item="product"))):
        assortment = Assortment(SIZE.offers_table(), SIZE.covers_table(), products, "type")
        made = CandidateModel(assortment, QUOTA, discovery=discovery).fit([(before, middle)], then)
        chosen, _ = made._chosen_features(then)
        outcome = bought_later(chosen, assortment, then, window)
        begun.append(int(outcome[chosen.role > 0].sum()))
    assert begun[1] > begun[0] > 100


@pytest.mark.parametrize("other", [{"customers": 5}, {"trees": True}, {"neighbours": None}])
def test_other_discovery_models_are_refused(other: dict[str, Any]) -> None:
    _, then, window = shopped()
    usual = quick_discovery(None).get_params(deep=False)
    given = {name: value for name, value in {**usual, **other}.items() if value is not None}
    made = CandidateModel(
        Assortment(SIZE.offers_table(), SIZE.covers_table()),
        {"innovation": 2},
        discovery=DiscoveryModel(**given),
    )
    with pytest.raises(InvalidInput, match="discovery: expected a DiscoveryModel of one kind"):
        made.fit([(then, window)])


def test_a_model_with_columns_of_its_user_is_refused() -> None:
    made = fitted()
    assert made._new is not None and made.discovery is not None
    known, groups = made.discovery.known_, {}
    with pytest.raises(InvalidInput, match="no features but its own"):
        offer_knowledge.linear_scorer(
            made.discovery.regression_,
            made.discovery.names_,
            known,
            made._statistics.among(made.items_),
            groups,
            made._covers,
            (4.0, 16.0),
        )


def test_two_windows_are_thinned_to_so_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    _, then, window = shopped()
    monkeypatch.setattr(pipeline_fit, "FEW_CUSTOMERS", 100)
    for most, expected in (10**6, len(then)), (len(then), len(then) // 2), (1, 0):
        monkeypatch.setattr(pipeline_fit, "MOST_PAIRS", most)
        (thinned, later), other = pipeline_fit._thinned([(then, window)] * 2)
        assert later is window and len(other[0]) == len(thinned)
        assert len(thinned.customers) >= 100
        assert abs(len(thinned) - expected) < 0.1 * len(then)


def test_customers_spread() -> None:
    history = shopped()[1]
    some = customers_spread(history, 100)
    assert len(some.customers) == 100 and some.items.equals(history.items)
    for place, customer in enumerate(some.customers.to_pylist()):
        row = history.customers.to_pylist().index(customer)
        theirs = slice(history.indptr[row], history.indptr[row + 1])
        mine = slice(some.indptr[place], some.indptr[place + 1])
        assert some.item[mine].tolist() == history.item[theirs].tolist()
        assert some.pairs.last[mine].tolist() == history.pairs.last[theirs].tolist()
        assert some.trips.times[place] == history.trips.times[row]
    assert customers_spread(history, 10**6) is history

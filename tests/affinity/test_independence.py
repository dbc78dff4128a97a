"""A customer's scores depend on what this customer bought alone: whoever else is there, in any blocks and any order."""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from tests.affinity.test_scores import GROUPS, shop, split
from tests.support.campaigns import shuffled

from couponry import InvalidInput
from couponry.affinity import (
    BoostedTrees,
    DiscoveryModel,
    ItemStatistics,
    PersonalModel,
    PurchaseHistory,
)
from couponry.affinity.history.joined_history import joined
from couponry.affinity.scores.boosted_regression import BoostedRegression
from couponry.affinity.scores.discovery.begun_samples import BegunSample, begun_samples
from couponry.affinity.scores.discovery.known_customers import AlikeCustomers, KnownCustomers
from couponry.utils.arrays import blocks

LAST = 20
Scores = dict[tuple[Any, ...], bytes]


def some(table: pa.Table, customers: Any) -> pa.Table:
    """The rows of some customers."""
    return table.filter(pa.array(np.isin(table["customer"].to_numpy(), customers)))


def history_of(table: pa.Table) -> PurchaseHistory:
    before = table.filter(pa.array(table["week"].to_numpy() <= LAST))
    return PurchaseHistory.from_transactions(before, until=LAST)


@cache
def table() -> pa.Table:
    return shop(11, customers=120)


@cache
def models(share: float = 1.0) -> tuple[PersonalModel, DiscoveryModel]:
    known = some(table(), np.arange(int(120 * share)))
    windows = [split(known, 12), split(known, 16)]
    return PersonalModel(GROUPS).fit(windows), DiscoveryModel(GROUPS, items=30, keep=8).fit(windows)


def scores(
    history: PurchaseHistory, personal: PersonalModel, discovery: DiscoveryModel
) -> tuple[Scores, Scores]:
    """Scores by customer and item, as bytes."""
    who = np.repeat(history.customers.to_numpy(), np.diff(history.indptr)).tolist()
    what = history.items.to_numpy()[history.item].tolist()
    own = personal.score(history)
    bought = {
        key: p.tobytes() for *key, p in zip(who, what, own, strict=True) for key in [tuple(key)]
    }
    found = discovery.score(history)
    who = history.customers.to_numpy()[found.customer].tolist()
    what = found.items.to_numpy()[found.item].tolist()
    pairs = zip(who, what, found.score, strict=True)
    return bought, {(c, j): p.tobytes() for c, j, p in pairs}


def those_of(found: tuple[Scores, Scores], customers: Any) -> list[Scores]:
    wanted = set(np.asarray(customers).tolist())
    return [{key: p for key, p in part.items() if key[0] in wanted} for part in found]


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_one_customer_alone(share: float) -> None:
    fitted = models(share)
    everyone = scores(history_of(table()), *fitted)
    for customer in (0, 17, 40, 88, 119):
        alone = scores(history_of(some(table(), [customer])), *fitted)
        assert list(alone) == those_of(everyone, [customer]) and all(alone)


@pytest.mark.parametrize("blocks", [2, 10])
def test_blocks_samples_and_orders(blocks: int) -> None:
    fitted = models()
    everyone = scores(history_of(table()), *fitted)
    order = np.random.default_rng(blocks).permutation(120)
    for part in np.array_split(order, blocks)[:5]:
        found = scores(history_of(shuffled(some(table(), part))), *fitted)
        assert list(found) == those_of(everyone, part)


def test_others_and_what_comes_later_do_not_matter() -> None:
    fitted, half = models(), np.arange(60)
    expected = scores(history_of(some(table(), half)), *fitted)
    strangers = shop(99, customers=60, weeks=LAST)
    moved = pa.table({**strangers.to_pydict(), "customer": strangers["customer"].to_numpy() + 1000})
    extended = pa.table({**moved.to_pydict(), "product": moved["product"].to_numpy() + 25})
    both = history_of(pa.concat_tables([some(table(), half), extended.cast(table().schema)]))
    assert those_of(scores(both, *fitted), half) == list(expected)


def test_what_is_known_comes_from_the_windows_or_from_whom_it_is_said() -> None:
    windows = [split(table(), 12), split(table(), 16)]
    everyone = history_of(table())
    told = PersonalModel(GROUPS).fit(windows, everyone).score(everyone)
    np.testing.assert_allclose(models()[0].score(everyone), told, rtol=1e-5)
    few = history_of(some(table(), np.arange(30)))
    assert not np.allclose(PersonalModel(GROUPS).fit(windows, few).score(everyone), told, rtol=1e-3)
    told_discovery = DiscoveryModel(GROUPS, items=30, keep=8).fit(windows, everyone)
    mine, theirs = models()[1].score(everyone), told_discovery.score(everyone)
    assert mine.item.tolist() == theirs.item.tolist()
    np.testing.assert_allclose(mine.score, theirs.score, rtol=1e-3)


def test_a_history_and_its_window_joined_are_the_whole_history() -> None:
    whole, parts = history_of(table()), split(table(), 14, window=LAST - 14)
    found = joined(*parts)
    assert found.customers.equals(whole.customers) and found.items.equals(whole.items)
    assert found.indptr.tolist() == whole.indptr.tolist()
    assert found.item.tolist() == whole.item.tolist() and found.item.dtype == whole.item.dtype
    for name in ("times", "first", "last", "discounted", "spend", "squared_gaps", "recent"):
        for states in ("pairs", "trips"):
            mine, theirs = (getattr(getattr(h, states), name) for h in (found, whole))
            assert mine.tolist() == theirs.tolist()
    np.testing.assert_allclose(found.pairs.decay, whole.pairs.decay, rtol=1e-5)
    np.testing.assert_allclose(found.trips.decay, whole.trips.decay, rtol=1e-5)
    assert (found.unit, found.start, found.until) == (whole.unit, whole.start, whole.until)


def test_given_pairs_score_as_in_the_list_of_all() -> None:
    discovery, history = models()[1], history_of(table())
    found = discovery.score(history)
    wanted = np.unique(np.concatenate([found.items.to_numpy()[found.item[::3]], [777]]))
    scorer = discovery.scorer(history, pa.array(wanted))
    place = np.searchsorted(wanted, found.items.to_numpy()[found.item])
    asked = wanted[np.minimum(place, len(wanted) - 1)] == found.items.to_numpy()[found.item]
    asked &= (found.customer >= 30) & (found.customer < 90)
    pairs = found.customer[asked], place[asked]
    assert scorer.score(30, 90, *pairs).tolist() == found.score[asked].tolist()
    unknown = scorer.score(30, 90, np.arange(30, 90), np.full(60, len(wanted) - 1))
    assert unknown.min() > 0.0 and unknown.max() < np.median(found.score) / 2


def test_trees_go_on_from_the_regression() -> None:
    pytest.importorskip("lightgbm")
    windows = [split(table(), 12), split(table(), 16)]
    trees = BoostedTrees(8, leaves=4, least_in_leaf=20)
    model = DiscoveryModel(GROUPS, items=30, keep=8, trees=trees).fit(windows)
    found, plain = (one.score(history_of(table())) for one in (model, models()[1]))
    assert found.item.tolist() == plain.item.tolist() and (found.score != plain.score).any()
    assert not hasattr(trees, "trees_")  # a copy was fitted
    with pytest.raises(InvalidInput, match="trees: expected True, False or BoostedTrees, got 7"):
        DiscoveryModel(GROUPS, trees=7).fit(windows)  # type: ignore[arg-type]
    assert model.notes_ == [] and isinstance(model.regression_, BoostedRegression)
    samples = [s for w in windows for s in begun_samples_of(model, *w)]
    assert sum(s.weighted().weight.sum() for s in BegunSample.evened(samples)) == pytest.approx(
        sum(len(s.outcome) for s in samples), rel=1e-4
    )
    happened = sum(s.outcome.sum() for s in samples)
    assert sum(
        float((model.predicted(dict(zip(s.names, s.features.T, strict=True))) * s.stands_for).sum())
        for s in samples
    ) == pytest.approx(happened, rel=1e-3)
    alone = history_of(some(table(), [17]))
    mine, theirs = (
        pickle.loads(pickle.dumps(model)).score(alone).score,
        found.score[found.customer == 17],
    )
    assert mine.tobytes() == theirs.tobytes()


def begun_samples_of(
    model: DiscoveryModel, history: PurchaseHistory, later: PurchaseHistory
) -> list[BegunSample]:
    features = model.features_of(history, model.learned(history))
    return list(begun_samples(features, history, later, by_customer=True))


def test_nobody_is_asked_about_itself() -> None:
    rows = [[1, 1, 0], [1, 1, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    ids, bought = pa.array([3, 5, 8, 9, 10, 11]), sp.csr_array(np.array(rows, np.float32))
    everything = sp.csr_array(np.eye(3, dtype=np.float32))
    known = KnownCustomers.learned(ids, bought, most=6)
    assert known.places(pa.array([5, 6])).tolist() == [1, -1]
    assert known.places(pa.array(["a"])).tolist() == [-1]
    alike = AlikeCustomers(known, everything)
    stranger, second = (alike.shares(bought[[1]], np.array([place])) for place in (-1, 1))
    assert second[0, 2] < stranger[0, 2] < 1.0 and second[0, 0] > 0.5
    assert alike.shares(bought[[0]], np.array([0]))[0].tolist() == [1.0, 1.0, 1.0]
    assert alike.shares(bought[[3]], np.array([-1])).max() == 0.0
    nobody = AlikeCustomers(KnownCustomers.learned(ids, bought, most=0), everything)
    assert nobody.shares(bought, np.full(6, -1)).max() == 0.0


def test_statistics_are_the_same_bits_for_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    history = history_of(table())
    whole = ItemStatistics.from_history(history)
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 101)
    monkeypatch.setenv("COUPONRY_THREADS", "2")
    parts = ItemStatistics.from_history(history)
    for name in ("buyers", "repeaters", "popularity", "gaps", "gap_weeks", "knew", "again"):
        assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes()
    summed = np.zeros((len(history.items), len(history.half_lives)))
    np.add.at(summed, history.item, history.decay(slice(None)).astype(np.float64))
    np.testing.assert_allclose(whole.popularity, summed, atol=1e-5)


def test_statistics_are_shares_and_rates() -> None:
    twice = pa.concat_tables(
        [
            table(),
            pa.table({**table().to_pydict(), "customer": table()["customer"].to_numpy() + 500}),
        ]
    )
    once, double = (ItemStatistics.from_history(history_of(rows)) for rows in (table(), twice))
    np.testing.assert_allclose(once.buyer_share, double.buyer_share, rtol=0.05)
    np.testing.assert_allclose(once.popularity_rate, double.popularity_rate, rtol=0.05)
    np.testing.assert_allclose(once.repeat_rate, double.repeat_rate, rtol=0.05)
    unknown = once.among(pa.array([once.items[0].as_py(), 777]))
    assert unknown.buyers.tolist() == [once.buyers[0], 0.0] and unknown.gap[1] == 4.0
    assert unknown.repeat_rate[1] == pytest.approx(0.1) and unknown.buyer_share[1] > 0


def test_everything_bought_leaves_nothing_to_begin() -> None:
    discovery = models()[1]
    known = discovery.known_.items.to_pylist()
    rows = pa.table({"customer": [1] * len(known), "product": known, "week": [LAST] * len(known)})
    found = discovery.score(PurchaseHistory.from_transactions(rows))
    assert [len(column) for column in found] == [0, 0, 0]
    assert found.score.dtype == np.float32 and found.item.dtype == np.int64
    assert list(discovery.blocks(PurchaseHistory.from_transactions(rows))) == []

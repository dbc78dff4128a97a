"""Features of what customers bought, against loops over the days of their purchases; trees of the model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from tests.affinity.test_scores import GROUPS, shop, split

from couponry.affinity import BoostedTrees, ItemStatistics, PersonalModel, PurchaseHistory
from couponry.affinity.scores.boosted_regression import (
    BoostedRegression,
    features_of_trees,
)
from couponry.affinity.scores.features import Features
from couponry.affinity.scores.personal import personal_scorer
from couponry.affinity.scores.personal.item_knowledge import ItemKnowledge, item_features
from couponry.affinity.scores.personal.near_items import NearItems
from couponry.affinity.scores.personal.personal_features import personal_features
from couponry.kernels.scores_contract import LEAST_RATE, MOST_SPREADS, PRIOR_ITEMS

UNTIL = 150
KIND = np.arange(12) % 3
Days = dict[tuple[int, int], list[int]]


@cache
def days() -> Days:
    """Days on which each customer bought each item."""
    random = np.random.default_rng(5)
    found: Days = {}
    for customer, item in zip(*(random.integers(0, n, 900) for n in (20, 12)), strict=True):
        found.setdefault((int(customer), int(item)), []).append(int(random.integers(1, UNTIL + 1)))
    return {pair: sorted(set(bought)) for pair, bought in sorted(found.items())}


@cache
def history() -> PurchaseHistory:
    rows = [(c, i, day) for (c, i), bought in days().items() for day in bought]
    names = ["customer", "product", "day"]
    columns = zip(names, zip(*rows, strict=True), strict=True)
    table = pa.table({name: list(column) for name, column in columns})
    return PurchaseHistory.from_transactions(table, until=UNTIL)


@cache
def found() -> Features:
    items = ItemKnowledge.among(
        history(),
        ItemStatistics.from_history(history()),
        {"kind": KIND},
    )
    return personal_features(history(), items, 0, len(history().customers))


def gap_of(customer: int, bought: list[int]) -> float:
    """Weeks between purchases; of a single one, what the customer's time lets expect."""
    if len(bought) > 1:
        return (bought[-1] - bought[0]) / 7 / (len(bought) - 1)
    first = min(day for (c, _), all_days in days().items() if c == customer for day in all_days)
    return (UNTIL + 1 - first) / 7 / 2 + 2


def test_what_was_bought_lately() -> None:
    for weeks in (1, 2, 4, 8):
        count = [sum(day > UNTIL - 7 * weeks for day in bought) for bought in days().values()]
        np.testing.assert_allclose(
            found()[f"within_{weeks}"], np.log(np.add(count, 0.5)), rtol=1e-6
        )


def test_gaps() -> None:
    last, spread, overdue = [], [], []
    for (customer, _), bought in days().items():
        gap, gaps = gap_of(customer, bought), np.diff(bought)
        known = len(gaps) > 0 and gaps[-1] < 64
        last.append(gaps[-1] / 7 if known else gap)
        spread.append(gaps.std() / 7 if len(gaps) > 1 else gap)
        overdue.append(((UNTIL + 1 - bought[-1]) / 7 - gap) / (spread[-1] + 0.5))
    np.testing.assert_allclose(found()["last_gap"], np.log(np.add(last, 0.3)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        found()["gap_spread"], np.log(np.add(spread, 0.3)), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        found()["overdue_spreads"],
        np.clip(overdue, -MOST_SPREADS, MOST_SPREADS),
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.parametrize("weeks", [4, 8])
def test_who_bought_again(weeks: int) -> None:
    begin = UNTIL - 7 * weeks + 1
    knew = {pair: bought[0] < begin for pair, bought in days().items()}
    again = {pair: knew[pair] and bought[-1] >= begin for pair, bought in days().items()}
    anybody = sum(again.values()) / sum(knew.values())
    of_item, of_customer = [], []
    for customer, item in days():
        mine = [pair for pair in days() if pair[1] == item and knew[pair]]
        of_item.append((sum(again[p] for p in mine) + 5 * anybody) / (len(mine) + 5))
        mine = [pair for pair in days() if pair[0] == customer and knew[pair]]
        bought = sum(again[pair] for pair in mine) + PRIOR_ITEMS * anybody
        of_customer.append(bought / (len(mine) + PRIOR_ITEMS))
    for name, rate in (("item", of_item), ("customer", of_customer)):
        expected = np.log(np.add(rate, LEAST_RATE))
        np.testing.assert_allclose(found()[f"{name}_again_{weeks}"], expected, rtol=1e-5)


def test_what_others_bought_of_an_item() -> None:
    """Features of items that a model is fitted on: as if nobody knew what the customer itself bought of the item."""
    everyone = history()
    items = ItemKnowledge.of_others(everyone, {"kind": KIND}, near=False)
    known = ItemKnowledge.among(everyone, ItemStatistics.from_history(everyone), {"kind": KIND})
    fitted_on = personal_features(everyone, items, 0, len(everyone.customers))
    customer, item, day = (
        np.array(column)
        for column in zip(*((c, i, d) for (c, i), b in days().items() for d in b), strict=True)
    )
    for place in (0, 17, 101, 200):
        pair = list(days())[place]
        others = (customer != pair[0]) | (item != pair[1])
        table = pa.table(
            {"customer": customer[others], "product": item[others], "day": day[others]}
        )
        without = ItemStatistics.from_history(
            PurchaseHistory.from_transactions(table, until=UNTIL)
        ).among(everyone.items)
        without = replace(
            without, customers=20, again_of_any=ItemStatistics.from_history(everyone).again_of_any
        )
        theirs = ItemKnowledge(item_features(without, everyone.half_lives), known.groups)
        expected = personal_features(everyone, theirs, pair[0], pair[0] + 1)
        first = int(everyone.indptr[pair[0]])
        for name, values in expected.items():
            np.testing.assert_allclose(
                fitted_on[name][place], values[place - first], rtol=1e-4, atol=1e-5, err_msg=name
            )
        assert fitted_on["buyers"][place] < found()["buyers"][place]


def test_groups() -> None:
    gap, overdue, own, newer = [], [], [], []
    for (customer, item), bought in days().items():
        kin = [d for (c, i), d in days().items() if c == customer and KIND[i] == KIND[item]]
        times = sum(len(d) for d in kin)
        last = max(d[-1] for d in kin)
        span = (last - min(d[0] for d in kin)) / 7
        gap.append(span / (times - 1) if times > 1 else gap_of(customer, bought))
        overdue.append(((UNTIL + 1 - last) / 7 + 0.3) / (gap[-1] + 0.3))
        own.append(len(bought) / times)
        newer.append(sum(d[-1] > bought[-1] for d in kin))
    for name, values in (
        ("gap", np.add(gap, 0.3)),
        ("overdue", overdue),
        ("own_times", own),
        ("newer", np.add(newer, 1)),
    ):
        np.testing.assert_allclose(found()[f"kind_{name}"], np.log(values), rtol=1e-5, atol=1e-6)


def test_pairs_that_are_asked_about_are_as_among_all() -> None:
    bought = history()
    statistics = ItemStatistics.from_history(bought)
    near = NearItems.learned(bought, statistics.buyers)
    items = ItemKnowledge.among(bought, statistics, {"kind": KIND}, near)
    everything = personal_features(bought, items, 0, len(bought.customers))
    for step in 1, 3, len(bought) + 1:
        asked = np.arange(1, len(bought), step)
        some = personal_features(bought, items, 0, len(bought.customers), asked=asked)
        for name, values in everything.items():
            assert some[name].tobytes() == values[asked].tobytes(), name


def test_trees_go_on_from_the_logistic_model(monkeypatch: pytest.MonkeyPatch) -> None:
    table = shop(3, customers=80)
    windows = [split(table, 12), split(table, 16)]
    trees = BoostedTrees(8, leaves=4, least_in_leaf=20)
    model = PersonalModel(GROUPS, trees=trees, guarded=False).fit(windows)
    assert isinstance(model.regression_, BoostedRegression)
    bought, _ = split(table, 20)
    whole, scorer = model.score(bought), model.scorer(bought)
    parts = [scorer.score(i, i + 1) for i in range(len(bought.customers))]
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    for asked in np.arange(len(bought.items)) % 3 > 0, np.zeros(len(bought.items), bool):
        wanted = np.where(asked[bought.item], whole, np.float32(0))
        for pairs in personal_scorer.BLOCK_ASKED, 100, 1:  # at a time, at most
            monkeypatch.setattr(personal_scorer, "BLOCK_ASKED", pairs)
            scorer, first = model.scorer(bought, asked=asked), bought.indptr[5]
            assert scorer.score(0, len(bought.customers)).tobytes() == wanted.tobytes()
            assert scorer.score(5, 70).tobytes() == wanted[first : bought.indptr[70]].tobytes()
    plain = PersonalModel(GROUPS, trees=False, guarded=False).fit(windows)
    assert not np.array_equal(plain.score(bought), whole)


def test_a_model_says_that_it_lacks_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    table = shop(3, customers=80)
    windows = [split(table, 12), split(table, 16)]
    room = "couponry.affinity.scores"
    monkeypatch.setattr(f"{room}.personal.personal_model.MANY_PAIRS", 1)
    monkeypatch.setattr(f"{room}.lightgbm_trees.is_installed", lambda: False)
    model = PersonalModel(GROUPS).fit(windows)
    assert any("couponry[trees]" in note for note in model.notes_)
    assert not isinstance(model.regression_, BoostedRegression)


def test_features_of_trees() -> None:
    halved = [f"bought_{h}" for h in (1, 2, 4, 8, 16, 32, 64)]
    kept = features_of_trees([*halved, "once", "since", "own"])
    assert kept == [2, 4, 6, 8, 9]
    assert features_of_trees(["bought_1", "bought_16", "trips_1", "trips_16"]) == [1, 3]

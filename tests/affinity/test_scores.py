"""Scores: fitted to what they should find, the same for any blocks, and refused where they cannot be right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import scipy.optimize
import scipy.sparse as sp
import scipy.stats

from couponry import InvalidInput
from couponry.affinity import (
    Catalogue,
    DiscoveryModel,
    ItemStatistics,
    LogisticRegression,
    Neighbours,
    PersonalModel,
    PrecomputedSimilarity,
    PurchaseHistory,
    RepeatScore,
    Sample,
    bm25,
    cosine,
    ease,
)
from couponry.affinity.scores import features, item_neighbours, logistic
from couponry.affinity.scores.discovery import discovery_features


def shop(seed: int, customers: int = 300, items: int = 40, weeks: int = 24) -> pa.Table:
    """Customers with favourites, whom items of the same half of the shelf attract."""
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        half = customer % 2
        favourites = random.choice(items // 2, 6, replace=False) * 2 + half
        rate = random.uniform(0.05, 0.7, 6)
        for week in range(1, weeks + 1):
            bought = favourites[random.random(6) < rate].tolist()
            if random.random() < 0.2:
                bought.append(int(random.integers(0, items // 2) * 2 + half))
            rows += [(customer, item, week) for item in bought]
    customer, item, week = zip(*rows, strict=True)
    return pa.table({"customer": customer, "product": item, "week": week})


def split(table: pa.Table, last: int, window: int = 4) -> tuple[PurchaseHistory, PurchaseHistory]:
    week = table["week"].to_numpy()
    before = table.filter(pa.array(week <= last))
    after = table.filter(pa.array((week > last) & (week <= last + window)))
    return (
        PurchaseHistory.from_transactions(before, until=last),
        PurchaseHistory.from_transactions(after),
    )


GROUPS = Catalogue(pa.table({"item": range(40), "half": [i % 2 for i in range(40)]}), ["half"])


def test_repeat_score_is_what_it_says() -> None:
    history, _ = split(shop(1), 16)
    score = RepeatScore(8.0).fit(history).score(history)
    buyers, again = np.zeros(40), np.zeros(40)
    for item, times in zip(history.item, history.pairs.times, strict=True):
        buyers[item] += 1
        again[item] += times > 1
    rate = (again + 0.2) / (buyers + 2.0)
    expected = history.decay(slice(None))[:, 3] * np.sqrt(rate[history.item])
    assert score.dtype == np.float32
    np.testing.assert_allclose(score, expected, rtol=1e-6)
    with pytest.raises(InvalidInput, match="half_life: expected one of the history's"):
        RepeatScore(3.0).fit(history)


@pytest.mark.parametrize("few", [logistic.FIRST_ROWS, 50])
def test_logistic_regression_is_at_its_maximum(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(700, 3)).astype(np.float32) * [1.0, 30.0, 0.01] + [0, 100, -1]
    x = x.astype(np.float32)
    y = random.random(700) < 1 / (1 + np.exp(-(x[:, 0] - 0.03 * (x[:, 1] - 100))))
    weight = random.uniform(0.5, 2.0, 700).astype(np.float32)
    monkeypatch.setattr(logistic, "BLOCK_ROWS", 128)
    monkeypatch.setattr(logistic, "FIRST_ROWS", few)  # rows that it starts on
    model = LogisticRegression(ridge=2.0).fit([Sample(x, y, weight)])
    mean = np.average(x, axis=0, weights=weight)
    scale = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))

    def loss(beta: np.ndarray) -> float:
        margin = (x - mean) / scale @ beta[1:] + beta[0]
        fit = weight * (np.logaddexp(0, margin) - y * margin)
        return float(fit.sum() + (beta[1:] ** 2).sum())

    best = scipy.optimize.minimize(loss, np.zeros(4), tol=1e-10)
    np.testing.assert_allclose(model.coef_ * scale, best.x[1:], atol=2e-3)
    assert model.predict(x).mean() == pytest.approx(y.mean(), abs=0.03)
    whole, part = model.log_odds(x), model.log_odds(x[3:5])
    assert (whole[3:5] == part).all()


def test_logistic_regression_wants_both_outcomes() -> None:
    x = np.zeros((5, 1), np.float32)
    with pytest.raises(InvalidInput, match="only one kind"):
        LogisticRegression().fit([Sample(x, np.ones(5, bool), np.ones(5, np.float32))])


def test_calibrating_keeps_ranks_and_puts_probabilities_right() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(4000, 2)).astype(np.float32)
    y = random.random(4000) < 1 / (1 + np.exp(2 - x[:, 0]))
    biased = Sample(x, y, np.where(y, 9.0, 1.0).astype(np.float32))
    fair = Sample(x, y, np.ones(4000, np.float32))
    model = LogisticRegression().fit([biased])
    before = model.predict(x)
    after = model.calibrated([fair]).predict(x)
    assert before.mean() > 2 * y.mean() and after.mean() == pytest.approx(y.mean(), rel=1e-3)
    ranks = np.argsort(before, kind="stable")
    assert (np.diff(after[ranks]) >= 0).all()
    upside_down = Sample(-x, y, fair.weight)
    with pytest.raises(InvalidInput, match="the contrary"):
        model.calibrated([upside_down])


@pytest.mark.parametrize("by_customer", [False, True])
def test_personal_model_is_calibrated_and_ranks(by_customer: bool) -> None:
    table = shop(2)
    model = PersonalModel(GROUPS, by_customer=by_customer).fit([split(table, 12), split(table, 16)])
    history, later = split(table, 20)
    score = model.score(history)
    after = {
        (int(c), int(j))
        for i, c in enumerate(later.customers.to_pylist())
        for j in later.items.take(
            pa.array(later.item[later.indptr[i] : later.indptr[i + 1]])
        ).to_pylist()
    }
    who = np.repeat(history.customers.to_numpy(), np.diff(history.indptr))
    what = history.items.to_numpy()[history.item]
    truth = np.array([(c, j) in after for c, j in zip(who.tolist(), what.tolist(), strict=True)])
    assert score.mean() == pytest.approx(truth.mean(), rel=0.06)
    high = score > np.quantile(score, 0.8)
    assert score[high].mean() == pytest.approx(truth[high].mean(), rel=0.06)
    low = score < np.quantile(score, 0.4)
    assert truth[high].mean() > 3 * truth[low].mean()


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    table = shop(3)
    history, _ = split(table, 20)
    windows = [split(table, 16)]
    model = PersonalModel(GROUPS).fit(windows)
    finder = DiscoveryModel(GROUPS, items=30, keep=8).fit(windows)
    score, begun = model.score(history), finder.score(history)
    monkeypatch.setattr(features, "BLOCK_PAIRS", 17)
    monkeypatch.setattr(discovery_features, "BLOCK_CUSTOMERS", 3)
    monkeypatch.setattr("couponry.utils.arrays.blocks.BLOCK_SIZE", 100)
    monkeypatch.setenv("COUPONRY_THREADS", "2")
    assert model.score(history).tobytes() == score.tobytes()
    for mine, theirs in zip(finder.score(history), begun, strict=True):
        assert mine.tobytes() == theirs.tobytes()


def test_discovery_finds_the_customers_half_of_the_shelf() -> None:
    table = shop(4)
    model = DiscoveryModel(items=40, keep=10).fit([split(table, 8), split(table, 12)])
    history, _ = split(table, 16)
    begun = model.score(history)
    owned = set(zip(np.repeat(np.arange(len(history.customers)), np.diff(history.indptr)).tolist(),
                    history.item.tolist(), strict=True))  # fmt: skip
    assert not owned & set(zip(begun.customer.tolist(), begun.item.tolist(), strict=True))
    half = history.customers.to_numpy()[begun.customer] % 2
    right = history.items.to_numpy()[begun.item] % 2 == half
    assert right.any() and (~right).any()
    assert begun.score[right].mean() > 5 * begun.score[~right].mean()
    order = np.lexsort((begun.item, begun.customer))
    assert (order == np.arange(len(order))).all()


def test_what_sells_counts_more_for_those_who_bought_little() -> None:
    """Where neighbours say little, the list follows that of the bestsellers."""
    random = np.random.default_rng(3)
    sells = 1 / np.arange(1, 61)
    rows: list[tuple[int, int, int]] = []
    for customer in range(260):
        mine = random.choice(60, 12, replace=False)
        for week in range(1, 25):
            if customer < 160:  # has favourites, and now and then what stands beside one
                rows += [(customer, int(i), week) for i in mine[random.random(12) < 0.3]]
                if random.random() < 0.5:
                    rows.append((customer, int((mine[random.integers(12)] + 1) % 60), week))
            elif random.random() < 0.12:  # takes what everybody takes
                rows.append((customer, int(random.choice(60, p=sells / sells.sum())), week))
    customers, items, weeks = zip(*rows, strict=True)
    table = pa.table({"customer": customers, "product": items, "week": weeks})
    history, _ = split(table, 20)
    found = (
        DiscoveryModel(items=60, keep=60).fit([split(table, 12), split(table, 16)]).score(history)
    )
    buyers = ItemStatistics.from_history(history).buyers
    agreed = [
        scipy.stats.spearmanr(found.score[mine], buyers[found.item[mine]])[0]
        for customer in np.flatnonzero(history.customers.to_numpy() >= 160)
        for mine in [found.customer == customer]
    ]
    assert np.mean(agreed) > 0.6  # 0.26 where what sells counts the same for all customers


def test_what_is_lately_begun_of_a_group() -> None:
    """An item's share of what customers lately began of its group, and that of what a customer buys of the group."""
    table = shop(4, customers=60)
    history, _ = split(table, 20)
    rows = zip(*(table[name].to_pylist() for name in ("customer", "product", "week")), strict=True)
    first: dict[tuple[int, int], int] = {}
    for customer, item, week in rows:
        if week <= 20:
            first[customer, item] = min(week, first.get((customer, item), week))
    begun = np.bincount([item for (_, item), week in first.items() if week > 16], minlength=40)
    share = [(begun[i] + 0.5) / (begun[i % 2 :: 2].sum() + 2.0) for i in range(40)]
    model = DiscoveryModel(GROUPS, items=30, keep=8)
    block = next(model.features_of(history, model.learned(history)).blocks())
    np.testing.assert_allclose(
        block.features["half_begun"], np.log(share)[block.item], rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(
        block.features["half_expected"],
        block.features["half_bought"] + np.log(share)[block.item],
        rtol=1e-6,
        atol=1e-6,
    )


def test_similarities() -> None:
    random = np.random.default_rng(5)
    dense = random.random((30, 6)) * (random.random((30, 6)) < 0.4)
    expected = dense.T @ dense
    norm = np.sqrt(np.diag(expected)) + 2.0
    expected = expected / np.outer(norm, norm)
    np.fill_diagonal(expected, 0)
    for matrix in (sp.csr_array(dense), sp.csr_matrix(dense), sp.coo_array(dense)):
        np.testing.assert_allclose(cosine(matrix, 2.0), expected, rtol=1e-5, atol=1e-8)
    found = ease(sp.csr_array(dense), 3.0)
    for j in range(6):  # the ridge regression of each item on all others
        others = [i for i in range(6) if i != j]
        x = dense[:, others]
        beta = np.linalg.solve(x.T @ x + 3.0 * np.eye(5), x.T @ dense[:, j])
        np.testing.assert_allclose(found[others, j], beta, rtol=1e-4, atol=1e-6)
    alike = bm25(sp.csr_array(dense))
    np.testing.assert_allclose(alike, alike.T, rtol=1e-5)
    assert (np.diag(alike) == 0).all() and alike.max() <= 1.0
    with pytest.raises(InvalidInput, match="ridge"):
        ease(sp.csr_array(dense), 0.0)


def test_a_similarity_from_outside_is_matched_by_id() -> None:
    table = shop(6)
    history, later = split(table, 16)
    matrix = np.random.default_rng(0).random((40, 40)).astype(np.float32)
    ids = pa.array(range(39, -1, -1))
    given = {}
    for name, similarity, items in (
        ("plain", matrix, ids),
        ("sparse", sp.csr_array(matrix), ids),
        ("turned", matrix[::-1, ::-1], pa.array(range(40))),
    ):
        near = [
            Neighbours(
                "outside", item_neighbours.unit_weights, PrecomputedSimilarity(similarity, items)
            )
        ]
        model = DiscoveryModel(items=40, keep=10, neighbours=near).fit([(history, later)])
        given[name] = model.score(history).score.tobytes()
    assert given["plain"] == given["sparse"] == given["turned"]


def test_windows_are_after_their_history() -> None:
    history, later = split(shop(7), 16)
    with pytest.raises(InvalidInput, match="expected purchases after week 16"):
        PersonalModel().fit([(history, history)])
    with pytest.raises(InvalidInput, match="expected at least one"):
        PersonalModel().fit([])
    model = PersonalModel().fit([(history, later)])
    short = PurchaseHistory.from_transactions(shop(7), half_lives=(2, 4, 8))
    with pytest.raises(InvalidInput, match="half-lives and groups"):
        model.score(short)
    with pytest.raises(InvalidInput, match="groups, 'half': expected one for each of 40"):
        PersonalModel({"half": np.zeros(3, int)}).fit([(history, later)])


def test_catalogue(tmp_path: Path) -> None:
    history, _ = split(shop(8), 16)
    partial = Catalogue(pa.table({"item": [3, 1], "brand": ["b", None]}), ["brand"])
    codes = partial(history)["brand"]
    assert codes[3] == 1 and (np.delete(codes, 3) == 0).all()
    with pytest.raises(InvalidInput, match="expected each item once"):
        Catalogue(pa.table({"item": [1, 1], "brand": ["b", "c"]}), ["brand"])
    with pytest.raises(InvalidInput, match="expected a column 'brand'"):
        Catalogue(pa.table({"item": [1]}), ["brand"])


def test_item_statistics() -> None:
    table = pa.table({"customer": [1, 1, 2], "product": [5, 5, 5], "week": [1, 5, 5]})
    history = PurchaseHistory.from_transactions(table, half_lives=[4])
    found = ItemStatistics.from_history(history)
    with pytest.warns(DeprecationWarning, match="use ItemStatistics.from_history"):
        assert ItemStatistics.of(history).buyers.tolist() == found.buyers.tolist()
    assert found.buyers.tolist() == [2] and found.repeaters.tolist() == [1]
    assert found.popularity.tolist() == [[2.5]]
    assert found.gap.tolist() == [(4 + 3 * 4) / (1 + 3)]

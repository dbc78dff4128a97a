"""The user's own columns and estimators in PersonalModel: taken as they are, or refused where they make no sense."""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.affinity.test_scores import GROUPS, shop, split

from couponry import InvalidInput
from couponry.affinity import (
    Assortment,
    CandidateModel,
    DiscoveryModel,
    OwnColumn,
    OwnScores,
    PersonalModel,
    PurchaseHistory,
    Sample,
)
from couponry.affinity.history.customer_part import customer_part
from couponry.affinity.scores import features
from couponry.affinity.scores.own.estimator_regression import EstimatorRegression


@cache
def windows() -> list[tuple[PurchaseHistory, PurchaseHistory]]:
    table = shop(5, customers=80)
    return [split(table, 12), split(table, 16)]


def ages() -> dict[int, float]:
    return {customer: 20.0 + customer for customer in range(0, 80, 2)}


def spread(history: PurchaseHistory) -> Any:
    return history.pairs.last - history.pairs.first


COLUMNS = {
    "spread": OwnColumn("pair", spread),
    "age": OwnColumn("customer", ages(), missing=0.0),
    "trips": OwnColumn("customer", lambda history: history.trips.times),
    "price": OwnColumn("item", pa.table({"item": np.arange(39, -1, -1), "price": np.arange(40.0)})),
    "even": OwnColumn("item", lambda history: history.items.to_numpy() % 2),
}


def test_columns_are_features_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    history = windows()[1][0]
    model = PersonalModel(GROUPS, columns=COLUMNS).fit(windows())
    assert model.names_[-5:] == list(COLUMNS) == model.feature_names_in_[-5:].tolist()
    assert model.n_features_in_ == len(PersonalModel(GROUPS).fit(windows()).names_) + 5
    made = model._design(history)[1]
    customer = history.customers.to_numpy().repeat(np.diff(history.indptr))
    item = history.items.to_numpy()[history.item]
    expected = [
        spread(history),
        np.where(customer % 2, 0.0, 20.0 + customer),
        history.trips.times.repeat(np.diff(history.indptr)),
        39.0 - item,
        item % 2,
    ]
    assert made[:, -5:].tolist() == np.stack(expected, axis=1).tolist()
    whole = model.score(history)
    assert pickle.loads(pickle.dumps(PersonalModel(columns={"age": COLUMNS["age"]}))).columns
    monkeypatch.setattr(features, "BLOCK_PAIRS", 50)
    assert model.score(history).tobytes() == whole.tobytes()
    alone = customer_part(history, 17, 18)
    mine = slice(*history.indptr[17:19].tolist())
    assert model.score(alone).tobytes() == whole[mine].tobytes()


def test_ids_that_are_text() -> None:
    rows = pa.table({"customer": ["b", "a", "é", "z"], "product": ["x"] * 4, "week": [1, 1, 2, 2]})
    history = PurchaseHistory.from_transactions(rows)
    column = OwnColumn(
        "customer", pa.table({"customer": ["z", "c", "b", "é"], "n": [4, 3, 2, 1]}), 9
    )
    found = column.of(history, history.customers, "column")
    assert dict(zip(history.customers.to_pylist(), found.tolist(), strict=True)) == {
        "a": 9.0, "b": 2.0, "z": 4.0, "é": 1.0,
    }  # fmt: skip


class Shares:
    """An estimator as small as can be: shares of the outcome below and above the median of one feature."""

    def __init__(self, feature: int = 0):
        self.feature = feature

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Shares:
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        self.middle_ = np.median(X[:, self.feature])
        above = X[:, self.feature] > self.middle_
        self.shares_ = [np.average(y[part], weights=weight[part]) for part in (~above, above)]
        return self

    def predict_proba(self, X: Any) -> Any:
        chance = np.where(X[:, self.feature] > self.middle_, self.shares_[1], self.shares_[0])
        return np.stack([1.0 - chance, chance], axis=1)


@pytest.mark.parametrize("by_customer", [False, True])
def test_an_estimator_takes_the_place_of_the_regression(by_customer: bool) -> None:
    estimator = Shares()
    model = PersonalModel(by_customer=by_customer, guarded=False, estimator=estimator).fit(
        windows()
    )
    assert not hasattr(estimator, "middle_")
    history = windows()[1][0]
    found = model.score(history)
    assert len(set(found.tolist())) == 2
    made = model._design(history)[1]
    above = made[:, 0] > model.regression_.estimator_.middle_  # type: ignore[attr-defined]
    assert (found == np.where(above, found.max(), found.min())).all()
    if not by_customer:
        shares = np.float32(model.regression_.estimator_.shares_)  # type: ignore[attr-defined]
        assert sorted(set(found.tolist())) == pytest.approx(sorted(shares.tolist()), rel=1e-6)


class Unweighted(Shares):
    def fit(self, X: Any, y: Any) -> Shares:  # type: ignore[override]
        return super().fit(X, y)


def test_rows_weigh_what_samples_say() -> None:
    x = np.array([[0.0], [0.0], [0.0], [1.0], [1.0]], np.float32)
    y = np.array([True, False, False, True, False])
    heavy, alike = np.array([3, 1, 2, 1, 3], np.float32), np.ones(5, np.float32)
    parts = [Sample(x[:2], y[:2], heavy[:2]), Sample(x[2:], y[2:], heavy[2:])]
    found = EstimatorRegression(Shares()).fit(parts).predict(x)
    assert found.tolist() == pytest.approx([0.5] * 3 + [0.25] * 2)
    with pytest.raises(InvalidInput, match=r"Unweighted\.fit to take sample_weight"):
        EstimatorRegression(Unweighted()).fit([Sample(x, y, heavy)])
    assert EstimatorRegression(Unweighted()).fit([Sample(x, y, alike)]).predict(x).min() > 0.0
    with pytest.raises(InvalidInput, match="only one kind"):
        EstimatorRegression(Shares()).fit([Sample(x, y | True, alike)])


def test_estimators_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn")
    from sklearn.base import clone
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    assert sklearn.__version__
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    model = PersonalModel(GROUPS, columns=COLUMNS, estimator=tree, by_customer=True, guarded=False)
    copy = clone(model)
    assert copy is not model and copy.estimator is not tree and repr(copy) == repr(model)
    assert repr(model).endswith("estimator=DecisionTreeClassifier(max_depth=3, random_state=0))")
    assert model.get_params()["estimator__max_depth"] == 3
    assert copy.set_params(estimator__max_depth=1).estimator.max_depth == 1
    history = windows()[1][0]
    found = model.fit(windows()).score(history)
    assert pickle.loads(pickle.dumps(model.regression_)).log_odds(
        np.zeros((2, len(model.names_)), np.float32)
    ).shape == (2,)
    assert 2 < len(set(found.tolist())) <= 8 and 0.0 < found.min() < found.max() < 1.0
    x, y = np.arange(20, dtype=np.float32)[:, None], np.arange(20) % 3 == 0
    weighted = [Sample(x, y, 1 + np.arange(20, dtype=np.float32))]
    scaled = EstimatorRegression(make_pipeline(StandardScaler(), tree)).fit(weighted)
    assert np.allclose(scaled.predict(x), EstimatorRegression(tree).fit(weighted).predict(x))


def test_discovery_takes_columns_of_customers_and_items_and_estimators() -> None:
    columns = {name: COLUMNS[name] for name in ("age", "trips", "price", "even")}
    model = DiscoveryModel(GROUPS, items=30, keep=8, columns=columns).fit(windows())
    assert model.names_[-4:] == list(columns)
    history = windows()[1][0]
    found = model.score(history)
    blocks = model._features(history).blocks()
    made = [np.stack([block.features[name] for name in columns], axis=1) for block in blocks]
    customer = history.customers.to_numpy()[found.customer]
    item = found.items.to_numpy()[found.item]
    expected = [
        np.where(customer % 2, 0.0, 20.0 + customer),
        history.trips.times[found.customer],
        39.0 - item,
        item % 2,
    ]
    assert np.concatenate(made).tolist() == np.stack(expected, axis=1).tolist()
    alone = customer_part(history, 17, 18)
    assert model.score(alone).score.tobytes() == found.score[found.customer == 17].tobytes()
    by_two = DiscoveryModel(items=30, keep=8, by_customer=False, estimator=Shares(feature=2))
    assert len(set(by_two.fit(windows()).score(history).score.tolist())) == 2


HISTORY = windows()[0][0]


def fitted(**columns: OwnColumn) -> Any:
    return PersonalModel(columns=columns).fit(windows())


class Wrong(Shares):
    def predict_proba(self, X: Any) -> Any:
        return X[:, :1]


BAD = [
    (lambda: OwnColumn("shop", ages()), "expected by pair, customer, item, got 'shop'"),
    (lambda: OwnColumn("pair", ages()), "by pair: expected a function"),
    (lambda: OwnColumn("item", {1: np.nan}), "OwnColumn by item"),
    (lambda: OwnColumn("item", {1: 1e300}), "column 'value', row 0: expected a number from -1e"),
    (lambda: OwnColumn("item", {"a": "b"}), "OwnColumn by item"),
    (lambda: OwnColumn("item", {1: 1.0}, missing=np.inf), "OwnColumn, missing: expected finite"),
    (lambda: OwnColumn("item", pa.table({"id": [1], "x": [1.0]})), "expected columns 'item' and one more, got id, x"),
    (lambda: OwnColumn("item", pa.table({"item": [1, 1], "x": [1.0, 2.0]})), "expected each id once, got 2 of 1"),
    (lambda: fitted(age=OwnColumn("customer", ages())), "columns, 'age': there is nothing of customer 1; say missing"),
    (lambda: fitted(price=OwnColumn("item", {"a": 1.0})), "columns, 'price': expected ids that are integers"),
    (lambda: fitted(times=COLUMNS["spread"]), "columns, 'times': expected a name of no feature"),
    (lambda: fitted(x=OwnColumn("pair", lambda h: [1.0])), "columns, 'x': expected .* numbers, got float64"),
    (lambda: fitted(x=OwnColumn("pair", lambda h: np.full(len(h), np.nan))), "columns, 'x': expected finite"),
    (lambda: fitted(x=lambda h: 1.0), "columns, 'x': expected an OwnColumn, got function"),  # type: ignore[arg-type]
    (lambda: DiscoveryModel(columns=COLUMNS).fit(windows()), "columns, 'spread': expected columns of customers and"),
    (lambda: PersonalModel(estimator=Shares).fit([]), "windows: expected at least one"),
    (lambda: PersonalModel(estimator=3).fit(windows()), "estimator: expected one with fit and predict_proba, got int"),
    (lambda: PersonalModel(estimator=Wrong()).fit(windows()).score(HISTORY), "expected predict_proba to give"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()


def chance(history: PurchaseHistory) -> Any:
    return 1.0 - 0.6**history.pairs.times


def test_scores_of_ones_own_rank_candidates() -> None:
    history, assortment = (
        windows()[1][0],
        Assortment(pa.table({"offer": range(40), "product": range(40)})),
    )
    scores = OwnScores(chance)
    assert (
        scores.score(history).tolist() == np.minimum(chance(history).astype(np.float32), 1).tolist()
    )
    model = CandidateModel(assortment, {"reward": 2}, personal=scores).fit([windows()[1]])
    for rows in model.blocks(history):
        for i, first in enumerate(rows.indptr[:-1].tolist()):
            mine = rows.columns["offer"][first : rows.indptr[i + 1]].tolist()
            pairs = slice(*history.indptr[i : i + 2].tolist())
            best = np.argsort(-history.pairs.times[pairs], kind="stable")[:2]
            assert mine == sorted(history.item[pairs][best].tolist())
    assert model.personal is scores and repr(scores) == "OwnScores(function=<chance>)"
    again = pickle.loads(pickle.dumps(model))
    for mine, theirs in zip(model.blocks(history), again.blocks(history), strict=True):
        assert mine.columns["response"].tobytes() == theirs.columns["response"].tobytes()
    assert len(pickle.dumps(model)) < 100_000
    for wrong, message in (
        (lambda history: [0.5], "expected .* probabilities, got float64"),
        (lambda history: history.pairs.times + 1, "expected probabilities from 0 to 1, got"),
    ):
        with pytest.raises(InvalidInput, match=message):
            OwnScores(wrong).score(history)
    with pytest.raises(InvalidInput, match="expected a function from a history, got int"):
        OwnScores(3)  # type: ignore[arg-type]

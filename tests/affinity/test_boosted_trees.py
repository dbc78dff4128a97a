"""Boosted trees: LightGBM's own predictions, the same bits by any threads and backend, and what is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from couponry import InvalidInput
from couponry.affinity import BoostedTrees, LogisticRegression, Sample
from couponry.affinity.scores.lightgbm_library import Booster
from couponry.affinity.scores.lightgbm_trees import SETTINGS, read_trees, rounded_down
from couponry.kernels import available

lightgbm = pytest.importorskip("lightgbm")

Rows = tuple[NDArray[np.float32], NDArray[np.bool_]]


def rows_of(n: int = 2_000, seed: int = 0) -> Rows:
    """Features of many kinds: continuous, counts, mostly zero, constant, tiny and huge; one interacts with another."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 6)).astype(np.float32)
    x[:, 1] = random.poisson(1.5, n)
    x[:, 2] *= random.random(n) < 0.1
    x[:, 3] = 7.0
    x[:, 4] *= 1e-36
    x[:, 5] *= 1e30
    signal = x[:, 0] * (x[:, 1] > 1) + 2.0 * x[:, 2] + (x[:, 4] > 0) - (x[:, 5] > 1e29)
    return x, random.random(n) < 1.0 / (1.0 + np.exp(-signal))


def same(found: BoostedTrees, expected: BoostedTrees) -> bool:
    arrays = zip(found.trees_, expected.trees_, strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in arrays)


@pytest.fixture(scope="module")
def fitted() -> BoostedTrees:
    x, y = rows_of()
    return BoostedTrees(
        trees=20, leaves=32, least_in_leaf=20, row_share=0.8, feature_share=0.7, seed=3
    ).fit(x, y)


def test_the_predictions_of_lightgbm() -> None:
    x, y = rows_of()
    start = np.random.default_rng(1).normal(size=len(y))
    weight = np.random.default_rng(2).random(len(y)).astype(np.float32)
    settings = {**SETTINGS, "num_leaves": 31, "learning_rate": 0.05, "min_data_in_leaf": 50}
    settings |= {
        "lambda_l2": 1.0,
        "feature_fraction": 1.0,
        "bagging_fraction": 0.5,
        "seed": 0,
        "num_threads": 1,
    }
    rows = lightgbm.Dataset(x, y, weight=weight, init_score=start, params=settings)
    booster = lightgbm.train(settings, rows, 15)
    model = BoostedTrees(trees=15, row_share=0.5).fit(x, y, weight, log_odds=start, threads=1)
    other, _ = rows_of(seed=9)
    other[:50] *= np.float32(1e7)  # far beyond what was seen, infinities among it
    expected = booster.predict(other.astype(np.float64), raw_score=True)
    assert np.abs(model.log_odds(other, np.zeros(len(other))) - expected).max() <= 1e-12
    assert np.abs(model.log_odds(other, start) - start - expected).max() <= 1e-12
    gain = booster.feature_importance("gain")
    assert np.allclose(model.importances_, gain / gain.sum())
    assert model.importances_[3] == 0.0 and model.importances_.sum() == pytest.approx(1.0)


def test_thresholds_decide_every_float32_as_those_of_lightgbm() -> None:
    near = np.random.default_rng(0).normal(size=200).astype(np.float32)
    above = np.nextafter(near, np.float32(np.inf))
    middle = (near.astype(np.float64) + above) / 2.0
    thresholds = np.concatenate([middle, near, above, np.nextafter(near.astype(np.float64), 9)])
    thresholds = np.concatenate([thresholds, [1e300, -1e300, 0.0, 1e-35, -1e-35, 1e-50, -1e-50]])
    largest = np.finfo(np.float32).max
    values = np.concatenate([near, above, np.float32([0, 1e-45, -1e-45, largest, -largest])])
    found = values[:, None] > rounded_down(thresholds)
    assert (found == (values[:, None].astype(np.float64) > thresholds)).all()


def test_every_tree_is_read_or_refused(fitted: BoostedTrees) -> None:
    assert len(fitted.trees_.value) == 20 and np.diff(fitted.trees_.ptr).max() == 31
    leaf = {"tree_info": [{"tree_structure": {"leaf_value": 0.5}}]}
    trees, gain = read_trees(leaf, 3)
    assert trees.value[0, 0] == 0.5 and len(trees.feature) == 0 and gain.tolist() == [0.0] * 3
    for key, value in ("decision_type", "=="), ("missing_type", "NaN"):
        node = {"decision_type": "<=", "missing_type": "None", key: value}
        with pytest.raises(ValueError, match="without missing values"):
            read_trees({"tree_info": [{"tree_structure": node}]}, 1)


def test_bits_do_not_depend_on_threads_and_do_on_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couponry.affinity.scores.boosted_trees.ROWS_OF_A_THREAD", 1)
    x, y = rows_of()
    made = [
        BoostedTrees(trees=3, leaves=8, row_share=0.8, feature_share=0.7, seed=seed).fit(
            x, y, threads=threads
        )
        for seed, threads in ((3, 1), (3, 2), (4, 1))
    ]
    assert same(made[1], made[0]) and not same(made[2], made[0])


@pytest.mark.parametrize("name", [name for name, state in available().items() if state == "yes"])
def test_backends_rows_and_columns(
    name: str, fitted: BoostedTrees, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = rows_of(40, seed=5)[0]
    expected = fitted.log_odds(x)
    monkeypatch.setenv("COUPONRY_BACKEND", name)
    assert fitted.log_odds_of_columns(list(x.T)).tobytes() == expected.tobytes()
    alone = [fitted.log_odds(x[i : i + 1])[0] for i in range(3)]
    assert alone == expected[:3].tolist()
    assert fitted.predict(x).tobytes() == fitted.predict_columns(x.T).tobytes()
    assert len(fitted.predict(x[:0])) == 0


def test_more_rows_than_are_turned_into_columns_at_a_time(fitted: BoostedTrees) -> None:
    x = np.tile(rows_of(50)[0], (100, 1))
    assert fitted.log_odds(x).tobytes() == fitted.log_odds_of_columns(x.T).tobytes()
    start = np.arange(5_000) / 1e3
    model = BoostedTrees(trees=1).fit(x, x[:, 0] > 0, log_odds=start, threads=1)
    assert model.log_odds(x, start).tobytes() == model.log_odds_of_columns(x.T, start).tobytes()


def test_pickles_are_scored_without_lightgbm(fitted: BoostedTrees, tmp_path: Any) -> None:
    x = rows_of(100)[0]
    text = pickle.dumps((fitted, x, fitted.predict(x)))
    (tmp_path / "model").write_bytes(text)
    code = (
        "import pickle, sys; sys.modules['lightgbm'] = None\n"
        f"model, x, expected = pickle.loads(open({str(tmp_path / 'model')!r}, 'rb').read())\n"
        "assert (model.predict(x) == expected).all()\n"
        "try: model.fit(x, x[:, 0] > 0)\n"
        "except ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "couponry[trees]"' in run.stdout


def test_trees_find_what_a_logistic_model_cannot() -> None:
    x, y = rows_of()
    linear = LogisticRegression().fit([Sample(x[:, :4], y, np.ones(len(y), np.float32))])
    model = BoostedTrees(trees=40, leaves=6, learning_rate=0.1).fit(
        x[:, :4], y, log_odds=linear.log_odds(x[:, :4])
    )
    alone = BoostedTrees(trees=40, leaves=6, learning_rate=0.1).fit(x[:, :4], y, threads=1)
    test, outcome = rows_of(seed=1)
    start = linear.log_odds(test[:, :4])
    for log_odds in model.log_odds(test[:, :4], start), alone.log_odds(test[:, :4]):
        assert _loss(log_odds, outcome) < _loss(start, outcome) - 0.01
    assert alone.predict(test[:, :4]).mean() == pytest.approx(outcome.mean(), abs=0.02)


def _loss(log_odds: NDArray[np.float64], outcome: NDArray[np.bool_]) -> float:
    return float((np.logaddexp(0.0, log_odds) - outcome * log_odds).mean())


def test_as_scikit_learn_knows_a_classifier() -> None:
    x, y = rows_of()
    frame = pd.DataFrame(x, columns=list("abcdef"))
    model = BoostedTrees(trees=3).fit(
        frame, np.where(y, "yes", "no"), sample_weight=1.0 + y, threads=1
    )
    assert model.names_ == model.feature_names_in_.tolist() == list("abcdef")
    assert model.classes_.tolist() == ["no", "yes"] and model.n_features_in_ == 6
    chance = model.predict_proba(frame)
    assert np.allclose(chance[:, 1], model.predict(x)) and np.allclose(chance.sum(axis=1), 1.0)
    again = BoostedTrees(trees=3).fit(x, y, 1.0 + y, threads=1)
    assert same(again, model) and again.names_[0] == "x0"


def test_monotone_features() -> None:
    x, y = rows_of()
    names = list("abcdef")
    model = BoostedTrees(trees=15, leaves=8, learning_rate=0.2, monotone={"a": 1, "f": -1}).fit(
        x, y, names=names
    )
    row = np.repeat(x[:50], 40, axis=0).reshape(50, 40, 6)
    for place, direction in (0, 1), (5, -1):
        grown = row.copy()
        grown[:, :, place] = np.sort(x[:40, place])
        log_odds = model.log_odds(grown.reshape(-1, 6)).reshape(50, 40)
        assert (direction * np.diff(log_odds) >= 0.0).all() and np.ptp(log_odds) > 0.1
    assert model.names_ == names


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"trees": 0}, {}, "trees: expected a whole number from 1"),
    ({"leaves": 33}, {}, "leaves: expected a whole number from 2 to 32, got 33"),
    ({"least_in_leaf": 2.5}, {}, "least_in_leaf: expected a whole number"),
    ({"seed": -1}, {}, "seed: expected"),
    ({"learning_rate": 0}, {}, "learning_rate: expected a number above 0, up to 1, got 0"),
    ({"row_share": 1.5}, {}, "row_share: expected a number above 0, up to 1, got 1.5"),
    ({"feature_share": "all"}, {}, "feature_share: expected"),
    ({"ridge": float("nan")}, {}, "ridge: expected a number from 0, got nan"),
    ({"monotone": {"x7": 1}}, {}, "monotone: there is no feature 'x7'"),
    ({"monotone": {"x1": 2}}, {}, "monotone: expected 1, 0 or -1 for 'x1', got 2"),
    ({}, {"features": np.zeros(4)}, "X: expected a matrix of numbers"),
    ({}, {"features": [[1.0], [np.inf]] * 2}, "X: expected finite numbers"),
    ({}, {"y": [True] * 4}, "y: expected labels of two kinds"),
    ({}, {"y": [True]}, "y: expected labels"),
    ({}, {"sample_weight": [1, 1, -1, 1]}, "sample_weight: expected 4 finite numbers"),
    ({}, {"sample_weight": [1, 0, 1, 0]}, "rows without the outcome, got only one kind"),
    ({}, {"log_odds": [0, 0, 0, np.inf]}, "log_odds: expected 4 finite numbers"),
    ({}, {"log_odds": [0]}, "log_odds: expected 4 finite numbers"),
    ({}, {"names": ["one"]}, "names: expected 2, one for each feature, got 1"),
]


@pytest.mark.parametrize(("arguments", "given", "message"), WRONG)
def test_refusals(arguments: dict[str, Any], given: dict[str, Any], message: str) -> None:
    rows: dict[str, Any] = {"features": np.zeros((4, 2)), "y": [True, False, True, False]}
    with pytest.raises(InvalidInput, match=message.replace("[", r"\[")):
        (model := BoostedTrees(**arguments)).fit(**{**rows, **given})
    with pytest.raises(InvalidInput, match="call fit first"):
        model.predict(np.zeros((1, 2)))


def test_refusals_of_rows_to_score(fitted: BoostedTrees) -> None:
    x = rows_of(5)[0]
    with pytest.raises(InvalidInput, match="features: expected 6 for each row"):
        fitted.log_odds(x[:, :5])
    with pytest.raises(InvalidInput, match="log_odds: expected none"):
        fitted.log_odds(x, np.zeros(5))
    x[2, 4] = np.nan
    with pytest.raises(InvalidInput, match="got NaN in 'x4'"):
        fitted.predict(x)
    with pytest.raises(InvalidInput, match="call fit first"):
        BoostedTrees().predict(x)
    x, y = rows_of(500)
    with pytest.raises(InvalidInput, match="log_odds: expected log odds that the trees start from"):
        BoostedTrees(trees=1).fit(x, y, log_odds=np.zeros(500)).predict(x)


def test_trees_are_trained_without_scikit_learn() -> None:
    """LightGBM's Python package loads it, and pandas and scipy.stats: a second's work."""
    code = (
        "import sys, numpy as np\n"
        "from couponry.affinity import BoostedTrees\n"
        "x = np.arange(400, dtype=np.float32).reshape(200, 2)\n"
        "BoostedTrees(trees=2).fit(x, x[:, 0] > 150)\n"
        "print(sorted({'lightgbm', 'sklearn', 'scipy.stats'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_library_elsewhere_is_found_by_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couponry.affinity.scores.lightgbm_library.NAMES", ())
    x, y = rows_of(300)
    again = BoostedTrees(trees=2, least_in_leaf=5).fit(x, y, threads=1)
    monkeypatch.undo()
    assert same(BoostedTrees(trees=2, least_in_leaf=5).fit(x, y, threads=1), again)


def test_what_lightgbm_refuses_is_said() -> None:
    x, y = rows_of(300)
    weight, start = np.ones(300, np.float32), np.zeros(300)
    with pytest.raises(RuntimeError, match=r"LightGBM: .*num_leaves"):
        Booster(x, y, weight, start, {"num_leaves": -1})

"""LogisticRegression as scikit-learn knows a classifier: matrices, labels, data frames, searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from couponry import InvalidInput
from couponry.affinity import LogisticRegression, Sample


def rows(count: int = 60) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(3)
    x = random.normal(size=(count, 2)).astype(np.float32)
    return (
        x,
        x[:, 0] + random.normal(size=count) > 0,
        random.integers(1, 4, count).astype(np.float32),
    )


def test_a_matrix_with_labels_is_a_sample() -> None:
    x, y, weight = rows()
    expected = LogisticRegression().fit([Sample(x, y, weight)])
    labels = np.where(y, "yes", "no")
    found = LogisticRegression().fit(x.astype(float), labels, sample_weight=weight)
    assert found.coef_.tolist() == expected.coef_.tolist() and found.n_features_in_ == 2
    assert found.classes_.tolist() == ["no", "yes"] and expected.classes_.tolist() == [False, True]
    chances = found.predict_proba(x)
    assert chances.shape == (60, 2) and np.allclose(chances.sum(axis=1), 1.0)
    assert np.allclose(chances[:, 1], expected.predict(x))
    repeated = LogisticRegression().fit(
        np.repeat(x, weight.astype(int), axis=0), np.repeat(y, weight.astype(int))
    )
    assert np.allclose(repeated.coef_, expected.coef_, rtol=1e-4)


def test_data_frames_have_names() -> None:
    x, y, _ = rows()
    frame = pd.DataFrame(x, columns=["size", "price"])
    model = LogisticRegression().fit(frame, y)
    assert model.feature_names_in_.tolist() == ["size", "price"]
    assert (model.predict_proba(frame) == model.predict_proba(x)).all()
    with pytest.raises(InvalidInput, match="X: expected the columns size, price, got price, size"):
        model.predict_proba(frame[["price", "size"]])
    assert not hasattr(model.fit(x, y), "feature_names_in_")


def test_searches_of_scikit_learn() -> None:
    pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y, _ = rows(120)
    steps = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(steps, {"logisticregression__ridge": [0.1, 1e6]}, scoring="roc_auc", cv=3)
    assert search.fit(x, y).best_score_ > 0.7
    chances = search.predict_proba(x)
    assert chances.shape == (120, 2)


X, Y, _ = rows()
BAD = [
    (lambda: LogisticRegression().fit(X), "expected labels beside a matrix"),
    (lambda: LogisticRegression().fit(X[:, 0], Y), "X: expected a matrix of numbers"),
    (lambda: LogisticRegression().fit(X * np.nan, Y), "X: expected finite numbers of float32, got nan in row 0"),
    (lambda: LogisticRegression().fit(X, np.arange(60)), "y: expected labels of two kinds for 60 rows, got 60"),
    (lambda: LogisticRegression().fit(X, Y[:3]), "y: expected labels"),
    (lambda: LogisticRegression().fit(X, Y, [1.0]), "sample_weight: expected 60"),
    (lambda: LogisticRegression().fit(X, Y, -np.ones(60)), "sample_weight: expected 60"),
    (lambda: LogisticRegression().fit(X, Y).predict_proba(X[:, :1]), "X: expected 2 columns as when fitted, got 1"),
    (lambda: LogisticRegression().predict_proba(X), "expected a fitted model"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()

"""What a customer's other items let expect: ridge regressions, and as if the customer had not been seen."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.support.kernel_cases import assert_same

from couponry.affinity import ItemStatistics, PersonalModel, PurchaseHistory
from couponry.affinity.scores.item_neighbours import recent_weights
from couponry.affinity.scores.personal import near_items
from couponry.affinity.scores.personal.item_knowledge import ItemKnowledge
from couponry.affinity.scores.personal.near_items import NearItems
from couponry.affinity.scores.personal.personal_features import personal_features
from couponry.utils.arrays.fixed_order import inverse_in_order


def history_of(seed: int, customers: int = 30, items: int = 9) -> PurchaseHistory:
    random = np.random.default_rng(seed)
    n = customers * 12
    rows = {
        "customer": random.integers(0, customers, n),
        "product": random.integers(0, items, n) ** 2,
        "week": random.integers(1, 21, n),
    }
    return PurchaseHistory.from_transactions(pa.table(rows), until=20)


def learned(history: PurchaseHistory) -> NearItems:
    return NearItems.learned(history, np.bincount(history.item, minlength=len(history.items)))


def predicted(
    known: NearItems, history: PurchaseHistory, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """What the pairs of some customers are expected to be."""
    statistics = ItemStatistics.from_history(history)
    items = ItemKnowledge.among(history, statistics, None, known)
    stop = len(history.customers) if stop is None else stop
    return personal_features(history, items, start, stop)["near_items"]


def matrix_of(history: PurchaseHistory) -> NDArray[np.float64]:
    """What customers bought lately, as a dense matrix."""
    found = np.zeros((len(history.customers), len(history.items)))
    customer = np.repeat(np.arange(len(found)), np.diff(history.indptr))
    found[customer, history.item] = recent_weights(history, slice(0, len(history)))
    return found


def by_ridge_regression(matrix: NDArray[np.float64], row: NDArray[np.float64], j: int) -> float:
    """Item j of a row, from its other items, by a regression on the rows of a matrix."""
    others = np.arange(matrix.shape[1]) != j
    x, y = matrix[:, others], matrix[:, j]
    gram = x.T @ x + near_items.RIDGE * np.eye(x.shape[1])
    return float(row[others] @ np.linalg.solve(gram, x.T @ y))


@pytest.fixture(autouse=True)
def small_ridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_items, "RIDGE", 2.0)


def test_each_customer_is_predicted_from_all_others() -> None:
    history = history_of(0)
    matrix = matrix_of(history)
    found = predicted(learned(history), history)
    expected = [
        by_ridge_regression(np.delete(matrix, i, axis=0), matrix[i], int(j))
        for i in range(len(matrix))
        for j in history.item[history.indptr[i] : history.indptr[i + 1]]
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert np.std(expected) > 0.05


def test_customers_who_were_not_seen_are_predicted_from_all() -> None:
    history, known = history_of(1, customers=20), history_of(0)
    others = PurchaseHistory(
        **{
            **history.__dict__,
            "customers": pa.array(np.arange(1000, 1000 + len(history.customers))),
        }
    )
    matrix, rows = matrix_of(known), matrix_of(others)
    assert known.items.equals(others.items)
    found = predicted(learned(known), others)
    customer = np.repeat(np.arange(len(rows)), np.diff(others.indptr))
    expected = [
        by_ridge_regression(matrix, rows[i], int(j))
        for i, j in zip(customer, others.item, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_customer_is_predicted_the_same_alone_and_among_others() -> None:
    history = history_of(2)
    near = learned(history_of(3, customers=20))
    together = predicted(near, history)
    alone = [predicted(near, history, i, i + 1) for i in range(len(history.customers))]
    assert_same(together, np.concatenate(alone))


def test_items_of_few_buyers_and_unknown_ones_are_not_predicted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(near_items, "MOST_ITEMS", 4)
    history = history_of(4)
    near = learned(history)
    assert len(near.items) == 4
    takes_part = np.isin(history.items.to_numpy(), near.items.to_numpy())
    found = predicted(near, history)
    assert (found[~takes_part[history.item]] == 0.0).all()
    assert (found[takes_part[history.item]] != 0.0).mean() > 0.9


def test_models_without_half_lives_do_without() -> None:
    rows = pa.table(
        {"customer": [1, 1, 2, 2, 3], "product": [1, 2, 1, 2, 1], "week": [1, 1, 2, 2, 3]}
    )
    later = pa.table({"customer": [1, 2], "product": [1, 1], "week": [5, 5]})
    none: dict[str, tuple[float, ...]] = {"half_lives": ()}
    before = PurchaseHistory.from_transactions(rows, until=4, **none)
    window = PurchaseHistory.from_transactions(later, until=8, **none)
    model = PersonalModel().fit([(before, window)])
    assert model.near_ is None and "near_items" not in model.names_


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 150, 600])
def test_inverses_in_order(size: int) -> None:
    x = np.random.default_rng(size).normal(size=(2 * size, size))
    matrix = x.T @ x + np.eye(size)
    found = inverse_in_order(matrix)
    assert (found == found.T).all()
    np.testing.assert_allclose(found, np.linalg.inv(matrix), atol=1e-9)


def test_inverses_in_order_where_few_customers_bought_many_items() -> None:
    x = np.random.default_rng(0).random((3, 150)) * 1e3
    gram = x.T @ x
    found = inverse_in_order(gram + np.eye(150))
    expected = np.eye(150) - x.T @ np.linalg.solve(x @ x.T + np.eye(3), x)  # Woodbury's identity
    np.testing.assert_allclose(found, expected, atol=1e-7)
    with pytest.raises(np.linalg.LinAlgError):
        inverse_in_order(gram - np.eye(150))

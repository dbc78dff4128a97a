"""Assortments: covers and kinds from any of the tables, and those that make no sense; neighbours of offers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from couponry import InvalidInput
from couponry.affinity import Assortment, offer_neighbours

OFFERS = {"offer": [7, 8], "product": [1, 2]}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (({"offer": [7, 7], "product": [1, 2]},), "expected each offer once"),
        (({"offer": [7, 8]},), "expected a column 'product', or a table covers"),
        ((OFFERS, {"offer": [9], "product": [1]}), "row 0: offer 9 is not in table offers"),
        (
            (OFFERS, None, {"product": [1, 1], "t": ["a", "b"]}, "t"),
            "each product once, got 2 rows of 1",
        ),
        (
            (OFFERS, None, {"product": ["x"], "t": ["a"]}, "t"),
            "expected integers as in table offers, got strings",
        ),
        ((OFFERS, None, {"product": [1]}, "t"), "table products: expected a column 't'"),
        ((OFFERS, None, None, "t"), "kind: expected a table products with a column 't'"),
    ],
)
def test_assortments_that_make_no_sense(arguments: tuple[Any, ...], expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        Assortment(*arguments)


def test_an_assortment_from_offers_alone_or_from_a_table() -> None:
    lists = pa.table({"offer": [8, 7], "product": [[2, 3], [1]]})
    pairs = Assortment({"offer": [7, 8]}, {"offer": [8, 7, 8, 8], "product": [2, 1, 3, 3]})
    found = Assortment(lists, None, {"product": [3, 2, 9], "t": ["a", "b", None]}, "t")
    assert found.offers.to_pylist() == [7, 8] and found.products.to_pylist() == [1, 2, 3, 9]
    assert found.covers.toarray()[:3].tolist() == pairs.covers.toarray().tolist()
    assert found.kind.tolist() == [-1, 1, 0, -1]
    assert found.offer_kind.tolist() == [-1, 0]  # of two kinds as often: the first


def test_neighbours_are_the_cosines_of_what_is_bought() -> None:
    random = np.random.default_rng(1)
    x = sp.csr_array(random.integers(0, 3, (50, 20)) * (random.random((50, 20)) < 0.3))
    covers = sp.csr_array((random.random((20, 6)) < 0.2) * 1.0)
    dense = x.toarray().astype(float)
    y = dense @ covers.toarray()
    cosine = (dense.T @ y) / np.outer(
        np.linalg.norm(dense, axis=0) + 5, np.linalg.norm(y, axis=0) + 5
    )
    cosine[covers.toarray() > 0] = 0
    found = offer_neighbours(x, covers, keep=6).toarray()
    assert np.allclose(found, cosine, atol=1e-6)
    best = offer_neighbours(x, covers, keep=2).toarray()
    for row, kept in zip(cosine, best, strict=True):
        order = np.argsort(-row, kind="stable")[:2]
        assert set(np.flatnonzero(kept)) == {j for j in order.tolist() if row[j] > 0}

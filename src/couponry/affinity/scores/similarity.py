"""How alike items are, by who buys them: cosine, BM25, EASE, each from one matrix of customers and items."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp

MOST_DENSE = 20_000  # items of a dense square matrix: 1.6 GB in float32


def cosine(matrix: Any, shrinkage: float = 5.0) -> NDArray[np.float32]:
    """x_i . x_j / ((|x_i| + shrinkage) (|x_j| + shrinkage)), float32 (P, P), with a diagonal of 0.

    matrix: sparse (n, P). shrinkage: keeps items of few buyers from being like each other by chance.
    """
    gram = _gram(matrix)
    norm = np.sqrt(np.diag(gram)) + shrinkage
    norm[norm == 0.0] = 1.0
    return _hollow(gram / np.outer(norm, norm))


def bm25(matrix: Any, k1: float = 1.2, b: float = 0.75) -> NDArray[np.float32]:
    """The cosine of items weighted by BM25, float32 (P, P), with a diagonal of 0.

    The weight of x is idf(customer) * x (k1 + 1) / (x + k1 (1 - b + b * length / mean length)), an item being the
    document and its buyers the terms (Robertson, Zaragoza: The Probabilistic Relevance Framework, 2009, section 3).
    """
    x = sp.csr_array(matrix, dtype=np.float64)
    length = np.asarray(x.sum(axis=0)).ravel()
    known = max(float(length.mean()), 1e-12)
    bought = np.diff(x.indptr)
    idf = np.log1p((x.shape[1] - bought + 0.5) / (bought + 0.5))
    scale = k1 * (1.0 - b + b * length / known)
    values = x.data * (k1 + 1.0) / (x.data + scale[x.indices])
    values *= np.repeat(idf, bought)
    return cosine(sp.csr_array((values, x.indices, x.indptr), shape=x.shape), 1e-9)


def ease(matrix: Any, ridge: float = 500.0) -> NDArray[np.float32]:
    """The best linear prediction of each item from all others, float32 (P, P), with a diagonal of 0.

    B = I - P / diag(P), P = (X'X + ridge I)^-1 (Steck: Embarrassingly Shallow Autoencoders for Sparse Data, 2019).
    """
    if not ridge > 0:
        raise InvalidInput(f"ridge: expected a number above 0, got {ridge!r}")
    gram = _gram(matrix)
    gram[np.diag_indices_from(gram)] += ridge
    inverse = scipy.linalg.inv(gram, overwrite_a=True, check_finite=False)
    return _hollow(-inverse / np.diag(inverse)[None, :])


def _gram(matrix: Any) -> NDArray[np.float64]:
    x = sp.csr_array(matrix, dtype=np.float64)
    if x.shape[1] > MOST_DENSE:
        raise InvalidInput(
            f"items: expected at most {MOST_DENSE:,} for a similarity of all pairs, got {x.shape[1]:,}; "
            "leave out those with few buyers"
        )
    gram: NDArray[np.float64] = (x.T @ x).toarray()
    return gram


def _hollow(similarity: NDArray[np.float64]) -> NDArray[np.float32]:
    found = similarity.astype(np.float32)
    np.fill_diagonal(found, 0.0)
    return found

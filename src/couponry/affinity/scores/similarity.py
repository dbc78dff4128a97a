"""How alike items are, by who buys them: cosine, BM25, EASE, each from one matrix of customers and items."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...utils.arrays.fixed_order import inverse_with_ridge
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp

MAX_DENSE_ITEMS = 20_000
"""Items of a dense square matrix: 1.6 GB in float32."""


def cosine(matrix: Any, shrinkage: float = 5.0) -> NDArray[np.float32]:
    """Compute the shrunk cosine of items.

    ``x_i . x_j / ((|x_i| + shrinkage) (|x_j| + shrinkage))``, x_i being the column of item i.

    Parameters
    ----------
    matrix : sparse matrix of float, shape (n_customers, n_items)
        What customers bought.
    shrinkage : float
        Added to both lengths, which keeps items of few buyers from being like each other by chance.

    Returns
    -------
    ndarray of float32, shape (n_items, n_items)
        Similarities, 0 on the diagonal.

    Raises
    ------
    InvalidInput
        If there are more than 20,000 items.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> print(cosine(sp.csr_array([[1.0, 1.0], [1.0, 0.0]]), shrinkage=0.0).round(2))
    [[0.   0.71]
     [0.71 0.  ]]
    """
    gram = _gram(matrix)
    norm = np.sqrt(np.diag(gram)) + shrinkage
    norm[norm == 0.0] = 1.0
    return _without_diagonal(gram / np.outer(norm, norm))


def bm25(matrix: Any, k1: float = 1.2, b: float = 0.75) -> NDArray[np.float32]:
    """Compute the cosine of items weighted by BM25.

    An item is the document and its buyers are the terms. The weight of an entry x is
    ``idf(customer) * x (k1 + 1) / (x + k1 (1 - b + b * length / mean length))``.

    Parameters
    ----------
    matrix : sparse matrix of float, shape (n_customers, n_items)
        What customers bought.
    k1 : float
        How soon more purchases stop counting more.
    b : float
        From 0 to 1: how much popular items are discounted.

    Returns
    -------
    ndarray of float32, shape (n_items, n_items)
        Similarities, 0 on the diagonal.

    Raises
    ------
    InvalidInput
        If there are more than 20,000 items.

    References
    ----------
    S. Robertson, H. Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond. Foundations and Trends in
    Information Retrieval 3(4), 2009, section 3.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> bm25(sp.csr_array([[1.0, 1.0], [1.0, 0.0]])).shape
    (2, 2)
    """
    x = sp.csr_array(matrix, dtype=np.float64)
    length = np.asarray(x.sum(axis=0)).ravel()
    mean_length = max(float(length.mean()), 1e-12)
    bought = np.diff(x.indptr)
    idf = np.log1p((x.shape[1] - bought + 0.5) / (bought + 0.5))
    scale = k1 * (1.0 - b + b * length / mean_length)
    values = x.data * (k1 + 1.0) / (x.data + scale[x.indices])
    values *= np.repeat(idf, bought)
    return cosine(sp.csr_array((values, x.indices, x.indptr), shape=x.shape), 1e-9)


def ease(matrix: Any, ridge: float = 500.0, keep: int | None = None) -> NDArray[np.float32]:
    """Compute the best linear prediction of each item from all others (EASE).

    ``B = I - P / diag(P)`` with ``P = (X'X + ridge I)^-1``.

    Parameters
    ----------
    matrix : sparse matrix of float, shape (n_customers, n_items)
        What customers bought.
    ridge : float
        Penalty on squared coefficients, above 0.
    keep : int, optional
        How many coefficients from each item are kept, at least 1: the largest in size, all that are as large as the
        last of them included. The others are 0. Default: all.

    Returns
    -------
    ndarray of float32, shape (n_items, n_items)
        Coefficients, from the item of the row to that of the column; 0 on the diagonal.

    Raises
    ------
    InvalidInput
        If the ridge is not above 0, or there are more than 20,000 items.

    References
    ----------
    H. Steck: Embarrassingly Shallow Autoencoders for Sparse Data. WWW 2019, section 3.1.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> print(ease(sp.csr_array([[1.0, 1.0], [1.0, 0.0]]), ridge=1.0).round(2))
    [[0.   0.33]
     [0.5  0.  ]]
    """
    if not ridge > 0:
        raise InvalidInput(f"ridge: expected a number above 0, got {ridge!r}")
    try:
        inverse = inverse_with_ridge(_gram(matrix), ridge)
    except np.linalg.LinAlgError:
        raise InvalidInput(
            "ridge: expected one that lets the matrix be inverted, got one too small"
        ) from None
    inverse /= -np.diag(inverse)[None, :]
    found = _without_diagonal(inverse)
    if keep is not None and keep < len(found):
        size = np.abs(found)
        found[size < np.partition(size, -keep, axis=1)[:, [-keep]]] = 0.0
    return found


def _gram(matrix: Any) -> NDArray[np.float64]:
    """Return X'X as a dense matrix; refuse one that would be too large."""
    x = sp.csr_array(matrix, dtype=np.float64)
    if x.shape[1] > MAX_DENSE_ITEMS:
        raise InvalidInput(
            f"items: expected at most {MAX_DENSE_ITEMS:,} for a similarity of all pairs, got {x.shape[1]:,}; "
            "leave out those with few buyers"
        )
    gram: NDArray[np.float64] = (x.T @ x).toarray()
    return gram


def _without_diagonal(similarity: NDArray[np.floating]) -> NDArray[np.float32]:
    single = similarity.astype(np.float32)
    np.fill_diagonal(single, 0.0)
    return single

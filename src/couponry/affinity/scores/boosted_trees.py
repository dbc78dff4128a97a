"""BoostedTrees: gradient-boosted trees that LightGBM trains and couponry's own kernels score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels import load
from ...kernels.affinity_contract import MOST_LEAVES, Trees
from ...utils.checks import is_number, is_whole, shown
from ...utils.errors import InvalidInput
from ...utils.suggestions import known_names
from ...utils.threads import thread_count
from .classifier import Classifier
from .lightgbm_trees import train_trees
from .logistic import sigmoid

ROWS_OF_A_THREAD = 1 << 17
"""Rows for each thread but the first: with fewer, threads wait for each other most of the time."""

BLOCK_ROWS = 1 << 12
"""Rows that are turned into columns at a time."""


class BoostedTrees(Classifier):
    """Gradient-boosted trees for an outcome that happens or not.

    LightGBM trains them (``pip install "couponry[trees]"``); what was fitted needs it no more, be it pickled or scored
    on another machine. Every backend of the kernels gives the same bits.

    Parameters
    ----------
    trees : int
        How many, at most: fewer where nothing is left to be gained. LightGBM's ``num_boost_round``.
    leaves : int
        Leaves of a tree at most, from 2 to 32; ``num_leaves``.
    learning_rate : float
        Share of each tree's step that is taken; ``learning_rate``.
    least_in_leaf : int
        Rows that a leaf has at least; ``min_data_in_leaf``.
    ridge : float
        Penalty on the squared values of leaves; ``lambda_l2``.
    feature_share : float
        Share of the features that each tree may split by, above 0, at most 1; ``feature_fraction``.
    row_share : float
        Share of the rows that each tree is trained on, above 0, at most 1; ``bagging_fraction``.
    monotone : mapping of str to int, optional
        Names of features with 1 where the log odds may not fall as the feature grows, -1 where they may not rise;
        ``monotone_constraints``.
    seed : int
        Which features and rows are drawn, where shares are below 1.

    Attributes
    ----------
    trees_ : Trees
        The ensemble as arrays; set by `fit`, as are the others.
    intercept_ : float
        Log odds that the trees start from; 0 where `fit` was given others.
    names_ : list of str
        Names of the features: those given, or of a data frame's columns, or x0, x1 and so on.
    importances_ : ndarray of float64, shape (n_features,)
        Share of each feature in what all splits took off the loss.
    starts_from_log_odds_ : bool
        Whether the trees start from log odds of each row.

    Notes
    -----
    The method is gradient boosting [1]_ with trees that grow leaf by leaf [2]_. The same rows and seed give the same
    bits on any number of threads. A row is scored by comparing it with all nodes of a tree, side by side with 63
    others; what the comparisons leave over is the leaf [3]_.

    References
    ----------
    .. [1] J. Friedman: Greedy Function Approximation: A Gradient Boosting Machine. Annals of Statistics 29 (2001).
    .. [2] G. Ke and others: LightGBM: A Highly Efficient Gradient Boosting Decision Tree. NeurIPS 2017.
    .. [3] C. Lucchese and others: QuickScorer: a Fast Algorithm to Rank Documents with Additive Ensembles of Regression
       Trees. SIGIR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from couponry.affinity import BoostedTrees
    >>> x = np.arange(400, dtype=np.float32).reshape(200, 2)
    >>> model = BoostedTrees(trees=10).fit(x, x[:, 0] > 150, names=["level", "other"])
    >>> bool(model.predict(x)[-1] > 0.6)
    True
    """

    trees_: Trees
    intercept_: float
    names_: list[str]
    importances_: NDArray[np.float64]
    starts_from_log_odds_: bool

    def __init__(
        self,
        trees: int = 200,
        leaves: int = 31,
        learning_rate: float = 0.05,
        least_in_leaf: int = 50,
        ridge: float = 1.0,
        feature_share: float = 1.0,
        row_share: float = 1.0,
        monotone: Mapping[str, int] | None = None,
        seed: int = 0,
    ):
        self.trees, self.leaves, self.learning_rate = trees, leaves, learning_rate
        self.least_in_leaf, self.ridge = least_in_leaf, ridge
        self.feature_share, self.row_share = feature_share, row_share
        self.monotone, self.seed = monotone, seed

    def fit(
        self,
        features: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        log_odds: ArrayLike | None = None,
        names: Sequence[str] | None = None,
        threads: int | None = None,
    ) -> BoostedTrees:
        """Train the trees.

        Parameters
        ----------
        features : array-like of float, shape (n_rows, n_features)
            Or a data frame. Taken as float32; finite.
        y : array-like, shape (n_rows,)
            What is to be predicted: labels of two kinds, such as False and True.
        sample_weight : array-like of float, shape (n_rows,), optional
            How much each row counts, about 1 on average, since `ridge` is held against them; with weights far below,
            no tree is split. Default: 1.
        log_odds : array-like of float, shape (n_rows,), optional
            Log odds of each row that the trees start from, such as those of a logistic model; then scores need them,
            too. Default: the same for all rows, those of all outcomes.
        names : sequence of str, optional
            Names of the features.
        threads : int, optional
            At most, fewer for few rows. Default: COUPONRY_THREADS, else all cores. The bits do not depend on it.

        Returns
        -------
        BoostedTrees
            This model.

        Raises
        ------
        InvalidInput
            If arguments make no sense, arrays do not agree or are not finite, or outcomes are all the same.
        ImportError
            If LightGBM is not installed.
        """
        settings = self._settings()
        [(x, outcome, weight)] = self._rows_of(features, y, sample_weight)
        rows, width = x.shape
        settings["num_threads"] = min(thread_count(threads), 1 + rows // ROWS_OF_A_THREAD)
        given = _names(names, getattr(self, "feature_names_in_", None), width)
        if self.monotone:
            settings["monotone_constraints"] = _directions(self.monotone, given)
        base = _log_odds_of(outcome, weight)
        start = np.full(rows, base) if log_odds is None else _start(log_odds, rows)
        self.trees_, gain = train_trees(x, outcome, weight, start, self.trees, settings)
        self.importances_ = gain / max(gain.sum(), np.finfo(np.float64).tiny)
        self.intercept_ = base if log_odds is None else 0.0
        self.names_, self.starts_from_log_odds_ = given, log_odds is not None
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there are trees."""
        return hasattr(self, "trees_")

    def log_odds(
        self, features: ArrayLike, log_odds: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Compute the log odds of rows.

        Parameters
        ----------
        features : array_like, shape (n_rows, n_features)
            In the order in which the model was fitted; taken as float32, no NaN.
        log_odds : array_like, shape (n_rows,), optional
            What the trees start from, where they were fitted with such.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            The same for a row whatever rows are beside it.

        Raises
        ------
        InvalidInput
            If features are missing or NaN, or `log_odds` are missing or not called for.
        """
        self._check_fitted()
        x = np.asarray(features, np.float32)
        if len(x) <= BLOCK_ROWS:
            return self.log_odds_of_columns(x.T, log_odds)
        start = None if log_odds is None else _start(log_odds, len(x))
        parts = [slice(first, first + BLOCK_ROWS) for first in range(0, len(x), BLOCK_ROWS)]
        return np.concatenate(
            [
                self.log_odds_of_columns(x[part].T, None if start is None else start[part])
                for part in parts
            ]
        )

    def log_odds_of_columns(
        self, columns: ArrayLike | Sequence[NDArray[np.float32]], log_odds: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Compute the log odds of rows that are given by columns, as the kernels take them; on one thread.

        Parameters
        ----------
        columns : ndarray of float32, shape (n_features, n_rows), or sequence of ndarray of float32, shape (n_rows,)
            One for each feature, in the order in which the model was fitted; no NaN.
        log_odds : array_like, shape (n_rows,), optional
            As for `log_odds`.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            The same bits as those of `log_odds`.

        Raises
        ------
        InvalidInput
            As for `log_odds`.
        """
        self._check_fitted()
        x = np.ascontiguousarray(columns, np.float32)
        if x.ndim != 2 or len(x) != len(self.names_):
            raise InvalidInput(
                f"features: expected {len(self.names_)} for each row, got an array of shape {x.shape}"
            )
        if (log_odds is not None) != self.starts_from_log_odds_:
            expected = (
                "log odds that the trees start from, as in the fit"
                if log_odds is None
                else "none: the trees were fitted without"
            )
            raise InvalidInput(f"log_odds: expected {expected}")
        rows = x.shape[1]
        # NaN is the least of a column that it is in
        for name, least in zip(self.names_, x.min(axis=1, initial=np.inf), strict=True):
            if np.isnan(least):
                raise InvalidInput(f"features: expected numbers, got NaN in {shown(name)}")
        total = np.full(rows, self.intercept_) if log_odds is None else _start(log_odds, rows)
        load().unchecked.score_trees(self.trees_, x, total)
        return total

    def add_to(
        self, total: NDArray[np.float64], columns: NDArray[np.float32], places: Sequence[int]
    ) -> None:
        """Add what the trees say of rows to their log odds, in place; on one thread.

        Parameters
        ----------
        total : ndarray of float64, shape (n_rows,)
            Log odds that the trees start from.
        columns : ndarray of float32, shape (n_columns, n_rows)
            Contiguous; no NaN.
        places : sequence of int, length n_features
            Which of the columns are the features that the trees were fitted on.
        """
        self._check_fitted()
        feature = np.asarray(places, np.int32)[self.trees_.feature]
        load().unchecked.score_trees(self.trees_._replace(feature=feature), columns, total)

    def predict(
        self, features: ArrayLike, log_odds: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Compute the probabilities of rows.

        Parameters
        ----------
        features : array_like, shape (n_rows, n_features)
            As for `log_odds`.
        log_odds : array_like, shape (n_rows,), optional
            As for `log_odds`.

        Returns
        -------
        ndarray of float32, shape (n_rows,)
            Probabilities.
        """
        return sigmoid(self.log_odds(features, log_odds)).astype(np.float32)

    def predict_columns(
        self, columns: ArrayLike | Sequence[NDArray[np.float32]], log_odds: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Compute the probabilities of rows that are given by columns.

        Parameters
        ----------
        columns : ndarray of float32, shape (n_features, n_rows), or sequence of ndarray of float32, shape (n_rows,)
            As for `log_odds_of_columns`.
        log_odds : array_like, shape (n_rows,), optional
            As for `log_odds`.

        Returns
        -------
        ndarray of float32, shape (n_rows,)
            The same bits as those of `predict`.
        """
        return sigmoid(self.log_odds_of_columns(columns, log_odds)).astype(np.float32)

    def _settings(self) -> dict[str, Any]:
        """Return the arguments as LightGBM's parameters, but for those that are about single features."""
        _check_whole(self.trees, "trees", 1, 100_000)
        _check_whole(self.leaves, "leaves", 2, MOST_LEAVES)
        _check_whole(self.least_in_leaf, "least_in_leaf", 1, 2**31 - 1)
        _check_whole(self.seed, "seed", 0, 2**31 - 1)
        _check_number(self.learning_rate, "learning_rate", 0.0, 1.0)
        _check_number(self.feature_share, "feature_share", 0.0, 1.0)
        _check_number(self.row_share, "row_share", 0.0, 1.0)
        if not is_number(self.ridge) or not 0.0 <= self.ridge < np.inf:
            raise InvalidInput(f"ridge: expected a number from 0, got {shown(self.ridge)}")
        return {
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.least_in_leaf,
            "lambda_l2": self.ridge,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "seed": self.seed,
        }


def _names(
    names: Sequence[str] | None, of_columns: NDArray[np.object_] | None, width: int
) -> list[str]:
    """Return the names of the features."""
    if names is None:
        return [f"x{i}" for i in range(width)] if of_columns is None else of_columns.tolist()
    given = list(names)
    if len(given) != width:
        raise InvalidInput(f"names: expected {width}, one for each feature, got {len(given)}")
    return given


def _log_odds_of(outcome: NDArray[np.bool_], weight: NDArray[np.float32]) -> float:
    """Return the log odds of all outcomes together."""
    total, positive = weight.sum(dtype=np.float64), weight[outcome].sum(dtype=np.float64)
    if not 0.0 < positive < total:
        raise InvalidInput(
            "fit: expected rows with and rows without the outcome, got only one kind"
        )
    return float(np.log(positive / (total - positive)))


def _directions(monotone: Mapping[str, int], names: list[str]) -> list[int]:
    """Return 1, -1 or 0 for each feature."""
    for name, direction in monotone.items():
        if name not in names:
            raise InvalidInput(
                f"monotone: there is no feature {shown(name)}{known_names(name, names, 'there are')}"
            )
        if direction not in (-1, 0, 1):
            raise InvalidInput(
                f"monotone: expected 1, 0 or -1 for {shown(name)}, got {shown(direction)}"
            )
    return [int(monotone.get(name, 0)) for name in names]


def _check_whole(value: Any, label: str, least: int, most: int) -> None:
    if not is_whole(value) or not least <= value <= most:
        raise InvalidInput(
            f"{label}: expected a whole number from {least} to {most}, got {shown(value)}"
        )


def _check_number(value: Any, label: str, above: float, most: float) -> None:
    if not is_number(value) or not above < value <= most:
        raise InvalidInput(
            f"{label}: expected a number above {above:g}, up to {most:g}, got {shown(value)}"
        )


def _start(log_odds: ArrayLike, rows: int) -> NDArray[np.float64]:
    """Return a copy of the log odds that the trees start from."""
    start = np.array(log_odds, np.float64)
    if start.shape != (rows,) or not np.isfinite(start).all():
        raise InvalidInput(
            f"log_odds: expected {rows:,} finite numbers, got an array of shape {start.shape}"
        )
    return start

"""BoostedRegression: a regression of pairs, and trees that go on from its log odds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.scores_contract import PairOdds
from ...utils.checks import shown
from ...utils.errors import InvalidInput
from . import lightgbm_trees
from .boosted_trees import BoostedTrees
from .logistic import Columns, LogisticRegression, Sample
from .own.scaled_log_odds import ScaledLogOdds

LEFT_OUT = ("bought_", "per_trip_", "trips_")
"""Features at many half-lives, of which trees take every second from the third: the others say the same to them."""

FEW_HALF_LIVES = 4
"""Up to so many, trees take all but the shortest."""

FOR_LINES = frozenset(
    {
        "once",
        "twice",
        "once_repeat_rate",
        "overdue_squared",
        "item_overdue_squared",
        "overdue_repeat_rate",
        "overdue_item_gap",
        "overdue_buyers",
    }
)
"""Features that bend or cross others for a logistic model, which trees do by themselves."""

LEAST_WEIGHT = np.float32(1e-9)
"""Below which a window's mean weight is as good as none."""


class BoostedRegression(ScaledLogOdds):
    """Log odds of a regression, and of trees that start from them.

    Windows count the same for trees, which go on with what they saw last where a feature lies beyond it: so earlier
    windows do them no harm.

    Parameters
    ----------
    base : LogisticRegression
        Where the trees start; fitted.
    trees : BoostedTrees
        Settings of the trees; they are not fitted themselves.
    names : list of str
        Names of the features.

    Attributes
    ----------
    trees_ : BoostedTrees
        Set by `fit`.
    places_ : list of int
        The features that the trees take.
    """

    trees_: BoostedTrees
    places_: list[int]

    def __init__(self, base: LogisticRegression, trees: BoostedTrees, names: list[str]):
        super().__init__(base.ridge)
        self.base, self.trees, self.names = base, trees, names

    def fit(
        self, samples: Iterable[Sample] | Any, y: Any = None, sample_weight: Any = None
    ) -> BoostedRegression:
        """Fit the trees.

        Parameters
        ----------
        samples : iterable of Sample, or array-like of float, shape (n_rows, n_features)
            Features, outcome and weight of each row; or a matrix of features.
        y, sample_weight : array-like, shape (n_rows,), optional
            With a matrix: labels of two kinds, and how much each row counts.

        Returns
        -------
        BoostedRegression
            This model.

        Raises
        ------
        InvalidInput
            If outcomes are all the same.
        ImportError
            If LightGBM is not installed.
        """
        parts = [Sample(*rows) for rows in self._rows_of(samples, y, sample_weight)]
        self.places_ = features_of_trees(self.names)
        features, outcome, weight, start = (
            np.concatenate(columns)
            for columns in zip(
                *(
                    (
                        part.features[:, self.places_],
                        part.outcome,
                        part.weight / max(part.weight.mean(), LEAST_WEIGHT),
                        self.base.log_odds(part.features),
                    )
                    for part in parts
                ),
                strict=True,
            )
        )
        names = [self.names[place] for place in self.places_]
        self.trees_ = BoostedTrees(**self.trees.get_params()).fit(
            features, outcome, weight, log_odds=start, names=names
        )
        self._as_they_are()
        return self

    def log_odds_of_columns(self, columns: Columns) -> NDArray[np.float64]:
        """Compute the log odds of rows that are given by columns.

        Parameters
        ----------
        columns : sequence of ndarray of float32, shape (n_rows,), or ndarray, shape (n_features, n_rows)
            One for each feature, in the order in which the model was fitted; those of a matrix are not copied.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        start = self.base.log_odds_of_columns(columns)
        if isinstance(columns, np.ndarray) and columns.flags.c_contiguous:
            self.trees_.add_to(start, columns, self.places_)
            return self.scaled(start)
        taken = np.stack([columns[place] for place in self.places_])
        return self.scaled(self.trees_.log_odds_of_columns(taken, start))


def pair_odds_of(regression: LogisticRegression) -> PairOdds | None:
    """Return what the kernel of log odds of pairs takes in place of a regression, if it can.

    Parameters
    ----------
    regression : LogisticRegression
        Fitted.

    Returns
    -------
    PairOdds or None
        A BoostedRegression scales what its trees come to. None: it is no linear model, nor does it go on from one.
    """
    if isinstance(regression, BoostedRegression):
        model, trees = pair_odds_of(regression.base), regression.trees_.trees_
        feature = np.asarray(regression.places_, np.int32)[trees.feature]
        return None if model is None else model._replace(trees=trees._replace(feature=feature))
    if type(regression) is not LogisticRegression:
        return None
    return PairOdds.linear(regression.intercept_, regression.coef_)


def features_of_trees(names: list[str]) -> list[int]:
    """Return which features trees take: not all half-lives, and no crossed features.

    Parameters
    ----------
    names : list of str
        Names of the features of pairs.

    Returns
    -------
    list of int
        Positions, ascending.
    """
    half_lives = [name.removeprefix("bought_") for name in names if name.startswith("bought_")]
    kept = set(half_lives[2::2] if len(half_lives) > FEW_HALF_LIVES else half_lives[1:])
    return [
        place
        for place, name in enumerate(names)
        if name not in FOR_LINES
        and not (name.startswith(LEFT_OUT) and name.rpartition("_")[2] not in kept)
    ]


def trees_to_fit(
    given: Any, settings: Mapping[str, Any], *, usual: bool
) -> tuple[BoostedTrees | None, list[str]]:
    """Return the trees that are to be fitted, and why there are none where some are usual.

    Parameters
    ----------
    given : bool or BoostedTrees, optional
        What a model was told.
    settings : mapping of str to object
        Arguments of the trees unless they are given.
    usual : bool
        Whether there are trees where nothing is given.

    Returns
    -------
    trees : BoostedTrees or None
    notes : list of str

    Raises
    ------
    InvalidInput
        If something else is given.
    """
    if isinstance(given, BoostedTrees):
        return given, []
    if given is not None and not isinstance(given, bool):
        raise InvalidInput(f"trees: expected True, False or BoostedTrees, got {shown(given)}")
    if not (usual if given is None else given):
        return None, []
    if given is None and not lightgbm_trees.is_installed():
        return None, [
            'the model has no trees, which rank better: they need LightGBM (pip install "couponry[trees]")'
        ]
    return BoostedTrees(**settings), []

"""Blend: how much of a model's log odds is taken, and how much of the simple score's, as validation has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....kernels.hashing import scatter
from ....utils.arrays.fixed_order import dot_in_order
from ....utils.errors import InvalidInput
from ..logistic import LARGEST_LOG_ODDS, LogisticRegression, Sample, sigmoid
from .level import Level, moved
from .ranking import ndcg_by_customer

SHARES = (0.0, 0.25, 0.5, 0.75)
"""Shares of the model that are tried. Not the whole of it: where weeks 17 to 24 of the Complete Journey are predicted,
a quarter of the simple score lets lists gain 0.0004 to 0.0015, or, with product types from week 21 on, nothing."""

MOST_ROWS = 1 << 17
"""Rows that a model is fitted on for validation, about: more change its ranking little."""

LEAST_SHARE = 2 / 3
"""Length of an earlier window's history against the latest one's, from which a model of it may be judged on that."""

LEAST_BUYERS = 20
"""Customers that bought again in a validation, below which it says nothing."""

HALVINGS = 40
"""Of the range of an intercept that is searched."""

LogOdds = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""From features, shape (n_rows, n_features), to log odds."""


class WindowRows(NamedTuple):
    """Rows of a window that a model is fitted on, by customer.

    Attributes
    ----------
    sample : Sample
        Features, outcome and weight of each pair.
    simple : ndarray of float32, shape (n_rows,)
        Logarithm of the simple score of each.
    customers : pyarrow.Array, shape (n_customers,)
        Ids.
    indptr : ndarray of int64, shape (n_customers + 1,)
        Rows of customer i are ``indptr[i]:indptr[i + 1]``.
    weight : float
        Of the window: the weight of each of its pairs where they count the same.
    periods : int
        That the window's history covers.
    """

    sample: Sample
    simple: NDArray[np.float32]
    customers: pa.Array
    indptr: NDArray[np.int64]
    weight: float
    periods: int

    def alike(self, features: NDArray[np.float32] | None = None) -> Sample:
        """Return the sample with pairs that count the same, of these features or others.

        Parameters
        ----------
        features : ndarray of float32, shape (n_rows, n_features), optional

        Returns
        -------
        Sample
        """
        given, outcome, _ = self.sample
        weight = np.full(len(outcome), self.weight, np.float32)
        return Sample(given if features is None else features, outcome, weight)

    def level(self) -> Level:
        """Return how much was bought again."""
        bought = int(self.sample.outcome.sum())
        return Level(bought / max(len(self.customers), 1), self.periods)

    def of_customers(self, kept: NDArray[np.bool_]) -> WindowRows:
        """Return the rows of some of the customers.

        Parameters
        ----------
        kept : ndarray of bool, shape (n_customers,)

        Returns
        -------
        WindowRows
        """
        count = np.diff(self.indptr)
        rows = np.repeat(kept, count)
        features, outcome, weight = self.sample
        return self._replace(
            sample=Sample(features[rows], outcome[rows], weight[rows]),
            simple=self.simple[rows],
            customers=self.customers.filter(pa.array(kept)),
            indptr=np.append(0, np.cumsum(count[kept])),
        )


Fit = Callable[[Sequence[WindowRows]], Sequence[LogOdds]]
"""Fits models on windows; returns what predicts."""

Validation = dict[float, NDArray[np.float64]]
"""NDCG of each customer who bought again, by share of a model."""


@dataclass(frozen=True)
class Blend:
    """Log odds of a model and of the simple score in one.

    Attributes
    ----------
    share : float
        Of the model, from 0 to 0.75; the rest is the simple score's.
    simple : LogisticRegression
        From the logarithm of the simple score to log odds.
    calibration : LogisticRegression, optional
        From blended log odds to those of the windows; None where the share is 0.
    ndcg : dict of float to float
        What each share came to in validation: mean NDCG at 20 of customers who bought again. Empty where there was
        none.
    note : str, optional
        Why the model is not taken whole.
    """

    share: float
    simple: LogisticRegression
    calibration: LogisticRegression | None
    ndcg: dict[float, float]
    note: str | None

    def moved(self, shift: float) -> Blend:
        """Return the same blend with log odds to which a number is added.

        Parameters
        ----------
        shift : float

        Returns
        -------
        Blend
        """
        if self.calibration is None:
            return replace(self, simple=moved(self.simple, shift))
        return replace(self, calibration=moved(self.calibration, shift))

    def log_odds(
        self, of_model: NDArray[np.float64], simple: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Blend log odds.

        Parameters
        ----------
        of_model : ndarray of float64, shape (n_rows,)
            Log odds of the model.
        simple : ndarray of float32, shape (n_rows,)
            Logarithm of the simple score.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        of_simple = self.simple.log_odds_of_columns([simple])
        if self.calibration is None:
            return of_simple
        blended = _blended(self.share, of_model, of_simple)
        return self.calibration.log_odds_of_columns([blended.astype(np.float32)])


def validation_of(
    windows: Sequence[WindowRows], fit: Fit, *, trusted: bool = True
) -> list[Validation]:
    """Rank each share of each of several models in validation.

    Models of the earlier windows are judged on the latest. Where there is no earlier one, or none with a history about
    as long, models of each half of the customers are judged on the other half.

    Parameters
    ----------
    windows : sequence of WindowRows
        Those that the models are fitted on, the latest last.
    fit : callable
        Fits such models.
    trusted : bool
        False: the simple score alone, without validation.

    Returns
    -------
    list of dict of float to ndarray of float64, shape (n_buyers,)
        The NDCG of each customer who bought again by share, for each model; empty where validation says nothing.
    """
    return _validated(windows, fit) if trusted else []


def best_of(validation: Validation) -> float:
    """Return what the share that ranks best came to in validation.

    Parameters
    ----------
    validation : dict
        Of a model, as from `validation_of`.

    Returns
    -------
    float
        Mean NDCG.
    """
    return max(float(values.mean()) for values in validation.values())


def blend_of(
    windows: Sequence[WindowRows],
    model: LogOdds,
    ndcg: Validation | None,
    *,
    trusted: bool = True,
) -> Blend:
    """Choose the share of a model that ranked best in validation.

    Parameters
    ----------
    windows : sequence of WindowRows
        Those that the model was fitted on, the latest last.
    model : callable
        The log odds of the model that was fitted on all of them.
    ndcg : dict, optional
        Of the model, as from `validation_of`; None: validation says nothing.
    trusted : bool
        As for it.

    Returns
    -------
    Blend
    """
    simple = _of_simple_score(windows, trusted=trusted)
    if ndcg is None:
        why = "too few customers bought again for a model to be validated"
        if not trusted:
            why = "the history before the latest window is too short for a model"
        return Blend(0.0, simple, None, {}, why)
    share, note, calibration = _largest_as_good(ndcg), None, None
    if share == 0.0:
        note = "the model ranks no better than decayed purchases x repeat rate in validation"
    if share > 0.0:
        blended = [
            _blended(share, model(rows.sample.features), _log_odds(simple, rows))
            for rows in windows
        ]
        calibration = _rising(blended, windows)
    means = {tried: float(values.mean()) for tried, values in ndcg.items()}
    return Blend(share, simple, calibration, means, note)


def _largest_as_good(ndcg: Validation) -> float:
    """Return the largest share that is within a standard error of the best one, and not below the simple score.

    Validation is of fewer rows and of older windows than the model itself, which can be trusted more than it shows.
    """
    best = max(ndcg, key=lambda share: float(ndcg[share].mean()))

    def is_as_good(share: float) -> bool:
        less = ndcg[best] - ndcg[share]
        error = float(less.std()) / len(less) ** 0.5
        return bool(less.mean() <= error and ndcg[share].mean() >= ndcg[0.0].mean())

    return max(share for share in ndcg if is_as_good(share))


def _validated(windows: Sequence[WindowRows], fit: Fit) -> list[Validation]:
    """Return the NDCG of each customer by share, for each model; none where too few customers bought again."""
    found: list[list[Validation]] = []
    for train, test in _splits(windows):
        try:
            of_models = [log_odds(test.sample.features) for log_odds in fit(train)]
            of_simple = _log_odds(_of_simple_score(train), test)
        except InvalidInput:  # nothing to learn from, or the contrary of what is to be learned
            return []
        found.append([_judged(test, of_model, of_simple) for of_model in of_models])
    by_model = [
        {share: np.concatenate([part[share] for part in parts]) for share in SHARES}
        for parts in zip(*found, strict=True)
    ]
    return by_model if len(by_model[0][0.0]) >= LEAST_BUYERS else []


def _judged(
    test: WindowRows, of_model: NDArray[np.float64], of_simple: NDArray[np.float64]
) -> Validation:
    """Return the NDCG of each customer who bought again, by share."""
    return {
        share: ndcg_by_customer(
            _blended(share, of_model, of_simple), test.sample.outcome, test.indptr
        )
        for share in SHARES
    }


def _splits(windows: Sequence[WindowRows]) -> list[tuple[list[WindowRows], WindowRows]]:
    """Return what is fitted on, and what that is judged on."""
    *earlier, latest = windows
    if any(rows.periods >= LEAST_SHARE * latest.periods for rows in earlier):
        return [(_thinned(earlier), latest)]
    found = []
    for half in (0, 1):
        train = [rows.of_customers(_halves(rows, latest) == half) for rows in windows]
        found.append((_thinned(train), latest.of_customers(_halves(latest, latest) != half)))
    return found


def _halves(rows: WindowRows, latest: WindowRows) -> NDArray[np.uint64]:
    """Return 0 or 1 for each customer, the same in each window, whatever their ids are."""
    return scatter(_places(rows, latest)) & np.uint64(1)


def _thinned(windows: Sequence[WindowRows]) -> list[WindowRows]:
    """Return about MOST_ROWS rows, all those of some customers."""
    one_in = np.uint64(-(-sum(len(rows.simple) for rows in windows) // MOST_ROWS))
    if one_in <= 1:
        return list(windows)
    found = []
    for rows in windows:
        bits = scatter(_places(rows, windows[-1])) >> np.uint64(8)  # not the one that halves
        found.append(rows.of_customers(bits % one_in == 0))
    return found


def _places(rows: WindowRows, latest: WindowRows) -> NDArray[np.uint64]:
    """Return where customers are among the latest window's; those who left are all in one place."""
    return tables.positions(rows.customers, latest.customers).astype(np.uint64)


def _of_simple_score(windows: Sequence[WindowRows], *, trusted: bool = True) -> LogisticRegression:
    """Return log odds by the logarithm of the simple score; in proportion to it where windows are not to be trusted."""
    scores = [rows.simple for rows in windows]
    return _rising(scores, windows) if trusted else _proportional(scores, windows)


def _log_odds(simple: LogisticRegression, rows: WindowRows) -> NDArray[np.float64]:
    return simple.log_odds_of_columns([rows.simple])


def _blended(
    share: float, of_model: NDArray[np.float64], of_simple: NDArray[np.float64]
) -> NDArray[np.float64]:
    return share * of_model + (1.0 - share) * of_simple


def _rising(
    scores: Sequence[NDArray[np.floating]], windows: Sequence[WindowRows]
) -> LogisticRegression:
    """Return a logistic model of one score that never falls with it; pairs count the same."""
    fitted = LogisticRegression(0.0).fit(
        rows.alike(score.astype(np.float32)[:, None])
        for score, rows in zip(scores, windows, strict=True)
    )
    return fitted if fitted.coef_[0] > 0.0 else _proportional(scores, windows)


def _proportional(
    scores: Sequence[NDArray[np.floating]], windows: Sequence[WindowRows]
) -> LogisticRegression:
    """Return a logistic model of one score that is a logarithm: odds in proportion to what it is the logarithm of."""
    model = LogisticRegression(0.0)
    model.coef_ = np.ones(1)
    score = np.concatenate(scores).astype(np.float64)
    weight = np.concatenate([np.full(len(rows.simple), rows.weight) for rows in windows])
    happened = dot_in_order(weight, np.concatenate([rows.sample.outcome for rows in windows]))
    low, high = -LARGEST_LOG_ODDS - score.max(), LARGEST_LOG_ODDS - score.min()
    for _ in range(HALVINGS):
        model.intercept_ = float(low + high) / 2.0
        if dot_in_order(weight, sigmoid(score + model.intercept_)) < happened:
            low = model.intercept_
        else:
            high = model.intercept_
    return model

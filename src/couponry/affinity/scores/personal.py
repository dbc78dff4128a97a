"""Scores of what customers bought before: frequency times repeat rate, or a fitted probability to buy it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...utils.errors import InvalidInput
from ...utils.parallel import parallel_map, worker_count
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from .logistic import LogisticRegression, Sample
from .personal_features import Codes, personal_features, stretches

Window = tuple[PurchaseHistory, PurchaseHistory]
FEWEST = 8.0  # purchases below which a customer's pairs weigh no more


class RepeatScore:
    """Decayed frequency x the item's repeat rate ** power: nothing to fit but the repeat rates. Not a probability.

    half_life: in weeks, one of the history's, or between two of them: then interpolated.

    After `fit`: repeat_rate_ float64 (P), items_ the ids that they belong to.
    """

    repeat_rate_: NDArray[np.float64]

    def __init__(self, half_life: float = 16.0, power: float = 0.5):
        self.half_life, self.power = half_life, power

    def fit(self, history: PurchaseHistory) -> RepeatScore:
        if self.half_life not in history.half_lives:
            raise InvalidInput(
                f"half_life: expected one of the history's, {', '.join(f'{x:g}' for x in history.half_lives)}, "
                f"got {self.half_life:g}"
            )
        self.repeat_rate_, self.items_ = ItemStatistics.of(history).repeat_rate, history.items
        return self

    def score(self, history: PurchaseHistory) -> NDArray[np.float32]:
        """Scores of the pairs of a history (e), float32; items that were not there when fitted score 0."""
        weight = _by_id(self.repeat_rate_**self.power, self.items_, history, 0.0)
        h = history.half_lives.index(self.half_life)
        found = np.empty(len(history), np.float32)
        for start, stop in stretches(history):
            part = slice(int(history.indptr[start]), int(history.indptr[stop]))
            found[part] = history.decay(part)[:, h] * weight[history.item[part]]
        return found


class PersonalModel:
    """The probability that a customer buys again, within a window, what the customer bought before.

    A logistic model on `personal_features`, fitted on an earlier window in seconds and so calibrated for windows of
    the same length.

    groups: by name, such as category and brand, the group of each item: a mapping from names to arrays that are
    aligned with the items of every history given (see `catalogue.codes`), or a function from a history to that.
    ridge: see LogisticRegression. by_customer: whether every customer counts the same however much was bought; it
    ranks better for those who buy little. Probabilities are calibrated for pairs either way.

    After `fit`: names_ (of the features), regression_ (a LogisticRegression).
    """

    names_: list[str]
    regression_: LogisticRegression

    def __init__(self, groups: Any = None, *, ridge: float = 1.0, by_customer: bool = False):
        self.groups, self.ridge, self.by_customer = groups, ridge, by_customer

    def fit(self, windows: Sequence[Window]) -> PersonalModel:
        """windows: (history, what was bought in the window after it), each with the same half-lives."""
        samples = []
        for history, later in windows:
            check_window(history, later)
            names, features = self._features(history)
            self.names_ = names
            outcome = bought_again(history, later)
            samples.append(Sample(features, outcome, self._weight(history, outcome)))
        if not samples:
            raise InvalidInput("windows: expected at least one, got none")
        self.regression_ = LogisticRegression(self.ridge).fit(samples)
        if self.by_customer:
            self.regression_.calibrated([unweighted(sample) for sample in samples])
        return self

    def score(self, history: PurchaseHistory) -> NDArray[np.float32]:
        """Probabilities of the pairs of a history (e), float32; the same bits for any number of threads."""
        found = np.empty(len(history), np.float32)
        at = 0
        for part in parallel_map(self._predicted(history), stretches(history), worker_count()):
            found[at : at + len(part)] = part
            at += len(part)
        return found

    def _predicted(self, history: PurchaseHistory) -> Any:
        statistics, groups = ItemStatistics.of(history), codes_of(self.groups, history)

        def of(stretch: tuple[int, int]) -> NDArray[np.float32]:
            features = personal_features(history, statistics, groups, *stretch)
            if list(features) != self.names_:
                raise InvalidInput(
                    "history: expected the half-lives and groups that the model was fitted with"
                )
            return self.regression_.predict(np.stack(list(features.values()), axis=1))

        return of

    def _features(self, history: PurchaseHistory) -> tuple[list[str], NDArray[np.float32]]:
        statistics, groups = ItemStatistics.of(history), codes_of(self.groups, history)

        def of(stretch: tuple[int, int]) -> tuple[list[str], NDArray[np.float32]]:
            features = personal_features(history, statistics, groups, *stretch)
            return list(features), np.stack(list(features.values()), axis=1)

        parts = list(parallel_map(of, stretches(history), worker_count()))
        if not parts:
            raise InvalidInput("windows: expected a history with purchases, got one without")
        return parts[0][0], np.concatenate([features for _, features in parts])

    def _weight(self, history: PurchaseHistory, outcome: NDArray[np.bool_]) -> NDArray[np.float32]:
        if not self.by_customer:
            return np.ones(len(outcome), np.float32)
        summed = np.concatenate([[0], np.cumsum(outcome)])
        bought = summed[history.indptr[1:]] - summed[history.indptr[:-1]]
        weight = 1.0 / np.maximum(bought, FEWEST)
        weight *= len(outcome) / max(float((weight * np.diff(history.indptr)).sum()), 1e-9)
        return np.repeat(weight, np.diff(history.indptr)).astype(np.float32)


def codes_of(groups: Any, history: PurchaseHistory) -> Codes:
    """The groups of a history's items, by name."""
    found = groups(history) if callable(groups) else groups or {}
    for name, codes in found.items():
        if len(codes) != len(history.items):
            raise InvalidInput(
                f"groups, {name!r}: expected one for each of {len(history.items):,} items, got {len(codes):,}"
            )
    return found


def unweighted(sample: Sample) -> Sample:
    """The same with every row counting the same."""
    return sample._replace(weight=np.ones(len(sample.outcome), np.float32))


def check_window(history: PurchaseHistory, later: PurchaseHistory) -> None:
    """Refuse a window that is not after its history: what is to be foretold would be known."""
    if later.unit != history.unit or later.start <= history.until:
        raise InvalidInput(
            f"windows: expected purchases after {history.unit} {history.until}, the last of their history, "
            f"got those from {later.unit} {later.start} on"
        )


def bought_again(history: PurchaseHistory, later: PurchaseHistory) -> NDArray[np.bool_]:
    """Whether each pair of a history is in another one, too (e)."""
    return np.isin(_keys(history, history), _keys(later, history))


def _keys(history: PurchaseHistory, known: PurchaseHistory) -> NDArray[np.int64]:
    """customer * P + item by the ids of another history; pairs of which it knows one half alone are left out."""
    customer = tables.positions(history.customers, known.customers)
    item = tables.positions(history.items, known.items)
    who = np.repeat(customer, np.diff(history.indptr))
    what = item[history.item]
    both = (who >= 0) & (what >= 0)
    return who[both] * max(len(known.items), 1) + what[both]


def _by_id(
    values: NDArray[np.float64], items: Any, history: PurchaseHistory, missing: float
) -> NDArray[np.float32]:
    """Values by the ids of items, for the items of a history."""
    place = tables.positions(history.items, items)
    return np.where(place >= 0, values[place], missing).astype(np.float32)

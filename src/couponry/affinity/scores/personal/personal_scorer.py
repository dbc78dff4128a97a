"""PersonalScorer: probabilities of some of a history's customers at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....utils.arrays.blocks import row_blocks
from ...history.purchase_history import PurchaseHistory
from ..boosted_regression import pair_odds_of
from ..features import check_feature_names, customer_blocks
from ..guards.blend import Blend
from ..guards.simple_score import log_simple_score
from ..logistic import LogisticRegression, sigmoid
from ..own.own_columns import OwnFeatures
from ..own.scaled_log_odds import ScaledLogOdds
from .item_knowledge import ItemKnowledge
from .near_items import NearItems
from .personal_features import (
    feature_names,
    pair_log_odds,
    personal_features,
    write_features,
)

BLOCK_ASKED = 1 << 16
"""Pairs that are asked about at a time, some of those of their customers: all of most ranges. What Python does once for
each block is a tenth of the time of blocks of an eighth."""

MOST_LIKELY = np.float32(1.0 - 2.0**-24)
"""The largest probability in float32 below 1: odds are taken of it."""


@dataclass(frozen=True)
class PersonalScorer:
    """Predicts the probabilities of ranges of a history's customers; made by `PersonalModel.scorer`.

    Attributes
    ----------
    names : list of str
        Features that the model was fitted with.
    regression : LogisticRegression
        The model of them.
    blend : Blend or None
        How much of it is taken; None: all.
    history : PurchaseHistory
    items : ItemKnowledge
        Of the history's items.
    own : OwnFeatures
        The user's columns.
    asked : ndarray of bool, shape (n_items,), optional
        The history's items that are asked about; None: all.
    near : NearItems, optional
        What `items.near` is taken from.
    """

    names: list[str]
    regression: LogisticRegression
    blend: Blend | None
    history: PurchaseHistory
    items: ItemKnowledge
    own: OwnFeatures
    asked: NDArray[np.bool_] | None = None
    near: NearItems | None = None

    def of(self, history: PurchaseHistory) -> PersonalScorer:
        """Return what predicts the probabilities of other customers; several threads may ask at a time.

        Parameters
        ----------
        history : PurchaseHistory
            With the same items, half-lives and unit, and as many periods.

        Returns
        -------
        PersonalScorer
        """
        near = self.items.near
        if near is not None and self.near is not None:
            near = near._replace(seen=self.near.seen(history))
        items, own = self.items.seen_by(near), self.own.of(history)
        return replace(self, history=history, items=items, own=own)

    def score(self, start: int, stop: int) -> NDArray[np.float32]:
        """Predict the probabilities of the pairs of the customers start <= i < stop.

        Parameters
        ----------
        start, stop : int
            Range of customers.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities to buy again within a window; 0 of items that are not asked about.
        """
        first, end = (int(self.history.indptr[customer]) for customer in (start, stop))
        if self.asked is None:
            found = [np.zeros(0, np.float32)]
            for block in customer_blocks(self.history, start, stop):
                found.append(self._of_block(*block, None))
            return np.concatenate(found)
        scores = np.zeros(end - first, np.float32)
        asked = np.flatnonzero(self.asked.take(self.history.item[first:end]))
        ends = np.searchsorted(asked, self.history.indptr[start : stop + 1] - first)
        for few, many in row_blocks(ends, BLOCK_ASKED):
            some = asked[ends[few] : ends[many]]
            begin = int(self.history.indptr[start + few]) - first
            scores[some] = self._of_block(start + few, start + many, some - begin)
        return scores

    def _of_block(
        self, start: int, stop: int, asked: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        """Predict the probabilities of the pairs of some customers that are asked about."""
        history = self.history
        first, end = (int(history.indptr[customer]) for customer in (start, stop))
        pairs = np.arange(first, end) if asked is None else asked + first
        log_odds = self._model_log_odds(start, stop, pairs, asked)
        if self.blend is not None:
            rate = self.items.features["repeat_rate"][history.item[pairs]]
            log_odds = self.blend.log_odds(log_odds, log_simple_score(history, rate, pairs))
        return np.minimum(sigmoid(log_odds).astype(np.float32), MOST_LIKELY)

    def _model_log_odds(
        self, start: int, stop: int, pairs: NDArray[np.int64], asked: NDArray[np.int64] | None
    ) -> NDArray[np.float64]:
        """Return the log odds of the model alone; features are made and used tile by tile, if they may be."""
        if self.own:
            features = personal_features(self.history, self.items, start, stop, self.own, asked)
            check_feature_names(features, self.names)
            return self.regression.log_odds_of_columns(list(features.values()))
        check_feature_names(feature_names(self.history, self.items), self.names)
        model, customers = pair_odds_of(self.regression), (start, stop)
        if model is not None:
            found = pair_log_odds(self.history, self.items, customers, pairs, model)
            if isinstance(self.regression, ScaledLogOdds):
                return self.regression.scaled(found)
            return found
        values: NDArray[np.float32] = np.empty((len(self.names), len(pairs)), np.float32)
        write_features(self.history, self.items, customers, pairs, values)
        return self.regression.log_odds_of_columns(values)

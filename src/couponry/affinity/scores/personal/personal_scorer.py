"""PersonalScorer: probabilities of some of a history's customers at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...history.purchase_history import PurchaseHistory
from ..features import check_feature_names, customer_blocks
from ..guards.blend import Blend
from ..guards.simple_score import log_simple_score
from ..logistic import LogisticRegression, sigmoid
from ..own.own_columns import OwnFeatures
from .item_knowledge import ItemKnowledge
from .personal_features import personal_features

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
    """

    names: list[str]
    regression: LogisticRegression
    blend: Blend | None
    history: PurchaseHistory
    items: ItemKnowledge
    own: OwnFeatures

    def score(self, start: int, stop: int) -> NDArray[np.float32]:
        """Predict the probabilities of the pairs of the customers start <= i < stop.

        Parameters
        ----------
        start, stop : int
            Range of customers.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities to buy again within a window.
        """
        indptr, blend = self.history.indptr, self.blend
        first = int(indptr[start])
        scores = np.empty(int(indptr[stop]) - first, np.float32)
        for block in customer_blocks(self.history, start, stop):
            pairs = slice(*(int(indptr[customer]) for customer in block))
            features = personal_features(self.history, self.items, *block, self.own)
            check_feature_names(features, self.names)
            log_odds = self.regression.log_odds_of_columns(list(features.values()))
            if blend is not None:
                rate = self.items.features["repeat_rate"][self.history.item[pairs]]
                simple = log_simple_score(self.history, rate, pairs)
                log_odds = blend.log_odds(log_odds, simple)
            found = sigmoid(log_odds).astype(np.float32)
            scores[pairs.start - first : pairs.stop - first] = np.minimum(found, MOST_LIKELY)
        return scores

"""From purchases to candidates: histories, scores, response to coupons, and the top offers of each customer.

transactions ──▶ PurchaseHistory ──▶ scores (personal, discovery, response) ──▶ candidates
"""

from __future__ import annotations

import warnings
from typing import Any

from .candidates.assortment import Assortment
from .candidates.candidate_model import CandidateModel
from .candidates.choosing.factor_chooser import FactorChooser
from .candidates.choosing.offer_chooser import OfferChooser
from .candidates.top_offers import TopOffers
from .history.catalogue import Catalogue
from .history.item_statistics import ItemStatistics
from .history.purchase_history import PurchaseHistory
from .response.depth_response import DepthResponse
from .response.incremental import IncrementalBounds, incremental_bounds, incremental_value
from .response.redemption_rates import recent_shift, redemption_rates
from .response.response_model import ResponseModel, calibration_shift, variants
from .scores.boosted_trees import BoostedTrees
from .scores.discovery.discovery_scores import DiscoveryScores
from .scores.discovery_model import DiscoveryModel
from .scores.item_neighbours import Neighbours, PrecomputedSimilarity
from .scores.joint_model import JointModel, JointScores
from .scores.logistic import LogisticRegression, Sample
from .scores.offer_neighbours import offer_neighbours
from .scores.own.own_columns import OwnColumn
from .scores.own.own_scores import OwnScores
from .scores.personal.personal_model import PersonalModel
from .scores.repeat_score import RepeatScore
from .scores.similarity import bm25, cosine, ease

__all__ = [
    "Assortment",
    "BoostedTrees",
    "CandidateModel",
    "Catalogue",
    "DepthResponse",
    "DiscoveryModel",
    "DiscoveryScores",
    "FactorChooser",
    "IncrementalBounds",
    "ItemStatistics",
    "JointModel",
    "JointScores",
    "LogisticRegression",
    "Neighbours",
    "OfferChooser",
    "OwnColumn",
    "OwnScores",
    "PersonalModel",
    "PrecomputedSimilarity",
    "PurchaseHistory",
    "RepeatScore",
    "ResponseModel",
    "Sample",
    "TopOffers",
    "bm25",
    "calibration_shift",
    "cosine",
    "ease",
    "incremental_bounds",
    "incremental_value",
    "offer_neighbours",
    "recent_shift",
    "redemption_rates",
    "variants",
]

_RENAMED = {
    "Begun": "DiscoveryScores",
    "BestOffers": "TopOffers",
    "Given": "PrecomputedSimilarity",
}


def __getattr__(name: str) -> Any:
    """Return what an old name stands for now, with a warning that gives the new one."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        f"couponry.affinity.{name} is deprecated: use {_RENAMED[name]}",
        DeprecationWarning,
        stacklevel=2,
    )
    return globals()[_RENAMED[name]]

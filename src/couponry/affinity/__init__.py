"""From purchases to candidates: histories, scores, response to coupons, and the best offers of each customer.

transactions ──▶ PurchaseHistory ──▶ scores (personal, discovery, response) ──▶ candidates
"""

from __future__ import annotations

from .candidates.assortment import Assortment
from .candidates.best_offers import BestOffers, OfferChooser
from .candidates.candidate_model import CandidateModel
from .history.catalogue import Catalogue
from .history.item_statistics import ItemStatistics
from .history.purchase_history import PurchaseHistory
from .scores.discovery import Begun, DiscoveryModel, Given, Neighbours
from .scores.logistic import LogisticRegression
from .scores.offer_neighbours import offer_neighbours
from .scores.personal import PersonalModel, RepeatScore
from .scores.response import ResponseModel, calibration_shift, incremental_value, variants
from .scores.similarity import bm25, cosine, ease

__all__ = [
    "Assortment",
    "Begun",
    "BestOffers",
    "CandidateModel",
    "Catalogue",
    "DiscoveryModel",
    "Given",
    "ItemStatistics",
    "LogisticRegression",
    "Neighbours",
    "OfferChooser",
    "PersonalModel",
    "PurchaseHistory",
    "RepeatScore",
    "ResponseModel",
    "bm25",
    "calibration_shift",
    "cosine",
    "ease",
    "incremental_value",
    "offer_neighbours",
    "variants",
]

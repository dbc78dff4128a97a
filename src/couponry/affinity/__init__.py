"""From purchases to candidates: histories, scores, response to coupons, and the best offers of each customer.

transactions ──▶ PurchaseHistory ──▶ scores (personal, discovery, response) ──▶ candidates
"""

from __future__ import annotations

from .assortment import Assortment
from .best import BestOffers, OfferChooser
from .candidate_model import CandidateModel
from .catalogue import Catalogue
from .discovery import Begun, DiscoveryModel, Given, Neighbours
from .history import PurchaseHistory
from .item_statistics import ItemStatistics
from .logistic import LogisticRegression
from .offer_neighbours import offer_neighbours
from .personal import PersonalModel, RepeatScore
from .response import ResponseModel, calibration_shift, incremental_value, variants
from .similarity import bm25, cosine, ease

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

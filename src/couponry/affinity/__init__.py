"""From purchases to candidates: histories, scores, response to coupons, and the best offers of each customer.

transactions ──▶ PurchaseHistory ──▶ scores (personal, neighbours, response) ──▶ candidates
"""

from __future__ import annotations

from .history import PurchaseHistory

__all__ = ["PurchaseHistory"]

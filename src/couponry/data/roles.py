"""Roles of offers for a customer: codes 1, 2 and 3; 0 where no role is given."""

from __future__ import annotations

ROLES = ("reward", "activation", "innovation")

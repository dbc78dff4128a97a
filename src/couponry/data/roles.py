"""Roles that an offer can have for a customer."""

from __future__ import annotations

ROLES = ("reward", "activation", "innovation")
"""Names of the role codes 1, 2 and 3; code 0 is no role."""

"""Coupons that fell out after the solve, and what comes in their place."""

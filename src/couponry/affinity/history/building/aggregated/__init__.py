"""Purchases that were aggregated elsewhere: checked, ordered, and made into a history."""

"""Solve a compiled campaign, and say the outcome in the terms of its user."""

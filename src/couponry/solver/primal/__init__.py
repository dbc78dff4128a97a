"""Allocations from prices: which customers stay fixed, which are free, and the repair of what they get."""

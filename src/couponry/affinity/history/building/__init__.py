"""Builds the arrays of purchase histories: from transactions, from aggregates, or from an older history and more."""

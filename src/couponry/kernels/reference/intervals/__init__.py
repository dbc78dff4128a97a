"""Constraints that are intervals, each of candidates that come one after the other, as rolling windows are."""

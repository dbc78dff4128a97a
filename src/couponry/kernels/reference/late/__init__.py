"""Decisions on customers one after another."""

"""Prices of limits: the Lagrangian dual, its minimisation, and samples that it is minimised on first."""

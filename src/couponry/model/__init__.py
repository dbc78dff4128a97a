"""Offers, customer rules, limits and contact history; compiled to a problem that the solver takes."""

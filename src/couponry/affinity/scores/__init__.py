"""Scores of customers and offers: to buy again, and to begin to buy."""

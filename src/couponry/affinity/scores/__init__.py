"""Scores of customers and offers: to buy again, to begin to buy, to redeem."""

"""Offers chosen for each customer by role: of purchases and similarities, or of factors."""

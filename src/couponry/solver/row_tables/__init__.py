"""Rows of all customers, read from the compiled rules."""

"""Rows of single customers, beside cardinality constraints: compiled, read, and searched under."""

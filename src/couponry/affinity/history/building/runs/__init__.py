"""Transactions put into the order of customers by this package's own kernels: in runs by ranges of customers."""

"""Customers whose rules fall apart into parts that only the number of coupons joins, as a household's members are."""

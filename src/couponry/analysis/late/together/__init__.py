"""Late customers who are decided together: households, earlier coupons of theirs, and what messages cost."""

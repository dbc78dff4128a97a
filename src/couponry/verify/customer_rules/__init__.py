"""Customer rules, held against the coupons that customers were given."""

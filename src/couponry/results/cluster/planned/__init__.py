"""What a plan comes to, by shards: shortfalls, what messages cost, and coupons."""

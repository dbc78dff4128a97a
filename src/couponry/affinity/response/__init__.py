"""Response to coupons: how likely each is redeemed, what past campaigns say of it, and what it brings."""

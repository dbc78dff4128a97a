"""The search for prices: what is tried in which order, and when prices are near enough to the limits."""

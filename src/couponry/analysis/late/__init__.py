"""Late customers: decided at a result's prices, after the solve."""

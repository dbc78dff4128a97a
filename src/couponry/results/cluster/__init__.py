"""What of a campaign and its results is made in shards, on clusters."""

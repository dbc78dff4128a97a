"""What several processes may write at once: locks, and folders that change names in one step."""

"""What was given before this campaign, as columns of its candidates."""

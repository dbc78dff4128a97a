"""What is said of a campaign in which nothing is feasible."""

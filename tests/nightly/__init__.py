"""What takes packages and minutes that the suite does not have: run every night, and by hand."""

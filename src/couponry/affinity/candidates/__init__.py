"""The top offers of each customer by role, written as blocks of candidates."""

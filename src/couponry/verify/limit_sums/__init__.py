"""What limits sum: their groups, and sums by cell that do not depend on blocks."""

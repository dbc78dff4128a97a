"""How likely customers buy again what they bought before."""

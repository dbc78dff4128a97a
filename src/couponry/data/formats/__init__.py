"""File formats of tables, and what is particular about each."""

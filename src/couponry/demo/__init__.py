"""The demo on the dunnhumby Complete Journey data."""

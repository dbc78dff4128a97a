"""The best choice under constraints that are two nested families, by flow."""

"""The stages of a solve: each improves the best allocation, the bound, or both."""

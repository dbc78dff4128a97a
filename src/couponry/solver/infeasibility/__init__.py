"""Proofs, by prices and by HiGHS, that limits cannot hold together, and the irreducible infeasible set."""

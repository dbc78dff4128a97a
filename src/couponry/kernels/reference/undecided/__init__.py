"""Kernels about what is undecided of customers' choices once prices hardly move."""

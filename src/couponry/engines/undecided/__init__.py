"""Passes over what is undecided of customers' choices, where prices hardly move any more."""

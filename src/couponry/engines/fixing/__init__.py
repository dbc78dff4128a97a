"""Fixing the best choice of most customers, and the choice that is known of a pass at the same prices."""

"""How much memory and disk a campaign needs, and what is too large for what there is."""

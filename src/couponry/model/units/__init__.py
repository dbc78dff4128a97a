"""Units: what customer rules hold for, and candidates in their order."""

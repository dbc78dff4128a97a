"""A problem in, a certified plan out: dual prices, repair, and HiGHS where the gap asks for it.

Knows no Arrow and no files.
"""

"""The machine and its files: errors, threads, memory, clock, folders, arrays on disk. Knows no coupon."""

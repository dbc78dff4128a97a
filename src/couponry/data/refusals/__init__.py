"""What tables, and campaigns that are too large, are refused with."""

"""What tables are refused with."""

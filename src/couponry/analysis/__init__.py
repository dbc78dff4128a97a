"""Questions about a solved campaign: explain, what if, frontier, price ranges, compare."""

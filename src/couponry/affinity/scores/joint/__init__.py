"""What customers bought and what they may begin in one list."""

"""The process that a command runs in: its standard streams, and signals that tell it to end."""

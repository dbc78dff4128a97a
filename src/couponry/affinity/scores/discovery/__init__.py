"""What a discovery model knows, and the features that it looks at."""

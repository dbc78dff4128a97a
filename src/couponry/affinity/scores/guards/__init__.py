"""Guards of a fitted model: windows that are like what is scored, and as much of the model as validation bears out."""

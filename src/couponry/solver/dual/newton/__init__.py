"""Newton's method on the dual: slopes of everybody, curvature of a sample, a step within a trust region."""

"""What users bring of their own: feature columns, scores, and estimators in place of the logistic regression."""

"""Costs of messages, which candidates that stand for refunds are made of."""

"""The `where` grammar: conditions as plain values, and which rows fulfil them."""

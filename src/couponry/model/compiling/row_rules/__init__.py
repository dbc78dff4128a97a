"""Rules about sums, different values and requirements, which rows of single customers are made of."""

"""The kernels of scores: features of pairs that were bought, and log odds of offers."""

"""Steps of prices: within a model of the dual, by the last steps, and of each price by itself."""

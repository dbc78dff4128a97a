"""Twenty lines from tables to a certified allocation."""

import numpy as np
import pyarrow as pa

import couponry as cp

random = np.random.default_rng(1)
offers = pa.table({"offer": ["tea-50", "tea-100", "jam-75", "oats-60"], "product": ["tea", "tea", "jam", "oats"],
                   "margin": [1.2, 1.2, 2.0, 1.5], "face_value": [0.5, 1.0, 0.75, 0.6]})
candidates = pa.table({"customer": np.repeat(np.arange(10_000), 4), "offer": offers["offer"].to_pylist() * 10_000,
                       "response": random.beta(1, 8, 40_000)})
campaign = cp.Campaign(
    offers,
    candidates,
    rules=[cp.CustomerRule("slots", max=2), cp.CustomerRule("one discount a product", by="product", max=1)],
    limits=[
        cp.Limit("budget", sum="cost", max=1_100.0),
        cp.Limit("tea promised", where={"product": "tea"}, min=7_000),
        cp.Limit("oats redeemed", where={"product": "oats"}, sum="response", max=300.0),
    ],
)
result = campaign.solve(gap=1e-4, threads=2, seed=0)
print(result.summary())
print(result.limits.select(["name", "achieved", "price"]).to_pylist())
print(result.allocation.to_arrow().slice(0, 3).to_pylist())

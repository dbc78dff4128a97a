"""Synthetic campaigns of any size: seeded, made in blocks, the same bits for any number of threads.

Each block of customers has its own counter-based random stream (Philox, keyed by the seed, counted from the block's
number), so blocks can be made in any order, by any thread, or one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from couponry.data.candidate_batches import CandidateBlocks
from couponry.data.candidate_checks import offer_dtype
from couponry.data.candidate_rows import CandidateRows

BLOCK = 1 << 15  # customers


@dataclass(frozen=True)
class Synthetic:
    """A mailing in the response layout: customers x `width` candidates among `offers` coupons of `brands` brands.

    Offers differ in popularity (drawn more or less often) and appeal; customers in how much they respond.
    """

    customers: int
    width: int = 32
    offers: int = 2_000
    brands: int = 640
    seed: int = 0

    def offers_table(self) -> pa.Table:
        """offer, brand, margin, face_value, issue_cost: brands share the offers out unevenly."""
        random = self._random(stream=1, block=0)
        margin = random.uniform(2.0, 6.0, self.offers)
        share = random.dirichlet(np.full(self.brands, 4.0))
        brand = np.concatenate(
            [np.arange(self.brands), random.choice(self.brands, self.offers - self.brands, p=share)]
        )
        return pa.table(
            {
                "offer": np.arange(self.offers),
                "brand": random.permutation(brand),
                "margin": margin,
                "face_value": margin * random.uniform(0.15, 0.4, self.offers),
                "issue_cost": np.full(self.offers, 0.01),
            }
        )

    def block(self, number: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Offers (customers, width), ascending and distinct in each row, and responses, of one block."""
        random = self._random(stream=2, block=number)
        rows = min(BLOCK, self.customers - number * BLOCK)
        offer = self._draw_offers(random, rows)
        offer.sort(axis=1)
        broken = np.arange(rows)  # that may have an offer twice
        while True:
            part = offer[broken]
            again = np.zeros(part.shape, bool)
            again[:, 1:] = part[:, 1:] == part[:, :-1]
            rest = again.any(axis=1)
            if not rest.any():
                break
            broken, part, again = broken[rest], part[rest], again[rest]
            part[again] = self._draw_offers(random, len(broken))[again]
            part.sort(axis=1)
            offer[broken] = part
        activity = random.gamma(2.0, 0.5, rows).astype(np.float32)
        noise = np.exp(random.standard_normal(offer.shape, np.float32) * np.float32(0.8))
        odds = self._appeal()[offer] * activity[:, None] * noise
        return offer, (odds / (1 + odds)).astype(np.float32)

    def batches(self, threads: int = 1) -> Iterator[pa.RecordBatch]:
        """The candidates table (customer, offer, response), a record batch for each block of customers, in order."""
        for first, offer, response in self._blocks(threads):
            customer = np.repeat(np.arange(len(offer)) + first, self.width)
            columns = {"customer": customer, "offer": offer.ravel(), "response": response.ravel()}
            yield pa.record_batch(columns)

    def candidate_blocks(self) -> CandidateBlocks:
        """The same candidates as blocks that go straight into a store, which is used again for the same size."""

        def blocks(threads: int, scratch: Path | None) -> Iterator[CandidateRows]:
            for first, offer, response in self._blocks(threads):
                customers = pa.array(np.arange(len(offer)) + first)
                columns = {
                    "offer": offer.ravel().astype(offer_dtype(self.offers)),
                    "response": response.ravel(),
                }
                indptr = np.arange(len(offer) + 1) * self.width
                yield CandidateRows(customers, indptr, columns)

        return CandidateBlocks(
            offers=pa.array(np.arange(self.offers)),
            customer=pa.int64(),
            columns={"response": np.dtype(np.float32)},
            blocks=blocks,
            roles=False,
            source={"synthetic": asdict(self)},
        )

    def _blocks(self, threads: int) -> Iterator[tuple[int, NDArray[np.int32], NDArray[np.float32]]]:
        """Every block in order: its first customer, offers and responses."""
        blocks = range(-(-self.customers // BLOCK))
        with ThreadPoolExecutor(threads) as pool:
            # a window of blocks, so that making them does not run ahead of whoever takes them
            window = 2 * threads
            waiting = [pool.submit(self.block, b) for b in blocks[:window]]
            for b in blocks:
                offer, response = waiting.pop(0).result()
                if b + window < len(blocks):
                    waiting.append(pool.submit(self.block, b + window))
                yield b * BLOCK, offer, response

    def candidates(self, threads: int = 1) -> pa.Table:
        """All batches as one table."""
        return pa.Table.from_batches(self.batches(threads))

    def _draw_offers(self, random: np.random.Generator, rows: int) -> NDArray[np.int32]:
        """Offer numbers, the low ones about three times as often as the high ones."""
        uniform = random.random((rows, self.width), np.float32)
        return np.minimum(uniform**1.35 * self.offers, self.offers - 1).astype(np.int32)

    def _appeal(self) -> NDArray[np.float32]:
        random = self._random(stream=3, block=0)
        return np.exp(random.normal(-2.5, 0.6, self.offers)).astype(np.float32)

    def _random(self, stream: int, block: int) -> np.random.Generator:
        return np.random.Generator(
            np.random.Philox(key=[self.seed, stream], counter=[0, 0, 0, block])
        )

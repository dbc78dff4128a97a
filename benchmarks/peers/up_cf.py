"""UP-CF@r, written from G. Faggioli, M. Polato, F. Aiolli: Recency Aware Collaborative Filtering for Next Basket
Recommendation. UMAP 2020."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from benchmarks.instances.affinity_split import Scores, Split
from benchmarks.peers.baskets import BLOCK, Baskets, listed
from numpy.typing import NDArray

ALL = 1_000_000  # baskets: more than anybody has
GRID = {
    "locality": (1, 5, 10, 50, 100, 1000),
    "asymmetry": (0.0, 0.25, 0.5, 0.75, 1.0),
    "recency": (1, 5, 10, 20, 50, 100, ALL),
}
"""The paper's ranges of its three parameters, and a few numbers of baskets more between them."""


@dataclass(frozen=True)
class UpCf:
    """Popularity of items among each customer's latest baskets, summed over customers by similarity.

    A customer's popularity of an item is the share of the latest `recency` baskets that hold it. Similarity of u and v
    is the asymmetric cosine of what they ever bought, |u and v| / (|u| ** asymmetry |v| ** (1 - asymmetry)), to the
    power `locality`. The similarity of a customer with itself is one of the terms.
    """

    recency: int = ALL
    asymmetry: float = 0.25
    locality: int = 10

    def scores(self, split: Split, baskets: Baskets) -> Scores:
        """The best items of each customer."""
        return listed(split, self._blocks(baskets))

    def _blocks(self, baskets: Baskets) -> Iterator[NDArray[np.float32]]:
        shape = len(baskets.count), baskets.items
        window = np.minimum(self.recency, baskets.count)
        late = baskets.basket >= (baskets.count - window)[baskets.customer]
        where = baskets.customer[late], baskets.item[late]
        share = (1.0 / window[where[0]]).astype(np.float32)
        popular = sp.csr_array((share, where), shape=shape)
        ever = sp.csr_array(
            (np.ones(len(baskets.item), np.float32), (baskets.customer, baskets.item)), shape=shape
        )
        ever.data[:] = 1.0
        known = np.diff(ever.indptr).astype(np.float32)
        transposed, popular_of_items = sp.csr_array(ever.T), sp.csr_array(popular.T)
        for start in range(0, shape[0], BLOCK):
            both = (ever[start : start + BLOCK] @ transposed).toarray()
            alike = both / known[start : start + BLOCK, None] ** self.asymmetry
            alike /= known[None, :] ** (1.0 - self.asymmetry)
            yield np.ascontiguousarray((popular_of_items @ (alike**self.locality).T).T)

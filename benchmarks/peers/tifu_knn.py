"""TIFU-KNN, written from H. Hu, X. He, J. Gao, Z. Zhang: Modeling Personalized Item Frequency Information for
Next-basket Recommendation. SIGIR 2020."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from benchmarks.instances.affinity_split import Scores, Split
from benchmarks.peers.baskets import BLOCK, Baskets, listed
from numpy.typing import NDArray

GRID = {
    "groups": (3, 7, 11, 15, 19, 23),
    "neighbours": (100, 300, 500, 900, 1300),
    "own": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    "within": (0.2, 0.4, 0.6, 0.8, 0.9, 1.0),
    "between": (0.2, 0.4, 0.6, 0.8, 1.0),
}
"""The paper's ranges of its five parameters, of most of them every other value."""


@dataclass(frozen=True)
class TifuKnn:
    """Personalised item frequencies that decay in time, mixed with those of the nearest neighbours.

    A customer's baskets are put into `groups` groups in the order of time, as even as can be; who has fewer baskets has
    as many groups as baskets. Within a group of k baskets, the i-th counts `within` ** (k - i), over k; of m groups the
    j-th counts `between` ** (m - j), over m (the paper's section 4.2). The customer's vector times `own`, and the mean
    of the `neighbours` nearest others' by Euclidean distance times the rest, are what is predicted (section 4.3).
    """

    groups: int = 7
    within: float = 0.9
    between: float = 0.7
    neighbours: int = 300
    own: float = 0.7

    def scores(self, split: Split, baskets: Baskets) -> Scores:
        """The best items of each customer."""
        return listed(split, self._blocks(self._vectors(baskets)))

    def _vectors(self, baskets: Baskets) -> sp.csr_array:
        """Decayed item frequencies, shape (n_customers, n_items)."""
        baskets_of = baskets.count[baskets.customer]
        groups = np.minimum(self.groups, baskets_of)
        group = baskets.basket * groups // baskets_of
        first, after = (-(-(group + more) * baskets_of // groups) for more in (0, 1))
        weight = self.within ** (after - 1 - baskets.basket) / (after - first)
        weight *= self.between ** (groups - 1 - group) / groups
        shape = len(baskets.count), baskets.items
        entries = weight.astype(np.float32), (baskets.customer, baskets.item)
        return sp.csr_array(entries, shape=shape)

    def _blocks(self, vectors: sp.csr_array) -> Iterator[NDArray[np.float32]]:
        customers = vectors.shape[0]
        square = np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()
        neighbours = min(self.neighbours, customers - 1)
        transposed = sp.csr_array(vectors.T)
        for start in range(0, customers, BLOCK):
            mine = vectors[start : start + BLOCK]
            distance = square[None, :] - 2.0 * (mine @ transposed).toarray()
            distance[np.arange(mine.shape[0]), np.arange(start, start + mine.shape[0])] = np.inf
            nearest = np.argpartition(distance, neighbours - 1, axis=1)[:, :neighbours]
            mean = sp.csr_array(
                (
                    np.full(nearest.size, 1.0 / neighbours, np.float32),
                    nearest.ravel(),
                    np.arange(0, nearest.size + 1, neighbours),
                ),
                shape=distance.shape,
            )
            yield (
                self.own * mine.toarray() + (1.0 - self.own) * (mean @ vectors).toarray()
            ).astype(np.float32)

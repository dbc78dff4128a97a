"""Neighbours of items: a similarity, learned from purchases or precomputed, and how purchases weigh in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.lazy_imports import sparse as sp
from ..history.history_readings import Part
from ..history.purchase_history import PurchaseHistory
from .similarity import cosine, ease

PurchaseWeights = Callable[[PurchaseHistory, slice], NDArray[np.float32]]
"""Weights of some pairs of a history."""

LONGEST_RECENT_HALF_LIFE = 16
"""Weeks: recent purchases are decayed at the middle one of the half-lives up to this."""


def unit_weights(history: PurchaseHistory, part: slice) -> NDArray[np.float32]:
    """Weigh every pair 1, whatever was bought of it.

    Parameters
    ----------
    history : PurchaseHistory
    part : slice or ndarray of int64
        Which pairs.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    return np.ones(part.stop - part.start, np.float32)


def recent_weights(history: PurchaseHistory, part: Part) -> NDArray[np.float32]:
    """Weigh pairs by log(1 + decayed purchases), at the longest half-life up to 16 weeks.

    Parameters
    ----------
    history : PurchaseHistory
    part : slice
        Which pairs.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    h = recent_half_life(history.half_lives)
    weights: NDArray[np.float32] = np.log1p(history.decay_at(part, h))
    return weights


def recent_half_life(half_lives: tuple[float, ...]) -> int:
    """Return which half-life recent purchases are decayed at.

    Parameters
    ----------
    half_lives : tuple of float
        In weeks.

    Returns
    -------
    int
        The longest up to 16 weeks; else the first.
    """
    short = (h for h, weeks in enumerate(half_lives) if weeks <= LONGEST_RECENT_HALF_LIFE)
    return max(short, default=0)


@dataclass(frozen=True)
class PrecomputedSimilarity:
    """A similarity of items from outside, such as of embeddings.

    Attributes
    ----------
    similarity : sparse matrix or ndarray of float, shape (n_known, n_known)
        How alike the items are.
    items : pyarrow.Array, shape (n_known,)
        Their ids.
    """

    similarity: Any
    items: pa.Array

    def among(self, ids: pa.Array) -> NDArray[np.float32]:
        """Return the similarity of other items.

        Parameters
        ----------
        ids : pyarrow.Array, shape (n_items,)
            Ids of the items asked for.

        Returns
        -------
        ndarray of float32, shape (n_items, n_items)
            0 where one of the two is unknown.
        """
        place = tables.positions(ids, self.items)
        known = np.flatnonzero(place >= 0)
        found = np.zeros((len(ids), len(ids)), np.float32)
        rows = self.similarity[place[known]][:, place[known]]
        found[np.ix_(known, known)] = rows.toarray() if sp.issparse(rows) else rows
        return found


@dataclass(frozen=True)
class Neighbours:
    """A similarity of items, and how a customer's purchases weigh in it.

    Attributes
    ----------
    name : str
        Stands in the names of features.
    weights : callable
        From a history and a slice of its pairs to their weights, float32.
    similarity : callable or PrecomputedSimilarity
        From the sparse matrix (n_customers, n_items) of those weights to a dense float32 matrix (n_items, n_items);
        or one that is given.

    See Also
    --------
    cosine, bm25, ease : Similarities that are learned from purchases.

    Examples
    --------
    >>> from functools import partial
    >>> import numpy as np
    >>> from couponry.affinity import DiscoveryModel, ease
    >>> def weights(history, part):
    ...     return np.log1p(history.decay(part)[:, 0])
    >>> near = Neighbours("ease", weights, partial(ease, ridge=400.0))
    >>> model = DiscoveryModel(neighbours=[near])
    """

    name: str
    weights: PurchaseWeights
    similarity: Callable[[Any], NDArray[np.float32]] | PrecomputedSimilarity


NEIGHBOURS = (
    Neighbours("ease", unit_weights, partial(ease, ridge=1000.0)),
    Neighbours("lately_ease", recent_weights, partial(ease, ridge=400.0)),
    Neighbours("lately_cosine", recent_weights, cosine),
)
"""What discovery models look at unless they are told otherwise."""

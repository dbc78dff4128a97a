"""Checks what a result says of an earlier plan: how many of its coupons stayed, left and came."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..data.earlier.previous_pairs import PREVIOUS
from .block import Addition, Block
from .claims import Claims
from .inputs import Inputs
from .rounding import Integers


class PreviousChecks:
    """Counts coupons that an earlier plan gave as well, a block of customers at a time.

    Parameters
    ----------
    inputs : Inputs
    """

    def __init__(self, inputs: Inputs):
        self._counts = inputs.data.previous
        self._stayed = self._given = 0

    def examine(self, block: Block, rows: Integers) -> Addition:
        """Count the coupons of a block.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.

        Returns
        -------
        Addition
        """
        stayed = 0
        if self._counts is not None:
            stayed = int(np.count_nonzero(block.column(PREVIOUS, rows, "previous")))
        return partial(self._add, stayed, len(rows))

    def _add(self, stayed: int, given: int) -> None:
        self._stayed += stayed
        self._given += given

    def finish(self, claims: Claims) -> None:
        """Compare the numbers with what is claimed.

        Parameters
        ----------
        claims : Claims
        """
        if not claims.is_result or self._counts is None:
            return
        pairs, candidates = self._counts
        true = {
            "pairs": pairs,
            "candidates": candidates,
            "stayed": self._stayed,
            "left": pairs - self._stayed,
            "came": self._given - self._stayed,
        }
        if claims.get("previous") != true:
            claims.differs("result.json: previous", true, repr(claims.get("previous")))

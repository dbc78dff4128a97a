"""Hashes of blocks of memory, of which digests of arrays are made."""

from __future__ import annotations

import numpy as np

from ..contract import Words

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def hash_blocks(words: Words, key: Words, out: Words) -> None:
    """Hash blocks of words, each to four numbers: the universal hash NH, four times under a key that moves on.

    Parameters
    ----------
    words : ndarray of uint64, shape (n_blocks * size,)
        The blocks, one behind the other; `size` is a multiple of 8.
    key : ndarray of uint64, shape (size + 3,)
        Numbers whose bits look drawn.
    out : ndarray of uint64, shape (n_blocks, 4)
        OUT: two blocks that differ have the same four numbers under one key in 2^128.

    References
    ----------
    Black, Halevi, Krawczyk, Krovetz and Rogaway (1999), "UMAC: fast and secure message authentication", CRYPTO.
    """
    size = len(key) - 3
    for b in range(len(out)):
        block = words[b * size : (b + 1) * size]
        for j in range(4):
            k = key[j : j + size]
            out[b, j] = np.sum(((block + k) & LOW) * (((block >> HALF) + (k >> HALF)) & LOW))

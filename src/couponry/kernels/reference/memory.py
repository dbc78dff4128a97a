"""Memory hashed by blocks, of which digests of arrays are made, and some rows of a ragged array copied."""

from __future__ import annotations

import numpy as np

from ..contract import Flags, Sums, Words

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


def copy_runs(source: Flags, begin: Sums, ptr: Sums, start: int, stop: int, out: Flags) -> None:
    """Copy runs of entries to where they follow one another.

    Parameters
    ----------
    source : ndarray of uint8, shape (n, bytes of an entry)
    begin : ndarray of int64, shape (n_runs,)
        Where each run begins in `source`.
    ptr : ndarray of int64, shape (n_runs + 1,)
        Where each run begins in `out`, and where the last one ends.
    start, stop : int
        Runs ``start <= r < stop``.
    out : ndarray of uint8, shape (ptr[-1], bytes of an entry)
        OUT: the entries of these runs.
    """
    for r in range(start, stop):
        for e in range(ptr[r + 1] - ptr[r]):
            for byte in range(out.shape[1]):
                out[ptr[r] + e, byte] = source[begin[r] + e, byte]

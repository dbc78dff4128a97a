"""Memory, numbers and texts hashed, texts given numbers, and some rows of a ragged array copied."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contract import Flags, Integer, Sums, Words
from ..purchases_contract import TextTable

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
ONE = np.uint64(1)

MULTIPLIER = np.uint64(0x100000001B3)
"""Of the polynomial hash of text: the prime of the 64-bit FNV hash."""


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


def hash_numbers(number: Sums, out: Words) -> None:
    """Hash numbers: scattered as SplitMix64 does.

    Parameters
    ----------
    number : ndarray of int64, shape (r,)
    out : ndarray of uint64, shape (r,)
        OUT.
    """
    out[:] = number.view(np.uint64)
    out += np.uint64(0x9E3779B97F4A7C15)
    out ^= out >> np.uint64(30)
    out *= np.uint64(0xBF58476D1CE4E5B9)
    out ^= out >> np.uint64(27)
    out *= np.uint64(0x94D049BB133111EB)
    out ^= out >> np.uint64(31)


def hash_texts(end: Sums, data: NDArray[np.uint8], out: Words) -> None:
    """Hash texts: a polynomial of their bytes plus 1, modulo 2 ** 64, scattered as SplitMix64 does.

    Parameters
    ----------
    end : ndarray of int64, shape (r + 1,)
        Text t is ``data[end[t]:end[t + 1]]``.
    data : ndarray of uint8
    out : ndarray of uint64, shape (r,)
        OUT.
    """
    out[:] = 0
    for r in range(len(out)):
        x = out[r : r + 1]  # an array: products of single numbers would warn that they overflow
        for k in range(end[r + 1] - 1, end[r] - 1, -1):
            x += np.uint64(data[k]) + ONE
            x *= MULTIPLIER
    out += np.uint64(0x9E3779B97F4A7C15)
    out ^= out >> np.uint64(30)
    out *= np.uint64(0xBF58476D1CE4E5B9)
    out ^= out >> np.uint64(27)
    out *= np.uint64(0x94D049BB133111EB)
    out ^= out >> np.uint64(31)


def number_texts(
    end: Sums,
    data: NDArray[np.uint8],
    hashed: Words,
    table: TextTable,
    number: Sums,
    adds: Integer,
) -> None:
    """Find the numbers of texts; several threads may do so while one adds others to the same table.

    Parameters
    ----------
    end : ndarray of int64, shape (r + 1,)
        Text t is ``data[end[t]:end[t + 1]]``.
    data : ndarray of uint8
    hashed : ndarray of uint64, shape (r,)
        See `hash_texts`.
    table : TextTable
        IN/OUT: with room for the texts that are added, and a free slot besides.
    number : ndarray of int64, shape (r,)
        IN/OUT: numbers of texts that have one stay; those of others are looked up, and are -1 if there are none.
    adds : int
        1: texts that the table lacks are added to it; 0: they are not.
    """
    mask = np.uint64(len(table.slot) - 1)
    for r in range(len(number)):
        if number[r] >= 0:
            continue
        text, tag = data[end[r] : end[r + 1]], hashed[r] >> HALF
        at = hashed[r] & mask
        while number[r] < 0 and table.slot[at]:
            found = np.int64(table.slot[at] & LOW) - 1
            if table.slot[at] >> HALF == tag and is_text(table, found, text):
                number[r] = found
            at = (at + ONE) & mask
        if number[r] < 0 and adds:
            number[r] = table.known[0]
            begin = table.end[number[r]]
            table.data[begin : begin + len(text)] = text
            table.end[number[r] + 1] = begin + len(text)
            table.known[0] += 1
            table.slot[at] = tag << HALF | np.uint64(number[r] + 1)


def is_text(table: TextTable, number: Integer, text: NDArray[np.uint8]) -> bool:
    """Whether a text of the table is this one."""
    begin = table.end[number]
    if table.end[number + 1] - begin != len(text):
        return False
    is_same = True
    for k in range(len(text)):
        is_same = is_same and table.data[begin + k] == text[k]
    return is_same

"""The order of texts by their bytes, eight of these at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

WORD = 8
"""Bytes that are compared at a time."""


def text_order(end: NDArray[np.int64], data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Find the order of different texts by their bytes: of two of which one begins with the other, the shorter first.

    Parameters
    ----------
    end : ndarray of int64, shape (n + 1,)
        Text t is ``data[end[t]:end[t + 1]]``.
    data : ndarray of uint8

    Returns
    -------
    ndarray of int64, shape (n,)
        The place of the first of them, of the second, and so on.
    """
    order = np.arange(len(end) - 1)
    length = np.diff(end)
    tied, group = (
        order.copy(),
        np.zeros(len(order), np.int64),
    )  # places in the order; same group: not told apart yet
    seen = _common_length(end, length, data)
    padded = np.append(data[: end[-1]], np.zeros(WORD, np.uint8))
    while len(tied) > 1:
        words = _words(padded, end[order[tied]] + seen, length[order[tied]] - seen)
        tied, group = _told_apart(words, tied, group, order)
        left = np.minimum(length[order[tied]] - seen, WORD + 1)
        tied, group = _told_apart(left, tied, group, order)
        seen += WORD
    return order


def _told_apart(
    value: NDArray[Any], tied: NDArray[np.int64], group: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Put texts that are tied into the order of values within their groups; return which are tied still, and groups."""
    if len(tied) == 0:
        return tied, group
    by_value = np.argsort(value) if group[0] == group[-1] else np.lexsort((value, group))
    order[tied] = order[tied][by_value]
    value = value[by_value]
    is_same = (value[1:] == value[:-1]) & (group[1:] == group[:-1])
    is_tied = np.append(is_same, False)
    is_tied[1:] |= is_same
    return tied[is_tied], np.cumsum(np.append(True, ~is_same))[is_tied]


def _words(
    padded: NDArray[np.uint8], begin: NDArray[np.int64], left: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return numbers in the order of the next bytes of texts, of which so many are left; others count as 0."""
    windows = np.ndarray(len(padded) - WORD + 1, np.dtype(">u8"), padded, strides=(1,))
    left = np.clip(left, 0, WORD)
    words = windows[np.minimum(begin, len(windows) - 1)].astype(np.uint64)
    shift = (8 * (WORD - left)).astype(np.uint64)
    words >>= np.minimum(shift, np.uint64(63))
    words[left == 0] = 0
    words <<= np.minimum(shift, np.uint64(63))
    return words


def _common_length(
    end: NDArray[np.int64], length: NDArray[np.int64], data: NDArray[np.uint8]
) -> int:
    """Return how many bytes all texts begin with."""
    begin, least = end[:-1], int(length.min()) if len(length) else 0
    for place in range(least):
        found = data[begin + place]
        if (found != found[0]).any():
            return place
    return least

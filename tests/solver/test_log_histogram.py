"""Logarithmic histograms: bins, their edges, and cumulative counts."""

from __future__ import annotations

import numpy as np
import pytest

from couponry.solver.log_histogram import LogHistogram


def test_bins_are_four_per_octave_and_hold_what_their_edges_say() -> None:
    histogram = LogHistogram(10.0)
    edges = histogram.edges
    assert edges[-2] >= 10.0 and (np.diff(edges) > 0).all()
    assert np.allclose(edges[4:] / edges[:-4], 2.0)
    values = np.geomspace(2 * edges[0], 9.9, 10_000)
    found = histogram.bins(values)
    as_float32 = values.astype(np.float32)
    assert (as_float32 < edges[found]).all() and (as_float32 >= edges[found - 1]).all()


def test_what_is_beyond_counts_in_the_first_and_last_bin() -> None:
    histogram = LogHistogram(1.0)
    last = len(histogram.edges) - 1
    assert histogram.bins(np.array([-1.0, 0.0, 1e-30, 1e30, np.inf])).tolist() == [
        0,
        0,
        0,
        last,
        last,
    ]


@pytest.mark.parametrize("weighted", [False, True])
def test_cumulative_counts(weighted: bool) -> None:
    rng = np.random.default_rng(1)
    values, group = rng.gamma(0.5, 1.0, 500), rng.integers(0, 3, 500)
    weights = rng.random(500) if weighted else None
    histogram = LogHistogram(5.0)
    counts = histogram.cumulative(values, group, 3, weights)
    assert counts.shape == (3, len(histogram.edges) - 1)
    as_float32 = values.astype(np.float32)
    for g in range(3):
        for b in (0, 40, 80, 100):
            below = (group == g) & (as_float32 < histogram.edges[b])
            expected = below.sum() if weights is None else weights[below].sum()
            assert counts[g, b] == pytest.approx(expected)

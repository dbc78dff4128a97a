"""What late customers of many kinds are charged for is listed at once, or some kinds at a time where that is much."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from couponry.analysis.late import charges as charges_module
from couponry.analysis.late.charges import ChargedRows, CoveredPairs


@pytest.mark.parametrize("most", [1, 7, 40, 10_000])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_pairs_are_those_of_rows_about_each_kind(
    most: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charges_module, "LISTED_PAIRS", most)
    random = np.random.default_rng(5)
    kinds, rows, items = 9, 6, 11
    pairs = np.unique(random.integers(0, items * rows, 30))
    item, row = np.divmod(pairs, rows)
    charges = ChargedRows.__new__(ChargedRows)
    charges.item, charges.row, charges.unit = item, row, np.ones(rows)
    covers = random.random((kinds, rows)) < share
    usage = random.integers(0, 2, (1, kinds, items))
    listed = CoveredPairs(covers, cast(ChargedRows, charges))
    expected = [
        (kind, pair)
        for kind in range(kinds)
        for pair in range(len(pairs))
        if covers[kind, row[pair]]
    ]
    used = [(kind, pair) for kind, pair in expected if usage[0, kind, item[pair]] > 0]
    for _ in range(2):  # what was listed may be kept
        assert sorted(one for piece in listed for one in zip(*piece, strict=True)) == expected
        assert sorted(one for part in listed.used(usage) for one in zip(*part, strict=True)) == used

"""Orders and look-ups by the bits of numbers, against NumPy's."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from couponry.data.ids import text_buffers
from couponry.utils.arrays import standardised
from couponry.utils.arrays.falling_order import falling_order
from couponry.utils.arrays.membership import is_among
from couponry.utils.arrays.standardised import Designs, Standard
from couponry.utils.arrays.text_order import text_order


@pytest.mark.parametrize("groups", [1, 7, 2**31 - 1])
def test_falling_order_is_that_of_lexsort(groups: int) -> None:
    random = np.random.default_rng(1)
    group = random.integers(0, groups, 3000)
    score = random.normal(size=3000).astype(np.float32)
    score[::7] = random.choice(np.array([0.0, -0.0, np.inf, -np.inf, 1e-45], np.float32), 429)
    order = falling_order(group, score)
    assert order.tolist() == np.lexsort((-score, group)).tolist()
    assert len(falling_order(group[:0], score[:0])) == 0


def test_is_among_is_isin() -> None:
    random = np.random.default_rng(2)
    values, others = random.integers(-50, 50, 300), np.sort(random.integers(-60, 40, 30))
    assert is_among(values, others).tolist() == np.isin(values, others).tolist()
    assert not is_among(values, others[:0]).any() and len(is_among(values[:0], others)) == 0


@pytest.mark.parametrize(("letters", "most"), [("ab", 30), ("a\0b", 20), ("xyé", 3), ("q", 40)])
def test_texts_are_ordered_by_their_bytes(letters: str, most: int) -> None:
    random = np.random.default_rng(5)
    for begin in "", "all the same é":
        texts = list(
            {begin + "".join(random.choice([*letters], random.integers(most))) for _ in range(60)}
        )
        for some in texts, texts[:1], []:
            found = text_order(*text_buffers(pa.array(some, pa.large_string())))
            assert [some[k] for k in found] == sorted(some, key=str.encode)


def test_designs_are_the_same_kept_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    parts = [random.normal(3.0, 2.0, (rows, 4)).astype(np.float32) for rows in (100, 64, 5)]
    weights = [random.random(len(part)).astype(np.float32) for part in parts]
    standard = Standard.of(list(zip(parts, weights, strict=True)))
    kept = Designs(parts, standard)
    monkeypatch.setattr(standardised, "MOST_KEPT", 0)
    anew = Designs(parts, standard)
    for _ in range(2):  # as often as they are asked for
        for one, other, part in zip(kept, anew, parts, strict=True):
            assert one.tobytes() == other.tobytes() and len(one) % 64 == 0
            assert (one[: len(part), 0] == 1).all() and not one[len(part) :].any()
    everything, weight = np.concatenate(parts), np.concatenate(weights)
    mean = np.average(everything.astype(np.float64), axis=0, weights=weight)
    assert np.allclose(standard.mean, mean, rtol=1e-6)

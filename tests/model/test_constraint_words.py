"""Constraints of all customers, compiled block by block into room that grows."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.constraint_cases import compiled_constraints, random_spec
from tests.support.kernel_cases import make_case

from couponry.kernels import RuleSpec, load
from couponry.model.compiling.row_rules import constraint_words as module
from couponry.utils.errors import Unsupported


@pytest.mark.parametrize("first", [1, 5, 12, 10**6])
@pytest.mark.parametrize("room", [0, 1, 40])
def test_room_grows_as_it_is_needed(first: int, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORDS_A_CANDIDATE", 0)
    monkeypatch.setattr(module, "FEWEST_WORDS", room)
    monkeypatch.setattr(module, "CANDIDATES_AT_A_TIME", first)
    case = make_case(7, lengths=np.array([9, 0, 70, 9, 3, 12] * 3), items=80)
    spec = random_spec(np.random.default_rng([7, 5]), case)
    ptr, words = compiled_constraints(load("native").unchecked, case, spec)
    found = module.with_constraints(
        case.rules, spec, case.shard.item, case.shard.indptr, load("native")
    )
    assert found.constraint_ptr.tolist() == ptr.tolist()
    assert found.constraints.tolist() == words.tolist()


def test_more_candidates_than_bounds_count_to() -> None:
    n = module.MAX_CONSTRAINED_CANDIDATES + 1
    case = make_case(1, lengths=np.array([3, n]), items=n, wide=True)
    item = np.arange(n)
    spec = RuleSpec(
        group=np.stack([item % 2, 2 + item // 2 % 2]).astype(np.int32),
        groups=4,
        rule=np.arange(2, dtype=np.int32),
        plain=np.ones(2, np.uint8),
        cap=np.full((2, 1), 3, np.int32),
        least=np.zeros((2, 1), np.int32),
        upper=case.rules.upper,
        held_ptr=np.zeros(1, np.int64),
        held=np.zeros((2, 0), np.int32),
        had_ptr=np.zeros(1, np.int64),
        had=np.zeros(0, np.int32),
        conflict_ptr=np.zeros(1, np.int64),
        conflict=np.zeros(0, np.int32),
        conflict_rule=np.zeros(0, np.int32),
        mandatory=np.zeros(0, np.uint8),
        mandatory_rule=2,
    )
    with pytest.raises(Unsupported, match="at most 65,535 candidates for one customer, got 65,536"):
        module.with_constraints(
            case.rules, spec, case.shard.item, case.shard.indptr, load("native")
        )

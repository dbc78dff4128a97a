"""The most coupons that a customer can have, against every subset of its candidates."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.campaigns import random_tables

from couponry.verify.block import blocks
from couponry.verify.customer_rules.achievable import CellGroups, most_coupons
from couponry.verify.customer_rules.bounded_rule import bounded_rule
from couponry.verify.inputs import Inputs

Folder = Callable[..., Path]


@pytest.mark.parametrize("seed", range(30))
def test_most_coupons(seed: int, folder: Folder) -> None:
    """Random rules, nested and overlapping, with bounds that differ by customer."""
    rng = np.random.default_rng(seed)
    tables = random_tables(seed, customers=12, offers=9, each=7)
    about: list[dict[str, Any]] = [
        {"by": "product"}, {"by": "brand"}, {"by": "role"}, {"where": {"channel": "mail"}},
        {"where": {"role": ["reward", "activation"]}}, {"where": {"day": {"max": 16}}},
        {"by": "brand", "where": {"channel": "email"}}, {"where": {"tags": ["all"]}},
    ]  # fmt: skip
    bounds = ["slots", 0, 1, 1, 2, 3]
    rules = [
        {
            "name": f"r{k}",
            "max": bounds[rng.integers(len(bounds))],
            **about[rng.integers(len(about))],
        }
        for k in range(rng.integers(1, 5))
    ]
    path = folder(tables, customer_rule=rules)
    inputs = Inputs(path)
    groups = [
        CellGroups(rule.code_of_cell(), rule.most)
        for rule in (bounded_rule(rule, inputs) for rule in inputs.data.rules)
    ]
    (block,) = blocks(inputs)
    wanted = rng.random(12) < 0.8
    found = most_coupons(block, groups, wanted)
    subsets = np.array(list(itertools.product([0, 1], repeat=7)))
    cells = block.all_cells
    for customer in range(12):
        own = cells[block.customer == customer]
        fits = np.ones(len(subsets), bool)
        for group in groups:
            for code in set(group.code[own].tolist()) - {-1}:
                fits &= subsets[:, group.code[own] == code].sum(axis=1) <= group.cap[customer]
        expected = subsets[fits].sum(axis=1).max() if wanted[customer] else 0
        assert found[customer] == expected, (customer, rules)

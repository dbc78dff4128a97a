"""Options of the solver: each is described, used, and refused where it is of another type."""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import couponry
from couponry import Campaign, CustomerRule, InvalidInput
from couponry.solver.options import DEFAULT_OPTIONS, CoreOptions, SolverOptions

PACKAGE = Path(couponry.__file__).parent
OPTIONS = PACKAGE / "solver" / "options"


def described(module: Path) -> list[tuple[str, bool]]:
    """Every field of the classes of a module, and whether a docstring follows it."""
    found = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            for one, following in itertools.pairwise([*node.body, None]):
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                    value = following.value if isinstance(following, ast.Expr) else None
                    is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
                    found.append((f"{node.name}.{one.target.id}", is_text))
    return found


@pytest.mark.parametrize("module", sorted(OPTIONS.glob("*.py")), ids=lambda path: path.stem)
def test_every_option_is_described(module: Path) -> None:
    sizes = {"SampleSize.at_least", "SampleSize.share", "SampleSize.at_most"}  # by the class
    assert [name for name, is_text in described(module) if not is_text and name not in sizes] == []


def test_every_option_is_used() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if OPTIONS not in path.parents]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    groups = [getattr(DEFAULT_OPTIONS, group.name) for group in fields(DEFAULT_OPTIONS)]
    names = [field.name for group in groups for field in fields(group)]
    assert len(names) > 100
    assert [name for name in names if not re.search(rf"\.{name}\b", source)] == []


def test_groups_are_frozen_and_compared_by_value() -> None:
    assert all(is_dataclass(getattr(DEFAULT_OPTIONS, f.name)) for f in fields(DEFAULT_OPTIONS))
    patient = replace(DEFAULT_OPTIONS, core=CoreOptions(nodes=7))
    assert patient == SolverOptions(core=CoreOptions(nodes=7)) != SolverOptions()
    assert hash(patient) == hash(SolverOptions(core=CoreOptions(nodes=7)))
    with pytest.raises(AttributeError):
        patient.core.nodes = 8  # type: ignore[misc]


@pytest.mark.parametrize("given", [{"core": None}, 5, SolverOptions])
def test_options_of_another_type_are_refused(given: Any) -> None:
    table = {"customer": np.arange(5), "offer": np.zeros(5, int), "value": np.ones(5)}
    campaign = Campaign({"offer": [0]}, table, rules=[CustomerRule("slots", max=1)])
    with pytest.raises(InvalidInput, match="solver_options"):
        campaign.solve(solver_options=given)

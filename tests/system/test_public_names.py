"""couponry's public names: type checkers, `import *`, dir() and the first use find the same ones."""

from __future__ import annotations

import ast
from pathlib import Path

import couponry


def seen_by_type_checkers() -> dict[str, tuple[str, str]]:
    """Names that are imported for type checkers alone: the module of each, and its name there."""
    tree = ast.parse(Path(couponry.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return {
        alias.asname or alias.name: (f".{line.module}", alias.name)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }


def test_every_list_has_the_same_names() -> None:
    assert seen_by_type_checkers() == couponry._WHERE
    assert couponry.__all__ == sorted([*couponry._WHERE, "show_versions"])
    everything: dict[str, object] = {}
    exec("from couponry import *", everything)
    for name in couponry.__all__:
        assert everything[name] is getattr(couponry, name)
    assert set(dir(couponry)) >= set(couponry.__all__)


def test_rooms_are_folders() -> None:
    assert all((Path(couponry.__file__).parent / room).is_dir() for room in couponry._ROOMS)

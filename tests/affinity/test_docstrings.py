"""Docstrings of the public names: complete numpydoc, and examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import chain
from types import ModuleType
from typing import Any

import pytest
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

from couponry import affinity

CHECKED = {
    "GL01", "GL02", "GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10",
    "SS01", "SS02", "SS03", "SS04", "SS05", "SS06",
    "PR01", "PR02", "PR03", "PR04", "PR05", "PR06", "PR07", "PR08", "PR09", "PR10",
    "RT01", "RT03", "RT04", "RT05", "YD01",
}  # fmt: skip
OF_PARAMETERS = {"PR01", "PR02", "PR03"}
"""Not asked of dataclasses and named tuples: their attributes are their parameters, and documented as such."""

RENAMED = {"Begun": "DiscoveryScores", "BestOffers": "TopOffers", "Given": "PrecomputedSimilarity"}


def public_objects() -> Iterator[str]:
    """Import paths, for numpydoc, of the public names and of their public methods and properties."""
    for name in affinity.__all__:
        found = getattr(affinity, name)
        path = f"{found.__module__}:{found.__qualname__}".replace(":", ".")
        yield path
        if inspect.isclass(found):
            bases = (base for base in found.__mro__ if base.__module__.startswith("couponry"))
            for key, member in chain.from_iterable(vars(base).items() for base in bases):
                is_method = inspect.isfunction(member) or isinstance(
                    member, (classmethod, property)
                )
                if is_method and not key.startswith("_"):
                    yield f"{path}.{key}"


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(affinity.__path__, f"{affinity.__name__}."):
        yield importlib.import_module(found.name)


def holds_values(path: str) -> bool:
    """Whether a path names a dataclass or a named tuple."""
    found: Any = getattr(affinity, path.rpartition(".")[2], None)
    return is_dataclass(found) or (inspect.isclass(found) and issubclass(found, tuple))


@pytest.mark.parametrize("path", list(public_objects()))
def test_docstrings_are_complete(path: str) -> None:
    codes = CHECKED - OF_PARAMETERS if holds_values(path) else CHECKED
    wrong = [error for error in validate(path)["errors"] if error[0] in codes]
    assert wrong == []


@pytest.mark.parametrize("name", [n for n in affinity.__all__ if holds_values(n)])
def test_fields_are_described(name: str) -> None:
    found = getattr(affinity, name)
    names = found._fields if issubclass(found, tuple) else [field.name for field in fields(found)]
    described = {n for part in ClassDoc(found)["Attributes"] for n in part.name.split(", ")}
    assert set(names) <= described


@pytest.mark.parametrize("module", [m for m in modules() if ">>>" in inspect.getsource(m)])
def test_examples_run(module: ModuleType) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_old_names_warn_and_name_the_new_one(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{old} is deprecated: use {new}"):
        assert getattr(affinity, old) is getattr(affinity, new)
    assert old not in affinity.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        affinity.nothing  # noqa: B018

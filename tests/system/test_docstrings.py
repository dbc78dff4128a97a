"""Docstrings of everything public: numpydoc, complete, and with examples that run."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

import couponry

CHECKED = {
    "GL02", "GL03", "GL05", "GL06", "GL07", "GL08", "GL10", "PR01", "PR02", "PR04", "PR06", "PR07", "PR10",
    "RT01", "RT03", "SS02", "SS03", "SS05", "SS06",
}  # fmt: skip
"""What numpydoc is asked: sections and their order, parameters, returns, summaries.

Neither where the first line stands (GL01), nor the order of parameters, which may be grouped (PR03)."""


def names() -> Iterator[str]:
    """Every public object, and every public method and property of the classes, by its path in `couponry`."""
    for name in couponry.__all__:
        found = getattr(couponry, name)
        if isinstance(found, str):
            continue
        yield name
        if inspect.isclass(found):
            for member in dir(found):
                if not member.startswith("_") and is_ours(found, member):
                    yield f"{name}.{member}"


def is_ours(of: type, member: str) -> bool:
    """Whether a class of this package has it as a method or property, not as a field."""
    owner = next(c for c in of.__mro__ if member in vars(c))
    value = vars(owner)[member]
    documented = isinstance(value, (property, classmethod, staticmethod)) or inspect.isfunction(
        value
    )
    return documented and owner.__module__.startswith("couponry")


@pytest.mark.parametrize("name", list(names()))
def test_docstring(name: str) -> None:
    found = validate(f"couponry.{name}")
    errors = dict(found["errors"])
    of = getattr(couponry, name, None)
    if dataclasses.is_dataclass(of):  # fields are attributes, described as such
        for code in ("PR01", "PR02"):
            errors.pop(code, None)
        described = {
            n
            for part in ClassDoc(of)["Attributes"] + ClassDoc(of)["Parameters"]
            for n in part.name.split(", ")
        }
        undescribed = {field.name for field in dataclasses.fields(of) if field.repr} - described
        assert not undescribed, undescribed
    assert not {code: text for code, text in errors.items() if code in CHECKED}


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(recurse=False)
    tests: list[doctest.DocTest] = []
    for name in names():
        found: Any = couponry
        for part in name.split("."):
            found = getattr(found, part)
        tests += [t for t in finder.find(found, name, globs=vars(couponry).copy()) if t.examples]
    return tests


@pytest.mark.parametrize("test", examples(), ids=lambda test: test.name)
def test_examples_run(test: doctest.DocTest) -> None:
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert not said, "".join(said)

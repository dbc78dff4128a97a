"""Every backend has every kernel, with the reference's name, parameters and docstring; stubs tell the native ones."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pytest

from couponry.kernels import available, load, reference

KERNELS = reference.__all__
COMPILED = [name for name in ("native", "numba") if available()[name] == "yes"]


@pytest.fixture(params=COMPILED)
def backend(request: pytest.FixtureRequest) -> ModuleType:
    return load(request.param).kernels


@pytest.mark.parametrize("kernel", KERNELS)
def test_backends_have_the_kernels_of_the_reference(backend: ModuleType, kernel: str) -> None:
    expected, found = getattr(reference, kernel), getattr(backend, kernel)
    assert found.__name__ == expected.__name__ == kernel
    assert found.__doc__ == expected.__doc__
    parameters = list(inspect.signature(getattr(found, "py_func", found)).parameters)
    if backend.__name__.endswith("_native"):
        assert parameters.pop() == "unchecked"
    assert parameters == list(inspect.signature(expected).parameters)


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_document_their_parameters(kernel: str) -> None:
    function = getattr(reference, kernel)
    text = inspect.getdoc(function) or ""
    assert "Parameters\n----------\n" in text
    for parameter in inspect.signature(function).parameters:
        assert any(
            parameter in line.partition(" : ")[0].replace(",", " ").split()
            for line in text.splitlines()
            if line and not line.startswith(" ")
        ), parameter


@pytest.mark.skipif("native" not in COMPILED, reason="needs the native kernels")
@pytest.mark.parametrize(
    "module",
    ["affinity", "curvature", "customer_constraints", "evaluate", "local_search", "purchases"],
)
def test_stubs_tell_the_native_modules(module: str) -> None:
    found = importlib.import_module(f"couponry.kernels._native.{module}")
    stub = ast.parse(Path(str(found.__file__)).parent.joinpath(f"{module}.pyi").read_text())
    told = {
        node.name: [argument.arg for argument in node.args.args + node.args.kwonlyargs]
        for node in stub.body
        if isinstance(node, ast.FunctionDef)
    }
    there = {
        name: list(inspect.signature(function).parameters)
        for name, function in vars(found).items()
        if callable(function)
        and not isinstance(function, type)
        and not name.startswith("__")
        and getattr(function, "__module__", "") == found.__name__
    }
    assert told == there

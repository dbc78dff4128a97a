"""What tools such as scikit-learn's ask of a model: its arguments, others in their place, whether it is fitted."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..utils.errors import InvalidInput
from ..utils.suggestions import known_names, listed

Model = TypeVar("Model", bound="Parameters")

LONGEST_VALUE = 60
"""Characters of an argument that are shown in a model's text."""


class Parameters:
    """A model whose arguments can be read, set, and shown, each kept under its name and as it was given.

    `sklearn.base.clone` makes an unfitted copy of one, and searches over arguments work. scikit-learn is not needed.
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments that the model was made with.

        Parameters
        ----------
        deep : bool
            Whether arguments of models among them come, too, under names such as ``personal__ridge``.

        Returns
        -------
        dict of str to object
            By name.
        """
        found = {name: getattr(self, name) for name in _arguments(type(self))}
        if deep:
            for name, value in list(found.items()):
                if hasattr(value, "get_params") and not isinstance(value, type):
                    of_it = value.get_params(deep=True)
                    found.update({f"{name}__{inner}": of_it[inner] for inner in of_it})
        return found

    def set_params(self: Model, **params: Any) -> Model:
        """Change arguments; what was fitted stays until the model is fitted again.

        Parameters
        ----------
        **params
            By name; ``personal__ridge`` stands for an argument of the model `personal`.

        Returns
        -------
        same type
            This model.

        Raises
        ------
        InvalidInput
            If there is no such argument, or the model cannot be made with it; nothing is changed then.
        """
        mine: dict[str, Any] = {}
        of_others: dict[str, dict[str, Any]] = {}
        for name, value in params.items():
            first, inner, rest = name.partition("__")
            if first not in _arguments(type(self)):
                known = known_names(first, _arguments(type(self)), "it has")
                raise InvalidInput(f"{type(self).__name__}: there is no argument {first!r}{known}")
            if inner:
                of_others.setdefault(first, {})[rest] = value
            else:
                mine[name] = value
        if mine:  # made anew with them, a model refuses what makes no sense
            self.__dict__.update(vars(type(self)(**{**self.get_params(deep=False), **mine})))
        for name, inside in of_others.items():
            getattr(self, name).set_params(**inside)
        return self

    def __repr__(self) -> str:
        """Name the arguments that are not the usual ones."""
        shown = [
            f"{name}={_text(getattr(self, name))}"
            for name, default in _arguments(type(self)).items()
            if not _is_same(getattr(self, name), default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_is_fitted__(self) -> bool:
        """Whether anything was fitted."""
        return any(name.endswith("_") and not name.endswith("__") for name in vars(self))

    def _check_fitted(self) -> None:
        """Refuse to be used before `fit`."""
        if not self.__sklearn_is_fitted__():
            raise InvalidInput(f"{type(self).__name__}: expected a fitted model; call fit first")


class NamedFeatures:
    """A fitted model of named features, under the names that scikit-learn has for them."""

    names_: list[str]

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """Names of the features, as an array of str; there once the model is fitted."""
        return np.array(self.names_, object)

    @property
    def n_features_in_(self) -> int:
        """How many features there are."""
        return len(self.names_)


def _arguments(model: type) -> dict[str, Any]:
    """Return the arguments of a model by name, with their defaults."""
    parameters = list(inspect.signature(model).parameters.values())
    return {parameter.name: parameter.default for parameter in parameters}


def _is_same(value: Any, default: Any) -> bool:
    """Whether an argument is the usual one; arrays and the like are not compared."""
    if value is default or type(value) is not type(default):
        return value is default
    if isinstance(
        value, tuple
    ):  # of functions, such as similarities, a copy or a pickle has the same ones
        return repr(value) == repr(default)
    return isinstance(value, bool | int | float | str) and bool(value == default)


def _text(value: Any) -> str:
    """Return an argument in few characters: numbers, names and models as they are, arrays by their shape."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"<{type(value).__name__} {' x '.join(str(size) for size in shape)}>"
    if isinstance(value, Mapping) and not _is_short(dict(value)):
        return f"<{type(value).__name__} of {listed(value, LONGEST_VALUE)}>"
    if isinstance(value, Parameters) or _is_short(value):
        return repr(value)
    if hasattr(value, "get_params"):  # a model of others
        text = " ".join(repr(value).split())
        return text if len(text) <= LONGEST_VALUE else f"<{type(value).__name__}>"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"<{value.__qualname__}>"
    length = f" of {len(value):,}" if isinstance(value, list | tuple) else ""
    return f"<{type(value).__name__}{length}>"


def _is_short(value: Any) -> bool:
    """Whether a value is made of numbers and names, and few of them."""
    if isinstance(value, Mapping):
        return all(map(_is_short, value.values())) and len(repr(value)) <= LONGEST_VALUE
    if isinstance(value, list | tuple):
        return all(map(_is_short, value)) and len(repr(value)) <= LONGEST_VALUE
    simple = value is None or isinstance(value, bool | int | float | str | np.generic)
    return simple and len(repr(value)) <= LONGEST_VALUE

"""Writing TOML, as far as campaign.toml needs it (the standard library only reads it)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def dumps(spec: Mapping[str, Any]) -> str:
    """Write a document as TOML: plain keys first, then tables and arrays of tables.

    Parameters
    ----------
    spec : mapping
        Values are numbers, text, truth values, dates, lists and mappings, of Python or NumPy.

    Returns
    -------
    str
        The document.

    Raises
    ------
    TypeError
        Where a value is of another type.
    """
    lines = [f"{_key(k)} = {_value(v)}" for k, v in spec.items() if not _is_table(v)]
    for name, part in spec.items():
        parts = part if isinstance(part, list) else [part]
        head = f"[[{_key(name)}]]" if isinstance(part, list) else f"[{_key(name)}]"
        for table in parts if _is_table(part) else []:
            lines += ["", head, *(f"{_key(k)} = {_value(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(v, Mapping) for v in value)
    return isinstance(value, Mapping)


def _key(key: str) -> str:
    plain = key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key)
    return key if plain else _text(key)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"[{', '.join(_value(v) for v in value)}]"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"cannot write {type(value).__name__} into campaign.toml")

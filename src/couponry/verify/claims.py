"""The files of a result, what they claim, and the problems found with it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import tables
from ..errors import InvalidInput
from .rounding import is_close, is_number

KEYS = (
    "status", "objective", "bound", "gap", "max_violation", "allocated", "customers", "candidates",
    "full_passes", "seconds", "peak_memory_bytes", "threads", "backend", "engine", "seed", "version",
)  # fmt: skip


class Claims:
    """One result folder. problems: a line for each thing that does not hold."""

    def __init__(self, out: Path):
        self._out = out
        self._result = self.read_json("result.json")
        self.problems = [
            f"result.json: key {key!r} is missing" for key in KEYS if key not in self._result
        ]

    def has(self, name: str) -> bool:
        return (self._out / name).exists()

    def read_json(self, name: str) -> dict[str, Any]:
        what = f"result folder {str(self._out)!r}"
        try:
            content = json.loads((self._out / name).read_text(encoding="utf-8"))
        except OSError:
            raise InvalidInput(f"{what}: no file {name}") from None
        except ValueError as error:
            raise InvalidInput(f"{what}: {name}: {error}") from error
        if not isinstance(content, dict):
            raise InvalidInput(f"{what}: {name}: expected a JSON object")
        return content

    def table(self, name: str) -> pa.Table | None:
        """The table of this name, None (and a problem) where it is missing."""
        file = f"{name}.parquet"
        if self.has(file):
            return tables.read(self._out, file, name)
        self.note(f"{file}: missing")
        return None

    def get(self, key: str) -> Any:
        """What result.json says."""
        return self._result.get(key)

    def number(self, key: str) -> float | None:
        """What result.json says, None where it is no finite number."""
        value = self.get(key)
        return float(value) if is_number(value) and math.isfinite(value) else None

    def note(self, problem: str) -> None:
        self.problems.append(problem)

    def differs(self, what: str, expected: Any, got: Any) -> None:
        self.note(f"{what}: expected {expected}, got {got}")

    def check_count(self, key: str, true: int) -> None:
        if key in self._result and self.get(key) != true:
            self.differs(f"result.json: {key}", true, repr(self.get(key)))

    def check_number(self, key: str, true: float, error: float) -> None:
        if not is_close(self.get(key), true, error):
            self.differs(f"result.json: {key}", true, self.get(key))

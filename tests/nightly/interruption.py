"""Installed as `sitecustomize` of processes that solve: the first solve fails in its midst, once.

FOLDER is the environment variable COUPONRY_NIGHTLY. FOLDER/fail says how: "raise" or "kill"; it is removed when that
has happened. FOLDER/opened gets a line for each checkpoint that is opened: the answers that it has.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

MODULE = "couponry.engines.checkpoint"

ANSWERS = 3
"""Passes that are made before the solve fails."""


class Interruption(importlib.abc.MetaPathFinder):
    """Changes the module of checkpoints once it is loaded."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """Find that module as everybody does, and change what becomes of it."""
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.loader is not None
        load = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            interrupt(module.CheckpointFile, Path(os.environ["COUPONRY_NIGHTLY"]))

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def interrupt(checkpoint_file: Any, folder: Path) -> None:
    """Have checkpoints say what they have, and fail where they are told to."""
    make, answer = checkpoint_file.__init__, checkpoint_file.answer

    def make_and_say(self: Any, *arguments: Any) -> None:
        make(self, *arguments)
        self.made = 0
        with (folder / "opened").open("a") as opened:
            opened.write(f"{len(self._bodies)}\n")

    def answer_or_fail(self: Any, key: bytes, compute: Any) -> Any:
        found, fail = answer(self, key, compute), folder / "fail"
        self.made += 1
        if self.made >= ANSWERS and fail.exists():
            how = fail.read_text()
            fail.unlink()
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("the machine went away")
        return found

    checkpoint_file.__init__, checkpoint_file.answer = make_and_say, answer_or_fail


if "COUPONRY_NIGHTLY" in os.environ:
    sys.meta_path.insert(0, Interruption())

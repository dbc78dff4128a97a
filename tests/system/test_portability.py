"""On a system that has no more than Windows has, everything is imported, and files come to the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.tour import small_steps, tour


@pytest.mark.skipif(sys.platform != "linux", reason="plays on Linux what others have")
def test_a_poorer_system_comes_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_steps(monkeypatch.setattr)
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    expected = json.loads(json.dumps(tour(tmp_path / "here")))
    assert expected["command"] == [0, 0, 0, 0] and len(expected["coupons"]) > 400

    script = [sys.executable, "-m", "tests.support.tour", tmp_path / "there", tmp_path / "found"]
    ran = subprocess.run(script, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "found").read_text())
    assert found.pop("modules") > 200
    assert found == expected
    assert "Traceback" not in ran.stderr


def test_whatever_is_posix_alone_is_caught(tmp_path: Path) -> None:
    """The tour above fails where it should: what it plays is refused indeed."""
    script = """
import os, sys
from tests.support.other_system import become_poor
become_poor()
for name in ("fcntl", "resource"):
    try:
        __import__(name)
    except ImportError:
        print(name)
with open(sys.argv[1] + "/file", "w") as file:
    for do in (lambda: os.rename(sys.argv[1], sys.argv[1] + "-b"), lambda: os.remove(file.name),
               lambda: os.open(sys.argv[1], os.O_RDONLY), lambda: os.replace(file.name, file.name + "-b")):
        try:
            do()
        except PermissionError:
            print("refused")
print(hasattr(os, "preadv"))
"""
    folder = tmp_path / "folder"
    folder.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.split() == ["fcntl", "resource", *["refused"] * 4, "False"]

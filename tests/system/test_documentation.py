"""The code of docs/answers.md runs, and prints what the page says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_says_what_its_code_prints() -> None:
    page = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shown = [
        line
        for block in re.findall(r"```text\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(code) == 5 and len(shown) == 4
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec((ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8"), names)
        for block in code:
            exec(block, names)
    for line in shown:
        assert line in printed.getvalue()

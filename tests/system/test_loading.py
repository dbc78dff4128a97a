"""A command that cannot be loaded says so in one line."""

from __future__ import annotations

import sys

import pytest

from couponry.__main__ import main


@pytest.mark.parametrize("debug", [False, True])
def test_what_cannot_be_imported(debug: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couponry.__main__.end_at_once", lambda: None)
    monkeypatch.setitem(sys.modules, "couponry.cli", None)  # its import fails
    monkeypatch.delenv("COUPONRY_DEBUG", raising=False)
    if debug:
        monkeypatch.setenv("COUPONRY_DEBUG", "1")
        with pytest.raises(ImportError):
            main()
        return
    with pytest.raises(SystemExit) as ended:
        main()
    said = str(ended.value.code)
    assert said.startswith("couponry: internal error: cannot be loaded") and "\n" not in said
    assert len(said) <= 300

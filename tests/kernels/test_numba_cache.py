"""Where what Numba compiles is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

numba = pytest.importorskip("couponry.kernels.numba", exc_type=ImportError)
TEXTS = Path(numba.__file__).parent


def test_texts_are_kept_under_their_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = numba.cache_folder()
    assert folder is not None and folder.is_relative_to(tmp_path)
    for name in sorted(str(path.relative_to(TEXTS)) for path in TEXTS.glob("reference/**/*.py")):
        assert (folder / name).read_bytes() == (TEXTS / name).read_bytes()
    for name in "contract.py", "set_layout.py", "exchanges_contract.py":
        assert (folder / name).read_bytes() == (TEXTS / name).read_bytes()
    assert numba.cache_folder() == folder
    monkeypatch.setattr(numba, "__file__", str(folder / "numba.py"))
    (folder / "set_layout.py").write_text("another text")
    assert numba.cache_folder() != folder


def test_nothing_is_kept_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert numba.cache_folder() is None

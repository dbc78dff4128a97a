"""A command that cannot be loaded says so in one line; one that can loads no pandas."""

from __future__ import annotations

import subprocess
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


WITHOUT_PANDAS = """
import sys
from couponry.__main__ import _do_without_pandas
import numpy as np, pyarrow as pa
_do_without_pandas()
assert "pandas" not in sys.modules and not [one for one in sys.meta_path if "pandas" in type(one).__name__.lower()]
assert pa.array(np.arange(3)).to_pylist() == [0, 1, 2] and "pandas" not in sys.modules
assert pa.array([1, 2]).to_numpy().sum() == 3 and "pandas" not in sys.modules
try:
    import pandas as pd
except ImportError:
    sys.exit()
assert isinstance(pa.table({"a": [1]}).to_pandas(), pd.DataFrame)
assert pa.array(pd.Series([1.0, None])).null_count == 1
assert pa.array(pd.Series(["a", None], dtype=object)).null_count == 1
"""


def test_a_command_has_arrays_made_without_pandas() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], check=True)

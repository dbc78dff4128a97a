"""What `import couponry` leaves for later, and that it is there when it is needed."""

import subprocess
import sys

import pytest

from couponry.utils.lazy_imports import LazyModule, is_imported

LATER = ("duckdb", "jinja2", "matplotlib", "numba", "pandas", "pyarrow.dataset", "rich",
         "scipy.linalg", "scipy.optimize", "scipy.sparse")  # fmt: skip


def test_importing_couponry_imports_nothing_that_takes_long():
    code = f"import sys, couponry, couponry.affinity; print(*(set({LATER}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []


def test_a_module_is_imported_when_something_of_it_is_asked_for():
    code = (
        "import sys\n"
        "from couponry.utils.lazy_imports import is_imported, sparse\n"
        "assert not is_imported(sparse)\n"
        "assert sparse.csr_array((2, 3)).shape == (2, 3)\n"
        "assert is_imported(sparse) and sys.modules['scipy.sparse'].csr_array is sparse.csr_array\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_not_there_is_said_to_be_missing():
    with pytest.raises(AttributeError):
        _ = LazyModule("math").no_such_function
    absent = LazyModule("couponry_has_no_such_module")
    assert not is_imported(absent)
    with pytest.raises(ModuleNotFoundError):
        _ = absent.anything

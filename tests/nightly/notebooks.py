"""The notebooks of the examples, run from first cell to last as Jupyter runs them.

    pip install ".[demo]" nbclient ipykernel
    python -m tests.nightly.notebooks

What their cells print is held to the pages by tests/system/test_documentation.py.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbclient
import nbformat

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "notebooks"


def main() -> None:
    for path in sorted(EXAMPLES.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        with tempfile.TemporaryDirectory() as folder:
            nbclient.NotebookClient(notebook, resources={"metadata": {"path": folder}}).execute()
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        print(f"{path.name}: {cells} cells run")


if __name__ == "__main__":
    main()

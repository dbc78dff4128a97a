"""A page of documentation as a Jupyter notebook: its text and its Python, cell by cell, without outputs.

    python -m tests.support.page_notebook

writes every notebook of `NOTEBOOKS` anew.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from .documented_code import COMMENT, FENCE

ROOT = Path(__file__).resolve().parents[2]

NOTEBOOKS = {"docs/tutorials/notebook.md": "examples/notebooks/groceries.ipynb"}
"""By page: where its notebook is."""

LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


def notebook_of(page: str, notebook: str) -> str:
    """Return the text of a notebook's file.

    Parameters
    ----------
    page, notebook : str
        Paths from the repository's root on; links are made to lead on from where the notebook is.
    """
    to_itself = posixpath.relpath(notebook, posixpath.dirname(page))
    paragraphs = (ROOT / page).read_text(encoding="utf-8").split("\n\n")
    text = "\n\n".join(part for part in paragraphs if to_itself not in part)
    cells = [_cell(f"{n:02d}", kind, part) for n, (kind, part) in enumerate(_parts(text))]
    for cell in cells:
        if cell["cell_type"] == "markdown":
            cell["source"] = [_with_links(line, page, notebook) for line in cell["source"]]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _parts(page: str) -> list[tuple[str, str]]:
    """Text and Python in turn, as ("markdown" or "code", text); what is printed, and comments, are left out."""
    parts: list[tuple[str, list[str]]] = [("markdown", [])]
    language = None
    for line in page.splitlines():
        fence = FENCE.match(line)
        if fence:
            language = (fence["language"] or "text") if language is None else None
            parts.append(("code" if language == "python" else "markdown", []))
        elif language in (None, "python") and not COMMENT.match(line):
            parts[-1][1].append(line)
    return [(kind, text) for kind, lines in parts if (text := "\n".join(lines).strip("\n"))]


def _cell(name: str, kind: str, text: str) -> dict[str, Any]:
    """A cell."""
    cell = {"cell_type": kind, "id": f"cell-{name}", "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": text.splitlines(keepends=True)}


def _with_links(line: str, page: str, notebook: str) -> str:
    """A line whose links lead on from the notebook."""

    def from_notebook(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link[1]))
        return posixpath.relpath(target, posixpath.dirname(notebook))

    return LINK.sub(from_notebook, line)


if __name__ == "__main__":
    for written_page, written in NOTEBOOKS.items():
        (ROOT / written).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / written).write_text(notebook_of(written_page, written), encoding="utf-8")

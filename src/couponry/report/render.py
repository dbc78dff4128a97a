"""Makes HTML of the templates; whatever is put into them is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..utils.checks import check_path
from ..utils.errors import InvalidInput, one_line

if TYPE_CHECKING:
    from jinja2 import Environment


def part(template: str, /, **content: Any) -> str:
    """Return one part of a page.

    Parameters
    ----------
    template : str
        Its name, without ending.
    **content : Any
        What the template shows.

    Returns
    -------
    str
        HTML.
    """
    return _environment().get_template(f"{template}.html").render(content)


def page_of(title: str, body: str, status: str = "") -> str:
    """Return a whole page.

    Parameters
    ----------
    title : str
    body : str
        HTML that `part` made.
    status : str
        Of the result.

    Returns
    -------
    str
        HTML that refers to nothing outside.
    """
    from markupsafe import Markup

    return part("document", title=title, body=Markup(body), status=status)


def checked_file(path: str | Path) -> Path:
    """Return where a file goes, refused where none can be written.

    Parameters
    ----------
    path : str or Path
        File; may exist.

    Returns
    -------
    Path

    Raises
    ------
    InvalidInput
        If its folder does not exist, or it is a folder itself.
    """
    check_path(path, "path")
    path = Path(path)
    if not path.parent.is_dir():
        raise InvalidInput(
            f"path: there is no folder {str(path.parent)!r} to write {path.name!r} to"
        )
    if path.is_dir():
        raise InvalidInput(f"path: expected a file to write, got the folder {str(path)!r}")
    return path


def write_page(page: str, path: str | Path) -> Path:
    """Write a page as a file, which is there whole or not at all.

    Parameters
    ----------
    page : str
    path : str or Path
        File; replaced where it exists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidInput
        As `checked_file` does.
    """
    path = checked_file(path)
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


@cache
def _environment() -> Environment:
    """The templates, read at first use."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True,
        loader=PackageLoader("couponry.report"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    source, _, _ = environment.loader.get_source(environment, "style.css")  # type: ignore[union-attr]
    environment.globals["style"] = Markup(source)
    environment.filters["kind"] = lambda cell: type(cell).__name__.lower()
    environment.filters["shown"] = lambda text: one_line(str(text), None)
    environment.filters["length_class"] = _length_class
    environment.filters["share"] = lambda value: f"{100 * value:.2f}%".replace(".00%", "%")
    return environment


def _length_class(text: str) -> str:
    """The classes of a text that fits a line of a table, or even of a phone's three columns."""
    return " short tiny" if len(text) <= 16 else " short" if len(text) <= 24 else ""

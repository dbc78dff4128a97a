"""HTML tables for notebooks, from one template that escapes whatever it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Template

TABLE = """\
<table>
{%- if caption %}<caption>{{ caption }}</caption>{% endif %}
{%- for name, text in facts -%}
<tr><th>{{ name }}</th><td{% if span > 1 %} colspan="{{ span }}"{% endif %}>{{ text }}</td></tr>
{%- endfor %}
{%- if columns -%}
<tr>{% for name in columns %}<th>{{ name }}</th>{% endfor %}</tr>
{%- endif %}
{%- for row in rows -%}
<tr>
{%- for cell in row -%}
<td{% if cell.hint %} title="{{ cell.hint }}"{% endif %}>{{ cell.text }}</td>
{%- endfor -%}
</tr>
{%- endfor -%}
</table>"""


class Cell(NamedTuple):
    """A cell of a table.

    Attributes
    ----------
    text : str
    hint : str
        Shown while the pointer rests on the cell; empty: nothing.
    """

    text: str
    hint: str = ""


def facts_table(facts: Iterable[tuple[str, str]] | Mapping[str, str]) -> str:
    """Lay out facts, one a row.

    Parameters
    ----------
    facts : mapping of str to str, or iterable of pairs of str
        Name and text of each fact.

    Returns
    -------
    str
        An HTML table; names and texts are escaped.
    """
    return rows_table((), (), facts=facts)


def rows_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    caption: str = "",
    facts: Iterable[tuple[str, str]] | Mapping[str, str] = (),
    digits: int = 6,
) -> str:
    """Lay out rows under a head, below a caption and facts where there are any.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns.
    rows : iterable of sequences
        A value for each column: a Cell, a float, None (shown as nothing), or whatever `str` makes text of.
    caption : str
    facts : mapping of str to str, or iterable of pairs of str
        Name and text of each fact; a fact spans the table.
    digits : int
        Significant digits of floats.

    Returns
    -------
    str
        An HTML table; everything that is given is escaped.
    """
    pairs = facts.items() if isinstance(facts, Mapping) else facts
    return _template().render(
        caption=caption,
        facts=list(pairs),
        span=len(columns) - 1,
        columns=columns,
        rows=[[_cell(value, digits) for value in row] for row in rows],
    )


def _cell(value: Any, digits: int) -> Cell:
    if isinstance(value, Cell):
        return value
    if value is None:
        return Cell("")
    return Cell(f"{value:,.{digits}g}" if isinstance(value, float) else str(value))


@cache
def _template() -> Template:
    """The template, compiled at first use: Jinja2 takes longer to import than most sessions ever need it for."""
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(TABLE)

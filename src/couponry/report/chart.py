"""`Chart`: numbers as bars in a table, or as a line beside one, which notebooks and reports show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from .numbers import amount
from .render import page_of, part, write_page


class Text(NamedTuple):
    """A cell that holds text, with a word more below it in small letters."""

    text: str
    small: str = ""


class Number(NamedTuple):
    """A cell that holds a number, and how it is written."""

    value: float | int | None
    text: str


class Bar(NamedTuple):
    """A cell that holds a bar: shares of its width from 0 to 1.

    Attributes
    ----------
    start, end : float
        Of the bar.
    asked : tuple of (float, float)
        Ends of what lies between the bounds; empty where nothing is asked.
    ticks : tuple of float
        Where bounds are.
    label : str
        What it shows, for those who hear it.
    """

    start: float
    end: float
    asked: tuple[float, ...] = ()
    ticks: tuple[float, ...] = ()
    label: str = ""


Cell = Text | Number | Bar


@dataclass(frozen=True)
class ChartRows:
    """ChartRows of cells, as a chart shows them.

    Attributes
    ----------
    head : tuple of str
        What each column is called; a bar's is empty.
    rows : tuple of tuple of Cell
    late : int
        So many of the first rows are set apart: what they show is not as it should be.
    more : str
        What is said of rows that are not shown.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    late: int = 0
    more: str = ""


class End(NamedTuple):
    """An end of a line, with its numbers.

    Attributes
    ----------
    x, y : float
        Where it is.
    x_text, y_text : str
        What is written at the axis, and at the point.
    is_above : bool
        Whether the second is written above the point, where the line does not cross it.
    """

    x: float
    y: float
    x_text: str
    y_text: str
    is_above: bool


class Line(NamedTuple):
    """A line through points, and one above it; coordinates are shares from 0 to 1, from the left and from below.

    Attributes
    ----------
    points, above : tuple of (float, float)
    ends : tuple of End
    label : str
        What it shows, for those who hear it.
    """

    points: tuple[tuple[float, float], ...]
    above: tuple[tuple[float, float], ...]
    ends: tuple[End, ...]
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart with its data; notebooks show it, `Result.report` puts it on a page.

    Attributes
    ----------
    title : str
        What it shows.
    note : str
        How to read it.
    data : pyarrow.Table
        The numbers, all of them, also where the chart shows only the largest.
    rows : ChartRows
        What is shown of them.
    line : Line or None
        A line that is drawn above the rows.
    """

    title: str
    note: str
    data: pa.Table = field(repr=False)
    rows: ChartRows = field(repr=False)
    line: Line | None = field(default=None, repr=False)

    def to_arrow(self) -> pa.Table:
        """Return the numbers of the chart.

        Returns
        -------
        pyarrow.Table
            All of them, also where the chart shows only the largest.
        """
        return self.data

    def write(self, path: str | Path) -> Path:
        """Write the chart as an HTML file of its own.

        Parameters
        ----------
        path : str or Path
            File; replaced where it exists.

        Returns
        -------
        Path
            The file.
        """
        return write_page(page_of(self.title, part("chart", chart=self)), path)

    def _repr_html_(self) -> str:
        return part("alone", chart=self)


def number(value: float | int | None) -> Number:
    """Make a cell of a number.

    Parameters
    ----------
    value : float, int or None

    Returns
    -------
    Number
    """
    return Number(value, amount(value))


def share_bars(values: Sequence[float], label: str) -> list[Bar]:
    """Make bars of numbers from 0 on, the longest of which fills its cell.

    Parameters
    ----------
    values : sequence of float
    label : str
        What is measured.

    Returns
    -------
    list of Bar
    """
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    size = (high - low) or 1.0
    return [
        Bar(
            (min(0.0, value) - low) / size,
            (max(0.0, value) - low) / size,
            label=f"{amount(value)} {label}",
        )
        for value in values
    ]

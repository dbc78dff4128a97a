"""Figures as the documentation states them, beside what their commands print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

FIGURE = r"(-?\d[\d,]*(?:\.\d+)?)"
"""A number as the pages write it."""


@dataclass(frozen=True)
class Statement:
    """A sentence or row of a page with figures in it.

    Attributes
    ----------
    page : str
        Path of the page, from the repository's root.
    text : str
        As the page has it, with # for each figure; it stands there once. A line of the page may end wherever there is
        a space.
    printed : tuple of str
        Where each figure is in what the command prints, as keys with dots between; " %" behind one makes a percentage
        of it, " M" millions, " G" billions.
    """

    page: str
    text: str
    printed: tuple[str, ...]

    def stated(self) -> tuple[str, ...]:
        """Read the figures off the page."""
        pattern = re.escape(self.text).replace(r"\#", FIGURE).replace(r"\ ", r"\s+")
        found = re.findall(pattern, (ROOT / self.page).read_text(encoding="utf-8"))
        if len(found) != 1:
            raise LookupError(f"{self.page}: expected once, found {len(found)} times: {self.text}")
        return (found[0],) if isinstance(found[0], str) else tuple(found[0])

    def differences(self, report: Any) -> Iterator[str]:
        """List the figures of the page that are not what a command printed, at the page's precision."""
        for stated, place in zip(self.stated(), self.printed, strict=True):
            now = as_written(value_at(report, place), stated)
            if now != stated:
                yield f"{self.page}: {stated} is now {now} ({place}): {self.text}"


@dataclass(frozen=True)
class Command:
    """A command and the figures of the documentation that it prints, none of which depends on the machine.

    Attributes
    ----------
    run : str
        What is run, behind "python": what the page says, or the same with less time spent on what is not compared.
    statements : tuple of Statement
    seconds : int
        About how long it takes on two cores.
    """

    run: str
    statements: tuple[Statement, ...]
    seconds: int


def value_at(report: Any, place: str) -> float:
    """Look up a figure in what a command printed."""
    path, unit = (place[:-2], place[-1]) if place[-2:-1] == " " else (place, "")
    found = reduce(
        lambda at, key: at[int(key) if isinstance(at, list) else key], path.split("."), report
    )
    return float(found) * {"": 1.0, "%": 100.0, "M": 1e-6, "G": 1e-9}[unit]


def as_written(value: float, like: str) -> str:
    """Write a figure with as many decimals as the page has, and its commas."""
    decimals = len(like.partition(".")[2])
    return f"{value:{',' if ',' in like else ''}.{decimals}f}"

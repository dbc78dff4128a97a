"""What a browser makes of a report: no error, nothing cut off, light, dark and on paper; skipped without Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.report.test_report import plain, solved
from tests.support.odd_pages import odd_results
from tests.support.pages import CHROMIUM, chromium, shown_by_chromium

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.filterwarnings("ignore::couponry.CampaignWarning"),
]

A4 = 673
"""Pixels between the margins of a page: 178 mm at 96 pixels an inch."""

SIZES = [(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")]


@pytest.mark.parametrize("page", ["plain", "odd", "hopeless"])
def test_in_a_browser(page: str, tmp_path: Path) -> None:
    result = solved() if page == "plain" else odd_results()[page]
    frontiers = [plain()[1]] if page == "plain" else []
    path = result.report(tmp_path / "report.html", frontiers=frontiers)
    shown, console, asked = shown_by_chromium(path, SIZES, tmp_path / "profile")
    assert console == [] and set(asked) == {"/frames.html", "/report.html"}
    for (wide, scheme), found in zip(SIZES, shown, strict=True):
        assert found["wide"] == wide and not found["scrolls"]
        assert found["outside"] == [] and found["cut"] == []
        assert contrast(found["ink"], found["paper"]) > 12
        assert (luminance(found["paper"]) < 0.1) == (scheme == "dark")


def test_on_paper(tmp_path: Path) -> None:
    page = odd_results()["odd"].report(tmp_path / "report.html")
    printed = tmp_path / "printed.pdf"
    ran = chromium(page.as_uri(), tmp_path / "profile", f"--print-to-pdf={printed}")
    assert printed.read_bytes().startswith(b"%PDF"), ran.stderr
    # what print has alone, on a screen as wide as A4 between its margins, of a reader who likes it dark
    text = page.read_text(encoding="utf-8")
    assert text.count("@media print") == 1 and text.count("@media screen and") == 1
    for media, instead in (("print", "all"), ("screen and", "not all and")):
        text = text.replace(f"@media {media}", f"@media {instead}")
    page.write_text(text, encoding="utf-8")
    (found,), console, _ = shown_by_chromium(page, [(A4, "dark")], tmp_path / "profile")
    assert console == [] and not found["scrolls"] and found["outside"] == found["cut"] == []
    assert luminance(found["paper"]) > 0.9 and contrast(found["ink"], found["paper"]) > 12


def luminance(colour: str) -> float:
    """Of a colour as a browser says it: rgb(1, 2, 3)."""
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Between two colours, as the accessibility guidelines have it."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)

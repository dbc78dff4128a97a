"""Reads pages of HTML: their elements, in order, with what stands in them; and what a browser makes of them."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
VOID = {"meta", "link", "br"}
DRAWN = {"circle", "path"}  # elements of SVG that close themselves


@dataclass
class Element:
    """An element of a page: its name, what it says of itself, what is in it, and its text."""

    name: str
    attributes: dict[str, str | None]
    children: list[Element] = field(default_factory=list)
    own_text: str = ""

    @property
    def text(self) -> str:
        return self.own_text + "".join(child.text for child in self.children)

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()

    @property
    def value(self) -> float | None:
        """Of the one number in it; None where it says that there is none."""
        (data,) = self.all("data")
        said = data.attributes.get("value")
        return None if said is None else float(said)

    def all(self, name: str) -> list[Element]:
        """All elements of a name in it, at any depth, in order."""
        found = [] if self.name != name else [self]
        return found + [each for child in self.children for each in child.all(name)]

    def with_id(self, key: str) -> Element:
        (found,) = [each for each in self.all("section") if each.attributes.get("id") == key]
        return found

    def rows(self) -> dict[str, list[Element]]:
        """Rows of the one table in it, by their names."""
        (body,) = self.all("tbody")
        return {row.children[0].all("bdi")[0].text: row.children[1:] for row in body.all("tr")}

    def figure(self, title: str) -> Element:
        """The chart whose title begins so."""
        (found,) = [f for f in self.all("figure") if f.all("bdi")[0].text.startswith(title)]
        return found


class _Parser(HTMLParser):
    """Builds the tree, and insists that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in DRAWN
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].own_text += data


def parsed(html: str) -> Element:
    """The elements of a page."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert len(parser.open) == 1, parser.open[-1].name
    return parser.open[0]


FRAMES = """<!doctype html><title>frames</title><link rel="icon" href="data:,">
{frames}
<pre id="found"></pre>
<script>
addEventListener("load", () => {{
  const found = [...document.querySelectorAll("iframe")].map(frame => {{
    const inside = frame.contentWindow, page = frame.contentDocument;
    const outside = [...page.querySelectorAll("body *")].filter(element => {{
      const box = element.getBoundingClientRect();
      return box.width > 1 && (box.right > inside.innerWidth + 1 || box.left < -1);
    }});
    const cut = [...page.querySelectorAll("td, th, dd, p")].filter(
      element => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1);
    const style = inside.getComputedStyle(page.body);
    return {{
      wide: inside.innerWidth, scrolls: page.documentElement.scrollWidth > inside.innerWidth,
      outside: outside.map(element => element.outerHTML.slice(0, 200)),
      cut: cut.map(element => element.outerHTML.slice(0, 200)),
      ink: style.color, paper: style.backgroundColor,
    }};
  }});
  document.getElementById("found").textContent = JSON.stringify(found);
}});
</script>"""


def shown_by_chromium(
    page: Path, sizes: list[tuple[int, str]], scratch: Path
) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """What a page looks like at some widths and colour schemes, what the console says, and what was asked for."""
    assert CHROMIUM is not None
    frames = "".join(
        f'<iframe src="{page.name}" style="width:{wide}px;height:900px;border:0;color-scheme:{scheme}"></iframe>'
        for wide, scheme in sizes
    )
    (page.parent / "frames.html").write_text(FRAMES.format(frames=frames), encoding="utf-8")
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(page.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        ran = chromium(f"http://127.0.0.1:{server.server_port}/frames.html", scratch, "--dump-dom")
        server.shutdown()
        thread.join()
    found = parsed(ran.stdout[ran.stdout.index("<pre") : ran.stdout.index("</pre>") + 6]).text
    console = [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(found), console, asked


def chromium(address: str, scratch: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run Chromium without a screen on a page."""
    quiet = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--enable-logging=stderr", f"--user-data-dir={scratch}",
    )  # fmt: skip
    return subprocess.run(
        [str(CHROMIUM), *quiet, *options, address], capture_output=True, text=True, timeout=300
    )

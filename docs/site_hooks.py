"""What MkDocs is told beyond mkdocs.yml: pages that stand elsewhere, links to them, formulas, nothing from outside.

Pages of the site are readable where they stand, too: links between them go by the folders of the repository.
"""

from __future__ import annotations

import html
import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent

ELSEWHERE = (
    {
        "CHANGELOG.md": "changelog.md",
        "CONTRIBUTING.md": "contributing.md",
        "LICENSE": "LICENSE.txt",
        "README.md": "index.md",
        "benchmarks/README.md": "benchmarks.md",
    }
    | {
        f"benchmarks/measured/{file.name}": f"benchmarks/{file.name}"
        for file in ROOT.glob("benchmarks/measured/*.md")
    }
    | {
        path: path
        for path in (file.relative_to(ROOT).as_posix() for file in ROOT.glob("examples/**/*.*"))
        if path.endswith((".ipynb", ".py", ".sh"))
    }
)
"""Files outside docs/ that pages link to, by their path in the repository: where the site has them."""

LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
FORMULA = re.compile(
    r'<(div|span) class="arithmatex">\\[\[(](.*?)\\[\])]</\1>',
    re.DOTALL,
)
FROM_OUTSIDE = re.compile(
    r'<(?:script|img|iframe|source|video)[^>]+?src="(?:https?:)?//[^"]*"'
    r'|<link[^>]+?rel="(?:stylesheet|preload|preconnect|icon)"[^>]+?href="(?:https?:)?//[^"]*"'
    r'|<link[^>]+?href="(?:https?:)?//[^"]*"[^>]+?rel="(?:stylesheet|preload|preconnect|icon)"'
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that stand outside docs/."""
    for path, uri in ELSEWHERE.items():
        if path != "README.md":
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links that leave docs/, or come from outside it, to where the site has their targets."""
    uri = page.file.src_uri
    stands_at = next((path for path, to in ELSEWHERE.items() if to == uri), f"docs/{uri}")
    if stands_at == "README.md":
        stands_at = "docs/index.md"

    def in_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(stands_at), link[1]))
        target = ELSEWHERE.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(target, posixpath.dirname(uri) or ".")

    return LINK.sub(in_site, markdown)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    r"""Write formulas as MathML, which browsers draw by themselves."""

    def drawn(formula: re.Match[str]) -> str:
        display = "block" if formula[1] == "div" else "inline"
        return convert(html.unescape(formula[2]).strip(), display=display)

    return FORMULA.sub(drawn, content)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse pages that would fetch anything from elsewhere."""
    found = FROM_OUTSIDE.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri}: expected nothing from outside, got {found[0]}")
    return output

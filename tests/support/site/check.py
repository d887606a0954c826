"""Looks at the site as a browser would, without one: `python -m tests.support.site.check FOLDER`.

Every link within the site must lead to a page that is there, and to an anchor on it; what a page loads by
itself must be part of the site; an address elsewhere must be one, as far as can be told without asking.
"""

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes by which an element makes a browser load something.
_LOADS = {"img": "src", "script": "src", "iframe": "src", "link": "href", "source": "src", "video": "src"}
_NOT_LOADED = {"canonical", "prev", "next", "edit", "alternate"}
_STYLE_URL = re.compile(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)")


@dataclass
class Page(HTMLParser):
    """What is asked for by one page, and what can be asked for of it."""

    file: Path
    folder: Path
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.file.read_text(encoding="utf-8"))

    def place(self, path: str) -> Path:
        """Say which file a path on this page means; with a slash in front, one from the top of the site."""
        if not path:
            return self.file
        there = (
            self.folder / path.lstrip("/") if path.startswith("/") else self.file.parent / path
        ).resolve()
        return there / "index.html" if there.is_dir() else there

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element refers to, and its name."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in _LOADS and _LOADS[tag] in found and found.get("rel", "") not in _NOT_LOADED:
            self.loads.append(found[_LOADS[tag]])


def problems_of(folder: Path) -> list[str]:
    """List what is wrong with a site, as `file: problem`."""
    pages = {path: Page(path, folder) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        told = [_link(link, page, pages) for link in page.links] + [_load(load, page) for load in page.loads]
        found += [f"{path.relative_to(folder)}: {each}" for each in told if each]
    for style in sorted(folder.rglob("*.css")):
        for match in _STYLE_URL.finditer(style.read_text(encoding="utf-8")):
            if urlsplit(match[1] or match[2]).netloc:
                found.append(f"{style.relative_to(folder)}: loads {match[1] or match[2]} from another host")
    return found


def _link(link: str, page: Page, pages: dict[Path, Page]) -> str:
    """Say what is wrong with an address that a reader may follow, or nothing."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        is_address = (parts.scheme in {"http", "https"} and "." in parts.netloc) or parts.scheme == "mailto"
        return "" if is_address or _is_local(parts.hostname) else f"{link} is no address"
    there = page.place(unquote(parts.path))
    if not there.exists():
        return f"{link} does not exist"
    if parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors:
        return f"{link} names nothing on {there.name}"
    return ""


def _load(load: str, page: Page) -> str:
    """Say what is wrong with something that the page loads by itself, or nothing."""
    parts = urlsplit(load)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        return f"loads {load} from another host"
    return "" if page.place(unquote(parts.path)).exists() else f"{load} does not exist"


def _is_local(host: str | None) -> bool:
    return host in {"127.0.0.1", "localhost"}


def main(folder: Path) -> int:
    """Print what is wrong, or how much was looked at; return the exit code."""
    problems = problems_of(folder.resolve())
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(list(folder.rglob('*.html')))} pages in {folder} checked")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

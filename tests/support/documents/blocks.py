"""Collects the blocks of code of a document, with what invisible comments say of them.

A comment stands right before its block, and no reader of the page sees it::

    <!-- test: skip it needs a certificate authority -->
    <!-- test: by tests/bridge/auth/test_documented.py -->
    <!-- test: differs the times are of one run -->
    <!-- test: exits 1 -->
    <!-- test: parsed it observes for a minute -->
    <!-- test: file chat.py -->
    <!-- test: first
    names = "that the Python of the block needs, and the page has no need to explain"
    -->

What follows a block of Python with `then` in the place of `first` is run after it, and may check what it
has done. Before a block of commands, `first` has commands. Without a comment a block is run: see
`program.py` for Python, `terminal.py` for commands, `readers.py` for the rest. Blocks with a title, ````
```python title="app.py" ````, are files in the folder in which the page is tried.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from markdown_it import MarkdownIt

from tests.support.process import ROOT

_COMMENT = re.compile(r"<!-- test: (?P<mark>\w+)[ \t]*\n?(?P<rest>.*?)\s*-->", re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_MARKS = {"skip", "by", "differs", "exits", "parsed", "file", "first", "then"}
#: What is no code: drawings, lines of a log, what a program prints.
NO_CODE = {"", "text"}


@dataclass
class Block:
    """A block of code: where it is, what it is, and what comments say of it."""

    page: str
    line: int
    language: str
    title: str
    code: str
    marks: dict[str, str]
    then: list[tuple[int, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Whether it is for the tests here to run."""
        return self.language not in NO_CODE and not {"skip", "by"} & self.marks.keys()


def pages() -> list[str]:
    """List the documents for users: `README.md`, and all of `docs/`."""
    return ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def blocks_of(page: str) -> list[Block]:
    """List the blocks of a document in their order."""
    return list(blocks_in((ROOT / page).read_text(encoding="utf-8"), page))


def blocks_in(text: str, page: str) -> Iterator[Block]:
    """Give the blocks of a Markdown text. A block that is indented, without a fence, has commands."""
    marks: dict[str, str] = {}
    last: Block | None = None
    for token in MarkdownIt().parse(text):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "html_block":
            for comment in _COMMENT.finditer(token.content):
                _note(comment, line, marks, last, page)
        elif token.type in {"fence", "code_block"}:
            info = token.info.strip() if token.type == "fence" else "sh"
            title = _TITLE.search(info)
            name = marks.pop("file", "") or (title[1] if title else "")
            start = line + (token.type == "fence")
            last = Block(page, start, info.partition(" ")[0], name, token.content, marks)
            marks = {}
            yield last
        elif marks and token.type.endswith("_open") and token.type != "list_item_open":
            raise ValueError(f"{page}:{line}: {', '.join(marks)} is said of a block, and none follows")


def _note(comment: re.Match[str], line: int, marks: dict[str, str], last: Block | None, page: str) -> None:
    name, rest = comment["mark"], dedent(comment["rest"])
    if name not in _MARKS:
        raise ValueError(f"{page}:{line}: there is no mark {name!r}")
    if name == "then":
        assert last is not None, f"{page}:{line}: no block comes before"
        last.then.append((line + 1, rest))
    elif name == "first":
        marks["first"], marks["first_line"] = rest, str(line + 1)
    else:
        marks[name] = rest


#: What the pages take for granted: applications by the names that they use.
STAGE = ROOT / "tests" / "documents" / "stage"
#: What they take for built by some other tool; such folders are not part of a repository.
_BUILT = {"build/static/site.css": "body { color: teal }\n", "dist/index.html": "<h1>built</h1>\n"}
#: Pages that are about a demonstration, which a reader has in a checkout.
_CHECKOUT = {"README.md": ("demo_flask",), "docs/migrate-plan.md": ("demo_django",)}


def folder_of(page: str, folder: Path) -> Path:
    """Prepare a folder in which to try a page. Those to start with begin with an empty one."""
    if page.startswith("docs/start-"):
        return folder
    _copy(STAGE, folder)
    for name, content in _BUILT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    for name in _CHECKOUT.get(page, ()):
        _copy(ROOT / name, folder / name)
    return folder


def _copy(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file() and not {"__pycache__", "var", "instance"} & {*path.parts}:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())

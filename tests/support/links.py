"""Finds links between the documents that lead nowhere: `python -m tests.support.links [FOLDER]`.

Looks at every Markdown file that is not in a hidden folder. A relative link must lead to a file of the
repository, and its `#fragment` to a heading there, named as code hosting sites name it. Other addresses
are not visited.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^ {0,3}(```|~~~)")
INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_TARGETS = (
    re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'(][^)]*)?\)"),  # [text](target "title") and ![image](target)
    re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?"),  # [label]: target
    re.compile(r"\b(?:href|src)=[\"']([^\"']+)[\"']"),  # HTML inside Markdown
)
ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)(?:\s+#+)?\s*$")
_UNMADE = {"build", "dist", "node_modules"}


@dataclass(frozen=True)
class Link:
    """A relative link and the place where it is written."""

    document: Path
    line: int
    target: str


def documents(root: Path) -> list[Path]:
    """List the Markdown files under a folder, without hidden folders, builds and links."""
    found = (path for path in root.rglob("*.md") if not path.is_symlink())
    return sorted(path for path in found if not _is_made(path.relative_to(root)))


def _is_made(path: Path) -> bool:
    """Tell whether a path lies in a folder that tools fill."""
    return any(part.startswith(".") or part in _UNMADE for part in path.parts[:-1])


def prose(document: Path) -> Iterator[tuple[int, str]]:
    """Give the numbered lines of a document that are not in a fenced block of code."""
    fence = ""
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        mark = FENCE.match(line)
        if not fence and mark:
            fence = mark[1]
        elif fence and mark and mark[1] == fence:
            fence = ""
        elif not fence:
            yield number, line


def links(document: Path) -> Iterator[Link]:
    """Give the relative links of a document."""
    for number, line in prose(document):
        text = INLINE_CODE.sub("", line)
        for pattern in _TARGETS:
            for found in pattern.finditer(text):
                if not ELSEWHERE.match(found[1]):
                    yield Link(document, number, found[1])


def anchors(document: Path) -> set[str]:
    """List the fragments that lead to a heading.

    They are in lower case, without punctuation, with hyphens for spaces, and numbered when they repeat.
    """
    names: set[str] = set()
    for _, line in prose(document):
        if heading := _HEADING.match(line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            name = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")
            repeats = (f"{name}-{count}" for count in range(1, len(names) + 1))
            names.add(name if name not in names else next(each for each in repeats if each not in names))
    return names


def problem_with(link: Link, root: Path) -> str | None:
    """Say what is wrong with a link, or nothing."""
    path, _, fragment = link.target.partition("#")
    place = (link.document.parent / path).resolve() if path else link.document
    if not place.is_relative_to(root.resolve()):
        return f"{link.target} leads out of the repository"
    if not place.exists():
        return f"{link.target} does not exist"
    if fragment and place.suffix == ".md" and fragment not in anchors(place):
        return f"{link.target} names no heading of {place.name}"
    return None


def broken_links(root: Path) -> list[str]:
    """List what is wrong with the links under a folder, as `file:line: problem`."""
    return [
        f"{link.document.relative_to(root)}:{link.line}: {problem}"
        for document in documents(root)
        for link in links(document)
        if (problem := problem_with(link, root))
    ]


def main(root: Path) -> int:
    """Print what is wrong, or how much was looked at; return the exit code."""
    problems = broken_links(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    checked = documents(root)
    print(
        f"{sum(1 for document in checked for _ in links(document))} links in {len(checked)} documents checked"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:2]).resolve()))

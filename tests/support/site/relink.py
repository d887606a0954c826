"""Makes links that are right in the repository right on the site, where the documents lie elsewhere.

A link in the repository leads from file to file. On the site the documents of `docs/` keep their places;
those of other folders are in :data:`ELSEWHERE`; and any other file that one of them links to, such as a
test, gets a page that shows it.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.support.links import ELSEWHERE as OTHER_HOSTS
from tests.support.links import FENCE, INLINE_CODE

#: Where documents that are not in `docs/` are on the site.
ELSEWHERE = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "project/security.md",
    "adapters/README.md": "project/adapters.md",
    "benchmarks/README.md": "project/benchmarks.md",
    "bridge/README.md": "project/bridge.md",
    "deploy/README.md": "project/deploy.md",
    "demo_django/README.md": "demos/django.md",
    "demo_flask/README.md": "demos/flask.md",
    "server/README.md": "project/server.md",
}
_LINK = re.compile(rf"{INLINE_CODE.pattern}|\]\(\s*<?(?P<target>[^)\s>]+)>?(?=\s*[)\"'(])")


def place_of(file: str) -> str:
    """Say where a file of the repository is on the site, as a path below `docs/`."""
    if file in ELSEWHERE:
        return ELSEWHERE[file]
    return file.removeprefix("docs/") if file.startswith("docs/") else f"source/{file}.md"


def relinked(text: str, file: str, root: Path) -> str:
    """Return a document with its links as the site needs them; blocks of code stay as they are."""
    here = posixpath.dirname(place_of(file))

    def lead(target: str) -> str:
        return _lead(target, file, here, root)

    return "\n".join(_with_links(text.split("\n"), lead))


def linked_files(text: str, file: str, root: Path) -> set[str]:
    """List the files of the repository that a document links to."""
    found: set[str] = set()

    def lead(target: str) -> str:
        found.add(_file_of(target.partition("#")[0], file, root))
        return target

    list(_with_links(text.split("\n"), lead))
    return found


def _lead(target: str, file: str, here: str, root: Path) -> str:
    path, mark, fragment = target.partition("#")
    there = place_of(_file_of(path, file, root))
    return posixpath.relpath(there, here or ".") + mark + fragment


def _file_of(path: str, file: str, root: Path) -> str:
    """Resolve what a link names; a folder stands for its README, as code hosting sites show it."""
    found = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
    return f"{found}/README.md" if (root / found / "README.md").exists() else found


def _with_links(lines: Iterable[str], lead: Callable[[str], str]) -> Iterator[str]:
    """Give the lines, with each relative link of the prose replaced by what it becomes."""

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        if not target or target.startswith("#") or OTHER_HOSTS.match(target):
            return match[0]
        return match[0].replace(target, lead(target))

    fence = ""
    for line in lines:
        mark = FENCE.match(line)
        if mark and (not fence or mark[1] == fence):
            fence = "" if fence else mark[1]
        yield line if fence or mark else _LINK.sub(replace, line)

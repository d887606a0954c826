"""Comments that say to leave a finding out: ``# hybrid: ignore[HM101] reason``."""

import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.report.report import Ignored, UnusedIgnore
from hybrid.adapters.django.migrate.source.module import SourceModule

_COMMENT: Final = re.compile(r"#\s*hybrid:\s*ignore\[([^\]]*)\]\s*(.*)")
_HINT: Final = re.compile(r"hybrid:\s*ignore\[")


@dataclass(frozen=True)
class Ignore:
    """One such comment: it is for its own line or, where it stands alone, for the next line of code."""

    file: str
    line: int
    of: int
    rules: tuple[str, ...]
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Tell whether a finding is meant: by its first line, or by its last one."""
        place = finding.place
        return (
            finding.rule in self.rules and place.file == self.file and self.of in (place.line, place.end_line)
        )


def ignores_in(module: SourceModule) -> list[Ignore]:
    """Find the comments of a module; text that looks like one in a string is none."""
    if not _HINT.search(module.text):
        return []
    lines = module.text.split("\n")  # and not splitlines(), which counts form feeds too
    found: list[Ignore] = []
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        match = _COMMENT.search(token.string) if token.type == tokenize.COMMENT else None
        if match:
            line = token.start[0]
            names = tuple(each.strip() for each in match[1].split(",") if each.strip())
            found.append(Ignore(module.shown, line, _line_meant(lines, line), names, match[2].strip()))
    return found


def _line_meant(lines: list[str], line: int) -> int:
    """Return the line that a comment is about; lines begin with 1."""
    if not lines[line - 1].lstrip().startswith("#"):
        return line
    rest = enumerate(lines[line:], line + 1)
    return next((number for number, text in rest if text.strip() and not text.lstrip().startswith("#")), line)


def without_ignored(
    findings: Iterable[Finding], modules: Iterable[SourceModule], looked: set[str]
) -> tuple[list[Finding], tuple[Ignored, ...], tuple[UnusedIgnore, ...]]:
    """Take out what comments say to leave out.

    An ignore of a rule that was not looked for may be of use yet, and is not called unused.

    Returns:
        What is left, what was taken out, and the comments that took nothing out.
    """
    ignores = [each for module in modules for each in ignores_in(module)]
    by_file: dict[str, list[Ignore]] = {}
    for each in ignores:
        by_file.setdefault(each.file, []).append(each)
    left: list[Finding] = []
    ignored: list[Ignored] = []
    used: set[tuple[Ignore, str]] = set()
    for finding in findings:
        meant = [each for each in by_file.get(finding.place.file, ()) if each.covers(finding)]
        used.update((each, finding.rule) for each in meant)
        if meant:
            ignored.append(Ignored(finding, meant[0].reason))
        else:
            left.append(finding)
    unused = (_unused(each, used, looked) for each in ignores)
    return left, tuple(ignored), tuple(each for each in unused if each is not None)


def _unused(ignore: Ignore, used: set[tuple[Ignore, str]], looked: set[str]) -> UnusedIgnore | None:
    judged = [each for each in ignore.rules if each in looked or each not in RULES]
    idle = tuple(each for each in judged if (ignore, each) not in used)
    return UnusedIgnore(ignore.file, ignore.line, idle) if idle or not ignore.rules else None

"""What a codemod would do about each finding, for reports."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hybrid.adapters.django.migrate.findings import Finding, FixKind
from hybrid.adapters.django.migrate.fixes.diff import unified
from hybrid.adapters.django.migrate.fixes.draft import Project
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.original import Original
from hybrid.adapters.django.migrate.fixes.registry import codemods_for
from hybrid.adapters.django.migrate.fixes.runner import begin, fix_in, load_codemods
from hybrid.adapters.django.migrate.source.module import SourceModule

#: Lines of source that are read for this: a report does not wait for more, and the command has no limit.
_LINES: Final = 20_000


def told_of_patches(findings: Iterable[Finding], project: Project) -> tuple[Finding, ...]:
    """Return the findings, each that can be put right without reading it first with a diff that does so.

    Each is for the file as it is: two of one file may touch the same lines.
    """
    load_codemods()
    return tuple(map(_Telling(project).told, findings))


class _Telling:
    """Reads each file once, as far as the lines last."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._modules = {each.shown: each for each in project.sources.modules}
        self._read: dict[str, Original | None] = {}
        self._left = _LINES

    def told(self, finding: Finding) -> Finding:
        if finding.fix.kind is not FixKind.AUTO or not codemods_for(finding.rule, suggest=False):
            return finding
        original = self._original(finding.place.file)
        if original is None:
            return finding
        changes = fix_in(original, [finding], self._project, suggest=False).changes
        patch = unified(changes).decode(errors="replace")
        return replace(finding, fix=replace(finding.fix, patch=patch)) if patch else finding

    def _original(self, file: str) -> Original | None:
        if file not in self._read:
            self._read[file] = self._begun(self._modules.get(file))
        return self._read[file]

    def _begun(self, module: SourceModule | None) -> Original | None:
        lines = module.text.count("\n") if module else 0
        if lines > self._left:
            return None
        try:
            original = begin(module, self._project)
        except LeftAlone:
            return None
        self._left -= lines
        return original

"""Runs codemods on findings: what becomes of the files, what was put right, and what was left alone."""

import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from hybrid.adapters.django.migrate.findings import Finding, FixKind
from hybrid.adapters.django.migrate.fixes import codemods
from hybrid.adapters.django.migrate.fixes.draft import Draft, Project
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.original import Original
from hybrid.adapters.django.migrate.fixes.registry import CODEMODS, codemods_for
from hybrid.adapters.django.migrate.source.module import SourceModule


@dataclass(frozen=True)
class Fixed:
    """A finding that is put right, and what to know of it, one sentence or ``""``."""

    finding: Finding
    remark: str


@dataclass(frozen=True)
class Left:
    """A finding that is left alone, and why."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Change:
    """What becomes of a file.

    Attributes:
        shown: how reports name it: below the project's directory.
        before: what was read; None for a file that is not there yet.
    """

    path: Path
    shown: str
    before: bytes | None
    after: bytes


@dataclass
class Fixes:
    """What comes of all codemods, in the order of the files."""

    changes: list[Change] = field(default_factory=list[Change])
    fixed: list[Fixed] = field(default_factory=list[Fixed])
    left: list[Left] = field(default_factory=list[Left])

    def add(self, other: "Fixes") -> None:
        """Take over what has come of another file; of two that write one file the first does."""
        written = {each.path for each in self.changes}
        self.changes += [each for each in other.changes if each.path not in written]
        self.fixed += other.fixed
        self.left += other.left


def load_codemods() -> None:
    """Import every module in ``codemods/``, which registers what is in it."""
    for each in pkgutil.iter_modules(codemods.__path__):
        import_module(f"{codemods.__name__}.{each.name}")


def fixable_rules(*, suggest: bool) -> list[str]:
    """Return the rules that have a codemod."""
    load_codemods()
    kinds = (FixKind.AUTO, FixKind.SUGGEST) if suggest else (FixKind.AUTO,)
    return sorted({rule for kind in kinds for rule in CODEMODS[kind]})


def fix(findings: Iterable[Finding], project: Project, *, suggest: bool = False) -> Fixes:
    """Put right what has a codemod.

    Args:
        findings: of any rules; those whose rule has no codemod are not spoken of.
        project: what they were found in.
        suggest: whether to make changes that are to be read first.
    """
    load_codemods()
    by_file: dict[str, list[Finding]] = {}
    for each in findings:
        if codemods_for(each.rule, suggest=suggest):
            by_file.setdefault(each.place.file, []).append(each)
    fixes = Fixes()
    modules = {each.shown: each for each in project.sources.modules}
    for file in sorted(by_file):
        ordered = sorted(by_file[file], key=lambda each: (each.place.line, each.rule))
        fixes.add(_fix_file(modules.get(file), ordered, project, suggest=suggest))
    return fixes


def _fix_file(
    module: SourceModule | None, findings: list[Finding], project: Project, *, suggest: bool
) -> Fixes:
    try:
        original = begin(module, project)
    except LeftAlone as reason:
        return Fixes(left=[Left(each, str(reason)) for each in findings])
    return fix_in(original, findings, project, suggest=suggest)


def fix_in(original: Original, findings: list[Finding], project: Project, *, suggest: bool) -> Fixes:
    """Put right what is found in one file, all of it together, beginning with the file as it was read."""
    draft, fixes = Draft(original, project), Fixes()
    for each in findings:
        found = _fix_one(draft, each, suggest=suggest)
        (fixes.fixed if isinstance(found, Fixed) else fixes.left).append(found)  # type: ignore[arg-type]
    try:
        fixes.changes.extend(_changes(draft))
    except LeftAlone as reason:
        return Fixes(left=[Left(each, str(reason)) for each in findings])
    return fixes


def begin(module: SourceModule | None, project: Project) -> Original:
    """Read a file again, to change it.

    Raises:
        LeftAlone: it is not the project's, or cannot be changed.
    """
    if module is None:
        raise LeftAlone("it is not in the project's own source")
    if not module.path.is_relative_to(project.sources.root):
        raise LeftAlone(f"the file is outside of {project.sources.root}")
    return Original(module)


def _fix_one(draft: Draft, finding: Finding, *, suggest: bool) -> Fixed | Left:
    """Ask codemods one after another; the reason is that of the last which left the finding alone."""
    reason = f"to be done by hand: {finding.fix.text}"
    for kind, codemod in codemods_for(finding.rule, suggest=suggest):
        if kind is FixKind.AUTO and finding.fix.kind is not FixKind.AUTO:
            continue  # the rule can be put right, and not in this case
        before = draft.edits.copy()
        try:
            remark = codemod(draft, finding)
            if draft.edits != before:
                return Fixed(finding, remark)
            reason = "it could not be found again"
        except LeftAlone as said:
            reason = str(said)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            reason = f"a codemod failed, which is an error of hybrid's: {type(error).__name__}: {error}"
        draft.edits = before
    return Left(finding, reason)


def _changes(draft: Draft) -> Iterator[Change]:
    module = draft.module
    if draft.edits.changes_file:
        before, after = draft.raw_before, draft.raw()
        if after != before:
            yield Change(module.path, module.shown, before, after)
    for path, text in draft.edits.created.items():
        yield Change(path, draft.sources.shown(path), None, text.encode())

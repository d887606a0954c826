"""One more name in an import that is there: ``from django.db import models`` gets ``transaction`` too."""

import libcst as cst

from hybrid.adapters.django.migrate.fixes.commas import between, new_last, no_longer_last


def with_alias(node: cst.ImportFrom, name: str) -> cst.ImportFrom:
    """Return an import with one more name: where isort would have it, on its own line where others are."""
    if isinstance(node.names, cst.ImportStar):
        return node
    names = list(node.names)
    at = next((number for number, each in enumerate(names) if _key(each.evaluated_name) > _key(name)), None)
    comma = between(names[0].comma if len(names) > 1 else cst.MaybeSentinel.DEFAULT, _opening(node))
    new = cst.ImportAlias(cst.Name(name))
    if at is None:
        last = names[-1]
        names[-1] = last.with_changes(comma=no_longer_last(last.comma, comma))
        names.append(new.with_changes(comma=new_last(last.comma)))
    else:
        names.insert(at, new.with_changes(comma=comma))
    return node.with_changes(names=names)


def _key(name: str) -> tuple[int, str]:
    """Return what isort sorts names by: constants, classes, and the rest."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name


def _opening(node: cst.ImportFrom) -> cst.BaseParenthesizableWhitespace | None:
    return node.lpar.whitespace_after if node.lpar else None

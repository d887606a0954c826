"""Which codemod is for which rule."""

from collections.abc import Callable
from typing import Final, TypeVar

from hybrid.adapters.django.migrate.findings import Finding, FixKind
from hybrid.adapters.django.migrate.fixes.draft import Draft

#: Notes what puts one finding right in its file. Returns what the reader should know of it, one sentence or
#: ``""``. Raises :exc:`~.leaving.LeftAlone` with the reason where it leaves the finding alone: what it has
#: noted does not count then.
Codemod = Callable[[Draft, Finding], str]

C = TypeVar("C", bound=Codemod)

#: By the kind of fix that it makes, and the rule.
CODEMODS: Final[dict[FixKind, dict[str, Codemod]]] = {FixKind.AUTO: {}, FixKind.SUGGEST: {}}


def codemod(*rules: str, kind: FixKind = FixKind.AUTO) -> Callable[[C], C]:
    """Register what puts the findings of rules right: ``@codemod("HM101")``.

    Args:
        rules: their ids.
        kind: ``FixKind.AUTO`` for what can be written without reading it first, ``FixKind.SUGGEST`` for what
            is offered with ``--suggest``. A rule may have one of each.
    """

    def register(each: C) -> C:
        CODEMODS[kind].update(dict.fromkeys(rules, each))
        return each

    return register


def codemods_for(rule: str, *, suggest: bool) -> list[tuple[FixKind, Codemod]]:
    """Return the codemods of a rule in the order in which they are asked: the next one where one leaves a
    finding alone. What is offered comes first, where it is asked for: it does more.
    """
    kinds = (FixKind.SUGGEST, FixKind.AUTO) if suggest else (FixKind.AUTO,)
    return [(kind, CODEMODS[kind][rule]) for kind in kinds if rule in CODEMODS[kind]]

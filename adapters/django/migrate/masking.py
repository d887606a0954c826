"""What hides what: a fault that does nothing while another is there, and appears when that is put right."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from hybrid.adapters.django.migrate.findings import Finding, Place
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact

#: Tells whether a finding at the second place hides one at the first.
Near = Callable[[Place, Place], bool]


@dataclass(frozen=True)
class Hiding:
    """One rule that hides another.

    Attributes:
        near: where the second has to be, seen from the first.
        because: what it does, after its name.
    """

    hidden: str
    by: str
    near: Near
    because: str


def same_symbol(hidden: Place, by: Place) -> bool:
    """Both are of one function, class or setting."""
    return bool(by.symbol) and hidden.file == by.file and hidden.symbol == by.symbol


def same_lines(hidden: Place, by: Place) -> bool:
    """The lines of the second have the first in them."""
    return hidden.file == by.file and by.line <= hidden.line <= by.end_line


def same_class(hidden: Place, by: Place) -> bool:
    """The first is a method of the class that the second is."""
    return hidden.file == by.file and hidden.symbol.startswith(f"{by.symbol}.")


#: What stands in no chain of middleware; that is :func:`_hidden_in_chain`.
HIDING: Final = (
    Hiding("HM101", "HM414", same_lines, "swallows the error"),
    Hiding("HM102", "HM414", same_lines, "swallows the error"),
    Hiding("HM106", "HM105", same_symbol, "makes Django take the view for a synchronous one"),
    Hiding("HM107", "HM110", same_symbol, "keeps the view from being run"),
    Hiding("HM109", "HM110", same_symbol, "keeps the view from being run"),
    Hiding("HM107", "HM108", same_class, "keeps the class from being used"),
    Hiding("HM109", "HM108", same_class, "keeps the class from being used"),
    Hiding("HM110", "HM108", same_class, "keeps the class from being used"),
)


def told_of_masks(findings: Iterable[Finding], facts: Facts) -> list[Finding]:
    """Return the findings with what hides each."""
    known = list(findings)
    by_rule: dict[str, list[Finding]] = {}
    for each in known:
        by_rule.setdefault(each.rule, []).append(each)
    chain = _hidden_in_chain(facts.middleware)
    return [replace(each, masked_by=_mask_of(each, by_rule, chain)) for each in known]


def _mask_of(finding: Finding, by_rule: dict[str, list[Finding]], chain: dict[str, str]) -> str:
    if finding.rule == "HM104" and (inner := _inner_of(finding.place.symbol, chain)):
        return f"HM302 in {inner}, which makes the chain around it synchronous"
    if finding.rule == "HM201" and (inner := chain.get(finding.cause.removeprefix("HM201 "), "")):
        return f"HM302 in {inner}, which makes it look where it does on WSGI"
    for each in HIDING:
        if each.hidden == finding.rule:
            for other in by_rule.get(each.by, ()):
                if each.near(finding.place, other.place):
                    return f"{each.by} in {other.place.symbol or other.place.file}, which {each.because}"
    return ""


def _inner_of(symbol: str, chain: dict[str, str]) -> str:
    """Find a class, or the class that a method is of."""
    return chain.get(symbol) or chain.get(symbol.rpartition(".")[0], "")


def _hidden_in_chain(middleware: Iterable[MiddlewareFact]) -> dict[str, str]:
    """Return the middleware that Django runs synchronously on ASGI because of one further inside, by path.

    As ``BaseHandler.load_middleware`` builds the chain, from the inside: a middleware is synchronous where
    what is inside it is and it can be; or where it cannot be anything else.
    """
    found: dict[str, str] = {}
    inner = ""
    for each in reversed([every for every in middleware if every.used]):
        if inner and each.sync_capable:
            found.update(dict.fromkeys((each.path, *each.bases[:1]), inner))
        else:
            inner = "" if each.async_capable else each.path
    return found

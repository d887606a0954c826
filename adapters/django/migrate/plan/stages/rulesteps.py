"""Steps that are about the findings of some rules: most of them look alike."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, FixKind
from hybrid.adapters.django.migrate.plan.shell import FIXED, SUGGESTED, Shell
from hybrid.adapters.django.migrate.plan.step import Step, advice_of, evidence_of

#: How most changes of a project's code are taken back.
REVERT = "`git revert` the commit: nothing else depends on it."


#: What to do about a rule, for the title of its step.
TITLES: Final = {
    "HM101": "Let request.environ be request.META",
    "HM102": "Do without what only WSGI servers say",
    "HM103": "Let receivers do without environ",
    "HM104": "Let middleware say what it is",
    "HM105": "Let decorators know coroutines",
    "HM106": "Take asynchronous views out of ATOMIC_REQUESTS",
    "HM107": "Ask the database asynchronously in coroutines",
    "HM108": "Let each class of views be of one kind",
    "HM109": "Keep transactions out of coroutines",
    "HM110": "Make views of REST framework synchronous",
    "HM111": "Do without what works in the main thread alone",
    "HM112": "Do without gevent and eventlet",
    "HM113": "Run event loops where none runs",
    "HM114": "Put around the ASGI application what is around the WSGI application",
    "HM115": "Put asgi.py right",
    "HM116": "Call what async_to_sync and sync_to_async make",
    "HM201": "Let no client say who the user is",
    "HM205": "Keep the user and the tenant where coroutines see them",
    "HM307": "Do not block the event loop",
    "HM308": "Look at what async_to_sync runs",
    "HM401": "Keep what is a request's out of threads and globals",
    "HM402": "Let no client cut writes in half",
    "HM404": "Let the server take the prefix off",
    "HM414": "Let no error be swallowed",
    "HM501": "Let processes share a channel layer",
    "HM503": "Look at the origin and the user of WebSockets",
    "HM504": "Ask the database as consumers must",
}


def rule_steps(shell: Shell, findings: Sequence[Finding], *, title: str, why: str) -> Iterator[Step]:
    """Yield the steps that put findings right: one, which is called so, for all that ``hybrid migrate fix``
    does by itself, and one for each rule of the others.
    """
    if rote := by_rote(findings):
        yield _step_by_rote(shell, rote, title=title, why=why)
    taken = {*rote}
    for each in by_rule(each for each in findings if each not in taken):
        yield step_by_hand(shell, each)


def step_by_hand(shell: Shell, findings: Sequence[Finding]) -> Step:
    """Return the step that puts the findings of one rule right, where somebody has to think."""
    rules = rules_of(findings)
    offered = [each for each in rules if each in SUGGESTED]
    offer = (
        (shell.migrate(f"fix {' '.join(offered)} --suggest", 1, "shows what may be written"),)
        if offered
        else ()
    )
    return Step(
        TITLES.get(rules[0], RULES[rules[0]].title),
        RULES[rules[0]].why,
        (*advice_of(findings), *offer),
        (
            shell.is_clean(rules),
            f"What is meant to stay has a comment: `# hybrid: ignore[{rules[0]}] why`.",
        ),
        REVERT,
        evidence_of(findings),
        rules,
    )


def _step_by_rote(shell: Shell, findings: Sequence[Finding], *, title: str, why: str) -> Step:
    """Return the step that lets ``hybrid migrate fix`` put findings right."""
    rules = rules_of(findings)
    return Step(
        title,
        why,
        shell.fix(rules),
        (shell.is_fixed(rules), "The project's tests still pass."),
        REVERT,
        evidence_of(findings),
        rules,
    )


def by_rule(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Put the findings of each rule together."""
    found: dict[str, list[Finding]] = {}
    for each in findings:
        found.setdefault(each.rule, []).append(each)
    return [*found.values()]


def rules_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the rules of findings, each once."""
    return tuple(dict.fromkeys(each.rule for each in findings))


def by_rote(findings: Iterable[Finding]) -> list[Finding]:
    """Return those that ``hybrid migrate fix`` puts right by itself."""
    return [each for each in findings if each.fix.kind is FixKind.AUTO and each.rule in FIXED]

"""Writes what came of a suite on both sides, for people and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.rule import Rule
from hybrid.adapters.django.migrate.suite.comparison import Comparison, Difference
from hybrid.adapters.django.migrate.suite.records import Run

#: Ids that are listed of a group, and lines of a message; JSON has all of them.
_LISTED, _LINES = 5, 4


def as_json(found: Comparison, command: Sequence[str]) -> dict[str, Any]:
    """Return the report for programs. ``docs/migrate-test.md`` has its fields."""
    return {
        "schema": 1,
        "kind": "test",
        "command": list(command),
        **_counts(found),
        "runs": [_run_as_json(each) for each in (found.wsgi, found.asgi) if each is not None],
        "groups": [_group_as_json(each) for each in found.groups()],
        "failing": found.failing,
        "unsteady": found.unsteady,
    }


def as_text(found: Comparison) -> str:
    """Return the report for people. What UTF-8 cannot say, such as parts of a message, is escaped."""
    text = "\n".join([*_summary(found), *(line for each in found.groups() for line in _group(each))])
    return text.encode(errors="backslashreplace").decode()


def _counts(found: Comparison) -> dict[str, int]:
    tests = found.wsgi.tests.values()
    other = [] if found.asgi is None else list(found.asgi.tests.values())
    return {
        "tests": len(tests),
        "with_requests": sum(each.sent > 0 for each in tests),
        "requests": found.wsgi.sent,
        "agree": found.agreeing,
        "differ": len(found.differing),
        "fail_on_both": len(found.failing),
        "unsteady_tests": len(found.unsteady),
        "kept": sum(each.kept for each in other),
        "collected": sum(each.collected for each in other),
    }


def _summary(found: Comparison) -> Iterator[str]:
    counts = _counts(found)
    yield (
        f"{_number(counts['tests'], 'test')}, {counts['with_requests']} of them with "
        f"{_number(counts['requests'], 'request')} through django.test.Client"
    )
    if found.asgi is None:
        yield "no test goes through django.test.Client: there is nothing to compare"
        if found.wsgi.ended.code:
            yield f"the tests ended with the exit code {found.wsgi.ended.code}"
        return
    if found.asgi.ended.code is None:
        yield f"the run on ASGI had not ended after {found.asgi.ended.seconds:.0f} s, and was ended"
    yield f"{counts['agree']} come to the same on WSGI and on ASGI, {counts['differ']} differ"
    if found.failing:
        yield f"{len(found.failing)} fail on WSGI too: {_listed(found.failing)}"
    if found.unsteady:
        yield (
            f"{len(found.unsteady)} differed, and not when they ran again: {_listed(found.unsteady)}; "
            "they are taken for unsteady"
        )
    if counts["kept"]:
        yield f"requests that went through WSGI both times, as they came from coroutines: {counts['kept']}"
    if counts["collected"]:
        yield f"synchronous streams, which an ASGI server collects in memory (HM305): {counts['collected']}"


def _group(group: list[Difference]) -> Iterator[str]:
    first = group[0]
    rule = RULES.get(first.rule)
    yield ""
    yield f"{_heading(first, rule)}: {_number(len(group), 'test')}"
    if first.error is not None:
        yield f"  {_message(first.error)}"
        if first.error["file"]:
            yield f"  at {first.error['file']}:{first.error['line']} in {first.error['symbol']}"
    if first.said:
        yield f"  which the test sees as {_clipped(first.said)}"
    if first.request:
        yield f"  {first.request}"
    if first.left_out:
        yield (
            f"  the test passes {', '.join(first.left_out)} as a WSGI server would: a request under ASGI has "
            "no place for it"
        )
    if rule is not None:
        yield f"  {rule.why}"
        yield f"  {rule.link}"
    for each in group[:_LISTED]:
        yield f"  - {each.test}"
    if len(group) > _LISTED:
        yield f"    and {len(group) - _LISTED} more"


def _heading(first: Difference, rule: Rule | None) -> str:
    if rule is not None:
        return f"{rule.id}: {rule.title}"
    if first.asgi == "not run":
        return "Not run on ASGI"
    if first.asgi == "unfinished":
        return "Begun on ASGI, and not ended"
    return f"{first.asgi.capitalize()} on ASGI, {first.wsgi} on WSGI"


def _message(error: dict[str, Any]) -> str:
    name = error["type"].rpartition(".")[2]
    return _clipped(f"{name}: {error['message']}" if error["message"] else name)


def _clipped(text: str) -> str:
    lines = text.strip().splitlines()
    return "\n    ".join([*lines[:_LINES], *(["…"] if len(lines) > _LINES else [])])


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + rest


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _run_as_json(run: Run) -> dict[str, Any]:
    verdicts = [each.verdict for each in run.tests.values()]
    return {
        "lane": run.ended.lane,
        "exit_code": run.ended.code,
        "seconds": round(run.ended.seconds, 3),
        "processes": run.processes,
        "requests": run.sent,
        **{name: verdicts.count(name) for name in ("passed", "skipped", "failed", "unfinished")},
    }


def _group_as_json(group: list[Difference]) -> dict[str, Any]:
    first = group[0]
    rule = RULES.get(first.rule)
    return {
        "rule": first.rule,
        "title": "" if rule is None else rule.title,
        "advice": "" if rule is None else rule.why,
        "link": "" if rule is None else rule.link,
        "error": first.error,
        "tests": [
            {
                "test": each.test,
                "wsgi": each.wsgi,
                "asgi": each.asgi,
                "said": each.said,
                "request": each.request,
                "left_out": list(each.left_out),
            }
            for each in group
        ],
    }

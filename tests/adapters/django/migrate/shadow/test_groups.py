"""Groups of differences: their cause, the rule that they show, and a line of curl."""

import shlex
import subprocess

import pytest

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.shadow.compare import compare
from hybrid.adapters.django.migrate.shadow.curl import curl_line
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.adapters.django.migrate.shadow.groups import Group
from hybrid.adapters.django.migrate.shadow.results import Results, view_name
from tests.support.outcomes import answer, compared

FAILURES = {
    "AttributeError: 'ASGIRequest' object has no attribute 'environ'": "HM101",
    "AttributeError: 'LaneRequest' object has no attribute 'environ'": "HM101",
    "KeyError: 'wsgi.url_scheme'": "HM102",
    "KeyError: 'REQUEST_URI'": "HM102",
    "TypeError: started() missing 1 required positional argument: 'environ'": "HM103",
    "KeyError: 'environ'": "HM103",
    "TypeError: 'coroutine' object does not support item assignment": "HM104",
    "ValueError: The view a.b didn't return an HttpResponse object. It returned an unawaited coroutine "
    "instead. You may need to add an 'await' into your view.": "HM105",
    "RuntimeError: You cannot use ATOMIC_REQUESTS with async views.": "HM106",
    "SynchronousOnlyOperation: You cannot call this from an async context - use a thread or "
    "sync_to_async.": "HM107",
    "ImproperlyConfigured: A HTTP handlers must either be all sync or all async.": "HM108",
    "AssertionError: Expected a `Response`, `HttpResponse` or `StreamingHttpResponse` to be returned from "
    "the view, but received a `<class 'coroutine'>`": "HM110",
    "ValueError: signal only works in main thread of the main interpreter": "HM111",
    "RuntimeError: There is no current event loop in thread 'a'.": "HM113",
    "KeyError: 'REMOTE_USER'": "HM201",
    "AppRegistryNotReady: Apps aren't loaded yet.": "HM115",
    "RuntimeError: Event loop is closed": "HM308",
    "ValueError: <Token> was created in a different Context": "HM413",
    "ValueError: of the project's own": "",
}


def told(
    old: Outcome, new: Outcome, requests: tuple[Request, ...] = (Request("GET", "/", view="home"),)
) -> list[Group]:
    """Return the groups of two answers to requests."""
    results = Results("wsgi", "asgi", "http://127.0.0.1:8000")
    for each in requests:
        results.add(each, old, new, compared(old, new=new))
    return results.groups.all()


@pytest.mark.parametrize("exception", FAILURES)
def test_rules_of_exceptions(exception: str) -> None:
    """An exception that a rule is about is told of with the rule, which the catalogue has."""
    rule = FAILURES[exception]
    (group,) = told(answer(), answer(status=500, exception=exception))
    assert (group.rule, group.what, group.view) == (rule, "status", "home")
    assert group.cause == f"answers 500, {exception} instead of 200"
    assert not rule or rule in RULES


@pytest.mark.parametrize(
    ("rule", "old", "new", "target"),
    [
        (
            "HM305",
            answer(),
            answer(
                warnings=("py.warnings: Warning: StreamingHttpResponse must consume synchronous iterators",)
            ),
            "/",
        ),
        (
            "HM306",
            answer(warnings=("py.warnings: StreamingHttpResponse must consume asynchronous iterators",)),
            answer(),
            "/",
        ),
        ("HM305", answer("a", chunks=(0.0, 0.3, 0.6)), answer("a", chunks=(0.6, 0.6)), "/"),
        ("HM405", answer("%FF", "text/plain"), answer("\ufffd", "text/plain"), "/%FF"),
        ("", answer("a", "text/plain"), answer("b", "text/plain"), "/%C3%A9"),
        (
            "HM406",
            answer("<p>", status=500, exception="E: a"),
            answer("e", "text/plain", status=500, exception="E: a"),
            "/",
        ),
    ],
    ids=["collected", "collected on wsgi", "stream", "no UTF-8", "UTF-8", "error page"],
)
def test_rules_of_other_differences(rule: str, old: Outcome, new: Outcome, target: str) -> None:
    """Warnings, times, odd paths and pages of errors have rules too."""
    (group,) = told(old, new, (Request("GET", target),))
    assert group.rule == rule


def test_one_cause_is_one_group() -> None:
    """The same field of several elements, and of several requests to one view, is told of once."""
    old, new = (answer(f'{{"a": [{{"b": {n}}}, {{"b": {n}}}]}}', "application/json") for n in (1, 2))
    (group,) = told(old, new, (Request("GET", "/tickets/1/"), Request("GET", "/tickets/22/?page=2")))
    assert (group.view, group.where, group.count) == ("/tickets/*/", "$.a[].b", 2)
    assert (group.cause, group.old, group.new) == ("has another value of $.a[].b in the body", "1", "2")
    assert group.curl == "curl -ig --path-as-is http://127.0.0.1:8000/tickets/1/"


def test_names_of_views() -> None:
    """Without a name it is the path, in which numbers and identifiers are one."""
    names = [
        view_name(Request("GET", each)) for each in ("/", "/a/7d4f2c1e-0000-4000-8000-000000000001/b?x=1")
    ]
    assert names == ["/", "/a/*/b"]


CAUSES = {
    "lacks the field x-a": (answer("", "", ("x-a", "1")), answer("", "")),
    "adds the field set-cookie a": (answer(), answer("", "text/html", ("set-cookie", "a=1"))),
    "runs a statement 9 times instead of once, as for each row (N+1)": (
        answer(queries=("d: SELECT 1",)),
        answer(queries=("d: SELECT 1",) * 9),
    ),
    "logs once what was logged never: shop: slow": (answer(), answer(warnings=("shop: slow",))),
    "sends never what was sent once: mail": (answer(sent=("mail",)), answer()),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_causes(cause: str) -> None:
    """Each is a sentence about the new lane."""
    assert [each.cause for each in told(*CAUSES[cause])] == [cause]


NASTY = Request(
    "POST",
    "/a'b/$(id)?q=[1]&token=hush&b=c%20d",
    (
        ("host", "shop.example"),
        ("cookie", "sessionid=hush"),
        ("authorization", "Basic hush"),
        ("x-api-key", "hush"),
        ("x-note", 'it\'s "quoted" `id` $HOME'),
        ("x-empty", ""),
        ("content-type", "text/plain"),
    ),
    b"password=hush",
)


def shell(line: str, env: dict[str, str]) -> list[str]:
    """Return the words that a shell makes of a line."""
    script = f'curl() {{ printf "%s\\0" "$@"; }}; {line}'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, env=env)
    return done.stdout.decode().split("\0")[:-1]


def test_curl_line_for_a_shell() -> None:
    """What was asked comes out of the shell as it was, but for secrets, which variables hold."""
    line = curl_line(NASTY, "http://127.0.0.1:8000")
    assert "hush" not in line
    words = shell(line, {"COOKIE": "sessionid=x y", "BODY": "a&b"})
    assert words[:5] == ["-ig", "--path-as-is", "-X", "POST", words[4]]
    assert words[4] == "http://127.0.0.1:8000/a'b/$(id)?q=[1]&token=[redacted]&b=c%20d"
    fields = words[6::2]
    assert fields[:3] == ["Host: shop.example", "Cookie: sessionid=x y", "Authorization: "]
    assert 'X-Note: it\'s "quoted" `id` $HOME' in fields
    assert "X-Empty;" in fields
    assert words[-2:] == ["--data-raw", "a&b"]


def test_curl_line_with_secrets() -> None:
    """Everything is in it, where that is asked for."""
    words = shlex.split(curl_line(NASTY, "http://127.0.0.1:8000", with_secrets=True))
    assert "Cookie: sessionid=hush" in words
    assert words[-2:] == ["--data-raw", "password=hush"]
    assert "token=hush" in words[5]


def test_curl_of_head() -> None:
    """HEAD has a way of its own: curl would wait for a body otherwise."""
    line = curl_line(Request("HEAD", "/", (("host", "127.0.0.1:8000"),)), "http://127.0.0.1:8000")
    assert line == "curl -ig --path-as-is --head http://127.0.0.1:8000/"


def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the last group that is kept is counted."""
    monkeypatch.setattr("hybrid.adapters.django.migrate.shadow.groups.MOST", 2)
    old, new = answer(), answer(status=404)
    results = Results("wsgi", "asgi", "")
    for view in "abc":
        results.add(Request("GET", "/", view=view), old, new, compared(old, new=new))
    assert (len(results.groups.all()), results.groups.dropped, results.different) == (2, 1, 3)


def test_compare_takes_what_the_contract_says() -> None:
    """An answer, another one or none, and that of the other lane."""
    assert compare(answer(), answer(), answer()) == []

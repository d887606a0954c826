"""What makes two answers different, part by part, and what does not."""

import gzip
from typing import Any

import pytest

from hybrid.adapters.django.migrate.shadow.compare import compare
from tests.support.outcomes import answer, compared, places


def header(name: str, old: str, new: str) -> tuple[Any, Any]:
    """Return two answers with a field each; without a value there is none."""
    olds, news = [[(name, each)] if each else [] for each in (old, new)]
    return answer("", "", *olds), answer("", "", *news)


def bodies(kind: str, old: str | bytes, new: str | bytes) -> tuple[Any, Any]:
    """Return two answers with bodies of a type."""
    return answer(old, kind), answer(new, kind)


SAME = {
    "vary in another order": header("vary", "Cookie, Accept", "accept,cookie"),
    "cache-control in another order": header("cache-control", "no-cache, max-age=0", "max-age=0, no-cache"),
    "quoted list": header("cache-control", 'private="a, b", no-store', 'no-store, private="a, b"'),
    "csp sources": header(
        "content-security-policy", "img-src a b; script-src c", "script-src c; img-src b a"
    ),
    "csp nonce": header("content-security-policy", "script-src 'nonce-YQ'", "script-src 'nonce-Yg'"),
    "case of charset": header("content-type", "text/html; charset=utf-8", 'text/html; charset="UTF-8"'),
    "server and date": header("server", "gunicorn", "uvicorn"),
    "connection": header("connection", "close", ""),
    "framing": header("content-length", "5", ""),
    "request id": header("x-request-id", "a", "b"),
    "attributes of cookies": header("set-cookie", "a=1; Path=/; Secure", "a=1; secure; path=/"),
    "case of SameSite": header("set-cookie", "a=1; SameSite=Lax", "a=1; samesite=lax"),
    "session": header("set-cookie", "sessionid=abc; Path=/", "sessionid=xyz; Path=/"),
    "sessions of others": (
        answer("", "", ("set-cookie", "connect.sid=a"), ("set-cookie", "PHPSESSID=a")),
        answer("", "", ("set-cookie", "connect.sid=b"), ("set-cookie", "PHPSESSID=b")),
    ),
    "csrf cookie": header("set-cookie", "csrftoken=abc; Path=/", "csrftoken=xyz; Path=/"),
    "date of a cookie": header(
        "set-cookie",
        "a=1; expires=Thu, 26 Nov 2026 10:00:00 GMT",
        "a=1; expires=Thu, 26 Nov 2026 10:00:01 GMT",
    ),
    "order of keys": bodies("application/json", '{"a": 1, "b": [2]}', '{"b":[2],"a":1}'),
    "order of attributes": bodies("text/html", '<p id="a" title="b">', "<p title='b' id='a'>"),
    "order of classes": bodies("text/html", '<p class="a b">', '<p class="b  a">'),
    "white space": bodies("text/html", "<p>a\n  b</p>", "<p> a b</p>\n"),
    "csrf field": bodies(
        "text/html",
        '<input type="hidden" name="csrfmiddlewaretoken" value="a">',
        '<input type="hidden" name="csrfmiddlewaretoken" value="b">',
    ),
    "csrf meta": bodies(
        "text/html", '<meta name="csrf-token" content="a">', '<meta name="csrf-token" content="b">'
    ),
    "csrf in a script": bodies(
        "text/html",
        f'<script>var csrfToken = "{"a" * 64}"</script>',
        f'<script>var csrfToken = "{"b" * 64}"</script>',
    ),
    "csrf in JSON": bodies("application/json", '{"csrfToken": "a"}', '{"csrfToken": "b"}'),
    "nonce": bodies("text/html", '<script nonce="a">x</script>', '<script nonce="b">x</script>'),
    "UUID": bodies(
        "application/json",
        '{"id": "7d4f2c1e-0000-4000-8000-000000000001"}',
        '{"id": "7d4f2c1e-0000-4000-8000-000000000002"}',
    ),
    "now": bodies("application/json", '{"at": "2026-11-26T10:00:00Z"}', '{"at": "2026-11-26T10:00:02Z"}'),
    "now in seconds": bodies("application/json", '{"at": 1764000000}', '{"at": 1764000001}'),
    "compression": (
        answer(gzip.compress(b"<p>a", mtime=1), "text/html", ("content-encoding", "gzip"), ("etag", 'W/"1"')),
        answer(gzip.compress(b"<p>a", mtime=2), "text/html", ("content-encoding", "gzip"), ("etag", 'W/"2"')),
    ),
    "ETag of what is masked": (
        answer('<i nonce="a">', "text/html", ("etag", '"1"')),
        answer('<i nonce="b">', "text/html", ("etag", '"2"')),
    ),
    "literals of statements": (
        answer(queries=("default: SELECT a FROM t WHERE id = 7 AND b IN ('x', 'y')",)),
        answer(queries=("default: SELECT  a FROM t WHERE id = 8 AND b IN ('z')",)),
    ),
    "savepoints": (
        answer(queries=('default: SAVEPOINT "s1_x1"',)),
        answer(queries=('default: SAVEPOINT "s2_x9"',)),
    ),
    "opening a connection": (answer(queries=()), answer(queries=("default: PRAGMA foreign_keys = ON",))),
    "nobody looked": (answer(queries=("default: SELECT 1",)), answer(queries=None)),
    "numbers in warnings": (answer(warnings=("a: took 0.2 s",)), answer(warnings=("a: took 0.31 s",))),
    "quick": (answer("a", chunks=(0.001,)), answer("a", chunks=(0.09,))),
    "cut off": (answer("<p>a\n<p>b\n<p", complete=False), answer("<p>a\n<p>b\n<p>c\n<", complete=False)),
}


@pytest.mark.parametrize("name", SAME)
def test_same(name: str) -> None:
    """These say the same, with one answer of the old lane only."""
    old, new = SAME[name]
    assert places(compared(old, new=new).differences) == []


DIFFERENT = {
    "status": (answer(status=200), answer(status=302), ["status : 200 | 302"]),
    "no answer": (
        answer(),
        answer(status=0, exception="TimeoutError: no end"),
        ["status : 200 | no answer, TimeoutError: no end"],
    ),
    "vary": (*header("vary", "Cookie, Accept", "Cookie"), ["header vary: accept, cookie | cookie"]),
    "missing field": (*header("x-frame-options", "DENY", ""), ["header x-frame-options: DENY | not there"]),
    "content type": (
        *bodies("text/html", "a", "a")[:1],
        answer("b", "text/plain"),
        ["header content-type: text/html | text/plain"],
    ),
    "redirect": (*header("location", "/a", "/b"), ["header location: /a | /b"]),
    "length of nothing": (*header("content-length", "5", "6"), ["header content-length: 5 | 6"]),
    "cookie": (
        *header("set-cookie", "a=1; Path=/; Secure", "a=1; Path=/"),
        ["header set-cookie a: secure: empty | not there"],
    ),
    "value of a cookie": (*header("set-cookie", "a=1", "a=2"), ["header set-cookie a: value: 1 | 2"]),
    "cookie taken away": (
        *header("set-cookie", "sessionid=a; Path=/", "sessionid=; Path=/"),
        ["header set-cookie sessionid: value: a | empty"],
    ),
    "a cookie that is no session": (
        *header("set-cookie", "assessment=1", "assessment=2"),
        ["header set-cookie assessment: value: 1 | 2"],
    ),
    "a cookie that only ends so": (
        *header("set-cookie", "basid=1", "basid=2"),
        ["header set-cookie basid: value: 1 | 2"],
    ),
    "a cookie of two paths": (
        answer("", "", ("set-cookie", "a=1; Path=/"), ("set-cookie", "a=; Path=/old")),
        answer("", "", ("set-cookie", "a=; Path=/old")),
        [
            "header set-cookie a: path: / | /old",
            "header set-cookie a: value: 1 | empty",
            "header set-cookie a [2]: path /old value | not there",
        ],
    ),
    "missing cookie": (*header("set-cookie", "a=1", ""), ["header set-cookie a: value 1 | not there"]),
    "JSON": (
        *bodies("application/json", '{"items": [{"price": 1}]}', '{"items": [{"price": 2}]}'),
        ["body $.items[0].price: 1 | 2"],
    ),
    "types of JSON": (*bodies("application/json", '{"a": 1}', '{"a": "1"}'), ['body $.a: 1 | "1"']),
    "missing key": (
        *bodies("application/json", '{"a": 1, "b c": 2}', '{"a": 1}'),
        ['body $["b c"]: 2 | not there'],
    ),
    "one more": (*bodies("application/json", "[1, 2]", "[1, 2, 3]"), ["body $: nothing more | 1 more: 3"]),
    "one less": (*bodies("application/json", "[1, 2, 3]", "[1, 3]"), ["body $: 1 more: 2 | nothing more"]),
    "order": (
        *bodies("application/json", "[1, 2]", "[2, 1]"),
        ["body $: in the order 1 2 | in the order 2 1"],
    ),
    "no JSON": (*bodies("application/json", "[1]", "[1"), ["body : $ 1 | [1"]),
    "text": (
        *bodies("text/html", "<ul><li>a<li>b</ul>", "<ul><li>a<li>c</ul>"),
        ["body ul > li[2] > text: b | c"],
    ),
    "attribute": (
        *bodies("text/html", '<a href="/a">x</a>', '<a href="/b">x</a>'),
        ["body a @href: /a | /b"],
    ),
    "class": (*bodies("text/html", '<p class="a">', '<p class="a b">'), ["body p @class: a | a b"]),
    "element": (
        *bodies("text/html", "<div id=m><p>a</p></div>", "<div id=m><p>a</p><hr></div>"),
        ["body div#m: nothing more | 1 more: hr"],
    ),
    "kind of element": (
        *bodies("text/html", "<div><p>a</p></div>", "<div><b>a</b></div>"),
        ["body div: 1 more: p text a | 1 more: b text a"],
    ),
    "white space that counts": (
        *bodies("text/html", "<pre>a  b</pre>", "<pre>a b</pre>"),
        ["body pre > text: a b | a b"],
    ),
    "lines": (*bodies("text/csv", "a,b\n1,2\n", "a,b\n1,3\n"), ["body line 2: 1,2 | 1,3"]),
    "bytes": (
        *bodies("image/png", b"\x89a", b"\x89b"),
        [
            "body : 2 bytes with the SHA-256 6ad71301c54b… | 2 bytes with the SHA-256 574f06903336…",
        ],
    ),
    "time zone": (
        *bodies(
            "application/json", '{"at": "2026-11-26T10:00:00+01:00"}', '{"at": "2026-11-26T09:00:00+00:00"}'
        ),
        ['body $.at: "2026-11-26T10:00:00+01:00" | "2026-11-26T09:00:00+00:00"'],
    ),
    "another date": (
        *bodies("text/plain", "2026-11-26 10:00", "2026-11-27 10:00"),
        ["body line 1: 2026-11-26 10:00 | 2026-11-27 10:00"],
    ),
    "ETag of the same": (
        answer("a", "text/plain", ("etag", '"1"')),
        answer("a", "text/plain", ("etag", '"2"')),
        ['header etag: "1" | "2"'],
    ),
    "N+1": (
        answer(queries=("default: SELECT 1 FROM t WHERE id = 1",)),
        answer(queries=("default: SELECT 1 FROM t WHERE id = 7",) * 9),
        ["queries default: SELECT ? FROM t WHERE id = ?: once | 9 times"],
    ),
    "statement": (
        answer(queries=()),
        answer(queries=("other: DELETE FROM t",)),
        ["queries other: DELETE FROM t: never | once"],
    ),
    "warning": (answer(), answer(warnings=("shop: slow",)), ["warning shop: slow: never | once"]),
    "sent": (answer(sent=("mail to a",)), answer(), ["sent mail to a: once | never"]),
    "exception": (
        answer(status=500, exception="ValueError: a"),
        answer(status=500, exception="KeyError: 'b'"),
        ["exception : ValueError: a | KeyError: 'b'"],
    ),
    "cut off by one": (
        answer("a"),
        answer("a", exception="IncompleteRead: 3 bytes", complete=False),
        ["exception : empty | IncompleteRead: 3 bytes"],
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different(name: str) -> None:
    """Each is told of with its place and both values, also where the old lane was asked twice."""
    old, new, expected = DIFFERENT[name]
    assert places(compare(old, None, new)) == expected
    assert places(compare(old, old, new)) == expected


def test_another_status_explains_the_rest() -> None:
    """The page of an error has another body, other fields and a warning, of which nothing is said."""
    failed = answer(
        "Oops", "text/plain", status=500, exception="KeyError: 'a'", warnings=("django.request: x",)
    )
    assert places(compare(answer("<p>"), None, failed)) == ["status : 200 | 500, KeyError: 'a'"]


def test_a_page_of_debug_names_its_exception() -> None:
    """Django's page tells which exception it is of; its frames are each lane's own."""
    page = (
        "<title>{0} at /a</title><pre class='x'></pre><pre class=\"exception_value\">&#x27;{1}&#x27;</pre>{2}"
    )
    old = answer(page.format("KeyError", "a", "wsgi"), status=500)
    assert compare(old, None, answer(page.format("KeyError", "a", "asgi"), status=500)) == []
    new = answer(page.format("AttributeError", "b", "asgi"), status=500)
    assert places(compare(old, None, new)) == ["exception : KeyError: 'a' | AttributeError: 'b'"]


def test_many_places_of_one_body() -> None:
    """A page that is another one altogether is one difference, with the place that they share."""
    pages = ["<main>" + "".join(f"<p>{each}{name}</p>" for each in range(9)) + "</main>" for name in "ab"]
    (found,) = compare(answer(pages[0]), None, answer(pages[1]))
    assert found.where == "main"
    assert found.old == "9 places, the first is main > p[1] > text: 0a"


def test_times_are_notes() -> None:
    """An answer that takes three times as long is the same, unless it is asked for."""
    old, slow = answer("a", chunks=(0.2,)), answer("a", chunks=(0.7,))
    result = compared(old, old, new=slow)
    assert places(result.differences) == ["time first byte: 0.20 s | 0.70 s"]
    assert result.same
    assert not compared(old, old, new=slow, fails_slower=True).same
    assert compared(old, old, new=slow, slower=4.0).differences == ()
    assert compared(old, slow, new=slow).differences == ()


def test_a_collected_stream() -> None:
    """A stream that comes at once at its end is told of as that."""
    old = answer("abc", chunks=(0.0, 0.2, 0.4))
    assert places(compare(old, None, answer("abc", chunks=(0.41, 0.41, 0.41)))) == [
        "time stream: begins after 0.00 s | comes all at once after 0.41 s"
    ]


def test_addresses_of_servers() -> None:
    """Each names itself in its links, which is the same."""
    old = answer('<a href="http://a:1/x">', lane="http://a:1")
    new = answer('<a href="http://a:2/x">', lane="http://a:2")
    assert compare(old, None, new) == []
    assert places(compare(old, None, answer('<a href="http://b/x">', lane="http://a:2")))

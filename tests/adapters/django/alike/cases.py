"""The requests that several servers are sent: as bytes, in order, each on a connection of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One request, or a few on one connection.

    Attributes:
        name: what is special about it.
        data: the bytes. ``%COOKIES%`` and ``%TOKEN%`` are those of the conversation; ``%WAIT%`` waits for
            an answer before what comes after it is sent.
        methods: of the responses that are expected.
        talk: the conversation that it belongs to, whose cookies it shares.
        leaves: the client closes once this event is in the journal, or within the response.
        awaits: an event that comes after the response.
    """

    name: str
    data: bytes
    methods: tuple[str, ...] = field(default=("GET",))
    talk: str = ""
    leaves: str = ""
    awaits: str = ""

    @property
    def is_async(self) -> bool:
        """Whether the view is a coroutine function, if there is one."""
        return self.data.split(b" ", 2)[1].removeprefix(b"/app").startswith(b"/async/")


def request(
    name: str, target: str, *fields: str, method: str = "GET", body: bytes = b"", **more: str
) -> Case:
    """Make a request that asks for the end of its connection; a body has its length."""
    lines = [f"{method} {target} HTTP/1.1"]
    if not any(line.lower().startswith("host:") for line in fields):
        lines.append("Host: example.org")
    lines += ["Connection: close", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return Case(name, head + body, (method,), **more)


def both(name: str, target: str, *fields: str, method: str = "GET", body: bytes = b"") -> Iterator[Case]:
    """Make it for a function and for a coroutine function."""
    yield request(name, target, *fields, method=method, body=body)
    yield request(f"{name}, async", f"/async{target}", *fields, method=method, body=body)


def _paths() -> Iterator[Case]:
    yield from both("percent-encoded path", "/echo/a%20b%2Fc%3Fd")
    yield from both("UTF-8 path", "/echo/%C3%A9")
    yield from both("path that is no UTF-8", "/echo/%FF%E9/%C3%A9")
    yield from both("path with bare bytes", "/echo/\xc3\xa9")
    yield request("two slashes first", "//echo//x")
    yield from both("two slashes within", "/echo//x//")
    yield from both("dot segments", "/echo/../x/./y")
    yield from both("encoded dot segments", "/echo/%2e%2e/x")
    yield from both("parameters of a segment", "/echo/a;b=c/d")
    yield from both("percent sign alone", "/echo/100%/%zz")
    yield from both("NUL in the path", "/echo/%00x")
    yield request("no slash at the end", "/slash")
    yield request("no slash at the end, with a query", "/slash?a=%C3%A9")
    yield request("root", "/")
    yield from both("fragment", "/echo/x#part")
    yield request("absolute form", "http://example.org/echo/x?a=1")
    yield request("absolute form, another host", "http://www.example.com/echo/x")
    yield request("asterisk form", "*", method="OPTIONS")


def _queries() -> Iterator[Case]:
    yield from both("query, UTF-8", "/echo?a=%C3%A9&a=2&b=")
    yield from both("query, Latin-1", "/echo?a=%E9")
    yield from both("query, bare bytes", "/echo?a=\xc3\xa9")
    yield from both("query, semicolons", "/echo?a=1;b=2&c")
    yield from both("query, unusual characters", "/echo?a=<\"{|}^`\\'>&b=%&c=[]")
    yield request("empty query", "/echo?")


def _methods() -> Iterator[Case]:
    yield from both("HEAD", "/quiet", method="HEAD")
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE"):
        yield from both(method, "/echo", method=method)
    yield request("CONNECT", "example.org:80", method="CONNECT")
    yield request("method in lower case", "/echo", method="get")
    yield request("method of one's own", "/echo", method="BREW")
    yield request("OPTIONS, class", "/class", method="OPTIONS")
    yield request("OPTIONS, class, async", "/async/class", method="OPTIONS")
    yield request("405", "/class", method="DELETE")
    yield request("405, async", "/async/class", method="DELETE")


def _fields() -> Iterator[Case]:
    yield from both("no fields of interest", "/echo")
    yield from both("underscores", "/echo", "X_User: admin", "X-Role: user", "X_Role: admin")
    yield from both("fields sent twice", "/echo", "Accept: a/b", "Accept: c/d", "X-One: 1", "X-One: 2")
    yield from both("Content-Type sent twice", "/echo", "Content-Type: text/a", "Content-Type: text/b")
    yield from both("Remote-User", "/user", "Remote-User: admin")
    yield from both("REMOTE_USER", "/user", "REMOTE_USER: admin")
    yield from both(
        "X-Forwarded",
        "/echo",
        "X-Forwarded-For: 9.9.9.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Port: 8443",
    )
    yield from both("X-Forwarded, several", "/echo", "X-Forwarded-For: 1.1.1.1, 9.9.9.9, 127.0.0.1")
    yield from both("Forwarded", "/echo", "Forwarded: for=9.9.9.9;proto=https")
    yield from both("Script-Name", "/echo", "Script-Name: /evil")
    yield request("SCRIPT_NAME", "/echo/x", "SCRIPT_NAME: /echo")
    yield from both("Latin-1 in a field", "/echo", "X-Latin: \xe9", "X-Utf: \xc3\xa9")
    yield from both("empty field", "/echo", "X-Empty:", "X-Spaces:   ")
    yield from both("spaces around a value", "/echo", "X-Spaces: \t a  b \t ")
    yield from both("field of 7,000 bytes", "/echo", f"X-Long: {'x' * 7000}")
    yield request("field of 200,000 bytes", "/echo", f"X-Long: {'x' * 200_000}")
    yield request("90 fields", "/status?status=200", *(f"X-{number}: 1" for number in range(90)))
    yield request("field on two lines", "/echo", "X-Folded: a\r\n b")
    yield request("space before the colon", "/echo", "X-Space : a")
    yield request("field without a colon", "/echo", "nonsense")
    yield from both("Proxy", "/echo", "Proxy: evil")
    yield from both("Authorization", "/echo", "Authorization: Basic aWRhOnNlY3JldA==")


def _hosts() -> Iterator[Case]:
    yield from both("Host with a port", "/echo", "Host: example.org:8080")
    yield from both("Host in upper case", "/echo", "Host: WWW.Example.COM.")
    yield from both("Host that is IPv6", "/echo", "Host: [::1]:80")
    yield from both("Host that is not allowed", "/echo", "Host: evil.example")
    yield request("Host that is not allowed, redirect", "/slash", "Host: evil.example")
    yield request("Host that is none", "/echo", "Host: a b/c@d")
    yield request("Host sent twice", "/echo", "Host: example.org", "Host: evil.example")
    yield Case("no Host", b"GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n")
    yield Case("no Host, HTTP/1.0", b"GET /echo HTTP/1.0\r\n\r\n")


_FORM = "Content-Type: application/x-www-form-urlencoded"
_MULTIPART = "Content-Type: multipart/form-data; boundary=b"
_PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'


def _upload(name: str, content: bytes) -> bytes:
    disposition = f'Content-Disposition: form-data; name="f"; filename="{name}"'
    head = f"--b\r\n{disposition}\r\nContent-Type: text/x\r\n\r\n"
    return _PART + head.encode() + content + b"\r\n--b--\r\n"


def _chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def _chunks(name: str, target: str, kind: str, *chunks: bytes) -> Iterator[Case]:
    for label, path in ((name, target), (f"{name}, async", f"/async{target}")):
        head = request(label, path, kind, "Transfer-Encoding: chunked", method="POST")
        yield Case(label, head.data + _chunked(*chunks), ("POST",))


def _bodies() -> Iterator[Case]:
    yield from both("form", "/echo", _FORM, method="POST", body=b"a=1&a=%C3%A9&b=+x")
    latin = "Content-Type: application/x-www-form-urlencoded; charset=iso-8859-1"
    yield from both("form in Latin-1", "/echo", latin, method="POST", body=b"a=%E9")
    yield from both("form, GET", "/echo", _FORM, body=b"a=1")
    yield from both("multipart", "/echo", _MULTIPART, method="POST", body=_PART + b"--b--\r\n")
    yield from both("upload", "/echo", _MULTIPART, method="POST", body=_upload("x.txt", b"text"))
    yield from both("large upload", "/echo", _MULTIPART, method="POST", body=_upload("x.txt", b"x" * 20_000))
    path = _upload("../../\u00e9.txt", b"text")
    yield from both("upload with a path", "/echo", _MULTIPART, method="POST", body=path)
    yield from both("multipart without its end", "/echo", _MULTIPART, method="POST", body=_PART)
    body = b"no boundary"
    yield from both("multipart without a boundary", "/echo", _MULTIPART[:33], method="POST", body=body)
    json = b'{"a": "\xc3\xa9"}'
    yield from both("JSON", "/echo", "Content-Type: application/json", method="POST", body=json)
    yield from both("text in pieces", "/pieces", method="POST", body=b"one two\nthree")
    yield from both("body that no view reads", "/quiet", method="POST", body=b"x" * 5000)
    yield from both("empty body", "/echo", "Content-Length: 0", method="POST")
    yield from both("no body, no length", "/echo", _FORM, method="POST")
    yield from both("body of GET", "/echo", body=b"x")
    yield from both(
        "form larger than Django takes", "/echo", _FORM, method="POST", body=b"a=" + b"x" * 20_000
    )
    yield from both("body larger than Django takes", "/echo", method="POST", body=b"x" * 20_000)
    yield from both("body of 300,000 bytes", "/quiet", method="POST", body=b"x" * 300_000)
    for name, target in (("Expect", "/pieces"), ("Expect, not read", "/quiet")):
        expecting = "Expect: 100-continue", "Content-Length: 13"
        for case in both(name, target, *expecting, method="POST"):
            yield Case(case.name, case.data + b"%WAIT%one two\nthree", ("POST",))
            yield Case(f"{case.name}, sent at once", case.data + b"one two\nthree", ("POST",))
    yield request("Expect what nobody does", "/echo", "Expect: a-miracle", method="POST", body=b"one")
    yield from both("Content-Encoding", "/echo", "Content-Encoding: gzip", method="POST", body=b"x")
    yield from _chunks("chunked", "/echo", "Content-Type: text/plain", b"one", b"two")
    yield from _chunks("chunked form", "/echo", _FORM, b"a=1", b"&b=2")
    yield from _chunks("chunked upload", "/echo", _MULTIPART, _upload("x.txt", b"text"))
    yield request("two lengths", "/echo", "Content-Length: 3", method="POST", body=b"one!")
    yield request("length that is none", "/echo", "Content-Length: +3", method="POST")
    wanted = "Content-Length: 3", "Transfer-Encoding: chunked"
    head = request("length and chunks", "/echo", *wanted, method="POST")
    yield Case(head.name, head.data + _chunked(b"one"), ("POST",))


def _cookies() -> Iterator[Case]:
    yield from both("cookies", "/echo", "Cookie: a=1; b=two; a=3")
    yield from both("cookies in two fields", "/echo", "Cookie: a=1", "Cookie: b=2")
    yield from both("quoted cookie", "/echo", 'Cookie: a="x\\054y\\"z"; b= c ')
    yield from both("cookie without a name", "/echo", "Cookie: =1; lonely; ;d")
    yield from both("cookie in Latin-1", "/echo", "Cookie: a=\xe9; b=\xc3\xa9")


def _responses() -> Iterator[Case]:
    for status in (201, 204, 304, 404, 503):
        yield from both(f"status {status}", f"/status?status={status}")
    yield from both("HEAD of 404", "/status?status=404", method="HEAD")
    yield from both("reason of one's own", "/status?status=299&reason=Fine")
    yield from both("redirect", "/redirect")
    yield from both("fields and cookies", "/fields")
    yield request("conditional", "/conditional")
    yield request("conditional, 304", "/conditional", 'If-None-Match: "one"')
    yield request("conditional, 412", "/conditional", 'If-Match: "two"')
    yield from both("language", "/language", "Accept-Language: de,en;q=0.5")
    yield from both("language by cookie", "/language", "Cookie: django_language=de")
    for name, target in (
        ("stream", "/stream"),
        ("stream of an asynchronous iterator", "/stream-of-async"),
        ("stream, async", "/async/stream"),
        ("stream of a synchronous iterator, async", "/async/stream-of-sync"),
        ("stream with a length", "/stream-with-length"),
        ("file", "/file"),
        ("file, async", "/async/file"),
        ("file in memory", "/file-in-memory"),
    ):
        yield request(name, target)
        yield request(f"HEAD of {name}", target, method="HEAD")
    for name in ("stream", "async/stream"):
        yield Case(f"{name}, HTTP/1.0", f"GET /{name} HTTP/1.0\r\nHost: example.org\r\n\r\n".encode())
    yield request("empty stream", "/stream?parts=0")
    yield request("range of a file", "/file", "Range: bytes=0-3")


def _errors() -> Iterator[Case]:
    for error in ("ValueError", "Http404", "PermissionDenied", "SuspiciousOperation", "BadRequest"):
        yield from both(error, f"/raises?error={error}")
    yield from both("HEAD of an error", "/raises?error=ValueError", method="HEAD")
    yield from both("error that a middleware handles", "/raises?error=ValueError", "X-Handle: 1")
    yield from both("no route", "/nowhere")
    yield from both("no response", "/none")
    for step in ("request", "view", "response"):
        yield from both(f"middleware fails at the {step}", "/quiet", f"X-Fail: {step}")
    yield request("class of both kinds", "/mixed")
    for name, target in (
        ("stream", "/stream"),
        ("stream of an asynchronous iterator", "/stream-of-async"),
        ("stream, async", "/async/stream"),
        ("stream of a synchronous iterator, async", "/async/stream-of-sync"),
    ):
        yield request(f"error at once in {name}", f"{target}?fails=0")
        yield request(f"error within {name}", f"{target}?fails=2")
    yield from both("request.environ", "/environ")
    yield from both("middleware with __call__", "/quiet", "X-Own-Call: 1")


def _talks() -> Iterator[Case]:
    cookies = "Cookie: %COOKIES%"
    for number in (1, 2):
        yield request(f"visit {number}", "/session", cookies, talk="visits")
    yield request("visit 3, async", "/async/session", cookies, talk="visits")
    token, name = "X-CSRFToken: %TOKEN%", b"name=ida&password=secret"
    yield request("no token", "/sign-in", _FORM, method="POST", body=name)
    yield request("sign-in page", "/sign-in", talk="user")
    yield request("signing in", "/sign-in", cookies, token, _FORM, method="POST", body=name, talk="user")
    yield request("signed in", "/user", cookies, talk="user")
    yield request("signed in, async", "/async/user", cookies, talk="user")
    yield request("leaving a message", "/leave-message", cookies, talk="user")
    yield request("reading messages", "/messages", cookies, talk="user")
    yield request("signing out", "/sign-out", cookies, talk="user")
    yield request("signed out, async", "/async/user", cookies, talk="user")


def _databases() -> Iterator[Case]:
    yield request("ATOMIC_REQUESTS", "/group?name=one")
    yield request("ATOMIC_REQUESTS, error", "/group-and-fail")
    yield request("ATOMIC_REQUESTS, count", "/groups")
    yield request("ATOMIC_REQUESTS, count, async", "/async/groups")
    yield request("ATOMIC_REQUESTS, coroutine", "/async/atomic")
    yield request("integrity error", "/group?name=one")
    yield request("ORM in a coroutine", "/async/unsafe")


def _crossings() -> Iterator[Case]:
    yield from both("variables of a middleware", "/context", "X-Keep: kept")
    yield request("variables of a middleware, sync_to_async", "/async/crossing", "X-Keep: kept")
    yield from both("variables of the request before", "/context")
    yield request("a view keeps", "/keep")
    yield request("variables of the view before", "/context")
    yield request("a view keeps, async", "/async/keep")
    yield request("variables of the view before, async", "/async/context")
    yield request("async_to_sync", "/crossing")
    yield request("asyncio.run", "/own-loop")
    yield request("task in the background", "/async/background", awaits="task ")


def _connections() -> Iterator[Case]:
    first = b"GET /quiet HTTP/1.1\r\nHost: example.org\r\n\r\n"
    last = b"GET /quiet HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"
    yield Case("two requests at once", first + last, ("GET", "GET"))
    yield Case("HTTP/1.0", b"GET /quiet HTTP/1.0\r\nHost: example.org\r\n\r\n")
    yield Case(
        "HTTP/1.0, keep-alive",
        b"GET /quiet HTTP/1.0\r\nHost: example.org\r\nConnection: keep-alive\r\n\r\n" + last,
        ("GET", "GET"),
    )
    yield Case("body, then another request", request("", "/quiet", method="POST").data[:0] + _unread() + last,
               ("POST", "GET"))  # fmt: skip
    yield request("client leaves", "/waits", leaves="view waits")
    yield request("client leaves, async", "/async/waits", leaves="view waits")
    for name in ("stream", "stream-of-async", "async/stream", "async/stream-of-sync"):
        yield request(f"client leaves in {name}", f"/{name}?parts=2000&size=4000", leaves="response")
    for name in ("pieces", "async/pieces"):
        head = request(f"client leaves in the body, {name}", f"/{name}", "Content-Length: 9", method="POST")
        yield Case(head.name, head.data + b"one", ("POST",), leaves="request")


def _unread() -> bytes:
    return b"POST /quiet HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000


def _prefixes(site: str) -> Iterator[Case]:
    for name, target in (
        ("with the prefix", "/app/echo"),
        ("with the prefix, async", "/app/async/echo"),
        ("without the prefix", "/echo"),
        ("without the prefix, async", "/async/echo"),
        ("the prefix alone", "/app"),
        ("the prefix and a slash", "/app/"),
        ("no slash at the end, with the prefix", "/app/slash"),
        ("no slash at the end, without the prefix", "/slash"),
    ):
        yield request(f"{site}: {name}", target)


#: The requests, by what they are about.
PARTS: dict[str, list[Case]] = {
    "paths": list(_paths()),
    "queries": list(_queries()),
    "methods": list(_methods()),
    "fields": list(_fields()),
    "hosts": list(_hosts()),
    "bodies": list(_bodies()),
    "cookies": list(_cookies()),
    "responses": list(_responses()),
    "errors": list(_errors()),
    "talks": list(_talks()),
    "databases": list(_databases()),
    "crossings": list(_crossings()),
    "connections": list(_connections()),
}
#: Those for servers that are told, or whose project's settings say, that they are below a path.
SERVER_PREFIX = list(_prefixes("server below /app"))
SETTING_PREFIX = list(_prefixes("FORCE_SCRIPT_NAME"))

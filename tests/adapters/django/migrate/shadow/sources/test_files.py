"""Requests from archives, logs and lists, from a project's routes, and which of them are sent."""

import json
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.project.facts import RouteFact
from hybrid.adapters.django.migrate.shadow.exchanges import Request
from hybrid.adapters.django.migrate.shadow.recordings import Recorded, RecordingError
from hybrid.adapters.django.migrate.shadow.sources.choosing import Choice
from hybrid.adapters.django.migrate.shadow.sources.files import read_requests
from hybrid.adapters.django.migrate.shadow.sources.routes import Routes


def written(folder: Path, text: str) -> list[Request]:
    """Return the requests of a file with this text."""
    (folder / "file").write_text(text, encoding="utf-8", errors="surrogateescape")
    return [each.request for each in read_requests(folder / "file")]


def test_an_archive(tmp_path: Path) -> None:
    """The requests to the site itself, without what belongs to HTTP/2."""

    def entry(url: str, **more: object) -> dict[str, object]:
        headers = [{"name": ":authority", "value": "x"}, {"name": "Accept", "value": "*/*"}]
        return {"request": {"method": "get", "url": url, "headers": headers, **more}}

    entries = [
        entry("https://shop.example/a?b=1"),
        entry("https://ads.example/"),
        entry("data:text/plain,a"),
        entry("https://shop.example", postData={"text": "x"}, method="POST"),
    ]
    assert written(tmp_path, json.dumps({"log": {"entries": entries}}, indent=1)) == [
        Request("GET", "/a?b=1", (("host", "shop.example"), ("accept", "*/*"))),
        Request("POST", "/", (("host", "shop.example"), ("accept", "*/*")), b"x"),
    ]


def test_an_access_log(tmp_path: Path) -> None:
    """Common and combined lines; those without a request are passed over."""
    log = """\
127.0.0.1 - - [26/Nov/2026:10:00:00 +0000] "GET /a?b=1 HTTP/1.1" 200 5 "http://x/" "Mozilla/5.0 (X; Y)"
127.0.0.1 - bob [26/Nov/2026:10:00:00 +0000] "POST /b HTTP/1.1" 302 -
127.0.0.1 - - [26/Nov/2026:10:00:01 +0000] "-" 408 -
::1 "HEAD /c\udcff HTTP/2.0" 200 0 "-" "-"
nonsense
"""
    assert written(tmp_path, log) == [
        Request("GET", "/a?b=1", (("referer", "http://x/"), ("user-agent", "Mozilla/5.0 (X; Y)"))),
        Request("POST", "/b"),
        Request("HEAD", "/c\udcff"),
    ]


def test_paths(tmp_path: Path) -> None:
    """One a line."""
    assert written(tmp_path, "/\n/a?b=c\n\n") == [Request("GET", "/"), Request("GET", "/a?b=c")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no request"),
        ("nonsense\n", "no recording, no HTTP archive, no access log and no list of paths"),
        ('{"a": 1}', "is JSON, and neither a recording of hybrid's nor an HTTP archive"),
        ('{"log": {"entries": [{}]}}', "is no HTTP archive: KeyError: 'request'"),
        ("{", "is no HTTP archive: JSONDecodeError"),
    ],
    ids=["empty", "text", "JSON", "broken archive", "broken JSON"],
)
def test_other_files(tmp_path: Path, text: str, said: str) -> None:
    """One error that names the file."""
    with pytest.raises(RecordingError, match=r"file(:| )") as caught:
        written(tmp_path, text)
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        [*read_requests(tmp_path / "none")]


def chosen(*requests: Request, **said: object) -> list[str]:
    """Return the targets of those that are sent."""
    return [each.request.target for each in Choice(**said).of(map(Recorded, requests))]  # type: ignore[arg-type]


def test_choosing() -> None:
    """By path and method, each once, as many as are wanted."""
    gets = [Request("GET", each) for each in ("/a", "/a/b?x", "/c", "/a", "/d")]
    assert chosen(*gets, Request("POST", "/p")) == ["/a", "/a/b?x", "/c", "/d"]
    assert chosen(*gets, paths=("/a*",)) == ["/a", "/a/b?x"]
    assert chosen(*gets, exclude=("/a*", "/d")) == ["/c"]
    assert chosen(*gets, limit=2) == ["/a", "/a/b?x"]
    assert chosen(*gets, Request("POST", "/p"), methods=frozenset({"POST"})) == ["/p"]


def test_fields_of_ones_own() -> None:
    """They take the place of those of the same names; requests that differ in them alone become one."""
    requests = [Request("GET", "/", (("cookie", each), ("accept", "a"))) for each in "xy"]
    (found,) = Choice(headers=(("cookie", "z"),)).of(map(Recorded, requests))
    assert found.request.headers == (("accept", "a"), ("cookie", "z"))


ROUTES = Routes(
    [
        RouteFact("", "home"),
        RouteFact("tickets/<int:pk>/", "desk:ticket"),
        RouteFact("files/<path:name>", "file"),
        RouteFact("old/<slug>/a.html", view="shop.old"),
        RouteFact("^api/tickets/$", "tickets-list"),
        RouteFact(r"api/tickets/(?P<pk>[^/.]+)/$", "tickets-detail"),
        RouteFact("broken/(", "broken"),
        RouteFact("about/", view="shop.about"),
    ]
)


def test_routes_without_arguments() -> None:
    """Paths of both kinds of patterns, with the names of their views."""
    found = [(each.target, each.view) for each in ROUTES.without_arguments()]
    assert found == [("/", "home"), ("/api/tickets/", "tickets-list"), ("/about/", "shop.about")]


@pytest.mark.parametrize(
    ("target", "view"),
    [
        ("/", "home"),
        ("/tickets/7/?a=b", "desk:ticket"),
        ("/tickets/x/", ""),
        ("/files/a/b", "file"),
        ("/old/x/a.html", "shop.old"),
        ("/old/x/aahtml", ""),
        ("/api/tickets/7/", "tickets-detail"),
        ("/nowhere", ""),
    ],
    ids=lambda each: each.replace("/", "-"),
)
def test_names_by_routes(target: str, view: str) -> None:
    """A request is for the view of the first route that fits."""
    assert ROUTES.named(Request("GET", target)).view == view

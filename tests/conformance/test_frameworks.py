"""Real Flask and Django applications, on both paths of the bridge, and in HTTP/2."""

import json
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from tests.support.bridges import WAYS, Bridge, ask, bridge_to
from tests.support.needs import require_module
from tests.support.process import DEADLINE

TARGETS = ["tests.apps.wsgi_flask", "/flask=tests.apps.wsgi_flask", "/django=tests.apps.wsgi_django"]


@pytest.fixture(scope="module", params=WAYS)
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Serve Flask at the root and below a prefix, and Django below another."""
    require_module("flask")
    require_module("django")
    with bridge_to(request.param, TARGETS, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def client(bridge: Bridge) -> Iterator[httpx.Client]:
    """Give a client that keeps cookies and its connection."""
    is_new = bridge.version == "2"
    url = f"http://127.0.0.1:{bridge.port}"
    with httpx.Client(base_url=url, timeout=DEADLINE, http1=not is_new, http2=is_new) as client:
        yield client


@pytest.mark.parametrize("mount", ["", "/flask"])
class TestFlask:
    """Flask, which builds on Werkzeug."""

    def test_view(self, client: httpx.Client, mount: str) -> None:
        """A view gets its argument out of the path, in any script."""
        assert client.get(f"{mount}/hello/Zoë%20€").text == "Hello, Zoë €!"

    def test_form_with_a_file(self, client: httpx.Client, mount: str) -> None:
        """A form with an upload, larger than what is kept in memory."""
        text = "line\n" * 30_000
        answer = client.post(f"{mount}/form", data={"a": "1"}, files={"f": ("f.txt", text)})
        assert answer.json() == {"form": {"a": "1"}, "files": {"f": text}}

    def test_json(self, client: httpx.Client, mount: str) -> None:
        """A JSON body, with its length and chunked."""
        body = json.dumps({"key": "valüe"}).encode()
        fields = {"Content-Type": "application/json"}
        for content in (body, iter([body[:5], body[5:]])):
            answer = client.post(f"{mount}/json", content=content, headers=fields)
            assert answer.json() == {"got": {"key": "valüe"}}

    def test_session(self, client: httpx.Client, mount: str) -> None:
        """The session cookie comes back."""
        assert [client.get(f"{mount}/count").text for _ in range(3)] == ["1", "2", "3"]

    def test_stream(self, client: httpx.Client, mount: str) -> None:
        """A streamed response, whose generator needs the request."""
        assert client.get(f"{mount}/stream", params={"prefix": "x"}).text == "x0\nx1\nx2\n"

    def test_redirect(self, client: httpx.Client, mount: str) -> None:
        """URLs that Flask makes lead below the mount."""
        answer = client.get(f"{mount}/away")
        assert (answer.status_code, answer.headers["location"]) == (302, f"{mount}/hello/again")

    @pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/broken", 500)])
    def test_errors(self, client: httpx.Client, mount: str, path: str, status: int) -> None:
        """Flask's own error pages are passed on."""
        answer = client.get(mount + path)
        assert (answer.status_code, "<title>" in answer.text) == (status, True)

    def test_head_and_options(self, client: httpx.Client, mount: str) -> None:
        """The methods that Flask adds by itself."""
        assert client.head(f"{mount}/hello/x").headers["content-length"] == "9"
        assert "GET" in client.options(f"{mount}/hello/x").headers["allow"]


class TestDjango:
    """Django on its WSGI handler."""

    def test_view(self, client: httpx.Client) -> None:
        """A view gets its argument out of the path, and URLs that Django makes lead below the mount."""
        assert client.get("/django/hello/Zoë").text == "Hello, Zoë, at /django/hello/Zo%C3%AB"

    @pytest.mark.parametrize("size", [0, 1, 200_000])
    def test_upload(self, client: httpx.Client, size: int) -> None:
        """A body arrives, with its length and chunked, which Django by itself does not read."""
        body = b"x" * size
        for content in (body, iter([body[:100], body[100:]])):
            assert client.post("/django/upload", content=content).json() == {"size": size}

    def test_stream(self, client: httpx.Client) -> None:
        """A StreamingHttpResponse."""
        assert client.get("/django/stream").text == "0\n1\n2\n"

    @pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/broken", 500)])
    def test_errors(self, client: httpx.Client, path: str, status: int) -> None:
        """Django's own error pages are passed on."""
        answer = client.get("/django" + path)
        assert (answer.status_code, "<h1>" in answer.text) == (status, True)


def test_both_on_one_connection(bridge: Bridge) -> None:
    """Applications of both frameworks answer on one connection, in turn."""
    with closing(bridge.connection()) as connection:
        for _ in range(5):
            for path, greeting in (("/flask/hello/x", b"Hello, x!"), ("/django/hello/x", b"Hello, x, at ")):
                assert ask(connection, path).body.startswith(greeting)

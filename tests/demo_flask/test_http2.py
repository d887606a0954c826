"""The chat for clients of HTTP/2."""

from pathlib import Path

import httpx

from tests.support.parlour import PASSWORD, serve_parlour
from tests.support.process import DEADLINE


def test_signing_up_and_talking(database: Path) -> None:
    """Forms, redirects and JSON are the same over HTTP/2, on one connection."""
    headers = {"Accept": "application/json"}
    with (
        serve_parlour(database, http2_cleartext=True) as server,
        httpx.Client(base_url=server.url, http1=False, http2=True, timeout=DEADLINE, headers=headers) as ada,
    ):
        signed_up = ada.post("/sign-up", data={"name": "ada", "password": PASSWORD})
        said = ada.post("/rooms/lobby/messages", data={"text": "hello"})
        known = ada.get("/rooms/lobby/messages", params={"after": 0})
        assert [each.http_version for each in (signed_up, said, known)] == ["HTTP/2"] * 3
        assert (signed_up.status_code, said.status_code) == (303, 201)
        assert [each["text"] for each in known.json()["messages"]] == ["hello"]

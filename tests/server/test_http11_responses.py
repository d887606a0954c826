"""The responses on one HTTP/1.1 connection: those without a body, and the fields that the server adds."""

import asyncio
import re
from email.utils import parsedate_to_datetime

import pytest

from hybrid.bridge.errors import ClientDisconnected
from tests.support.http_apps import deaf
from tests.support.http_peer import (
    Peer,
    Puppet,
    get,
    on_loop,
    read_responses,
    request,
    settle,
    started,
)

# Bodiless responses (RFC 9110 sections 9.3.2, 15.3.5, 15.4.5).


@pytest.mark.parametrize("length", [None, b"4"])
@pytest.mark.parametrize("parts", [1, 2])
@on_loop
async def test_head(length: bytes | None, parts: int) -> None:
    """HEAD gets the head that GET would get, and no body; the connection lives."""
    headers = [] if length is None else [(b"content-length", length)]
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("HEAD", "/"))
    await app.call.start(200, headers)
    if parts == 2:
        await app.call.body(b"bo", more=True)
    await app.call.body(b"body"[2 * (parts - 1) :])
    await app.call.finish()
    data = peer.transport.take()
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\r\n\r\n") == 1
    (response,) = read_responses(data, "HEAD")
    if length or parts == 1:
        assert response.values(b"content-length") == [b"4"]
    else:
        assert response.values(b"transfer-encoding") == [b"chunked"]
    assert not peer.closed


@on_loop
async def test_head_may_leave_the_body_out() -> None:
    """An application may answer HEAD with the length of what it does not send."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("HEAD", "/"))
    await app.call.answer(b"", headers=[(b"content-length", b"1000")])
    assert peer.response("HEAD").values(b"content-length") == [b"1000"]
    assert not peer.closed


@pytest.mark.parametrize(("status", "length"), [(204, []), (205, [b"0"]), (304, [b"4"])])
@pytest.mark.parametrize("body", [b"", b"body"])
@on_loop
async def test_bodiless_status(status: int, length: list[bytes], body: bytes) -> None:
    """204, 205 and 304 have no body, whatever the application sends; 204 has no length, and 205 that of 0."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.answer(body, status, [(b"Content-Length", b"4")])
    data = peer.transport.take()
    assert data.endswith(b"\r\n\r\n")
    (response,) = read_responses(data)
    assert response.status == status
    assert response.values(b"content-length") == length
    assert not response.values(b"transfer-encoding")
    assert not peer.closed


@pytest.mark.parametrize("status", [204, 304])
@on_loop
async def test_bodiless_status_without_a_length(status: int) -> None:
    """No length is made up for a response that ends with its head, nor a coding."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(status)
    await app.call.body(b"", more=True)
    await app.call.body(b"")
    await app.call.finish()
    response = peer.response()
    assert not response.values(b"content-length") + response.values(b"transfer-encoding")
    assert not peer.closed


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 205), ("GET", 304)])
@pytest.mark.parametrize("polite", [False, True])
@on_loop
async def test_response_without_body_that_has_no_end(
    method: str, status: int, polite: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An application that never ends a body of which nothing is sent leaves the loop to others, and is told
    when its client leaves: one that closes its direction waits for nothing more.
    """
    app = Puppet()
    peer = Peer(app)
    await peer.send(request(method, "/"))
    await app.call.start(status)

    async def stream() -> None:
        while True:
            await app.call.body(b"part", more=True)

    streaming = asyncio.ensure_future(stream())
    await settle()
    assert not streaming.done()
    await (peer.send_eof() if polite else peer.leave())
    for call in (streaming, app.call.body()):
        with pytest.raises(ClientDisconnected):
            await call
    assert peer.closed or not polite
    await app.call.finish(ClientDisconnected())
    assert not caplog.records


@on_loop
async def test_parts_that_are_empty(caplog: pytest.LogCaptureFixture) -> None:
    """A client that closes its direction still gets a body whose parts are empty for a while."""
    app, peer = await started()
    await app.call.body(b"", more=True)
    await peer.send_eof()
    await app.call.body(b"", more=True)
    await app.call.body(b"all")
    assert peer.response().body == b"all"
    await app.call.finish()
    assert not caplog.records


# Fields that the server adds (RFC 9110 sections 6.6.1 and 10.2.4).


@on_loop
async def test_date_and_server() -> None:
    """Every response has one Date, in the one form that may be sent, and one Server."""
    peer = Peer(deaf)
    await peer.send(get())
    response = peer.response()
    (date,) = response.values(b"date")
    assert re.fullmatch(
        r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
        r"\d\d:\d\d:\d\d GMT",
        date.decode(),
    )
    assert parsedate_to_datetime(date.decode()).tzinfo is not None
    assert response.values(b"server") == [b"hybrid"]


@on_loop
async def test_date_is_formatted_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Responses between two ticks share their Date, and a tick brings a new one."""
    clock = 784111777.0
    monkeypatch.setattr("hybrid.server.context.time", lambda: clock)
    peer = Peer(deaf)
    await peer.send(get())
    assert peer.response().values(b"date") == [b"Sun, 06 Nov 1994 08:49:37 GMT"]
    clock += 0.9
    await peer.send(get())
    assert peer.response().values(b"date") == [b"Sun, 06 Nov 1994 08:49:37 GMT"]
    clock += 0.2
    peer.context.tick()
    await peer.send(get())
    assert peer.response().values(b"date") == [b"Sun, 06 Nov 1994 08:49:38 GMT"]


@pytest.mark.parametrize("name", [b"date", b"Date", b"server", b"SERVER"])
@on_loop
async def test_application_sends_its_own(name: bytes) -> None:
    """A Date or Server of the application's takes the place of the server's."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.answer(headers=[(name, b"mine")])
    response = peer.response()
    assert response.values(name.lower()) == [b"mine"]
    assert len(response.values(b"date")) == len(response.values(b"server")) == 1

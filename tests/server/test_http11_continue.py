"""100 (Continue), and who is not sent it (RFC 9110 section 10.1.1)."""

import contextlib

import pytest

from tests.support.http_apps import deaf, echo
from tests.support.http_peer import (
    Peer,
    Puppet,
    on_loop,
    request,
)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECTS = ("Content-Length: 5", "Expect: 100-continue")


@on_loop
async def test_continue_when_the_application_reads() -> None:
    """A client that waits with its body is told to go on when the application asks for it, once."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", *EXPECTS))
    assert peer.transport.take() == b""
    receiving = app.call.receive_all()
    receiving.send(None)
    assert peer.transport.take() == CONTINUE
    receiving.close()
    await peer.send(b"he")
    assert (await app.call.receive())["body"] == b"he"
    await peer.send(b"llo")
    assert (await app.call.receive())["body"] == b"llo"
    await app.call.answer(b"done")
    assert peer.response("POST").body == b"done"
    assert not peer.closed


@on_loop
async def test_no_continue_when_the_application_does_not_read() -> None:
    """A final answer in place of 100 ends the connection: nobody can tell whether the body comes."""
    peer = Peer(deaf)
    await peer.send(request("POST", "/", *EXPECTS))
    response = peer.response("POST")
    assert (response.status, response.values(b"connection")) == (200, [b"close"])
    assert peer.closed


@on_loop
async def test_no_continue_when_the_body_is_here() -> None:
    """A client that did not wait is not told to go on."""
    peer = Peer(echo)
    await peer.send(request("POST", "/", *EXPECTS, body=b"hello"))
    assert peer.response("POST").body == b"POST / hello"
    await peer.send(request("POST", "/", *EXPECTS, body=b"he"))
    await peer.send(b"llo")
    assert peer.response("POST").body == b"POST / hello"
    assert not peer.closed


@on_loop
async def test_no_continue_in_the_middle_of_a_response() -> None:
    """Once the head of the response has been sent, 100 would be a part of its body."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", *EXPECTS))
    await app.call.start()
    await app.call.body(b"part", more=True)
    receiving = app.call.receive_all()
    receiving.send(None)
    receiving.close()
    await app.call.body(b"end")
    response = peer.response("POST")
    assert response.body == b"partend"
    await app.call.finish()
    assert peer.closed


@on_loop
async def test_continue_between_start_and_body() -> None:
    """A start alone is not sent, so that an application may give it before it reads."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", *EXPECTS))
    await app.call.start()
    receiving = app.call.receive_all()
    receiving.send(None)
    receiving.close()
    assert peer.transport.take() == CONTINUE
    await peer.send(b"hello")
    await app.call.body(b"done")
    assert peer.response("POST").body == b"done"
    await app.call.finish()


@pytest.mark.parametrize(
    ("fields", "version", "body"),
    [
        (("Content-Length: 5", "Expect: 100-continue"), "1.0", b""),
        (("Content-Length: 0", "Expect: 100-continue"), "1.1", b""),
        (("Expect: 100-continue",), "1.1", b""),
    ],
)
@on_loop
async def test_no_continue_for(fields: tuple[str, ...], version: str, body: bytes) -> None:
    """HTTP/1.0 and requests without a body get no 100 (RFC 9110 section 10.1.1)."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", *fields, body=body, version=version))
    receiving = app.call.receive_all()
    with contextlib.suppress(StopIteration):
        receiving.send(None)
    receiving.close()
    assert peer.transport.take() == b""


@on_loop
async def test_unknown_expectation() -> None:
    """Who expects what nobody knows is told before any application is called (RFC 9110 section 10.1.1)."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 5", "Expect: something"))
    assert peer.response("POST").status == 417
    assert peer.closed
    assert not app.calls

"""What is remembered of heads of responses; what they mean is in the tests of the reader."""

import pytest

from hybrid.server.wire.http2 import fields
from hybrid.server.wire.http2 import heads as module
from hybrid.server.wire.http2.heads import Next, read_head
from tests.support.http2_responses import decode

LINES = b"content-type: text/html\r\ndate: Thu, 26 Nov 2026 15:29:27 GMT"


@pytest.fixture(autouse=True)
def _forget() -> None:
    """Begin with nothing known."""
    fields._met.clear()
    for store in (fields._known_lines, module._known_heads, module._known_statuses, module._known_lengths):
        store.clear()


def read(
    lines: bytes, status: bytes = b"200 OK", *, head_only: bool = False, websocket: bool = False
) -> bytes:
    """Read a head, and return its block."""
    head, _, _ = read_head(b"HTTP/1.1 %b\r\n%b" % (status, lines), head_only=head_only, websocket=websocket)
    return head.block


def test_heads_of_known_lines() -> None:
    """A head is known as a whole when each of its lines is; its length may be any."""
    head = LINES + b"\r\ncontent-length: 5"
    for known in (0, 0, 1, 1):
        read(head)
        assert len(module._known_heads) == known
    read(LINES + b"\r\ncontent-length: 6")
    assert len(module._known_heads) == 2


@pytest.mark.parametrize(
    "line",
    [b"set-cookie: a=b", b"www-authenticate: Basic", b"sec-websocket-accept: x", b"x: " + b"y" * 1024],
    ids=["cookie", "challenge", "handshake", "long"],
)
def test_what_is_not_remembered(line: bytes) -> None:
    """Nothing is kept of a head with secrets in it, or with much."""
    blocks = {read(LINES + b"\r\n" + line) for _ in range(4)}
    assert not module._known_heads
    assert not any(line in known for known in (*fields._known_lines, *fields._met))
    assert len({tuple(decode(block)) for block in blocks}) == 1


@pytest.mark.parametrize(
    ("status", "options"),
    [("200 OK", {"head_only": True}), ("404 X", {"websocket": True}), ("101 X", {"websocket": True})],
    ids=["HEAD", "refused", "accepted"],
)
def test_special_requests(status: str, options: dict[str, bool]) -> None:
    """What a head means to HEAD, and to a request for a WebSocket, is not what it means to others: it is read
    each time.
    """
    for _ in range(4):
        read(LINES, status.encode(), **options)
    assert not module._known_heads


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are never more heads, status lines and lengths; a full store starts anew."""
    monkeypatch.setattr(module, "_HEADS_LIMIT", 4)
    monkeypatch.setattr(module, "_LENGTHS_LIMIT", 3)
    for number in range(20):
        for _ in range(3):
            read(b"content-length: %d" % number, b"200 Reason %d" % number)
        assert len(module._known_heads) <= 4
        assert len(module._known_statuses) <= 4
        assert len(module._known_lengths) <= 3


@pytest.mark.parametrize(
    ("lines", "follows", "length"),
    [
        (b"content-length: 5", Next.LENGTH, 5),
        (b"CONTENT-LENGTH:5 ", Next.LENGTH, 5),
        (b"content-length: 0", Next.NOTHING, 0),
        (b"transfer-encoding: chunked", Next.CHUNKED, 0),
        (b"a: b", Next.CLOSE, 0),
    ],
)
def test_what_follows(lines: bytes, follows: Next, length: int) -> None:
    """Known or not, a head says what follows it."""
    for _ in range(4):
        head, *rest = read_head(b"HTTP/1.1 200 OK\r\n" + lines, head_only=False, websocket=False)
        assert rest == [follows, length]
        assert (head.final, head.end) == (True, follows is Next.NOTHING)


def test_a_status_line_alone() -> None:
    """A head need not have fields."""
    head, follows, _ = read_head(b"HTTP/1.1 100 Continue", head_only=False, websocket=False)
    assert (decode(head.block), head.final, head.end) == ([(b":status", b"100")], False, False)
    assert follows is Next.HEAD

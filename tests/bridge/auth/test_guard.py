"""For how long somebody may stay: expiry, asking again, and what the application notices of the end."""

import asyncio
import logging
import time
from collections.abc import Callable

import pytest

from hybrid.bridge.auth import Identity
from hybrid.bridge.auth.guard import Guard, State, Terms
from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Message
from tests.support.auth import Known, closed, guarded, line_to
from tests.support.embedded import on_each_loop, until


def soon(user_id: str = "ann") -> Identity:
    """Make an identity that expires soon, but not before a handshake on a busy machine is over."""
    return Identity(user_id, expires=time.time() + 1)


@on_each_loop
async def test_expiry() -> None:
    """The socket is closed, the application gets that code, and what it sends then raises."""
    app, witness = guarded(Known(a=soon()))
    line = line_to(app, "a")
    await line.connect()
    await witness.send({"type": "websocket.send", "text": "in time"})
    assert await closed(line) == (4401, "the sign-in has expired")
    assert witness.received[-1] == {
        "type": "websocket.disconnect",
        "code": 4401,
        "reason": "the sign-in has expired",
    }
    await witness.send({"type": "websocket.close"})
    with pytest.raises(ClientDisconnected):
        await witness.send({"type": "websocket.send", "text": "late"})
    assert line.kinds == ["accept", "send", "close"]


@on_each_loop
async def test_expiry_is_heard_of_at_once() -> None:
    """The application does not wait until the client has answered the close, which it may never do."""
    app, witness = guarded(Known(a=soon()))
    line = line_to(app, "a")
    await line.connect()
    await line.end()  # nobody has left
    assert witness.received[-1]["code"] == 4401
    assert line.kinds == ["accept", "close"]


@on_each_loop
async def test_a_send_that_waits_ends_at_once() -> None:
    """A client that does not read keeps nobody waiting who is thrown out, and nothing is cancelled."""

    async def flood() -> None:
        with pytest.raises(ClientDisconnected):
            await guard.send({"type": "websocket.send", "text": "x"})
        assert task.cancelling() == 0

    guard, sent = _stuck()
    await guard.send({"type": "websocket.accept"})
    task = asyncio.create_task(flood())
    await until(lambda: len(sent) == 2)
    guard.expel(4000, "")
    await task
    await guard.end()
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]


def _stuck() -> tuple[Guard, list[Message]]:
    """Make a guard of a client that neither reads nor writes, and the list of what it is sent."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "websocket.send":
            await asyncio.Event().wait()

    async def nobody() -> Identity | None:
        return None

    sent: list[Message] = []
    return Guard("x", (receive, send), Identity("ann"), Terms(4401, None), nobody), sent


@pytest.mark.parametrize("first", ["expelled", "cancelled"])
@on_each_loop
async def test_a_cancellation_at_the_same_moment(first: str) -> None:
    """Who is thrown out and cancelled at once is cancelled, and only once."""

    async def wait() -> None:
        with pytest.raises(asyncio.CancelledError):
            await guard.receive()
        cancelling.append(task.cancelling())
        assert (await guard.receive())["code"] == 4000

    cancelling: list[int] = []
    guard, _ = _stuck()
    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    steps: list[Callable[[], object]] = [lambda: guard.expel(4000, ""), task.cancel]
    for step in steps if first == "expelled" else reversed(steps):
        step()
    await task
    assert cancelling == [1]
    await guard.end()


@on_each_loop
async def test_the_code() -> None:
    """It may be another one."""
    app, _ = guarded(Known(a=soon()), expired_code=3000)
    line = line_to(app, "a")
    await line.connect()
    assert (await closed(line))[0] == 3000


@on_each_loop
async def test_before_the_handshake_is_answered() -> None:
    """It is refused instead of closed, and the application's answer raises."""

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def nobody() -> Identity | None:
        return None

    guard = Guard("x", (never, send), Identity("ann", expires=time.time()), Terms(4401, None), nobody)
    await until(lambda: sent)
    assert sent == [{"type": "websocket.close", "code": 4401, "reason": "the sign-in has expired"}]
    with pytest.raises(ClientDisconnected):
        await guard.send({"type": "websocket.accept"})
    assert (await guard.receive())["code"] == 4401
    assert guard.state is State.EXPELLED
    assert repr(guard) == "<Guard of x: closed in the application's place>"
    await guard.end()


@on_each_loop
async def test_messages_that_come_too_late() -> None:
    """What the client had sent, and the application not received, is dropped."""
    app, witness = guarded(Known(a=Identity("ann")))
    line = line_to(app, "a")
    await line.connect()
    guard = witness.send.__self__  # type: ignore[attr-defined]
    guard.expel(4000, "out")
    guard.expel(4001, "again")
    line.say("late")
    await line.end()
    assert [message["type"] for message in witness.received] == ["websocket.connect", "websocket.disconnect"]
    assert line.sent[-1] == {"type": "websocket.close", "code": 4000, "reason": "out"}


@on_each_loop
async def test_who_has_left_costs_no_timer() -> None:
    """When the client or the application has ended it, nothing is closed and nobody asked any more."""
    known = Known(a=Identity("ann", expires=time.time() + 1000))
    app, witness = guarded(known, recheck=1000)
    for ends in ("client", "application"):
        line = line_to(app, "a")
        await line.connect()
        guard = witness.send.__self__  # type: ignore[attr-defined]
        if ends == "application":
            await witness.send({"type": "websocket.close", "code": 1000})
            assert guard.state is State.OVER
        line.leave()
        await line.end()
        assert guard._timer.cancelled()
        guard.expel(4000, "late")
        assert "close" not in line.kinds[:-1]
    assert known.asked == 2


@on_each_loop
async def test_asking_again() -> None:
    """While the answer is the same the socket stays; a user who is nobody any longer is closed."""
    known = Known(a=Identity("ann"))
    app, _ = guarded(known, recheck=0.01)
    line = line_to(app, "a")
    await line.connect()
    await until(lambda: known.asked >= 3)
    assert line.kinds == ["accept"]
    known.users.clear()
    assert await closed(line) == (4401, "the sign-in has ended")


@on_each_loop
async def test_somebody_else() -> None:
    """A token that has become another user's closes the socket, too."""
    known = Known(a=Identity("ann"))
    app, _ = guarded(known, recheck=0.01)
    line = line_to(app, "a")
    await line.connect()
    known.users["a"] = Identity("bob")
    assert (await closed(line))[0] == 4401


@on_each_loop
async def test_a_new_end() -> None:
    """Asking again can move the end, either way."""
    known = Known(a=Identity("ann", expires=time.time() + 1000))
    app, _ = guarded(known, recheck=0.01)
    line = line_to(app, "a")
    await line.connect()
    earlier = time.time() + 1
    known.users["a"] = Identity("ann", expires=earlier)
    asked = known.asked
    await until(lambda: known.asked > asked)
    known.users["a"] = Identity("ann", expires=time.time() + 1000)
    await until(lambda: time.time() > earlier)
    asked = known.asked
    await until(lambda: known.asked >= asked + 3)
    assert line.kinds == ["accept"]
    known.users["a"] = soon()
    assert (await closed(line))[0] == 4401


@on_each_loop
async def test_failures(caplog: pytest.LogCaptureFixture) -> None:
    """A failure closes nobody's socket, three in a row do: try again later. One that succeeds begins anew."""
    known = Known(a=Identity("ann"))
    app, _ = guarded(known, recheck=0.01)
    line = line_to(app, "a")
    await line.connect()
    for _ in range(3):
        known.users["a"] = RuntimeError("no database")
        failed = len(caplog.records)
        await until(lambda failed=failed: len(caplog.records) > failed)  # type: ignore[misc]
        known.users["a"] = Identity("ann")
        asked = known.asked
        await until(lambda asked=asked: known.asked > asked)  # type: ignore[misc]
    assert line.kinds == ["accept"]
    known.users["a"] = RuntimeError("no database")
    assert (await closed(line))[0] == 1013
    assert "could not ask again whose it is: RuntimeError('no database')" in caplog.text


@on_each_loop
async def test_an_answer_that_does_not_come(caplog: pytest.LogCaptureFixture) -> None:
    """It is not waited for any longer than until the next question; expiry does not wait for it at all."""
    known = Known(a=soon())
    hanging = asyncio.Event()
    caplog.set_level(logging.DEBUG)

    async def verify(token: str) -> Identity | None:
        identity = await known(token)
        if known.asked > 1:
            await hanging.wait()
        return identity

    app, _ = guarded(verify, recheck=10)  # type: ignore[arg-type]
    line = line_to(app, "a")
    await line.connect()
    assert await closed(line) == (4401, "the sign-in has expired")
    known.users["a"] = Identity("ann")
    known.asked = 0
    app, _ = guarded(verify, recheck=0.01)  # type: ignore[arg-type]
    line = line_to(app, "a")
    await line.connect()
    assert (await closed(line))[0] == 1013

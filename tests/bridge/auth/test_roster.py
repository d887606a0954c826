"""Closing all sockets of a user: through any channel layer, on any event loop, without a task for each."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from hybrid.bridge import InvalidChannelLayerError, channel_layers
from hybrid.bridge.auth import Identity, disconnect_user, roster, user_is_online
from hybrid.bridge.auth.disconnect import check_close_code
from hybrid.bridge.auth.roster import Roster, group_of, roster_of
from hybrid.bridge.layers import InMemoryChannelLayer
from tests.support.auth import Known, closed, guarded, line_to
from tests.support.consumers import Line
from tests.support.embedded import on_each_loop, until
from tests.support.layers import run
from tests.support.needs import require_module

KNOWN = Known(a=Identity("ann"), b=Identity("bob"), c=Identity("ann"))


class Watched(InMemoryChannelLayer):
    """A layer that counts, and fails when it is told to.

    Attributes:
        members: memberships, by group.
        channels: how many there have been.
        fails: what is raised.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.members: dict[str, set[str]] = {}
        self.channels = 0
        self.added = 0
        self.fails: Exception | None = None

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails

    async def new_channel(self, prefix: str = "specific") -> str:
        """Count."""
        self._fail()
        self.channels += 1
        return await super().new_channel(prefix)

    async def group_add(self, group: str, channel: str, *args: Any, **kwargs: Any) -> None:
        """Note."""
        self._fail()
        self.added += 1
        self.members.setdefault(group, set()).add(channel)
        await super().group_add(group, channel, *args, **kwargs)

    async def group_discard(self, group: str, channel: str) -> None:
        """Note."""
        self._fail()
        self.members[group].discard(channel)
        await super().group_discard(group, channel)


@pytest.fixture
def layer() -> Iterator[Watched]:
    """Put a layer of the test's own in place of the default one."""
    layer = Watched()
    before = channel_layers.set("default", layer)
    yield layer
    channel_layers.set("default", before)


@asynccontextmanager
async def joined(app: Any, *tokens: str) -> AsyncIterator[list[Line]]:
    """Connect somebody with each token; whoever is still there at the end leaves."""
    lines = [line_to(app, token) for token in tokens]
    for line in lines:
        await line.connect()
    yield lines
    for line in lines:
        if not line.task.done():
            line.leave()
            await line.end()


@on_each_loop
async def test_all_sockets_of_a_user(layer: Watched) -> None:
    """They are closed with the code and the reason; nobody else's are."""
    app, _ = guarded(KNOWN)
    async with joined(app, "a", "b", "c", "a") as (ann, bob, other, third):
        disconnect_user("ann", 4409, "blocked")
        for line in (ann, other, third):
            assert await closed(line) == (4409, "blocked")
        disconnect_user("nobody")
        assert bob.kinds == ["accept"]
    assert layer.channels == 1
    assert not any(layer.members.values())


@on_each_loop
async def test_one_task_for_all(layer: Watched) -> None:
    """One channel and one task listen, however many there are; both are gone when everybody is."""
    app, _ = guarded(KNOWN)
    before = len(asyncio.all_tasks())
    async with joined(app, *"abcabcabc") as lines:
        assert len(asyncio.all_tasks()) == before + len(lines) + 1
        assert layer.added == 2
        assert repr(roster_of()) == "<Roster of 2 users, listening>"
    assert len(asyncio.all_tasks()) == before
    assert repr(roster_of()) == "<Roster of 0 users, not listening>"


@on_each_loop
async def test_leaving_and_coming_at_once(layer: Watched) -> None:
    """However sockets come and go, whoever is there at the end can be disconnected, and leaves nothing."""
    add, discard = layer.group_add, layer.group_discard

    async def slowly(function: Any, *args: Any) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        await function(*args)

    layer.group_add = lambda *args: slowly(add, *args)  # type: ignore[method-assign]
    layer.group_discard = lambda *args: slowly(discard, *args)  # type: ignore[method-assign]
    app, _ = guarded(KNOWN)
    for pause in range(12):
        async with joined(app, "a") as (first,):
            first.leave()
            for _ in range(pause):
                await asyncio.sleep(0)
            second = line_to(app, "a")
            await second.connect()
            await first.end()
            disconnect_user("ann", 4000 + pause)
            assert (await closed(second))[0] == 4000 + pause
        assert not any(layer.members.values())


@on_each_loop
async def test_a_call_that_is_cancelled(layer: Watched) -> None:
    """When the server cancels the application, its user leaves the group all the same."""
    app, _ = guarded(KNOWN)
    line = line_to(app, "a")
    await line.connect()
    assert layer.members[group_of("ann")]
    line.task.cancel()
    await until(lambda: not layer.members[group_of("ann")])
    await until(lambda: repr(roster_of()).endswith("not listening>"))


@on_each_loop
async def test_a_layer_that_fails(
    layer: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It keeps nobody out, the log says so, and when it is back all can be disconnected."""
    monkeypatch.setattr(roster, "_RETRY", 0.01)
    monkeypatch.setattr(roster, "_PAUSE", 0.01)
    app, _ = guarded(KNOWN)
    async with joined(app, "b") as (bob,):
        layer.fails = ConnectionError("no redis")
        async with joined(app, "a") as (ann,):
            assert ann.kinds == ["accept"]
            layer.fails = None
            await until(lambda: layer.members.get(group_of("ann")))
            disconnect_user("ann")
            assert (await closed(ann))[0] == 4401
        layer.fails = ConnectionError("no redis")
        bob.leave()
        await bob.end()
    layer.fails = None
    assert "cannot reach a user here, which is tried again: ConnectionError('no redis')" in caplog.text


class Reluctant(Watched):
    """A layer whose `receive` loses its first cancellation, as that of channels_redis does at times.

    Attributes:
        lost: how many it has lost.
    """

    lost = 0

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait."""
        try:
            return await super().receive(channel)
        except asyncio.CancelledError:
            if self.lost:
                raise
            self.lost += 1
        return await super().receive(channel)


@on_each_loop
async def test_a_layer_that_loses_a_cancellation() -> None:
    """Nobody waits for its `receive` to end; it is cancelled once more."""
    layer = Reluctant()
    before = channel_layers.set("default", layer)
    tasks = asyncio.all_tasks()
    try:
        app, _ = guarded(KNOWN)
        async with joined(app, "a"):
            pass
        assert layer.lost == 1
        assert asyncio.all_tasks() == tasks
    finally:
        channel_layers.set("default", before)


@on_each_loop
async def test_no_channel_at_first(
    layer: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there is no channel, joining waits for it for a moment only, and is tried again."""
    for name in ("_RETRY", "_PAUSE", "_PATIENCE"):
        monkeypatch.setattr(roster, name, 0.01)
    layer.fails = ConnectionError("no redis")
    app, _ = guarded(KNOWN)
    async with joined(app, "a") as (ann,):
        layer.fails = None
        await until(lambda: layer.members.get(group_of("ann")))
        disconnect_user("ann")
        assert (await closed(ann))[0] == 4401
    assert caplog.text.count("disconnect_user() reaches nobody here: receiving failed") == 1


@on_each_loop
async def test_memberships_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They last for as long as the socket does, and not only for the layer's `group_expiry`."""
    monkeypatch.setattr(roster, "_RETRY", 0.01)
    layer = Watched(group_expiry=0.03)
    before = channel_layers.set("default", layer)
    try:
        app, _ = guarded(KNOWN)
        async with joined(app, "a"):
            await until(lambda: layer.added >= 3)
    finally:
        channel_layers.set("default", before)


@pytest.mark.parametrize("kind", ["none", "without groups"])
def test_without_a_layer(kind: str) -> None:
    """People come in all the same; nobody can be disconnected, and who tries is told."""

    class Plain:
        async def send(self, channel: str, message: dict[str, Any]) -> None:
            """Send."""

    async def main() -> None:
        app, _ = guarded(KNOWN, layer="other")
        async with joined(app, "a") as (ann,):
            assert ann.kinds == ["accept"]
            with pytest.raises(InvalidChannelLayerError, match=r"'other'|no groups"):
                disconnect_user("ann", layer="other")

    channel_layers.set("other", None if kind == "none" else Plain())  # type: ignore[arg-type]
    try:
        run(main())
    finally:
        channel_layers.set("other", None)


def test_a_layer_of_channels() -> None:
    """Somebody else's layer will do."""
    require_module("channels")
    from channels.layers import InMemoryChannelLayer as Theirs

    layer = Theirs()

    async def main() -> None:
        app, _ = guarded(KNOWN, layer="theirs")
        async with joined(app, "a", "b") as (ann, bob):
            disconnect_user("ann", 4000, layer="theirs")
            assert (await closed(ann))[0] == 4000
            again = line_to(app, "a")
            await again.connect()
            await asyncio.to_thread(disconnect_user, "ann", 4001, layer="theirs")
            assert (await closed(again))[0] == 4001
            assert bob.kinds == ["accept"]
        assert not layer.groups

    channel_layers.set("theirs", layer)
    try:
        run(main())
    finally:
        channel_layers.set("theirs", None)


@on_each_loop
async def test_other_messages(layer: Watched) -> None:
    """What somebody else sends to the group is nobody's business here."""
    app, _ = guarded(KNOWN)
    async with joined(app, "a") as (ann,):
        layer.publish(group_of("ann"), {"type": "something.else"})
        disconnect_user("ann")
        assert (await closed(ann))[0] == 4401


@contextmanager
def on_a_thread(main: Any) -> Iterator[None]:
    """Run a coroutine function on an event loop of another thread."""
    thread = threading.Thread(target=run, args=(main(),))
    thread.start()
    yield
    thread.join(20)
    assert not thread.is_alive()


def test_two_loops_and_a_thread(layer: Watched) -> None:
    """A user's sockets on all event loops are closed by a thread that has none."""
    here = threading.Barrier(3, timeout=20)
    codes: list[int] = []

    async def main() -> None:
        app, _ = guarded(KNOWN)
        async with joined(app, "a") as (ann,):
            await asyncio.to_thread(here.wait)
            codes.append((await closed(ann))[0])

    with on_a_thread(main), on_a_thread(main):
        here.wait()
        disconnect_user("ann", 4123)
    assert codes == [4123, 4123]
    assert not roster._rosters


@pytest.mark.parametrize("user_id", ["ann@example.org", "üñ/ 1", "x" * 500, "\udcff"])
def test_names_of_groups(user_id: str) -> None:
    """Any id makes a name that a group may have, and another id another one."""
    name = group_of(user_id)
    assert InMemoryChannelLayer().require_valid_group_name(name)
    assert name != group_of(f"{user_id} ")


@pytest.mark.parametrize("code", [999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_codes(code: int) -> None:
    """What no close frame can have is refused where it is said, and so is a reason that does not fit."""
    with pytest.raises(ValueError, match=str(code)):
        disconnect_user("ann", code)
    check_close_code(3000)
    with pytest.raises(ValueError, match="123 bytes"):
        disconnect_user("ann", reason="ü" * 62)


@on_each_loop
async def test_who_is_online(layer: Watched) -> None:
    """A user is for as long as there is a socket."""
    app, _ = guarded(KNOWN)
    assert not await user_is_online("ann")
    async with joined(app, "a", "c"):
        assert await user_is_online("ann")
        assert not await user_is_online("bob")
    assert not await user_is_online("ann")


def test_a_number(layer: Watched) -> None:
    """A user's number is the same as its text."""

    async def main() -> None:
        app, _ = guarded(Known(n=Identity("7")))
        async with joined(app, "n") as (line,):
            disconnect_user(7)
            assert (await closed(line))[0] == 4401

    run(main())


def test_a_roster_that_nobody_joined() -> None:
    """Leaving it does nothing."""

    async def main() -> None:
        await Roster(InMemoryChannelLayer(), list).leave("ann", None)  # type: ignore[arg-type]

    run(main())


def test_a_loop_that_has_ended(layer: Watched) -> None:
    """One that was closed with sockets on it is forgotten when another one has some."""

    async def main(*tokens: str) -> None:
        app, _ = guarded(KNOWN)
        async with joined(app, *tokens):
            pass

    loop = asyncio.new_event_loop()
    roster._rosters[loop, 1] = Roster(layer, list)
    loop.close()
    run(main("a"))
    assert not roster._rosters

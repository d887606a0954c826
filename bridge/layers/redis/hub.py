"""Redis as a hub: one connection, which carries what is asked, the answers, and what other processes send."""

import asyncio
import contextlib
import logging
import random
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from hybrid.bridge.layers.codec import decode
from hybrid.bridge.layers.hub import Delivery, History, HubEvents, Joining, Sending
from hybrid.bridge.layers.presence import Member
from hybrid.bridge.layers.redis import scripts
from hybrid.bridge.layers.redis.address import Address
from hybrid.bridge.layers.redis.connection import Connection, Lost, Reply, Told
from hybrid.bridge.layers.redis.queues import Queues

logger = logging.getLogger("hybrid.layers")

Result = TypeVar("Result")

#: Seconds between attempts to connect: at first, and at most. Somewhat less by chance, so that many processes
#: do not come at once.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0

#: Seconds that a goodbye may take.
_GOODBYE_SECONDS: Final = 2.0

_number = struct.Struct(">d")
_record = struct.Struct(">ddB")


class RedisHub:
    """See :class:`~hybrid.bridge.layers.hub.Hub`.

    Args:
        address: where Redis is.
        prefix: with which all keys begin.
        lease: seconds after which a process that says nothing is taken to be dead.
        timeout: seconds after which a server that does not answer is taken to be gone.
    """

    def __init__(self, address: Address, prefix: str, lease: float, timeout: float) -> None:
        self._address = address
        self._base = f"{prefix}:{address.database}:".encode()
        self._lease = lease
        self._timeout = timeout
        self._node = ""
        self._events: HubEvents
        self._connection: Connection | None = None
        self._queues: Queues | None = None
        self._task: asyncio.Task[None] | None = None
        self._complaint = ""  # the last that was logged of a message
        self._is_said = False  # that there is no connection
        self._is_closing = False

    def __repr__(self) -> str:
        return f"<RedisHub {self._address}: {self._connection or 'no connection'}>"

    # Its life.

    @property
    def has_room(self) -> bool:
        """Whether there is a connection that keeps up."""
        return self._connection is not None and self._connection.has_room

    @property
    def settling(self) -> float:
        """Seconds in which the others come back after Redis: who takes longer is taken to be dead anyway."""
        return self._lease

    def open(self, node: str, events: HubEvents) -> None:
        """Begin to connect."""
        self._node = node
        self._events = events
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    async def close(self) -> None:
        """Say goodbye, and let go of the connection."""
        self._is_closing = True
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    while await connection.ask(scripts.GOODBYE, self._node, read=_as_it_is):
                        pass
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def stop(self) -> None:
        """Let go of the connection and say nothing."""
        self._is_closing = True
        if self._task is not None:
            self._task.cancel()

    def abandon(self) -> None:
        """Close the file descriptor, in a child process."""
        if self._connection is not None:
            self._connection.abandon()

    async def _keep_connected(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                made = await self._address.connect()
                pause = _FIRST_PAUSE
                await self._serve(made)
            except ConnectionError as error:
                self._say_lost("no connection to", str(error))
            except Exception as error:
                logger.exception("%s: something has failed that should not", self._address)
                self._say_lost("no connection to", repr(error))
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - nothing secret about it
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _serve(self, made: Any) -> None:
        """Have a connection until it is lost, or not wanted any more."""
        connection = Connection(
            made, self._base, Told(self._on_pushed, self._on_lost, self._on_room, self._on_dropped)
        )
        queues = Queues(connection, self._base, self._on_expired)
        beating = asyncio.get_running_loop().create_task(self._beat(connection, queues))
        try:
            await connection.serve()
        except Lost as error:
            self._on_dropped(str(error))
        finally:
            self._connection = None
            beating.cancel()
            unknown = connection.lose()
            queues.lose(Lost("the connection was lost"))
            self._events.lost("disconnected", unknown, "whoever they were for")
            await connection.close()
            await asyncio.wait([beating])

    async def _beat(self, connection: Connection, queues: Queues) -> None:
        """Introduce this process, and say now and then that it is alive."""
        try:
            connection.load()
            channels = (self._base + b"a", self._base + b"n:" + self._node.encode())
            connection.say("SUBSCRIBE", *channels)
            while True:
                was_alive = await self._say_alive(connection)
                if self._connection is None:
                    self._connection, self._queues = connection, queues
                    self._say_found()
                elif not was_alive:
                    # Somebody has ended the memberships of this process, which was held up, or flushed.
                    self._events.connected()
                await asyncio.sleep(self._lease / 3)
        except TimeoutError:
            connection.drop(f"no answer within {self._timeout:g} seconds")
        except ConnectionError as error:
            connection.drop(str(error))

    async def _say_alive(self, connection: Connection) -> bool:
        """Say that this process is alive, and bury those that are not; False if it was one of these."""
        lease = int(1000 * self._lease)
        found: list[int] = []
        while not found or found[-1] & 2:
            async with asyncio.timeout(self._timeout):
                found.append(await connection.ask(scripts.BEAT, self._node, lease, read=_as_it_is))
        return bool(found[0] & 1)

    def _on_dropped(self, reason: str) -> None:
        """Have no connection from this moment, though its end takes a little longer."""
        self._connection = None
        if not self._is_closing:
            self._say_lost("lost the connection to", reason)

    def _say_lost(self, what: str, reason: str) -> None:
        if not self._is_said:
            self._is_said = True
            logger.warning("%s %s (%s); trying again", what, self._address, reason)
            self._events.disconnected()

    def _say_found(self) -> None:
        if self._is_said:
            logger.warning("there is a connection to %s again", self._address)
        self._is_said = False
        self._events.connected()

    def _connected(self) -> Connection:
        if self._connection is None:
            raise Lost(f"there is no connection to {self._address}")
        return self._connection

    # Messages.

    def publish(self, group: str, body: bytes, kept: Sending) -> None:
        """Send to a group."""
        connection = self._connected()
        if kept.length:
            span = int(1000 * kept.expiry)
            connection.run(scripts.PUBLISH_AND_KEEP, group, body, kept.length, span)
        else:
            connection.run(scripts.PUBLISH, group, body)

    def send(self, channel: str, body: bytes, waiting: Sending) -> asyncio.Future[bool]:
        """Send to a channel of another process, or into a queue."""
        connection = self._connected()
        if "!" not in channel:
            limits = (waiting.length, int(1000 * waiting.expiry), int(waiting.drop_oldest))

            async def pushed(reply: Reply) -> bool:
                done, expired, dropped = reply
                self._events.lost("expired", expired, channel)
                self._events.lost("full", dropped, channel)
                return bool(done)

            return connection.ask(scripts.PUSH, channel, body, *limits, read=pushed)
        node = channel.partition("!")[0].rpartition(".")[2]
        name = channel.encode()
        frame = bytes((len(name),)) + name + body
        return connection.tell(b"%bn:%b" % (self._base, node.encode()), frame)

    def take(self, queue: str) -> asyncio.Future[bytes]:
        """Wait for the next message of a queue."""
        self._connected()
        assert self._queues is not None
        return self._queues.take(queue)

    def put_back(self, queue: str, body: bytes, expiry: float) -> None:
        """Let a message be the next of a queue."""
        self._connected().run(scripts.PUT_BACK, queue, body, int(1000 * expiry))

    def sync(self) -> asyncio.Future[None]:
        """Be done when all is done that was asked before."""
        return self._connected().ping()

    # Groups.

    def subscribe(self, group: str) -> None:
        """Have what is sent to a group delivered."""
        self._say("SUBSCRIBE", b"g:", group)

    def unsubscribe(self, group: str) -> None:
        """End that."""
        self._say("UNSUBSCRIBE", b"g:", group)

    def watch(self, group: str, at: Callable[[list[Member]], Awaitable[object]]) -> asyncio.Future[None]:
        """Be told who joins and leaves."""

        async def read(reply: Reply) -> None:
            await at(_members(reply))

        self._say("SUBSCRIBE", b"w:", group)
        return self._connected().ask(scripts.MEMBERS, group, read=read)

    def unwatch(self, group: str) -> None:
        """End that."""
        self._say("UNSUBSCRIBE", b"w:", group)

    def _say(self, verb: str, kind: bytes, group: str) -> None:
        self._connected().say(verb, b"%b%b%b" % (self._base, kind, group.encode()))

    def join(
        self, joining: Joining, at: Callable[[int], Awaitable[object]] | None = None
    ) -> asyncio.Future[None]:
        """Note a member."""

        async def joined(last: Reply) -> None:
            if at is not None:
                await at(last)

        waiting = joining.waiting
        limits = ""
        if waiting is not None:
            limits = f"{waiting.length} {int(1000 * waiting.expiry)} {int(waiting.drop_oldest)}"
        return self._connected().ask(
            scripts.JOIN,
            joining.group,
            joining.channel,
            int(1000 * joining.seconds),
            "" if waiting is not None else self._node,
            int(joining.metadata is not None),
            joining.metadata or b"",
            limits,
            read=joined,
        )

    def leave(
        self, group: str, channel: str, at: Callable[[], Awaitable[object]] | None = None
    ) -> asyncio.Future[None]:
        """Note that a member is none any more."""

        async def left(_: Reply) -> None:
            if at is not None:
                await at()

        node = self._node if "!" in channel else ""
        return self._connected().ask(scripts.LEAVE, group, channel, node, read=left)

    def members(self, group: str) -> asyncio.Future[list[Member]]:
        """Return the members in all processes."""

        async def read(reply: Reply) -> list[Member]:
            return _members(reply)

        return self._connected().ask(scripts.MEMBERS, group, read=read)

    def count(self, group: str) -> asyncio.Future[int]:
        """Return how many there are."""
        return self._connected().ask(scripts.COUNT, group, read=_as_it_is)

    def history(
        self, group: str, after: int, at: Callable[[History], Awaitable[object]]
    ) -> asyncio.Future[None]:
        """Have what is kept of a group told."""

        async def read(reply: Reply) -> None:
            start, last, first, bodies = reply
            messages = [Delivery(group, None, body, number) for number, body in enumerate(bodies, first)]
            await at(History(messages, start, last))

        return self._connected().ask(scripts.HISTORY, group, after, read=read)

    def flush(self) -> asyncio.Future[None]:
        """Forget everything, and tell all processes."""

        async def flushed(_: Reply) -> None:
            await self._events.flushed()

        return self._connected().ask(scripts.FLUSH, self._node, read=flushed)

    # What arrives.

    async def _on_pushed(self, channel: bytes, body: bytes) -> None:
        size = len(self._base)
        kind, name = channel[size : size + 1], channel[size + 2 :].decode()
        if kind == b"g":
            number = int(_number.unpack_from(body)[0])
            await self._events.delivered((Delivery(name, None, body[8:], number),))
        elif kind == b"n":
            end = 1 + body[0]
            await self._events.delivered((Delivery(None, body[1:end].decode(), body[end:]),))
        elif kind == b"q":
            self._look(name)
        elif kind == b"w":
            end = 2 + body[1]
            await self._events.changed(name, body[:1] == b"+", _member(body[2:end], body[end:]))
        elif kind == b"a" and body != self._node.encode():
            await self._events.flushed()

    def _look(self, queue: str) -> None:
        if self._queues is not None:
            with contextlib.suppress(ConnectionError):
                self._queues.notice(queue)

    def _on_room(self) -> None:
        if self._connection is not None:
            self._events.room()

    def _on_lost(self, reply: Reply) -> None:
        if isinstance(reply, Exception):
            if str(reply) != self._complaint:  # once, as it may be true of every message
                self._complaint = str(reply)
                logger.error("%s: a message was not taken: %s", self._address, reply)
            self._events.lost("disconnected", 1, "whoever it was for")
        elif isinstance(reply, list):
            expired, full = cast("list[int]", reply)
            self._events.lost("expired", expired, "a queue that is member of a group")
            self._events.lost("full", full, "a queue that is member of a group")

    def _on_expired(self, number: int, queue: str) -> None:
        self._events.lost("expired", number, queue)


async def _as_it_is(reply: Reply) -> Any:
    return reply


def _members(reply: Reply) -> list[Member]:
    """Read who is in a group, those that joined first first."""
    _, noted = reply
    found = [_member(channel, record) for channel, record in zip(noted[::2], noted[1::2], strict=True)]
    return sorted(found, key=lambda member: member.since)


def _member(channel: bytes, noted: bytes) -> Member:
    """Read what is noted of a member."""
    _, since, size = _record.unpack_from(noted)
    metadata = noted[_record.size + size :]
    said = cast("dict[str, Any]", decode(metadata)) if metadata else {}
    return Member(channel.decode(), said, since / 1000)

"""How a process has a connection to the broker, whoever that is, and what the broker tells it."""

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hybrid.bridge.layers.codec import decode
from hybrid.bridge.layers.hub import Delivery, HubEvents
from hybrid.bridge.layers.presence import Member
from hybrid.bridge.layers.workers.finding import Finder
from hybrid.bridge.layers.workers.framing import Frame, frame
from hybrid.bridge.layers.workers.line import Line
from hybrid.bridge.layers.workers.questions import Questions
from hybrid.bridge.layers.workers.words import VERSION, Ask, Tell
from hybrid.bridge.unix.sockets import require_place

logger = logging.getLogger("hybrid.layers")

#: Seconds that the first connection may take, and the next one when a broker has handed over, before the
#: layer hears that there is none.
_PATIENCE: Final = 2.0
#: Seconds after a broker was lost in which the other processes say again who their members are.
_SETTLING: Final = 2.0
#: Seconds for which a broker may take no notice of a process before that connects anew.
_WELCOME_SECONDS: Final = 5.0
#: Bytes that may wait for the next broker while one hands over.
_HELD_BYTES: Final = 8 * 1024 * 1024


class State(enum.Enum):
    """Whether there is a broker."""

    SEEKING = enum.auto()  #: there was none yet
    CONNECTED = enum.auto()
    MOVING = enum.auto()  #: one hands over to the next, to which what is said now will be sent
    LOST = enum.auto()
    CLOSED = enum.auto()


class Life:
    """The part of a hub that has a connection, another one when it is lost, and hears what is said there.

    Args:
        path: of the socket.
        is_fit: whether this process serves, and had better be the broker than one that does not.

    Attributes:
        state: whether there is a broker.
    """

    def __init__(self, path: str, *, is_fit: bool) -> None:
        self.state = State.SEEKING
        self._finder = Finder(require_place(path), is_fit=is_fit)
        self._node = ""
        self._said_fit = is_fit
        self._events: HubEvents
        self._loop = asyncio.get_running_loop()
        self._line: Line | None = None
        self._room = asyncio.Event()
        self._questions = Questions()
        self._held: list[bytes] = []  # what is said while the state is MOVING
        self._held_size = 0
        self._first_held = 0  # ticket of the first question that is held then
        self._unconfirmed = 0  # publications of which the broker has not said that it has them
        self._tasks: list[asyncio.Task[None]] = []
        self._patience: asyncio.TimerHandle | None = None
        self._welcome: asyncio.TimerHandle | None = None

    @property
    def has_room(self) -> bool:
        """Whether there is a connection that keeps up."""
        return self.state is State.CONNECTED and self._line is not None and self._line.has_room

    @property
    def settling(self) -> float:
        """Seconds in which the other processes say again who their members are."""
        return _SETTLING

    @property
    def is_broker(self) -> bool:
        """Whether this process runs the broker."""
        return self._finder.is_broker

    def set_fit(self, is_fit: bool) -> None:
        """Note that this process begins to serve, or to stop; then another one is to be the broker."""
        self._finder.set_fit(is_fit)
        if self.state is State.CONNECTED:
            self._say(Ask.FIT, is_fit)

    # Its life.

    def open(self, node: str, events: HubEvents) -> None:
        """Begin to connect on the running loop, as process ``node``, and to keep a connection."""
        self._node = node
        self._events = events
        self._be_patient()
        self._tasks = [self._loop.create_task(self._live()), self._loop.create_task(self._tell_room())]

    async def close(self) -> None:
        """Say goodbye, which ends the memberships of this process, and let go of everything."""
        if self.state is State.CONNECTED:
            self._say(Ask.BYE, True)
        self._end()
        line = self._line
        if line is not None:
            line.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._finder.close()

    def abandon(self) -> None:
        """Close file descriptors, in a child process, and touch nothing that the parent has a part in."""
        self.state = State.CLOSED
        if self._line is not None:
            self._line.silence()
        self._finder.abandon()

    def stop(self) -> None:
        """Let go of everything and say nothing, as another hub goes on with the name of this process."""
        self._end()
        self._let_go()

    def _let_go(self) -> None:
        """Close the connection, and leave the books to the next broker if this one was it, without a wait."""
        if self._line is not None:
            self._line.abort()
        self._finder.stop()

    def _end(self) -> None:
        self.state = State.CLOSED
        for each in (self._patience, self._welcome):
            if each is not None:
                each.cancel()
        for task in self._tasks:
            task.cancel()
        self._questions.fail()

    async def _live(self) -> None:
        """Have a connection, one after another."""
        try:
            await self._go_on()
        except asyncio.CancelledError:
            if self.state is not State.CLOSED:  # the loop ends, and with it all that would wait for something
                self.state = State.CLOSED
                self._let_go()
            raise

    async def _go_on(self) -> None:
        while True:
            line = await self._finder.find(self._room)
            self._line = line
            self._said_fit = self._finder.is_fit
            line.send(frame(Ask.HELLO, VERSION, self._node, self._said_fit))
            self._welcome = self._loop.call_later(_WELCOME_SECONDS, line.abort)
            try:
                await self._listen(line)
            except Exception:
                logger.exception("the channel layer has failed, and connects anew")
            finally:
                line.abort()
            self._note_end()

    async def _listen(self, line: Line) -> None:
        """Deal with what the broker says until the connection is over."""
        while frames := await line.receive():
            deliveries: list[Delivery] = []
            for each in frames:
                if each[0] == Tell.DELIVER:
                    deliveries.append(Delivery(*each[1:]))
                    continue
                if deliveries:
                    await self._events.delivered(deliveries)
                    deliveries = []
                await self._hear(each)
            if deliveries:
                await self._events.delivered(deliveries)

    async def _hear(self, said: Frame) -> None:
        """Deal with one thing, which is no message."""
        word = said[0]
        if word == Tell.ANSWER:
            await self._questions.answer(said[1], said[2])
        elif word == Tell.TAKEN:
            self._unconfirmed -= said[1]
        elif word == Tell.CHANGED:
            await self._events.changed(said[1], said[2], member_of(said[3:]))
        elif word == Tell.PART:
            self._questions.add(said[1], said[2])
        elif word == Tell.LOST:
            self._events.lost(*said[1:])
        elif word == Tell.FLUSHED:
            await self._events.flushed()
        elif word == Tell.WELCOME:
            self._be_welcome(is_known=said[1])
        elif word == Tell.MOVING:
            self._move()

    # Connections come and go.

    def _be_patient(self) -> None:
        """Give the next connection some time."""
        self._patience = self._loop.call_later(_PATIENCE, self._lose_patience)

    def _lose_patience(self) -> None:
        if self.state in (State.SEEKING, State.MOVING):
            self._lose()

    def _be_welcome(self, *, is_known: bool) -> None:
        """A broker is there, which has this process in the books of the one before, or not."""
        assert self._patience is not None
        assert self._welcome is not None
        self._patience.cancel()
        self._welcome.cancel()
        has_moved = self.state is State.MOVING
        self.state = State.CONNECTED
        if self._said_fit != self._finder.is_fit:
            self._say(Ask.FIT, self._finder.is_fit)
        if has_moved:
            self._take_again()
            if is_known:
                self._say_what_was_held()
                self._room.set()
                return
            self._events.disconnected()
        self._events.connected()
        self._say_what_was_held()

    def _take_again(self) -> None:
        """Wait for the messages of queues for which this process waited when the broker before said goodbye.

        Not for those for which it has begun to wait since: that is among what was held.
        """
        for ticket, queue in self._questions.takes().items():
            if ticket < self._first_held:
                self._say(Ask.TAKE, ticket, queue)

    def _say_what_was_held(self) -> None:
        held, self._held, self._held_size = self._held, [], 0
        for data in held:
            self._send(data)

    def _move(self) -> None:
        """The broker is about to go: what is said from now on is for the next one."""
        if self.state is State.CONNECTED:
            self._say(Ask.BYE, False)
            self.state = State.MOVING
            self._first_held = self._questions.next_ticket
            self._be_patient()

    def _note_end(self) -> None:
        """The connection is over."""
        self._line = None
        if self.state is State.CONNECTED:
            self._lose()
        elif self.state is State.MOVING:
            self._questions.fail_before(self._first_held)  # the next broker has not heard them

    def _lose(self) -> None:
        """There is no broker, and nobody says when there will be one."""
        self.state = State.LOST
        self._held.clear()
        self._held_size = 0
        self._questions.fail()
        lost, self._unconfirmed = self._unconfirmed, 0
        if lost:
            self._events.lost("disconnected", lost, "a broker that has ended")
        self._events.disconnected()
        if self._patience is not None:
            self._patience.cancel()

    async def _tell_room(self) -> None:
        while True:
            await self._room.wait()
            self._room.clear()
            if self.has_room:
                self._events.room()

    # What is said.

    def _say(self, *items: object) -> None:
        """Say what has to arrive."""
        if not self._send(frame(*items)):
            self._break_off()

    def _break_off(self) -> None:
        """Go on with another connection, on which all is said anew, as something had no room on this one."""
        if self.state is State.MOVING:
            self._lose()
        elif self._line is not None:
            self._line.abort()

    def _send(self, data: bytes) -> bool:
        """Send a frame, or hold it for the next broker; False when there is no room for it.

        Raises:
            ConnectionError: there is no connection.
        """
        if self.state is State.MOVING:
            if self._held_size + len(data) > _HELD_BYTES:
                return False
            self._held_size += len(data)
            self._held.append(data)
            return True
        if self.state is not State.CONNECTED or self._line is None:
            raise ConnectionError("there is no broker")
        # It may be over already: that is heard after what has arrived before, and then this counts as lost.
        return self._line.send(data)

    def _ask(
        self, word: Ask, *items: object, then: "Callable[[Any, list[Any]], Awaitable[Any]] | None" = None
    ) -> "asyncio.Future[Any]":
        """Ask, and return the future of the answer, or of what ``then`` makes of it."""
        ticket = self._questions.next_ticket
        if not self._send(frame(word, ticket, *items)):
            if word is not Ask.SEND:  # a message may be lost, as long as that is counted
                self._break_off()
            raise ConnectionError("too much waits for the broker")
        return self._questions.put(self._loop, then)


def member_of(items: list[Any]) -> Member:
    """Return the member that the broker has described."""
    channel, metadata, since = items
    return Member(channel, {} if metadata is None else decode(metadata), since)

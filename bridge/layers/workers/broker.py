"""The broker: carries messages between the processes of one machine, and keeps the books about them.

Knows no socket, no event loop and no clock: methods take the time as a number, and what is to be said goes to
:class:`~hybrid.bridge.layers.workers.nodes.Line`
objects. Everything is done in the order in which it is asked, and told in the order in which it
was done.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from hybrid.bridge.layers.history import Histories
from hybrid.bridge.layers.hub import Sending
from hybrid.bridge.layers.workers.framing import Frame, FramingError, frame
from hybrid.bridge.layers.workers.groups import Groups, Left, Membership
from hybrid.bridge.layers.workers.nodes import Line, Node, Waiting
from hybrid.bridge.layers.workers.queues import Letter, Queues, Taker
from hybrid.bridge.layers.workers.words import VERSION, Ask, Tell, require_ask

#: Seconds for which a process that the broker before has known may take to come.
ABSENCE_SECONDS: Final = 5.0
#: Bytes of messages, and items, in one part of an answer.
_PART_BYTES: Final = 1024 * 1024
_PART_ITEMS: Final = 1000
#: What messages were for that had no room on the way to a process, as that one is told.
_SLOW_READER: Final = "this process, which reads too slowly"


class Broker:
    """What the processes of one machine share.

    Args:
        epoch: seconds since 1970 at the time 0.

    Attributes:
        nodes: the processes, by name.
        groups, histories, queues: the books.
        lost: messages that had no room on the way to a process, or in a queue.
    """

    def __init__(self, epoch: float) -> None:
        self.epoch = epoch
        self.nodes: dict[str, Node] = {}
        self.groups = Groups()
        self.histories: Histories[bytes] = Histories()
        self.queues = Queues()
        self.lost = 0
        self._absent_until = 0.0
        self._answers: dict[int, Callable[..., None]] = {
            Ask.FIT: self._fit,
            Ask.PUBLISH: self._publish,
            Ask.SEND: self._send,
            Ask.TAKE: self._take,
            Ask.UNTAKE: self._untake,
            Ask.PUT_BACK: self._put_back,
            Ask.SYNC: self._sync,
            Ask.SUBSCRIBE: self._subscribe,
            Ask.UNSUBSCRIBE: self._unsubscribe,
            Ask.WATCH: self._watch,
            Ask.UNWATCH: self._unwatch,
            Ask.JOIN: self._join,
            Ask.LEAVE: self._leave,
            Ask.MEMBERS: self._members,
            Ask.COUNT: self._count,
            Ask.HISTORY: self._history,
            Ask.FLUSH: self._flush,
        }

    def __repr__(self) -> str:
        return f"<Broker: {len(self.nodes)} processes, {self.groups!r}, {self.lost} lost>"

    @property
    def is_worth_keeping(self) -> bool:
        """Whether there is anything that another broker should know."""
        return bool(self.nodes or len(self.histories) or len(self.queues))

    # Processes come and go.

    def expect(self, name: str, now: float) -> None:
        """Wait for a process that the broker before has known."""
        self.nodes[name] = Node(name, Waiting(), is_fit=False)
        self._absent_until = now + ABSENCE_SECONDS

    def enter(self, line: Line, hello: Frame, now: float) -> Node:
        """Take note of a process, by the first that it says.

        Raises:
            FramingError: it says something else, or speaks another version of this.
        """
        items = require_ask(hello)
        if hello[0] != Ask.HELLO or items[0] != VERSION:
            raise FramingError("it does not begin with a greeting of this version")
        _, name, is_fit = items
        known = self.nodes.get(name)
        node = Node(name, line, is_fit=is_fit)
        if known is not None and isinstance(known.line, Waiting):
            line.write(frame(Tell.WELCOME, True))
            for each in known.line.kept:
                line.write(each)
            node.lost = known.lost
        else:
            if known is not None:
                self.leave(known, now)
            line.write(frame(Tell.WELCOME, False))
        self.nodes[name] = node
        return node

    def leave(self, node: Node, now: float) -> None:
        """Forget a process, whose memberships end. One that has come anew stays."""
        if self.nodes.get(node.name) is not node:
            return
        del self.nodes[node.name]
        for ticket, queue in node.takers.items():
            self.queues.untake(queue, Taker(node.name, ticket))
        for left in self.groups.leave_all(node.name):
            self._tell_left(left)

    def received(self, node: Node, frames: Iterable[Frame], now: float) -> None:
        """Do what a process asks.

        Raises:
            FramingError: it asks for what there is not.
        """
        if self.nodes.get(node.name) is not node:
            raise FramingError("another connection has come for the same process")
        published = 0
        for said in frames:
            items = require_ask(said)
            answer = self._answers.get(said[0])
            if answer is None:
                raise FramingError(f"{Ask(said[0]).name} is out of place")
            answer(node, now, *items)
            published += said[0] == Ask.PUBLISH
        if published:
            node.line.write(frame(Tell.TAKEN, published))

    def sweep(self, now: float) -> None:
        """Forget what has expired, and tell processes what they have lost; about once a second."""
        for left in self.groups.expire(now):
            self._tell_left(left)
        self.histories.sweep(now)
        self.queues.sweep(now)
        for node in tuple(self.nodes.values()):
            if isinstance(node.line, Waiting):
                if now >= self._absent_until:
                    self.leave(node, now)
            elif node.lost:
                node.line.write(frame(Tell.LOST, "full", node.lost, _SLOW_READER))
                node.lost = 0
        self._tell_lost_in_queues()

    def _tell_lost_in_queues(self) -> None:
        """Have one process count what was lost in queues, which are nobody's."""
        queues = self.queues
        there = next((each.line for each in self.nodes.values() if not isinstance(each.line, Waiting)), None)
        if there is None:
            return
        for reason, number in (("full", queues.dropped), ("expired", queues.expired)):
            if number:
                there.write(frame(Tell.LOST, reason, number, "a queue"))
        queues.dropped = queues.expired = 0

    def release_takers(self, node: Node) -> None:
        """Forget the questions of a process for messages, which it will put to the next broker."""
        for ticket, queue in node.takers.items():
            self.queues.untake(queue, Taker(node.name, ticket))
        node.takers.clear()

    # Messages.

    def _publish(  # noqa: PLR0913, PLR0917 - the items of the frame
        self, node: Node, now: float, group: str, body: bytes, length: int, expiry: float
    ) -> None:
        number = 0
        if length > 0:
            start = int((self.epoch + now) * 1_000_000)
            number = self.histories.append(group, body, length, now=now, until=now + expiry, start=start)
        subscribers = self.groups.subscribers(group)
        if subscribers:
            data = frame(Tell.DELIVER, group, None, body, number)
            for name in subscribers:
                self._offer(self.nodes[name], data)
        for queue, sending in self.groups.queues(group):
            if not self._put(queue, body, sending, now):
                self.lost += 1
                self.queues.dropped += 1

    def _send(  # noqa: PLR0913, PLR0917 - the items of the frame
        self,
        node: Node,
        now: float,
        ticket: int,
        channel: str,
        body: bytes,
        length: int,
        expiry: float,
        drop_oldest: bool,
    ) -> None:
        if "!" in channel:
            reader = self.nodes.get(owner_of(channel))
            accepted = reader is not None and self._offer(reader, frame(Tell.DELIVER, None, channel, body, 0))
        else:
            accepted = self._put(channel, body, Sending(length, expiry, drop_oldest), now)
        self._answer(node, ticket, accepted)

    def _put(self, queue: str, body: bytes, sending: Sending, now: float) -> bool:
        letter = Letter(now + sending.expiry, body)
        taken = self.queues.put(queue, letter, sending, now)
        if isinstance(taken, Taker):
            self._hand(taken, letter)
        return taken is not False

    def _hand(self, taker: Taker, letter: Letter) -> None:
        node = self.nodes[taker.node]
        del node.takers[taker.ticket]
        self._answer(node, taker.ticket, (letter.body, letter.until))

    def _take(self, node: Node, now: float, ticket: int, queue: str) -> None:
        letter = self.queues.take(queue, Taker(node.name, ticket), now)
        if letter is None:
            node.takers[ticket] = queue
        else:
            self._answer(node, ticket, (letter.body, letter.until))

    def _untake(self, node: Node, now: float, ticket: int) -> None:
        queue = node.takers.pop(ticket, None)
        if queue is not None:
            self.queues.untake(queue, Taker(node.name, ticket))
            self._answer(node, ticket, None)

    def _put_back(self, node: Node, now: float, queue: str, body: bytes, seconds: float) -> None:
        letter = Letter(now + seconds, body)
        taker = self.queues.put_back(queue, letter)
        if taker is not None:
            self._hand(taker, letter)

    def _sync(self, node: Node, now: float, ticket: int) -> None:
        self._answer(node, ticket, True)

    # Groups.

    def _subscribe(self, node: Node, now: float, group: str) -> None:
        self.groups.subscribe(group, node.name)

    def _unsubscribe(self, node: Node, now: float, group: str) -> None:
        self.groups.unsubscribe(group, node.name)

    def _watch(self, node: Node, now: float, ticket: int, group: str) -> None:
        self.groups.watch(group, node.name)
        self._members(node, now, ticket, group)

    def _unwatch(self, node: Node, now: float, group: str) -> None:
        self.groups.unwatch(group, node.name)

    def _join(  # noqa: PLR0913, PLR0917 - the items of the frame
        self,
        node: Node,
        now: float,
        ticket: int,
        group: str,
        channel: str,
        metadata: bytes | None,
        seconds: float,
        length: int,
        expiry: float,
        drop_oldest: bool,
    ) -> None:
        owner = node.name if "!" in channel else None
        sending = Sending(length, expiry, drop_oldest)
        membership = Membership(owner, metadata, self.epoch + now, now + seconds, sending)
        if self.groups.join(group, channel, membership):
            self._tell_changed(group, True, channel, membership)
        self._answer(node, ticket, self.histories.last(group, now))

    def _leave(self, node: Node, now: float, ticket: int, group: str, channel: str) -> None:
        left = self.groups.leave(group, channel)
        if left is not None:
            self._tell_left(left)
        self._answer(node, ticket, True)

    def _members(self, node: Node, now: float, ticket: int, group: str) -> None:
        members = [
            (channel, each.metadata, each.since)
            for channel, each in self.groups.members(group).items()
            if each.until > now
        ]
        self._answer_in_parts(node, ticket, members, None)

    def _count(self, node: Node, now: float, ticket: int, group: str) -> None:
        self._answer(node, ticket, sum(each.until > now for each in self.groups.members(group).values()))

    def _history(self, node: Node, now: float, ticket: int, group: str, after: int) -> None:
        kept = self.histories.kept(group, now)
        first = kept.last - len(kept.entries) + 1
        # Who has a number that was never given, or is too old, is in need of all.
        newer = kept.entries[after - first + 1 :] if first - 1 <= after <= kept.last else kept.entries
        self._answer_in_parts(node, ticket, newer, [kept.start, kept.last])

    def _flush(self, node: Node, now: float, ticket: int) -> None:
        self.groups.clear()
        self.histories.clear()
        self.queues.clear()
        for each in self.nodes.values():
            each.line.write(frame(Tell.FLUSHED))
        self._answer(node, ticket, True)

    def _fit(self, node: Node, now: float, is_fit: bool) -> None:
        node.is_fit = is_fit

    # What is told.

    def _offer(self, node: Node, data: bytes) -> bool:
        if node.line.offer(data):
            return True
        node.lost += 1
        self.lost += 1
        return False

    def _answer(self, node: Node, ticket: int, value: object) -> None:
        node.line.write(frame(Tell.ANSWER, ticket, value))

    def _answer_in_parts(self, node: Node, ticket: int, items: list[Any], value: object) -> None:
        """Give an answer of many items in frames that are not too large."""
        part: list[Any] = []
        size = 0
        for item in items:
            length = sum(len(each) for each in item if isinstance(each, bytes))
            if part and (size + length > _PART_BYTES or len(part) >= _PART_ITEMS):
                node.line.write(frame(Tell.PART, ticket, part))
                part, size = [], 0
            part.append(item)
            size += length
        if part:
            node.line.write(frame(Tell.PART, ticket, part))
        self._answer(node, ticket, value)

    def _tell_left(self, left: Left) -> None:
        self._tell_changed(left.group, False, left.channel, left.membership)

    def _tell_changed(self, group: str, joined: bool, channel: str, membership: Membership) -> None:
        watchers = self.groups.watchers(group)
        if watchers:
            data = frame(Tell.CHANGED, group, joined, channel, membership.metadata, membership.since)
            for name in watchers:
                self.nodes[name].line.write(data)


def owner_of(channel: str) -> str:
    """Return the node whose channel this is: ``specific.NODE!…``."""
    return channel.partition("!")[0].rpartition(".")[2]

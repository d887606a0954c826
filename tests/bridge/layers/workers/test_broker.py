"""The broker without sockets: who gets what, and what becomes of processes that come, go and do not read."""

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.layers.workers.broker import ABSENCE_SECONDS, Broker, owner_of
from hybrid.bridge.layers.workers.framing import FramingError, Unframer
from hybrid.bridge.layers.workers.nodes import Node
from hybrid.bridge.layers.workers.words import VERSION, Ask, Tell

EPOCH = 1_000_000.0


class Process:
    """A process that notes what it is told.

    Attributes:
        told: each word, and what belongs to it.
        room: messages that it still takes.
    """

    def __init__(self, broker: Broker, name: str, now: float = 0.0) -> None:
        self.told: list[list[Any]] = []
        self.room = 1_000_000
        self._broker = broker
        self.node: Node = broker.enter(self, [Ask.HELLO, VERSION, name, True], now)

    def write(self, data: bytes) -> None:
        """Take a frame."""
        self.told += Unframer().feed(data)

    def offer(self, data: bytes) -> bool:
        """Take a message, if there is room."""
        self.room -= 1
        if self.room < 0:
            return False
        self.write(data)
        return True

    def say(self, *words: list[Any], now: float = 0.0) -> None:
        """Say something to the broker."""
        self._broker.received(self.node, list(words), now)

    def heard(self, word: Tell) -> list[list[Any]]:
        """Return what was told with a word, and forget it."""
        found = [each[1:] for each in self.told if each[0] == word]
        self.told = [each for each in self.told if each[0] != word]
        return found

    def publish(self, group: str, body: bytes, length: int = 0, now: float = 0.0) -> None:
        """Send to a group."""
        self.say([Ask.PUBLISH, group, body, length, 100_000], now=now)

    def join(self, group: str, channel: str, metadata: bytes | None = None, **options: Any) -> None:
        """Have a member."""
        seconds = options.pop("seconds", 100)
        self.say([Ask.JOIN, 1, group, channel, metadata, seconds, 2, 60, False], **options)

    def leave(self, now: float = 0.0) -> None:
        """End."""
        self._broker.leave(self.node, now)


def test_messages_go_to_those_who_have_subscribed() -> None:
    """Subscribers get a group's messages in order, the sender too, and nobody afterwards."""
    broker = Broker(EPOCH)
    one, other = Process(broker, "one"), Process(broker, "other")
    one.say([Ask.SUBSCRIBE, "g"])
    other.publish("g", b"1")
    other.say([Ask.SUBSCRIBE, "g"])
    other.publish("g", b"2")
    one.say([Ask.UNSUBSCRIBE, "g"])
    other.publish("g", b"3")

    assert one.heard(Tell.DELIVER) == [["g", None, b"1", 0], ["g", None, b"2", 0]]
    assert other.heard(Tell.DELIVER) == [["g", None, b"2", 0], ["g", None, b"3", 0]]
    assert other.heard(Tell.TAKEN) == [[1], [1], [1]]


def test_what_is_kept_is_numbered_from_the_time() -> None:
    """Numbers begin at the time in microseconds since 1970; history says where it starts and ends."""
    broker = Broker(EPOCH)
    one = Process(broker, "one")
    for body in (b"1", b"2", b"3"):
        one.publish("g", body, length=2, now=5.0)
    one.say([Ask.HISTORY, 7, "g", 0], [Ask.JOIN, 8, "g", "a.one!1", None, 9, 0, 0, False], now=6.0)
    first = int((EPOCH + 5) * 1_000_000)

    assert one.heard(Tell.PART) == [[7, [[first + 1, b"2"], [first + 2, b"3"]]]]
    assert one.heard(Tell.ANSWER) == [[7, [first, first + 2]], [8, first + 2]]


def test_a_long_answer_comes_in_parts() -> None:
    """Neither many items nor large ones make a frame that is too large."""
    broker = Broker(EPOCH)
    one = Process(broker, "one")
    for n in range(2001):
        one.join("g", f"a.one!{n}")
    for _ in range(3):
        one.publish("g", b"x" * 700_000, length=5)
    one.told.clear()
    one.say([Ask.MEMBERS, 1, "g"], [Ask.HISTORY, 2, "g", 0])
    parts = one.heard(Tell.PART)

    assert [len(items) for ticket, items in parts if ticket == 1] == [1000, 1000, 1]
    assert [len(items) for ticket, items in parts if ticket == 2] == [1, 1, 1]


def test_a_process_that_does_not_read_delays_nobody_and_hears_what_it_has_lost() -> None:
    """What has no room on the way to one process is dropped there alone, counted, and told later."""
    broker = Broker(EPOCH)
    slow, quick = Process(broker, "slow"), Process(broker, "quick")
    slow.room = 1
    for each in (slow, quick):
        each.say([Ask.SUBSCRIBE, "g"])
    for n in range(3):
        quick.publish("g", b"%d" % n)
    broker.sweep(1.0)
    broker.sweep(2.0)

    assert len(quick.heard(Tell.DELIVER)) == 3
    assert len(slow.heard(Tell.DELIVER)) == 1
    assert [said[:2] for said in slow.heard(Tell.LOST)] == [["full", 2]]
    assert quick.heard(Tell.LOST) == []
    assert broker.lost == 2


def test_members_are_listed_with_what_they_said() -> None:
    """Members come in the order of joining; joining again keeps place, time and metadata."""
    broker = Broker(EPOCH)
    one, other = Process(broker, "one"), Process(broker, "other")
    one.join("g", "a.one!1", b"1", now=1.0)
    other.join("g", "a.other!1", b"2", now=2.0)
    one.join("g", "a.one!1", now=3.0)
    one.told.clear()
    one.say([Ask.MEMBERS, 1, "g"], [Ask.COUNT, 2, "g"], now=4.0)

    assert one.heard(Tell.PART) == [[1, [["a.one!1", b"1", EPOCH + 1], ["a.other!1", b"2", EPOCH + 2]]]]
    assert one.heard(Tell.ANSWER) == [[1, None], [2, 2]]


def test_watchers_hear_of_every_end() -> None:
    """Joining, leaving, expiry and the end of a process are told, each once."""
    broker = Broker(EPOCH)
    watcher, other = Process(broker, "watcher"), Process(broker, "other")
    watcher.say([Ask.WATCH, 1, "g"])
    for name in ("left", "over", "gone"):
        other.join("g", f"a.other!{name}", seconds=5 if name == "over" else 100)
        other.join("g", f"a.other!{name}", seconds=5 if name == "over" else 100)
    other.say([Ask.LEAVE, 2, "g", "a.other!left"], [Ask.LEAVE, 2, "g", "a.other!left"])
    broker.sweep(6.0)
    other.leave(7.0)
    changed = watcher.heard(Tell.CHANGED)

    assert [(joined, channel.partition("!")[2]) for _, joined, channel, *_ in changed] == [
        *((True, name) for name in ("left", "over", "gone")),
        *((False, name) for name in ("left", "over", "gone")),
    ]
    watcher.say([Ask.UNWATCH, "g"])
    watcher.join("g", "a.watcher!1")
    assert watcher.heard(Tell.CHANGED) == []


def test_a_queue_gives_each_message_to_one() -> None:
    """Who waited longest gets the next; without anybody messages wait, up to the capacity."""
    broker = Broker(EPOCH)
    one, other = Process(broker, "one"), Process(broker, "other")
    one.say([Ask.TAKE, 1, "q"])
    other.say([Ask.TAKE, 1, "q"])
    for ticket in range(2, 7):
        one.say([Ask.SEND, ticket, "q", b"%d" % ticket, 2, 60, False])

    assert one.heard(Tell.ANSWER) == [[1, [b"2", 60.0]], *([n, True] for n in range(2, 6)), [6, False]]
    assert other.heard(Tell.ANSWER) == [[1, [b"3", 60.0]]]
    one.say([Ask.SEND, 7, "q", b"7", 2, 60, True], [Ask.TAKE, 8, "q"], [Ask.TAKE, 9, "q"])
    assert one.heard(Tell.ANSWER)[1:] == [[8, [b"5", 60.0]], [9, [b"7", 60.0]]]


def test_who_waits_no_more_has_one_answer() -> None:
    """A question that is taken back is answered with nothing, unless it was answered; what came goes back."""
    broker = Broker(EPOCH)
    one = Process(broker, "one")
    one.say([Ask.TAKE, 1, "q"], [Ask.UNTAKE, 1], [Ask.UNTAKE, 1])
    one.say([Ask.SEND, 2, "q", b"2", 5, 60, False], [Ask.TAKE, 3, "q"], [Ask.UNTAKE, 3])
    one.say([Ask.PUT_BACK, "q", b"2", 60], [Ask.SEND, 4, "q", b"4", 5, 60, False], [Ask.TAKE, 5, "q"])

    assert one.heard(Tell.ANSWER) == [[1, None], [2, True], [3, [b"2", 60.0]], [4, True], [5, [b"2", 60.0]]]
    one.say([Ask.TAKE, 6, "q2"], [Ask.PUT_BACK, "q2", b"x", 5])
    assert one.heard(Tell.ANSWER) == [[6, [b"x", 5.0]]]


def test_messages_in_a_queue_expire() -> None:
    """What nobody has taken in time is gone, and one process is told, once."""
    broker = Broker(EPOCH)
    one, other = Process(broker, "one"), Process(broker, "other")
    one.say([Ask.SEND, 1, "q", b"1", 5, 10, False])
    broker.sweep(11.0)
    broker.sweep(12.0)

    assert len(broker.queues) == 0
    assert one.heard(Tell.LOST) + other.heard(Tell.LOST) == [["expired", 1, "a queue"]]


def test_what_is_dropped_in_a_queue_is_told() -> None:
    """What a newer message has displaced, and what a queue had no room for that is member of a group."""
    broker = Broker(EPOCH)
    broker.expect("absent", 0.0)
    one = Process(broker, "one")
    for n in range(4):
        one.say([Ask.SEND, n, "q", b"%d" % n, 2, 60, True])
    one.join("g", "member")
    for n in range(3):
        one.publish("g", b"%d" % n)
    broker.sweep(1.0)

    assert one.heard(Tell.LOST) == [["full", 3, "a queue"]]


def test_a_queue_may_be_a_member() -> None:
    """It gets what is sent to the group, as it was said when it joined, and outlives who has said so."""
    broker = Broker(EPOCH)
    one, other = Process(broker, "one"), Process(broker, "other")
    one.join("g", "q")
    one.leave()
    for n in range(3):
        other.publish("g", b"%d" % n)
    other.say([Ask.TAKE, 1, "q"], [Ask.TAKE, 2, "q"], [Ask.TAKE, 3, "q"])

    assert other.heard(Tell.ANSWER) == [[1, [b"0", 60.0]], [2, [b"1", 60.0]]]
    assert broker.lost == 1


def test_a_channel_is_reached_in_its_process() -> None:
    """A message for a channel goes to the process that made it; False when there is none."""
    broker = Broker(EPOCH)
    one, other = Process(broker, "one"), Process(broker, "other")
    other.say(
        [Ask.SEND, 1, "specific.one!x", b"1", 0, 0, False], [Ask.SEND, 2, "specific.two!x", b"2", 0, 0, False]
    )

    assert one.heard(Tell.DELIVER) == [[None, "specific.one!x", b"1", 0]]
    assert other.heard(Tell.ANSWER) == [[1, True], [2, False]]
    assert owner_of("a.b.node!rest") == "node"


def test_flush_forgets_and_tells_all() -> None:
    """Members, histories and queues are gone; who has subscribed still gets messages."""
    broker = Broker(EPOCH)
    one, other = Process(broker, "one"), Process(broker, "other")
    one.say([Ask.SUBSCRIBE, "g"], [Ask.SEND, 1, "q", b"1", 5, 60, False])
    one.join("g", "a.one!1")
    one.publish("g", b"1", length=5)
    other.say([Ask.FLUSH, 1], [Ask.COUNT, 2, "g"], [Ask.HISTORY, 3, "g", 0], [Ask.TAKE, 4, "q"])

    assert (one.heard(Tell.FLUSHED), other.heard(Tell.FLUSHED)) == ([[]], [[]])
    assert other.heard(Tell.ANSWER) == [[1, True], [2, 0], [3, [0, 0]]]
    other.publish("g", b"2")
    assert [body for _, _, body, _ in one.heard(Tell.DELIVER)] == [b"1", b"2"]


def test_a_process_that_comes_anew_is_another_one() -> None:
    """A second connection of the same name takes its place, and knows nothing; the first may say no more."""
    broker = Broker(EPOCH)
    first = Process(broker, "one")
    first.join("g", "a.one!1")
    second = Process(broker, "one")
    second.say([Ask.COUNT, 1, "g"])

    assert second.heard(Tell.WELCOME) == [[False]]
    assert second.heard(Tell.ANSWER) == [[1, 0]]
    with contextlib.suppress(FramingError):
        first.say([Ask.SUBSCRIBE, "g"])
        raise AssertionError("it was listened to")
    first.leave()
    assert "one" in broker.nodes


def test_who_is_expected_gets_what_was_sent_meanwhile() -> None:
    """A process that the broker before has known keeps its place for a while, and then is gone."""
    broker = Broker(EPOCH)
    for name in ("one", "two"):
        broker.expect(name, 0.0)
        broker.groups.subscribe("g", name)
    other = Process(broker, "other")
    other.publish("g", b"1")
    one = Process(broker, "one")
    broker.sweep(ABSENCE_SECONDS + 1)

    assert one.heard(Tell.WELCOME) == [[True]]
    assert one.heard(Tell.DELIVER) == [["g", None, b"1", 0]]
    assert set(broker.nodes) == {"one", "other"}


@given(st.lists(st.lists(st.integers(0, 20) | st.text(max_size=3) | st.binary(max_size=3) | st.booleans())))
def test_whatever_is_said_others_go_on(said: list[list[Any]]) -> None:
    """A process that speaks nonsense gets one kind of error, and the others do not notice."""
    broker = Broker(EPOCH)
    wild, calm = Process(broker, "wild"), Process(broker, "calm")
    calm.say([Ask.SUBSCRIBE, "calm"])
    for words in said:
        if words and type(words[0]) is int:
            with contextlib.suppress(FramingError):
                wild.say(words)
    broker.sweep(1.0)
    wild.leave()
    calm.publish("calm", b"1")

    assert [body for _, _, body, _ in calm.heard(Tell.DELIVER)][-1:] == [b"1"]

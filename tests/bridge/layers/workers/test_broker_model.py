"""The broker against a model: who is told what, in which order, also across hand-overs and sudden ends."""

from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hybrid.bridge.layers.workers import legacy
from hybrid.bridge.layers.workers.broker import Broker
from hybrid.bridge.layers.workers.framing import Unframer
from hybrid.bridge.layers.workers.words import Ask, Tell
from tests.bridge.layers.workers.test_broker import EPOCH, Process

NAMES = st.sampled_from(["one", "two", "three"])
GROUPS = st.sampled_from(["g", "h"])
LENGTH = 5


class BrokerMachine(RuleBasedStateMachine):
    """Says things in any order, lets processes end, and brokers hand over."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.number = 0
        self.broker = Broker(EPOCH)
        self.processes = {name: Process(self.broker, name) for name in ("one", "two", "three")}
        self.subscribed: defaultdict[str, set[str]] = defaultdict(set)
        self.due: defaultdict[str, list[bytes]] = defaultdict(list)
        self.members: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.kept: defaultdict[str, list[bytes]] = defaultdict(list)
        self.queue: list[bytes] = []

    @rule(name=NAMES, group=GROUPS)
    def subscribe(self, name: str, group: str) -> None:
        """Want a group's messages."""
        self.processes[name].say([Ask.SUBSCRIBE, group], now=self.now)
        self.subscribed[group].add(name)

    @rule(name=NAMES, group=GROUPS)
    def unsubscribe(self, name: str, group: str) -> None:
        """Want them no more."""
        self.processes[name].say([Ask.UNSUBSCRIBE, group], now=self.now)
        self.subscribed[group].discard(name)

    @rule(name=NAMES, group=GROUPS)
    def publish(self, name: str, group: str) -> None:
        """Send to a group."""
        body = b"%d" % self.number
        self.number += 1
        self.processes[name].publish(group, body, length=LENGTH, now=self.now)
        for each in self.subscribed[group]:
            self.due[each].append(body)
        self.kept[group] = [*self.kept[group], body][-LENGTH:]

    @rule(name=NAMES, group=GROUPS, channel=st.sampled_from("ab"), seconds=st.sampled_from([5, 50]))
    def join(self, name: str, group: str, channel: str, seconds: int) -> None:
        """Have a member."""
        self.processes[name].join(group, f"x.{name}!{channel}", seconds=seconds, now=self.now)
        self._forget_old_members()
        self.members[group][f"x.{name}!{channel}"] = self.now + seconds

    @rule(name=NAMES, group=GROUPS, channel=st.sampled_from("ab"))
    def leave(self, name: str, group: str, channel: str) -> None:
        """Have it no more."""
        self.processes[name].say([Ask.LEAVE, 1, group, f"x.{name}!{channel}"], now=self.now)
        self.members[group].pop(f"x.{name}!{channel}", None)

    @rule(name=NAMES)
    def put(self, name: str) -> None:
        """Send to a queue."""
        body = b"%d" % self.number
        self.number += 1
        self.processes[name].say([Ask.SEND, 1, "q", body, 3, 100_000, False], now=self.now)
        if len(self.queue) < 3:
            self.queue.append(body)

    @rule(name=NAMES)
    def take(self, name: str) -> None:
        """Take from it, or give up at once."""
        process = self.processes[name]
        process.heard(Tell.ANSWER)
        process.say([Ask.TAKE, 77, "q"], [Ask.UNTAKE, 77], now=self.now)
        ((_, found),) = process.heard(Tell.ANSWER)
        assert (found[0] if found else None) == (self.queue.pop(0) if self.queue else None)

    @rule(name=NAMES)
    def end(self, name: str) -> None:
        """Let a process end, and another one of the same name come."""
        self._check(name)
        self.processes[name].leave(self.now)
        self.processes[name] = Process(self.broker, name, self.now)
        for group in ("g", "h"):
            self.subscribed[group].discard(name)
            for channel in [each for each in self.members[group] if each.startswith(f"x.{name}!")]:
                del self.members[group][channel]

    @rule(seconds=st.sampled_from([1, 6, 60]))
    def wait(self, seconds: int) -> None:
        """Let time pass; the broker looks now and then."""
        self.now += seconds
        self.broker.sweep(self.now)

    @rule(missing=st.booleans())
    def hand_over(self, missing: bool) -> None:
        """Let the next broker go on, to which processes come one after another."""
        frames = Unframer().feed(b"".join(legacy.dump(self.broker, self.now)))
        self.broker = Broker(EPOCH)
        legacy.load(self.broker, frames, self.now)
        before = dict(self.processes)
        for name in ("one", "two", "three"):
            self.processes[name] = Process(self.broker, name, self.now)
            assert self.processes[name].heard(Tell.WELCOME) == [[True]]
            self.processes[name].told = before[name].told + self.processes[name].told
            if missing:
                self.publish(name, "g")

    @invariant()
    def the_books_are_right(self) -> None:
        """Members and histories are those of the model."""
        self._forget_old_members()
        process = self.processes["one"]
        for group in ("g", "h"):
            process.heard(Tell.PART)
            process.say([Ask.MEMBERS, 1, group], now=self.now)
            parts = process.heard(Tell.PART)
            assert {each[0] for _, items in parts for each in items} == set(self.members[group])
            process.say([Ask.HISTORY, 1, group, 0], now=self.now)
            bodies = [body for _, items in process.heard(Tell.PART) for _, body in items]
            assert bodies == self.kept[group]

    def teardown(self) -> None:
        """See that everybody has got exactly what was due."""
        for name in self.processes:
            self._check(name)

    def _check(self, name: str) -> None:
        delivered = [body for _, _, body, _ in self.processes[name].heard(Tell.DELIVER)]
        assert delivered == self.due.pop(name, [])

    def _forget_old_members(self) -> None:
        for members in self.members.values():
            for channel in [channel for channel, until in members.items() if until <= self.now]:
                del members[channel]


TestBroker = BrokerMachine.TestCase
TestBroker.settings = settings(max_examples=40, stateful_step_count=25)

"""What a broker leaves to the next one: its books, as a file of frames beside the socket.

A file, and not a message to a chosen heir: whoever comes next finds it, also after a pause in which there is
nobody. It is written before the lock is given up and removed by who has got the lock, so it is read once; a
broker that is killed leaves none.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from hybrid.bridge.layers.hub import Sending
from hybrid.bridge.layers.workers.broker import ABSENCE_SECONDS, Broker
from hybrid.bridge.layers.workers.framing import Frame, FramingError, Unframer, frame
from hybrid.bridge.layers.workers.groups import Membership
from hybrid.bridge.layers.workers.nodes import Waiting
from hybrid.bridge.layers.workers.words import VERSION

_HEAD: Final = 0
_NODE: Final = 1
_GROUP: Final = 2
_MEMBER: Final = 3
_HISTORY: Final = 4
_QUEUE: Final = 5
_KEPT: Final = 6

#: What is about processes, which may be gone.
_OF_NODES: Final = (_NODE, _GROUP, _KEPT)

_PIECE: Final = 1024 * 1024


def dump(broker: Broker, now: float) -> Iterator[bytes]:
    """Give the books as frames."""
    yield frame(_HEAD, VERSION, now)
    for name, node in broker.nodes.items():
        yield frame(_NODE, name)
        for said in node.line.kept if isinstance(node.line, Waiting) else ():
            yield frame(_KEPT, name, said)  # to a process that has not come to this broker yet
    for group, subscribers, watchers, members in broker.groups.all():
        yield frame(_GROUP, group, subscribers, watchers)
        for channel, each in members.items():
            sending = (each.sending.length, each.sending.expiry, each.sending.drop_oldest)
            about = (each.node, each.metadata, each.since, each.until)
            yield frame(_MEMBER, group, channel, about, sending)
    for entry in broker.histories.dump():
        yield frame(_HISTORY, *entry)
    for letter in broker.queues.dump():
        yield frame(_QUEUE, *letter)


def load(broker: Broker, frames: Iterable[Frame], now: float) -> None:
    """Take over the books. Processes are waited for unless they have been gone for long.

    Raises:
        FramingError: they are not to be understood.
    """
    remaining = iter(frames)
    try:
        kind, version, then = next(remaining, (None, None, 0))
        if (kind, version) != (_HEAD, VERSION) or then > now:  # the clock begins anew when the machine does
            raise FramingError("it is of another version, or from before the machine has started")
        knows_nodes = now - then < ABSENCE_SECONDS
        for kind, *items in remaining:
            if kind in _OF_NODES and knows_nodes:
                _load_node(broker, kind, items, now)
            elif kind == _MEMBER:
                _load_member(broker, items)
            elif kind == _HISTORY:
                broker.histories.load(*items)
            elif kind == _QUEUE:
                broker.queues.load(*items)
    except (TypeError, ValueError, LookupError) as error:
        raise FramingError("the books are not in order") from error


def _load_node(broker: Broker, kind: int, items: list[Any], now: float) -> None:
    if kind == _NODE:
        broker.expect(items[0], now)
    elif kind == _KEPT:
        node, said = items
        broker.nodes[node].line.write(said)
    else:
        _load_group(broker, *items)


def _load_group(broker: Broker, group: str, subscribers: list[str], watchers: list[str]) -> None:
    for node in broker.nodes.keys() & set(subscribers):
        broker.groups.subscribe(group, node)
    for node in broker.nodes.keys() & set(watchers):
        broker.groups.watch(group, node)


def _load_member(broker: Broker, items: Frame) -> None:
    group, channel, (node, metadata, since, until), sending = items
    if node is None or node in broker.nodes:
        membership = Membership(node, metadata, since, until, Sending(*sending))
        broker.groups.join(group, channel, membership)


def write(path: Path, frames: Iterable[bytes]) -> None:
    """Write the file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(frames)
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise


def read(path: Path) -> Iterator[Frame]:
    """Give the frames of a file that is this user's own, and remove it; nothing if there is none.

    Raises:
        FramingError: it is something else.
        OSError: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as file:
        path.unlink()
        if os.fstat(file.fileno()).st_uid not in (os.geteuid(), 0):
            raise FramingError("the file is somebody else's")
        unframer = Unframer()
        while piece := file.read(_PIECE):
            yield from unframer.feed(piece)

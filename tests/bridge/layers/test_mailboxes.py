from typing import Any

from hybrid.bridge.layers.mailboxes import Letter, Mailboxes


def books(capacity: int = 2) -> Mailboxes:
    """Make books in which messages may wait for 60 s."""
    return Mailboxes(expiry=60, capacity_of=lambda _: capacity)


def letter(n: int, sent: float = 0, group: str | None = None) -> Letter:
    """Make a numbered message."""
    return sent, {"n": n}, group


def taken(boxes: Mailboxes, channel: str = "c", now: float = 0) -> list[Any]:
    """Take everything, and return the numbers."""
    numbers = []
    while (message := boxes.take(channel, now)) is not None:
        numbers.append(message["n"])
    return numbers


def test_messages_wait_in_order_until_there_is_no_room() -> None:
    """A channel keeps its order and refuses what exceeds its capacity; the caller counts that."""
    boxes = books(capacity=2)
    assert [boxes.put("c", letter(n), 0) for n in range(3)] == [True, True, False]
    assert taken(boxes) == [0, 1]
    assert boxes.settle() == (0, 0, "")


def test_the_oldest_makes_room_if_it_is_to() -> None:
    """A full channel takes the new message, drops the oldest, and counts it."""
    boxes = books(capacity=2)
    assert [boxes.put("c", letter(n), 0) for n in range(2)] == [True, True]
    for n in (2, 3):
        boxes.put_for_oldest("c", letter(n))
    assert taken(boxes) == [2, 3]
    assert boxes.settle() == (2, 0, "c")


def test_more_may_wait_where_that_is_allowed() -> None:
    """The capacity is exceeded by so many messages and no more."""
    boxes = books(capacity=2)
    assert [boxes.put("c", letter(n), 0, more=1) for n in range(4)] == [True, True, True, False]
    assert not boxes.put("c", letter(4), 0)
    assert taken(boxes) == [0, 1, 2]


def test_expired_messages_make_room_and_are_not_returned() -> None:
    """A message whose time is over is gone, whoever looks first: the writer or the reader."""
    boxes = books(capacity=1)
    boxes.put("c", letter(0), 0)
    assert boxes.put("c", letter(1, sent=60), 60)
    assert boxes.take("c", 120) is None
    assert boxes.settle() == (0, 2, "c")
    assert boxes.settle() == (0, 0, "c")


def test_what_a_reader_gets_another_way_is_taken_out() -> None:
    """Messages of one group go; those of other groups, and those for the channel, stay in order."""
    boxes = books(capacity=9)
    for n, group in enumerate(("g", None, "h", "g")):
        boxes.put("c", letter(n, group=group), 0)
    boxes.take_out("c", "g")
    boxes.take_out("nobody", "g")
    assert taken(boxes) == [1, 2]
    boxes.put("c", letter(4, group="g"), 0)
    boxes.take_out("c", "g")
    assert repr(boxes) == "<Mailboxes: messages wait in 0 channels>"


def test_what_nobody_reads_is_swept_away() -> None:
    """Channels of readers that vanished leave nothing behind, and what has expired there is counted."""
    boxes = books()
    for n in range(50):
        boxes.put(f"c{n}", letter(n), 0)
    boxes.put("fresh", letter(50, sent=50), 50)
    boxes.sweep(59)
    assert repr(boxes) == "<Mailboxes: messages wait in 51 channels>"
    boxes.sweep(100)
    assert repr(boxes) == "<Mailboxes: messages wait in 1 channels>"
    assert boxes.settle()[1] == 50
    boxes.drop("fresh")
    assert repr(boxes) == "<Mailboxes: messages wait in 0 channels>"
    assert boxes.settle()[:2] == (0, 0)

from hybrid.bridge.layers.mailboxes import Mailboxes


def books(capacity: int = 2) -> Mailboxes:
    """Make books in which messages may wait for 60 s and memberships last 100 s."""
    return Mailboxes(expiry=60, group_expiry=100, capacity_of=lambda _: capacity)


def test_messages_wait_in_order_until_there_is_no_room() -> None:
    """A channel keeps its order and refuses what exceeds its capacity."""
    boxes = books(capacity=2)
    assert [boxes.put("c", (0, {"n": n}), 0) for n in range(3)] == [True, True, False]
    assert [boxes.take("c", 0) for _ in range(3)] == [{"n": 0}, {"n": 1}, None]


def test_expired_messages_make_room_and_are_not_returned() -> None:
    """A message whose time is over is gone, whoever looks first: the writer or the reader."""
    boxes = books(capacity=1)
    boxes.put("c", (0, {"n": 0}), 0)
    assert boxes.put("c", (60, {"n": 1}), 60)
    assert boxes.take("c", 120) is None
    assert boxes.expired == 2


def test_a_message_for_a_group_reaches_members_that_have_room() -> None:
    """The others are counted as drops, one for each member."""
    boxes = books(capacity=1)
    for channel in ("a", "b", "c"):
        boxes.join("g", channel, 0)
    boxes.put("b", (0, {}), 0)
    assert boxes.put_all("g", (0, {}), 0) == ["a", "c"]
    assert boxes.dropped == 1


def test_a_group_message_that_is_late_is_expired_for_every_member() -> None:
    """What waited too long before it could be delivered is counted as expired, not delivered."""
    boxes = books()
    boxes.join("g", "a", 0)
    boxes.join("g", "b", 0)
    assert boxes.put_all("g", (0, {}), 60) == []
    assert (boxes.expired, boxes.dropped) == (2, 0)


def test_membership_ends_unless_it_is_renewed() -> None:
    """Joining again counts from then on; who was a member when a message was sent gets it."""
    boxes = books()
    boxes.join("g", "old", 0)
    boxes.join("g", "renewed", 0)
    boxes.join("g", "renewed", 50)
    assert boxes.put_all("g", (99, {}), 100) == ["old", "renewed"]
    assert boxes.put_all("g", (100, {}), 100) == ["renewed"]
    boxes.sweep(100)
    assert boxes.members("g", 0) == ["renewed"]


def test_leaving_a_group_that_one_is_not_in_does_nothing() -> None:
    """Neither an unknown group nor an unknown channel is an error, and empty groups are forgotten."""
    boxes = books()
    boxes.leave("g", "a")
    boxes.join("g", "a", 0)
    boxes.leave("g", "b")
    assert boxes.members("g", 0) == ["a"]
    boxes.leave("g", "a")
    assert repr(boxes) == "<Mailboxes: messages wait in 0 channels, 0 groups>"


def test_what_nobody_reads_is_swept_away() -> None:
    """Channels of readers that vanished, and groups of such channels, leave nothing behind."""
    boxes = books()
    boxes.sweep(0)
    for n in range(50):
        boxes.join("g", f"c{n}", 0)
    boxes.put_all("g", (0, {}), 0)
    boxes.put("fresh", (50, {}), 50)
    boxes.sweep(59)
    assert repr(boxes) == "<Mailboxes: messages wait in 51 channels, 1 groups>"
    boxes.sweep(100)
    assert repr(boxes) == "<Mailboxes: messages wait in 1 channels, 0 groups>"
    assert boxes.expired == 50

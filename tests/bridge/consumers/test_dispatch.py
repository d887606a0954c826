"""From messages to handlers, and several sources made one."""

import asyncio
from typing import Any

import pytest

from hybrid.bridge import await_many_dispatch, get_handler_name
from tests.support.layers import run


def test_a_type_names_a_method() -> None:
    """Periods become underscores."""
    assert get_handler_name({"type": "websocket.connect"}) == "websocket_connect"
    assert get_handler_name({"type": "chat.room.left"}) == "chat_room_left"


@pytest.mark.parametrize("kind", ["_private", ".private", "_"])
def test_a_leading_underscore_is_refused(kind: str) -> None:
    """What only the class itself should call is no handler."""
    with pytest.raises(ValueError, match="leading underscore"):
        get_handler_name({"type": kind})


def test_a_message_without_a_type_is_refused() -> None:
    """The error says what is missing."""
    with pytest.raises(ValueError, match="no 'type'"):
        get_handler_name({"text": "x"})


def test_many_are_dispatched_one_at_a_time() -> None:
    """All sources are heard, each in its order, and no two results are dispatched at once."""

    async def main() -> None:
        queues: list[asyncio.Queue[int]] = [asyncio.Queue(), asyncio.Queue()]
        for number in range(6):
            queues[number % 2].put_nowait(number)
        seen: list[int] = []
        busy = 0

        async def dispatch(number: int) -> None:
            nonlocal busy
            busy += 1
            assert busy == 1
            await asyncio.sleep(0)
            seen.append(number)
            busy -= 1
            if len(seen) == 6:
                raise StopAsyncIteration

        with pytest.raises(StopAsyncIteration):
            await await_many_dispatch([queue.get for queue in queues], dispatch)
        assert [n for n in seen if n % 2 == 0] == [0, 2, 4]
        assert [n for n in seen if n % 2] == [1, 3, 5]

    run(main())


def test_a_source_that_fails_ends_it() -> None:
    """Its error is raised, after what is being dispatched has ended, and the others are cancelled."""

    async def main() -> None:
        ended: list[Any] = []
        begun, failed = asyncio.Event(), asyncio.Event()

        async def first() -> str:
            if begun.is_set():
                await asyncio.Event().wait()
            return "message"

        async def second() -> str:
            await begun.wait()
            failed.set()
            raise OSError("broken")

        async def dispatch(message: str) -> None:
            begun.set()
            await failed.wait()
            await asyncio.sleep(0)
            ended.append(message)

        with pytest.raises(OSError, match="broken"):
            await await_many_dispatch([first, second], dispatch)
        assert ended == ["message"]
        assert len(asyncio.all_tasks()) == 1

    run(main())

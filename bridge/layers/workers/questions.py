"""What a process has asked the broker, until there is an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

#: Makes the result of what the broker has answered: the answer, and the items that came before it.
Then = Callable[[Any, list[Any]], Awaitable[Any]]


class _Question:
    __slots__ = ("future", "parts", "then")

    def __init__(self, future: "asyncio.Future[Any]", then: Then | None) -> None:
        self.future = future
        self.then = then
        self.parts: list[Any] = []


class Questions:
    """Open questions, by ticket; all on one event loop.

    Attributes:
        next_ticket: the number of the next question.
    """

    def __init__(self) -> None:
        self.next_ticket = 1
        self._open: dict[int, _Question] = {}
        self._takes: dict[int, str] = {}

    def __repr__(self) -> str:
        return f"<Questions: {len(self._open)} open>"

    def put(self, loop: asyncio.AbstractEventLoop, then: Then | None) -> "asyncio.Future[Any]":
        """Note the question that has just been asked, with :attr:`next_ticket`."""
        future = loop.create_future()
        self._open[self.next_ticket] = _Question(future, then)
        self.next_ticket += 1
        return future

    def replace(self, ticket: int, then: Then) -> None:
        """Deal otherwise with the answer to a question that nobody waits for any more."""
        question = self._open.get(ticket)
        if question is not None:
            question.then = then
            self._takes.pop(ticket, None)

    def add(self, ticket: int, items: list[Any]) -> None:
        """Take a part of an answer."""
        question = self._open.get(ticket)
        if question is not None:
            question.parts += items

    async def answer(self, ticket: int, value: Any) -> None:
        """Take an answer: do what is to be done at this moment, and then let know who has asked."""
        question = self._open.pop(ticket, None)
        self._takes.pop(ticket, None)
        if question is None:
            return
        # Also when nobody waits for it: what is to be done with it belongs between other things.
        try:
            result = value if question.then is None else await question.then(value, question.parts)
        except Exception as error:  # noqa: BLE001 - it is for who has asked
            if not question.future.done():
                question.future.set_exception(error)
            return
        if not question.future.done():
            question.future.set_result(result)

    # Waiting for messages, which goes on with another broker.

    def note_take(self, ticket: int, queue: str) -> None:
        """Note that a question is one for the next message of a queue."""
        self._takes[ticket] = queue

    def takes(self) -> dict[int, str]:
        """Return those: the queue of each ticket."""
        return self._takes

    def fail_before(self, first: int) -> None:
        """Have the others fail that were asked before the question with this ticket."""
        for ticket in [each for each in self._open if each < first and each not in self._takes]:
            self._fail(self._open.pop(ticket))

    def fail(self) -> None:
        """Have all fail."""
        questions = list(self._open.values())
        self._open.clear()
        self._takes.clear()
        for question in questions:
            self._fail(question)

    def _fail(self, question: _Question) -> None:
        if not question.future.done():
            question.future.set_exception(ConnectionError("the broker has gone"))

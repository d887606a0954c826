"""What comes of a request: the response taken apart, what the view saw, and what happened meanwhile.

An observation has aspects, such as ``status`` or ``META REMOTE_ADDR``, each with a text. What differs from
one run to the next, dates for example, is said by kind.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import h11

Observation = dict[str, str]

_SHOWN = 120
#: What is another one each time, and what stands for it.
_CHANGING: tuple[tuple[str, str], ...] = (
    (r"(csrftoken|sessionid)=\w{32,}", r"\1=…"),
    (r"expires=\w{3}, [^;]*", "expires=…"),
    (r"\b[A-Za-z0-9]{64}\b", "(token)"),
    (r":\w{6}:[\w-]{43}", ":(signature)"),
    (r"\b\d{5}\b", "PORT"),  # of the client, and the largest numbers in requests have other lengths
)


class Answer(NamedTuple):
    """A response as it came.

    Attributes:
        status: the status with its reason.
        fields: its fields, names in lower case.
        body: its body, without the coding.
        is_whole: whether it came to its end.
    """

    status: str
    fields: list[tuple[str, str]]
    body: bytes
    is_whole: bool


def read_answers(data: bytes, methods: Sequence[str]) -> Iterator[Answer]:
    """Read the responses that came before the connection was closed, with an independent parser."""
    for method in methods:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("Host", "x"), ("Connection", "close")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        client.receive_data(b"")
        yield from _one(client)
        data = client.trailing_data[0]
    if data:
        yield Answer("left over", [], data, is_whole=False)


def _one(client: h11.Connection) -> Iterator[Answer]:
    head, body = None, b""
    try:
        while not isinstance(event := client.next_event(), (h11.EndOfMessage, h11.ConnectionClosed)):
            if isinstance(event, h11.InformationalResponse):
                yield _answer(event, b"", is_whole=True)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
    except h11.RemoteProtocolError:
        event = h11.NEED_DATA
    if head is not None:
        yield _answer(head, body, is_whole=isinstance(event, h11.EndOfMessage))


def _answer(head: h11.Response | h11.InformationalResponse, body: bytes, *, is_whole: bool) -> Answer:
    fields = [(name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers]
    return Answer(f"{head.status_code} {head.reason.decode('latin-1')}".strip(), fields, body, is_whole)


def observe(answers: Sequence[Answer], events: Sequence[str], clean: Callable[[str], str]) -> Observation:
    """Tell what came of a request.

    Args:
        answers: the responses.
        events: what the project has noted.
        clean: puts words in the place of what is each server's own, such as its port.
    """
    found: Observation = {"status": ", then ".join(answer.status for answer in answers) or "no response"}
    for answer in answers:
        if not answer.status.startswith("1"):
            found |= _parts(answer)
    if not events:  # the server's own words, which are no project's matter
        found = {"status": found["status"]}
    found |= _happened(events, several=sum(not answer.status.startswith("1") for answer in answers) > 1)
    return {aspect: _settle(clean(value)) for aspect, value in found.items()}


def _happened(events: Sequence[str], *, several: bool) -> Observation:
    """Tell what the project has noted; of several requests at once there is no order."""
    starts = [event for event in events if event.startswith("started")]
    kinds = [event.partition(" with ")[0].partition(" by ")[0] for event in events]
    found = {"events": ", ".join(sorted(kinds) if several else kinds) or "none"}
    if starts:
        found["started with"], _, found["sender"] = starts[0].removeprefix("started with ").partition(" by ")
    return found


def _parts(answer: Answer) -> Observation:
    found = {f"field {name}": _field(name, answer) for name, _ in answer.fields}
    if not answer.is_whole:
        found["end"] = "cut off"
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return {**found, **_told(told)}
    return {**found, "body": _shortened(answer.body.decode("utf-8", "replace"))}


def _field(name: str, answer: Answer) -> str:
    if name in ("date", "server"):
        return "sent"
    values = [value for key, value in answer.fields if key == name]
    if name == "content-length" and values == [str(len(answer.body))] and answer.body:
        return "that of the body"
    return " | ".join(sorted(values))


def _told(told: dict[str, object]) -> Observation:
    found: Observation = {}
    for key, value in told.items():
        if isinstance(value, dict) and key == "META":
            found |= {f"META {name}": str(each) for name, each in value.items()}
        else:
            found[f"view {key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return {aspect: _shortened(value) for aspect, value in found.items()}


def _shortened(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)})"


def _settle(text: str) -> str:
    for pattern, instead in _CHANGING:
        text = re.sub(pattern, instead, text)
    return text

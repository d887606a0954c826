import pytest

from benchmarks.loads.clients import Answer, AnswerError, HTTPClient, parse_answer
from tests.benchmarks.loads.wire import Setup

ANSWER = b"HTTP/1.1 200 OK\r\ndate: now\r\nContent-Length: 2\r\n\r\nhi"


def http(limit: int = 1000) -> Setup[HTTPClient]:
    """A client that wants `hi` for each request."""
    return Setup(lambda meter: HTTPClient(meter, b"hi"), limit)


def test_an_answer_is_parsed_once_it_is_whole() -> None:
    """Every beginning of a response is incomplete, and the whole has status, body and size."""
    assert all(parse_answer(ANSWER[:end]) is None for end in range(len(ANSWER)))
    assert parse_answer(ANSWER) == Answer(200, b"hi", len(ANSWER))


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nhi",
        b"HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi",
        b"nonsense\r\n\r\n",
    ],
)
def test_an_answer_without_status_or_length_is_wrong(data: bytes) -> None:
    """The generator needs to know where an answer ends."""
    with pytest.raises(AnswerError):
        parse_answer(data)


def test_an_answer_in_chunks_is_parsed_once_it_is_whole() -> None:
    """Its body is put together; what looks like the end inside of a chunk is none."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = head + b"7\r\nh0\r\n\r\ni\r\nA\r\n0123456789\r\n0\r\n\r\n"
    assert all(parse_answer(answer[:end]) is None for end in range(len(answer)))
    assert parse_answer(answer) == Answer(200, b"h0\r\n\r\ni0123456789", len(answer))


def test_a_large_answer_in_pieces_is_looked_at_once() -> None:
    """From the second one on its length is known, and only the whole is compared."""
    body = b"x" * 1000
    setup = Setup(lambda meter: HTTPClient(meter, body, "/large"), 1000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body
    setup.receive(answer, answer[:500], answer[500:900])
    assert setup.meter.answered == 1
    setup.receive(answer[900:])
    assert setup.meter.answered == 2
    assert setup.wire.written[0].startswith(b"GET /large HTTP/1.1\r\n")
    assert not setup.meter.errors


def test_each_http_answer_brings_the_next_request() -> None:
    """The first answer is parsed, the same again is compared, one in pieces is put together; all count."""
    setup = http()
    setup.receive(ANSWER, ANSWER, ANSWER[:20])
    assert setup.meter.answered == 2
    setup.receive(ANSWER[20:])
    assert setup.meter.answered == 3
    assert setup.wire.written == [setup.client.request] * 4
    assert not setup.meter.errors


def test_an_answer_of_another_length_is_accepted() -> None:
    """Headers may change from one answer to the next."""
    setup = http()
    setup.receive(ANSWER, ANSWER.replace(b"now", b"later"))
    assert setup.meter.answered == 2


@pytest.mark.parametrize("before", [[], [ANSWER]], ids=["first", "later"])
@pytest.mark.parametrize(
    "data",
    [ANSWER.replace(b"200", b"500"), ANSWER[:-2] + b"ho", ANSWER + ANSWER],
    ids=["status", "body", "two answers"],
)
def test_a_wrong_http_answer_ends_the_measurement(before: list[bytes], data: bytes) -> None:
    """Status and body of each answer are checked, and one request brings one answer."""
    setup = http()
    setup.receive(*before, data)
    assert setup.meter.answered == len(before)
    assert "unexpected answer" in setup.meter.errors[0]
    assert setup.wire.aborted
    assert setup.stopped


def test_a_connection_closed_by_the_server_is_an_error() -> None:
    """Connections are to be kept, until the measurement is over."""
    setup = http()
    setup.client.connection_lost(None)
    assert setup.meter.errors == ["connection closed by the server (end of file)"]
    setup.meter.stopped = True
    setup.client.connection_lost(None)
    assert len(setup.meter.errors) == 1


def test_the_limit_of_answers_ends_the_measurement() -> None:
    """A load is bounded in count as well as in time."""
    setup = http(limit=2)
    setup.receive(ANSWER)
    assert not setup.stopped
    setup.receive(ANSWER)
    assert setup.stopped

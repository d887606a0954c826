import json
from typing import Any

import pytest

from benchmarks.wsgi_matrix.facts import replies, shown
from benchmarks.wsgi_matrix.reply import End, parse
from benchmarks.wsgi_matrix.seen import Fact, Seen

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
SHORT = parse(LENGTH + b"bo", "GET", closed=True)
STUCK = parse(LENGTH + b"bo", "GET", closed=False)
WHOLE = parse(LENGTH + b"body", "GET", closed=False)
GARBAGE = parse(b"56HTTP", "GET", closed=False)
NOTHING = parse(b"", "GET", closed=True)


def answer(body: Any, status: int = 200, **seen: Any) -> Seen:
    """A response with a body in JSON, or with these bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    raw = b"HTTP/1.1 %d Phrase\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(data),
        data,
    )
    return Seen(parse(raw, "GET", closed=False), **seen)


def with_environ(port: int = 0, **variables: Any) -> Seen:
    """A response that shows an environ of such variables."""
    pairs = {key: [type(value).__name__, value] for key, value in variables.items()}
    return answer({"environ": pairs, "about": {"type": "dict", "url": "http://h:7/"}}, port=port)


FAILED = answer(b"Internal Server Error", 500)


@pytest.mark.parametrize(
    ("fact", "good", "bad", "words"),
    [
        (replies.status(200), answer(b""), answer(b"", 500), "status 500"),
        (replies.status(200), answer(b""), Seen(SHORT), "status 200, cut off"),
        (replies.body(b"body"), Seen(WHOLE), Seen(SHORT), "status 200, cut off"),
        (replies.body(b"body"), Seen(WHOLE), answer(b""), "status 200 without a body"),
        (replies.body(b"body"), Seen(WHOLE), answer(b"text"), "another body"),
        (replies.body(b"body"), Seen(WHOLE), FAILED, "status 500 with another body"),
        (replies.body(b"body"), Seen(WHOLE), answer(b"no write()"), "no write()"),
        (replies.in_order(b"bo", b"dy"), Seen(WHOLE), answer(b"dybo"), "another body"),
        (replies.field("x-a", "1", "2"), answer(b""), Seen(WHOLE), "no x-a"),
        (replies.field("Content-Length", "4"), Seen(WHOLE), answer(b"five!"), "Content-Length: 5"),
        (replies.without("X-A", "it is there"), Seen(WHOLE), answer(b""), "it is there"),
        (replies.phrase("OK"), Seen(WHOLE), answer(b""), "the reason phrase is lost"),
        (replies.not_on_wire(b"body", "sent"), Seen(SHORT), Seen(WHOLE), "sent"),
        (replies.begun_with(b"bo"), Seen(SHORT), FAILED, "status 500 without what was sent before"),
        (replies.incomplete, Seen(SHORT), Seen(STUCK), "the client waits for the rest"),
        (replies.incomplete, Seen(SHORT), Seen(GARBAGE), "what comes is no response"),
        (
            replies.incomplete,
            Seen(SHORT),
            Seen(WHOLE),
            "the client cannot tell that the response is incomplete",
        ),
        (replies.refused_or_ended, Seen(SHORT), Seen(WHOLE), "the next response is taken for the rest"),
        (replies.refused_or_ended, FAILED, Seen(STUCK), "the client waits for the rest"),
        (
            replies.next_is_intact,
            Seen(WHOLE, (WHOLE, WHOLE)),
            Seen(WHOLE, (WHOLE, GARBAGE)),
            "more of the body follows",
        ),
        (
            replies.next_is_intact,
            Seen(WHOLE, (WHOLE, NOTHING)),
            Seen(NOTHING, (NOTHING, NOTHING)),
            "the connection is closed without an answer",
        ),
        (
            replies.first(replies.body(b"body")),
            Seen(FAILED.reply, (WHOLE,)),
            Seen(WHOLE, (FAILED.reply,)),
            "status 500 with another body",
        ),
        (
            replies.all_answered,
            Seen(WHOLE, (WHOLE,) * 3),
            Seen(WHOLE, (WHOLE, FAILED.reply)),
            "status 500 for some",
        ),
        (replies.in_time, Seen(WHOLE), Seen(WHOLE, in_time=False), "the first part is held back"),
        (replies.in_time, Seen(WHOLE), answer(b"no write()", in_time=False), "no write()"),
        (
            replies.noted("a", instead="not a"),
            Seen(WHOLE, notes=("a",)),
            Seen(WHOLE, notes=("a", "a")),
            "not a",
        ),
        (replies.valid(b"body"), Seen(WHOLE), Seen(WHOLE, notes=("X is wrong: <class> 7",)), "X is wrong"),
        (replies.valid(b"body"), Seen(WHOLE), FAILED, "status 500"),
        (replies.stopped, Seen(WHOLE, notes=("an OSError",)), Seen(WHOLE), "write() never returns"),
        (
            replies.stopped,
            Seen(WHOLE, notes=("x",)),
            Seen(WHOLE, notes=("nothing",)),
            "write() goes on for nobody",
        ),
        (replies.closed_once, Seen(WHOLE, notes=("closed",)), Seen(WHOLE), "close() is not called"),
        (
            replies.closed_once,
            Seen(WHOLE, notes=("closed",)),
            Seen(WHOLE, notes=("closed",) * 2),
            "close() is called 2 times",
        ),
        (
            replies.closed_once,
            Seen(WHOLE, notes=("closed",)),
            Seen(WHOLE, notes=("nobody stopped it", "closed")),
            "iterated to the end for nobody",
        ),
        (replies.written("a", "b"), Seen(WHOLE, output="xa\nb\n"), Seen(WHOLE, output="a"), "not written: b"),
        (
            replies.memory,
            Seen(WHOLE, grown=1 << 20),
            Seen(WHOLE, grown=64 << 20),
            "memory grows with the body",
        ),
        (replies.memory, Seen(WHOLE), Seen(WHOLE, grown=None), "not measured on this system"),
        (replies.large_body(5), Seen(WHOLE, body_size=5), Seen(WHOLE, body_size=4), "the body is not whole"),
        (replies.lives, Seen(WHOLE), Seen(WHOLE, alive=False), "the server does not answer any more"),
        (shown.answers([1]), answer([1]), answer(["a\n"]), "`['a\\n']`"),
        (shown.answers([1]), answer([1]), FAILED, "status 500"),
        (shown.answers_with("a", 1), answer({"a": 1}), answer({"a": 2}), "`2`"),
        (shown.hinted, answer([["one\n"], "two\n"]), answer([["one\n"], "\n"]), "`[['one\\n'], '\\n']`"),
        (shown.hinted, answer([["one\n", "two\n", "\n", "last"], ""]), FAILED, "status 500"),
        (
            shown.tells_the_end,
            answer({"length": "13", "terminated": None}),
            answer({"length": None, "terminated": None}),
            "neither is there",
        ),
        (
            shown.tells_the_end,
            answer({"length": None, "terminated": True}),
            answer({"length": "9", "terminated": True}),
            "CONTENT_LENGTH is 9",
        ),
        (
            shown.terminated,
            answer({"terminated": True}),
            answer({"terminated": None}),
            "no wsgi.input_terminated",
        ),
    ],
)
def test_facts(fact: Fact, good: Seen, bad: Seen, words: str) -> None:
    """A fact says nothing when all is well, and what was seen when it is not."""
    assert (fact(good), fact(bad)) == ("", words)


@pytest.mark.parametrize(
    ("fact", "good", "bad", "words"),
    [
        (shown.environ("A", "str", "x"), with_environ(A="x"), with_environ(), "A is missing"),
        (shown.environ("A", "str", "x"), with_environ(A="x"), with_environ(A="y"), "A is `'y'`"),
        (shown.environ("A", "str", "7"), with_environ(A="7"), with_environ(A=7), "A is of type int"),
        (
            shown.environ("A", "str", "{port}"),
            with_environ(7, A="7"),
            with_environ(7, A="78"),
            "A is `'PORT8'`",
        ),
        (shown.environ("A", "str", "x"), with_environ(A="x"), FAILED, "status 500"),
        (shown.environ_has({"A": "str"}), with_environ(A="x"), with_environ(B="x"), "A missing"),
        (shown.environ_has({"A": "str"}), with_environ(A="x"), with_environ(A=1), "A of another type"),
        (shown.environ_has({"A": ""}), with_environ(A=1), FAILED, "status 500"),
        (shown.environ_lacks("A"), with_environ(B=1), with_environ(A=1), "A is there"),
        (shown.environ_lacks("A"), with_environ(B=1), FAILED, "status 500"),
        (shown.joined("A", "1", "2"), with_environ(A="1, 2"), with_environ(A="1;2"), "A is `'1;2'`"),
        (shown.joined("A", "1", "2"), with_environ(A="1,2"), FAILED, "status 500"),
        (shown.about_environ("url", "http://h:{port}/"), with_environ(7), with_environ(8), "`'http://h:7/'`"),
        (shown.about_environ("type", "dict"), with_environ(), FAILED, "status 500"),
    ],
)
def test_facts_of_the_environ(fact: Fact, good: Seen, bad: Seen, words: str) -> None:
    """So do those of an environ; a port, which differs from run to run, is not shown."""
    assert (fact(good), fact(bad)) == ("", words)


@pytest.mark.parametrize(
    ("says", "together", "words"),
    [
        (True, True, ["", ""]),
        (False, False, ["", ""]),
        (False, True, ["says False, and requests run at once", ""]),
        (True, False, ["", "says True, and requests run one by one"]),
    ],
)
def test_truthful(says: bool, together: bool, words: list[str]) -> None:
    """It is worse to deny other threads than to announce ones that do not come."""
    told = answer({"says": says, "together": together})
    assert [fact(told) for fact in shown.TRUTHFUL] == words
    assert shown.TRUTHFUL[0](FAILED) == "status 500"


def test_interim() -> None:
    """An interim response counts when it came first."""
    reply = parse(b"HTTP/1.1 103 Early Hints\r\n\r\n" + LENGTH + b"body", "GET", closed=False)
    assert (replies.interim(103)(Seen(reply)), replies.interim(103)(Seen(WHOLE))) == ("", "no 103")
    assert reply.end is End.WHOLE

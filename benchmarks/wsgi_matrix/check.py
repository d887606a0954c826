"""What a check is: a rule, the application and the request that put it to the test, and what is right."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from benchmarks.wsgi_matrix.plays import ask
from benchmarks.wsgi_matrix.seen import Fact, Seen
from benchmarks.wsgi_matrix.servers import Peer

#: Our own tests of most rules.
PEP3333 = "tests/conformance/test_pep3333.py"


@dataclass(frozen=True)
class Check:
    """One row of the table.

    Attributes:
        name: of the check, to ask for it alone.
        section: the heading of PEP 3333 that has the rule, or that it would stand under.
        rule: the rule in one sentence, in Markdown.
        test: our own test of it, `FILE::CLASS::FUNCTION`; without FILE it is in `PEP3333`.
        request: the bytes to send; `{prefix}` stands for the path that is put in front.
        right: the facts that are expected, the essential one first.
        play: what the client does.
        alone: whether it gets a server of its own, because it may leave one in disorder.
        mounted: whether the server is to put the applications below a prefix.
    """

    name: str
    section: str
    rule: str
    test: str
    request: bytes
    right: tuple[Fact, ...]
    play: Callable[[Peer, "Check"], Seen] = field(default=ask)
    alone: bool = False
    mounted: bool = False

    @property
    def app(self) -> str:
        """The name of the application: the first segment of the path."""
        target = self.request.split(b" ")[1].decode("ascii").removeprefix("{prefix}")
        return target.partition("?")[0].split("/")[1]

    @property
    def node(self) -> str:
        """Our own test as pytest names it, without parameters."""
        return self.test if "/" in self.test else f"{PEP3333}::{self.test}"


class Answer(Enum):
    """What the table says."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"


@dataclass(frozen=True)
class Verdict:
    """What became of a check, and what was seen instead of what is right."""

    answer: Answer
    reason: str = ""


def judge(check: Check, seen: Seen) -> Verdict:
    """Hold what was seen against what is right: no if the essential fact fails, partly if another does."""
    failures = [fact(seen) for fact in check.right]
    if failures[0]:
        return Verdict(Answer.NO, failures[0])
    reasons = dict.fromkeys(filter(None, failures))
    return Verdict(Answer.PARTLY, "; ".join(reasons)) if reasons else Verdict(Answer.YES)


def request(method: str, target: str, *lines: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """Write a request with these header lines, in latin-1, and a body as it stands."""
    head = "\r\n".join([f"{method} {target} HTTP/{version}", "Host: matrix", *lines, "", ""])
    return head.encode("latin-1") + body


def get(target: str, *lines: str) -> bytes:
    """Write a GET request."""
    return request("GET", target, *lines)


def post(target: str, body: bytes, *lines: str) -> bytes:
    """Write a POST request with a body of known length."""
    return request("POST", target, *lines, f"Content-Length: {len(body)}", body=body)

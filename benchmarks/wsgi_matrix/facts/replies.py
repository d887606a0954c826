"""Facts of what the client, the notes and the server's output tell."""

from benchmarks.wsgi_matrix.reply import End
from benchmarks.wsgi_matrix.seen import Fact, Seen

#: The most by which memory may grow for a body of 64 MiB.
MEMORY_LIMIT = 32 << 20


def lacking(seen: Seen) -> str:
    """What the application says that the server does not have; those that need it do."""
    return seen.reply.body.decode("latin-1") if seen.reply.body.startswith(b"no ") else ""


def status(expected: int) -> Fact:
    """The response is whole and has this status."""

    def fact(seen: Seen) -> str:
        good = seen.reply.status == expected and seen.reply.end is End.WHOLE
        return "" if good else str(seen.reply)

    return fact


def body(expected: bytes) -> Fact:
    """The response is whole and has this body."""

    def fact(seen: Seen) -> str:
        if seen.reply.end is not End.WHOLE or not seen.reply.status:
            return str(seen.reply)
        if seen.reply.body == expected:
            return ""
        if told := lacking(seen):
            return told
        if not seen.reply.body:
            return f"{seen.reply} without a body"
        return f"{seen.reply} with another body" if seen.reply.status >= 400 else "another body"

    return fact


def field(name: str, *expected: str) -> Fact:
    """The response has these values of a field, in this order."""

    def fact(seen: Seen) -> str:
        values = seen.reply.values(name)
        if values == list(expected):
            return ""
        return f"{name}: {', '.join(values)}" if values else f"no {name}"

    return fact


def without(name: str, instead: str) -> Fact:
    """The response has no such field."""
    return lambda seen: instead if seen.reply.values(name) else ""


def phrase(expected: str) -> Fact:
    """The response has this reason phrase."""
    return lambda seen: "" if seen.reply.reason == expected else "the reason phrase is lost"


def not_on_wire(text: bytes, instead: str) -> Fact:
    """Nowhere in what came back is this."""
    return lambda seen: instead if text in seen.reply.raw else ""


def incomplete(seen: Seen) -> str:
    """The response has ended, and the client can tell that it is not all of it."""
    return {
        End.CLOSED: "",
        End.WHOLE: "the client cannot tell that the response is incomplete",
        End.WAITING: "the client waits for the rest",
        End.GARBAGE: "what comes is no response",
    }[seen.reply.end]


def refused_or_ended(seen: Seen) -> str:
    """The client got an error, or the connection ended before the next response."""
    if seen.reply.end is End.WHOLE:
        return "" if seen.reply.status >= 500 else "the next response is taken for the rest"
    return incomplete(seen)


def begun_with(text: bytes) -> Fact:
    """What was sent before an error has come."""
    return lambda seen: "" if text in seen.reply.raw else f"{seen.reply} without what was sent before"


def next_is_intact(seen: Seen) -> str:
    """What follows the first response is the next one, or the end of the connection."""
    first, second = seen.replies
    if not first.status:
        return str(first)
    return "more of the body follows" if second.end is End.GARBAGE else ""


def all_answered(seen: Seen) -> str:
    """Each of several requests was answered, and none with an error."""
    bad = {str(reply) for reply in seen.replies if reply.status != 200 or reply.end is not End.WHOLE}
    return f"{', '.join(sorted(bad))} for some" if bad else ""


def first(fact: Fact) -> Fact:
    """A fact holds for the first response of several."""
    return lambda seen: fact(Seen(seen.replies[0]))


def in_order(*parts: bytes) -> Fact:
    """The parts of the body come in this order, and nothing beside them."""
    return body(b"".join(parts))


def in_time(seen: Seen) -> str:
    """A part reaches the client while the application holds back the next one."""
    if told := lacking(seen):
        return told
    return "" if seen.in_time else "the first part is held back"


def noted(*expected: str, instead: str) -> Fact:
    """The application has noted exactly this."""
    return lambda seen: "" if list(expected) == list(seen.notes) else instead


def valid(expected: bytes) -> Fact:
    """The validator has noted no complaint, and this body has come."""
    answered = body(expected)

    def fact(seen: Seen) -> str:
        if seen.notes:
            return seen.notes[0].partition(": <")[0]
        return answered(seen) if seen.reply.status == 200 else str(seen.reply)

    return fact


def stopped(seen: Seen) -> str:
    """The application was stopped by an error of the server's."""
    if told := lacking(seen):
        return told
    if not seen.notes:
        return "write() never returns"
    return "write() goes on for nobody" if seen.notes[0] == "nothing" else ""


def closed_once(seen: Seen) -> str:
    """The close() of the iterable was called, exactly once, and before it had ended by itself."""
    if "nobody stopped it" in seen.notes:
        return "iterated to the end for nobody"
    count = seen.notes.count("closed")
    return "" if count == 1 else "close() is not called" if not count else f"close() is called {count} times"


def written(*lines: str) -> Fact:
    """The server has written these lines, or more than these in them."""

    def fact(seen: Seen) -> str:
        lost = [line for line in lines if line not in seen.output]
        return f"not written: {', '.join(lost)}" if lost else ""

    return fact


def memory(seen: Seen) -> str:
    """The server's memory did not grow with the body."""
    if seen.grown is None:
        return "not measured on this system"
    return "" if seen.grown < MEMORY_LIMIT else "memory grows with the body"


def large_body(expected: int) -> Fact:
    """A large body has come whole."""
    return lambda seen: "" if seen.body_size == expected else "the body is not whole"


def lives(seen: Seen) -> str:
    """The server answers the next request."""
    return "" if seen.alive else "the server does not answer any more"


def interim(expected: int) -> Fact:
    """An interim response came before the final one."""
    return lambda seen: "" if expected in seen.reply.interim else f"no {expected}"

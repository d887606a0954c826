"""Requests of HTTP/2 for tests: as fields, and drawn for property-based tests with what must come of them."""

from dataclasses import dataclass

from hpack import Encoder, NeverIndexedHeaderTuple
from hypothesis import strategies as st

from tests.support.http_requests import METHODS, TARGETS

Fields = list[tuple[bytes, bytes]]

PSEUDO = {b":method": b"GET", b":scheme": b"http", b":authority": b"x", b":path": b"/"}


def request_fields(*fields: tuple[bytes, bytes], **pseudo: bytes | None) -> Fields:
    """Return the fields of a request that is valid but for what is given: ``path=b"*"``, or None for none."""
    changed: dict[bytes, bytes | None] = {**PSEUDO}
    changed |= {b":" + name.encode("ascii"): value for name, value in pseudo.items()}
    return [(name, value) for name, value in changed.items() if value is not None] + list(fields)


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-.!0123456789", max_size=8).map(lambda text: f"x{text}".encode())
VALUES = (
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=12)
    .filter(lambda text: not any("\x7f" <= letter < "\xa0" for letter in text))
    .map(lambda text: text.strip(" \t").encode("latin-1"))
)
COOKIES = st.from_regex(r"[a-c]=[0-9]{0,3}", fullmatch=True).map(str.encode)
HOSTS = st.sampled_from([b"x", b"example.org:80", b"[::1]", b"EXAMPLE.org:8000"])


@dataclass
class Sent:
    """A request as it is sent, and what is to come of it."""

    fields: Fields
    method: str
    target: bytes
    headers: Fields


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    """Draw a valid request, with its cookies in as many fields as they may be."""
    method, target, host = draw(METHODS), draw(TARGETS).encode(), draw(HOSTS)
    cookies = draw(st.lists(COOKIES, max_size=3))
    others = draw(st.lists(st.tuples(NAMES, VALUES), max_size=4))
    if draw(st.booleans()):
        others.append((b"te", b"trailers"))
    places = sorted(draw(st.lists(st.integers(0, len(others)), min_size=len(cookies), max_size=len(cookies))))
    fields = others.copy()
    for place, cookie in reversed(list(zip(places, cookies, strict=True))):
        fields.insert(place, (b"cookie", cookie))
    headers = [(b"host", host), *others]
    if cookies:
        headers.insert(places[0] + 1, (b"cookie", b"; ".join(cookies)))
    with_host, with_authority = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    pseudo = [(b":method", method.encode()), (b":scheme", b"http"), (b":path", target)]
    pseudo += [(b":authority", host)] if with_authority else []
    fields.insert(draw(st.integers(0, len(fields))), (b"host", host)) if with_host else None
    return Sent(draw(st.permutations(pseudo)) + fields, method, target, headers)


def encoded(encoder: Encoder, fields: Fields, *, never: frozenset[bytes] = frozenset((b":path",))) -> bytes:
    """Encode fields as usual clients do: but for some, they come into the table."""
    marked = [NeverIndexedHeaderTuple(*each) if each[0] in never else each for each in fields]
    return encoder.encode(marked)

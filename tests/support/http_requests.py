"""Requests for property-based tests: valid ones, and what becomes of them when a few bytes go wrong."""

from hypothesis import strategies as st

from tests.support.requests import Seen

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-_.!0123456789", min_size=1, max_size=12).map("x{}".format)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=12)
TARGETS = st.text("abz019-._~!$&'()*+,;=:@%/?", max_size=20).map("/{}".format)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])


@st.composite
def requests(draw: st.DrawFn) -> tuple[Seen, bytes]:
    """Draw a valid request: what must come out of a parser, and the bytes that go in."""
    method, target, version = draw(METHODS), draw(TARGETS), draw(st.sampled_from(["1.1", "1.1", "1.0"]))
    fields = [("Host", draw(st.sampled_from(["x", "example.org:80", "[::1]"])))]
    fields += draw(st.lists(st.tuples(NAMES, VALUES), max_size=4))
    fields += draw(st.sampled_from([[], [("Connection", "keep-alive")], [("Connection", "close")]]))
    body, coded = b"", b""
    framing = draw(st.sampled_from(["none", "none", "length", "chunked"]))
    if framing == "length":
        body = coded = draw(st.binary(max_size=30))
        fields.append(("Content-Length", str(len(body))))
    elif framing == "chunked" and version == "1.1":
        chunks = draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4))
        body = b"".join(chunks)
        coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        coded += draw(st.sampled_from([b"0\r\n\r\n", b"00;a=b\r\nTrailer: c\r\n\r\n"]))
        fields.append(("Transfer-Encoding", "chunked"))
    head = f"{method} {target} HTTP/{version}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields) + "\r\n"
    headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in fields]
    seen = Seen(method, target.encode(), version, headers, body)
    return seen, head.encode("latin-1") + coded


#: What disagreements between parsers have been made of.
PIECES = [
    b"", b"\0", b"\t", b"\n", b"\x0b", b"\r", b"\x1c", b" ", b"\x7f", b"\x85", b"\xa0", b"\xff", b"\r\n",
    b"\r\n\r\n", b"\n\n", b"0", b"5", b"a", b"F", b"+", b"-", b"_", b"0x", b",", b";", b":", b'"', b"/", b"*",
    b"#", b"@", b"%", b"[", b"http://y", b"\r\nHost: y", b"\r\nContent-Length: 3", b"\r\nConnection: close",
    b"\r\nTransfer-Encoding: chunked",
]  # fmt: skip


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Draw a request that a byte or two have been put into, taken out of, or changed in."""
    seen, raw = draw(requests())
    if seen.body:  # not one that looks like another request
        raw = raw.replace(seen.body, b"x" * len(seen.body))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.sampled_from([start, start + 1, start + 2]))
        raw = raw[:start] + draw(st.sampled_from(PIECES)) + raw[end:]
    return raw

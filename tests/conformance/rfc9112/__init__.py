"""Raw requests and what must come of them: RFC 9112 in its order, and what RFC 9110 has for servers.

Each row is sent as it stands, followed by another request: that one must be answered after requests that are
accepted, unless they end the connection, and must reach nobody after one that is refused.
"""

from tests.conformance.rfc9112.chunked import CHUNKED
from tests.conformance.rfc9112.connections import CONNECTIONS
from tests.conformance.rfc9112.content_length import CONTENT_LENGTH
from tests.conformance.rfc9112.fields import FIELDS
from tests.conformance.rfc9112.host import HOSTS
from tests.conformance.rfc9112.parsing import PARSING
from tests.conformance.rfc9112.request_line import REQUEST_LINE
from tests.conformance.rfc9112.request_target import REQUEST_TARGET
from tests.conformance.rfc9112.row import Accepted, Incomplete, Refused, Row
from tests.conformance.rfc9112.semantics import SEMANTICS
from tests.conformance.rfc9112.trailers import TRAILERS
from tests.conformance.rfc9112.transfer_encoding import TRANSFER_ENCODING

__all__ = ["AFTER", "ROWS", "Accepted", "Incomplete", "Refused", "Row"]

#: What is sent after every row.
AFTER = b"GET /after HTTP/1.1\r\nHost: after\r\nConnection: close\r\n\r\n"

ROWS = [
    *PARSING, *REQUEST_LINE, *REQUEST_TARGET, *HOSTS, *FIELDS, *TRANSFER_ENCODING, *CONTENT_LENGTH, *CHUNKED,
    *TRAILERS, *CONNECTIONS, *SEMANTICS,
]  # fmt: skip

"""What a client may send before it is refused; every number here has its answer in
:mod:`hybrid.server.wire.http11`.
"""

from typing import Final, NamedTuple

#: The most that a head may ever measure: it is kept in memory while it comes.
LARGEST_HEAD: Final = 1 << 20
#: The most fields that the C parser of heads takes.
MOST_FIELDS: Final = 256


class Limits(NamedTuple):
    """Bounds on one HTTP/1.1 request, in bytes unless said otherwise.

    A server makes one from its settings, which have most of the defaults from here: ``limit_request_line``
    is :attr:`request_line`, and so on. The names are gunicorn's where it has the setting.
    """

    #: Request line without its CRLF; a longer one is answered 414.
    request_line: int = 8190
    #: Number of header fields; more are answered 431.
    request_fields: int = 100
    #: One header field, name, value and line end; a longer one is answered 431.
    request_field_size: int = 8190
    #: The whole head, request line and fields together; more is answered 431.
    request_head: int = 65536
    #: One chunk-size line of a chunked body, extensions included; a longer one is answered 400.
    chunk_line: int = 256
    #: The extensions of all chunks, beyond as many bytes as there are of the body; more are answered 400.
    chunk_extensions: int = 16384
    #: The trailer section of a chunked body; a longer one is answered 431.
    trailers: int = 8190
    #: The body, without its coding; a larger one is answered 413. 0 is no limit.
    request_body: int = 0

class IncompleteError(Exception): ...

class HttpRequest:
    method: bytes
    path: bytes
    minor_version: int
    header_count: int
    headers: tuple[tuple[bytes, bytes], ...]
    asgi_headers: list[tuple[bytes, bytes]]
    consumed: int
    content_length: int
    has_chunked: bool
    connection_close: int

    def get_header(self, name: bytes, /) -> bytes | None: ...

def parse_request(
    data: bytes | bytearray | memoryview,
    last_len: int = 0,
    limit_request_line: int = ...,
    limit_request_fields: int = ...,
    limit_request_field_size: int = ...,
    permit_unconventional_http_method: bool = False,
    permit_unconventional_http_version: bool = False,
) -> HttpRequest: ...

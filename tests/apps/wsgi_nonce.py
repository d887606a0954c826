"""Answers with what only this request's client knows, in many shapes; see :func:`app`."""

from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from wsgiref.types import StartResponse, WSGIEnvironment


def expected(nonce: str, size: int) -> bytes:
    """Return the body of the response: the nonce, again and again."""
    text = f"{nonce}\n".encode()
    return (text * (size // len(text) + 1))[:size]


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer to `/NONCE/SHAPE/SIZE` with the nonce, and the size of the request's body, in a header too.

    The shapes are `list`, `parts`, `length` (parts, with a Content-Length), `write`, `file` (with the file
    wrapper) and `fail` (half-way).
    """
    nonce, shape, size = environ["PATH_INFO"].strip("/").split("/")
    body = expected(nonce, int(size))
    uploaded = len(environ["wsgi.input"].read())
    headers = [("Content-Type", "text/plain"), ("X-Nonce", nonce), ("X-Uploaded", str(uploaded))]
    if shape == "length":
        headers.append(("Content-Length", size))
    write = start_response("200 OK", headers)
    if shape == "list":
        return [body]
    if shape == "write":
        write(body[:5000])
        return [body[5000:]]
    if shape == "file":
        file = TemporaryFile()  # noqa: SIM115 - the wrapper closes it
        file.write(body)
        file.seek(0)
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped
    return _parts(body, fail=shape == "fail")


def _parts(body: bytes, *, fail: bool) -> Iterator[bytes]:
    for start in range(0, len(body), 7000):
        if fail and start > len(body) // 2:
            raise ValueError("half-way")
        yield body[start : start + 7000]

"""What a request is to Django on both lanes: the same META, the same paths, the same user."""

from collections.abc import Iterable
from typing import Any, BinaryIO, Final

from hybrid.adapters.django.lanes.parts import ASGIRequest, WSGIRequest
from hybrid.bridge.types import VOUCHED, Scope

#: The environ's key of the ASGI scope.
SCOPE: Final = "hybrid.scope"


class LaneRequest(WSGIRequest, ASGIRequest):  # type: ignore[misc]  # of Django, which is not typed
    """A request on the asgi lane, which reads what it is from an environ as those on the wsgi lane do.

    Django's own makes META of the scope by itself, with other keys and types, and without ``environ``. Both
    classes are its bases, so that who asks ``isinstance`` is told the truth: it has all that both have.
    """

    def __init__(self, scope: Scope, body: BinaryIO, environ: dict[str, Any]) -> None:
        WSGIRequest.__init__(self, environ)
        self.scope = scope
        self._body_file = body
        self._post_parse_error = False

    def close(self) -> None:
        """Close uploaded files, and the body."""
        super().close()  # pyright: ignore[reportUnknownMemberType]
        self._body_file.close()


class Identities:
    """The header fields that say who the user is, and who may send them.

    ``Remote-User`` and those that the project's ``RemoteUserMiddleware`` classes look for: from anybody but a
    proxy that is believed (``forwarded_allow_ips``) and that sets the field (``forwarder_headers``) they are
    taken out of META, on both lanes. What such a proxy says is wherever the middleware looks, under WSGI and
    under ASGI.

    Args:
        headers: what the middleware classes have as ``header``, as keys of META.
    """

    def __init__(self, headers: Iterable[str] = ()) -> None:
        self._keys = {_field_of(header): (header, f"HTTP_{header}") for header in ("REMOTE_USER", *headers)}
        #: What a client can put into an environ, and to which field it belongs.
        self._sent = {key: field for field, keys in self._keys.items() for key in keys if key[:5] == "HTTP_"}

    def __repr__(self) -> str:
        return f"<Identities {' '.join(self.names)}>"

    @property
    def names(self) -> list[str]:
        """The fields, as ``forwarder_headers`` has them."""
        return [field.decode("ascii").replace("-", "_").upper() for field in self._keys]

    def check(self, environ: dict[str, Any]) -> None:
        """Take out of an environ what its sender may not say."""
        for key, field in self._sent.items():
            if key in environ:
                self._check(environ, field)

    def _check(self, environ: dict[str, Any], field: bytes) -> None:
        scope: Scope = environ.get(SCOPE) or {}
        said = [value for name, value in scope.get("headers", ()) if name.replace(b"_", b"-") == field]
        believed = (
            field in scope.get(VOUCHED, ()) and len(said) == 1
        )  # two could be the proxy's and the client's
        for key in self._keys[field]:
            if believed:
                environ[key] = said[0].decode("latin-1")
            else:
                environ.pop(key, None)


def _field_of(header: str) -> bytes:
    """Return the field that a client sends for a key of META; Django looks for it with one more prefix under
    ASGI.
    """
    return header.removeprefix("HTTP_").replace("_", "-").lower().encode("ascii")

"""An application below a path: gunicorn's ``root_path``, and ``SCRIPT_NAME`` in the environment."""

from hybrid.bridge.types import ASGIApp, Receive, Resolver, Scope, Send


class Rooted(Resolver):
    """Everything of an application below a path, whether the proxy in front takes that path off or not.

    gunicorn's workers for WSGI want it to be there, its worker for ASGI leaves the path as it is. A path that
    does not begin with it has lost it on the way.

    Args:
        app: what is below.
        root: the path, without a slash at its end.
    """

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    def __repr__(self) -> str:
        return f"Rooted({self._app!r}, {self._root!r})"

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application, and the scope with ``root_path`` and the whole path."""
        if scope["type"] not in ("http", "websocket"):
            return self._app, scope
        root, path = self._root, scope["path"]
        child: Scope = {**scope, "root_path": root}
        if path != root and not path.startswith(f"{root}/"):
            child["path"] = root + path
            child["raw_path"] = root.encode() + scope["raw_path"]
        return self._app, child

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with that scope."""
        app, child = self.resolve(scope)
        await app(child, receive, send)

"""Django's sessions in scopes; the names of ``channels.sessions``."""

from importlib import import_module
from typing import Any, Final

from hybrid.bridge.middleware import CookieMiddleware
from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CookieMiddleware", "InstanceSessionWrapper", "SessionMiddleware", "SessionMiddlewareStack"]

_settings: Final[Any] = import_module("django.conf").settings
_LazyObject: Final[Any] = import_module("django.utils.functional").LazyObject


class InstanceSessionWrapper:
    """The session of one connection: read from its cookie, saved when the response is sent.

    Attributes:
        save_message_types: messages before which a session that has changed is saved.
        cookie_response_message_types: those of them that can set its cookie.
        scope: a copy, with ``"session"``.
        activated: whether that session is ours, and not that of another middleware outside.
    """

    save_message_types = ("http.response.start", "websocket.accept", "websocket.http.response.start")
    cookie_response_message_types = save_message_types

    def __init__(self, scope: Scope, send: Send) -> None:
        self.cookie_name: str = _settings.SESSION_COOKIE_NAME
        self.session_store: Any = import_module(_settings.SESSION_ENGINE).SessionStore
        self.scope: Scope = dict(scope)
        self.activated = "session" not in scope
        self.real_send = send
        if self.activated:
            if "cookies" not in scope:
                raise ValueError("there are no cookies in the scope: CookieMiddleware must be around this")
            self.scope["session"] = _LazyObject()

    def __repr__(self) -> str:
        return f"<InstanceSessionWrapper {'' if self.activated else 'not '}activated>"

    async def resolve_session(self) -> None:
        """Make the session of the cookie's key; it is read when somebody looks into it."""
        key = self.scope["cookies"].get(self.cookie_name)
        self.scope["session"]._wrapped = self.session_store(key)  # noqa: SLF001 - what Django's class is made for

    async def send(self, message: Message) -> None:
        """Send a message; save the session before, and set its cookie, if it is time for that.

        Raises:
            SuspiciousOperation: the session has been deleted meanwhile.
        """
        kind = message["type"]
        if self.activated and kind in self.save_message_types and self._is_to_be_saved(message):
            is_empty = self.scope["session"].is_empty()
            if not is_empty:  # what is empty and has no key has been ended, and would be made anew
                await self.save_session()
            if kind in self.cookie_response_message_types:
                (self._delete_cookie if is_empty else self._set_cookie)(message)
        await self.real_send(message)

    async def save_session(self) -> None:
        """Save it.

        Raises:
            SuspiciousOperation: it has been deleted meanwhile.
        """
        base: Any = import_module("django.contrib.sessions.backends.base")
        session = self.scope["session"]
        try:
            if hasattr(session, "asave"):  # since Django 5.1
                await session.asave()
            else:
                from hybrid.adapters.django.db import database_sync_to_async

                await database_sync_to_async(session.save)()
        except base.UpdateError:
            exceptions: Any = import_module("django.core.exceptions")
            raise exceptions.SuspiciousOperation(
                "the session was deleted before it was saved: its user may have signed out meanwhile"
            ) from None

    def _is_to_be_saved(self, message: Message) -> bool:
        if message.get("status", 200) == 500:
            return False
        if self.scope["session"].modified:
            return True
        return bool(_settings.SESSION_SAVE_EVERY_REQUEST) and message["type"] == "http.response.start"

    def _set_cookie(self, message: Message) -> None:
        session = self.scope["session"]
        CookieMiddleware.set_cookie(
            message,
            self.cookie_name,
            session.session_key,
            max_age=None if session.get_expire_at_browser_close() else session.get_expiry_age(),
            secure=bool(_settings.SESSION_COOKIE_SECURE),
            httponly=bool(_settings.SESSION_COOKIE_HTTPONLY),
            samesite=_settings.SESSION_COOKIE_SAMESITE or None,
            **_place(),
        )

    def _delete_cookie(self, message: Message) -> None:
        if self.cookie_name in self.scope["cookies"]:
            CookieMiddleware.delete_cookie(message, self.cookie_name, **_place())


def _place() -> dict[str, Any]:
    return {"path": _settings.SESSION_COOKIE_PATH, "domain": _settings.SESSION_COOKIE_DOMAIN}


class SessionMiddleware:
    """Puts Django's session into ``scope["session"]``; inside of ``CookieMiddleware``.

    It is saved, and its cookie set, when it has changed before the response to a request, or the answer to a
    handshake. What changes later over a WebSocket is saved by whoever changes it.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Await the inner application with the session."""
        wrapper = InstanceSessionWrapper(scope, send)
        if wrapper.activated:
            await wrapper.resolve_session()
        await self.inner(wrapper.scope, receive, wrapper.send)


def SessionMiddlewareStack(inner: ASGIApp) -> ASGIApp:  # noqa: N802 - Channels' own
    """Wrap an application in all that ``scope["session"]`` needs: cookies, session."""
    return CookieMiddleware(SessionMiddleware(inner))

"""Who a client is, and asking the application for it."""

import functools
import threading
import time
from typing import Any

import pytest

from hybrid.bridge import ConfigError
from hybrid.bridge.auth import Identity, static_tokens
from hybrid.bridge.auth.identity import as_coroutine
from tests.support.layers import run


@pytest.mark.parametrize("user_id", ["", 1, None, b"x"])
def test_ids_that_cannot_be(user_id: Any) -> None:
    """A user's id is a text, so that it is the same wherever it is written."""
    with pytest.raises(TypeError, match="user_id"):
        Identity(user_id)


def test_a_time_that_cannot_be() -> None:
    """An end that never compares would be none."""
    with pytest.raises(ValueError, match="expires"):
        Identity("1", expires=float("nan"))


def test_user() -> None:
    """The user is the id, unless there is something better."""
    assert Identity("1").user == "1"
    assert Identity("1", {"name": "x"}).user == {"name": "x"}


@pytest.mark.parametrize(("seconds", "expired"), [(None, False), (60, False), (-1, True)])
def test_expired(seconds: float | None, expired: bool) -> None:
    """It ends at its time."""
    assert Identity("1", expires=None if seconds is None else time.time() + seconds).expired() is expired


class Callable:
    """An object that is called."""

    async def __call__(self, secret: str) -> Identity | None:
        """Answer."""
        return Identity(f"{secret} on {threading.current_thread().name}")


def test_where_functions_run() -> None:
    """Coroutine functions run here, plain ones on a thread, and what they return is awaited here."""

    async def coroutine(secret: str) -> Identity | None:
        return Identity(f"{secret} on {threading.current_thread().name}")

    def plain(secret: str) -> Identity | None:
        return Identity(f"{secret} on {threading.current_thread().name}")

    async def main() -> None:
        here = threading.current_thread().name
        for verify in (coroutine, Callable(), functools.partial(coroutine)):
            identity = await as_coroutine(verify)("x")
            assert identity is not None
            assert identity.user_id == f"x on {here}"
        identity = await as_coroutine(plain)("x")
        assert identity is not None
        assert identity.user_id.startswith("x on consumer-")

    run(main())


def test_answers() -> None:
    """An identity that has expired is nobody; anything else than an identity is a mistake."""

    async def later() -> Identity | None:
        return Identity("x")

    async def main() -> None:
        assert await as_coroutine(lambda _: None)("x") is None
        assert await as_coroutine(lambda _: later())("x") == Identity("x")
        assert await as_coroutine(lambda _: Identity("1", expires=1.0))("x") is None
        with pytest.raises(TypeError, match="an Identity or None is due, not str"):
            await as_coroutine(lambda _: "1")("x")  # type: ignore[arg-type, return-value]
        with pytest.raises(KeyError):
            await as_coroutine({"a": None}.__getitem__)("x")

    run(main())


def test_static_tokens() -> None:
    """Each token is its user's, and no other text is anybody's, in whatever script."""
    verify = static_tokens({"a" * 16: "ann", "b" * 16: Identity("bob", claims={"x": 1})})

    async def main() -> None:
        assert await verify("a" * 16) == Identity("ann")
        bob = await verify("b" * 16)
        assert bob is not None
        assert bob.claims == {"x": 1}
        for token in ("", "a" * 15, "a" * 17, "ä" * 16, "\udcff"):
            assert await verify(token) is None

    run(main())
    with pytest.raises(ConfigError, match="16") as caught:
        static_tokens({"hunter2": "ann"})
    assert "hunter2" not in str(caught.value)

"""Middleware that says it can be asynchronous, and is not."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware  # type: ignore[import-untyped]
from django.utils.deprecation import MiddlewareMixin  # type: ignore[import-untyped]

from hybrid.adapters.django.lanes.synchronous import problem_of, taken_for_what_they_are
from tests.apps.middleware_lab import middleware as lab
from tests.support.django_desk import desk
from tests.support.process import DEADLINE
from tests.support.waiting import asking, get, until

Respond = Callable[[Any], Any]
TRAIL = "tests.apps.django_desk.trail"


class Answers(MiddlewareMixin):  # type: ignore[misc]
    """Answers by itself at times, which nobody can await."""

    def __call__(self, request: Any) -> Any:
        """Go in, or not."""
        if request == "mine":
            return "answer"
        return self.get_response(request)


class Elsewhere(MiddlewareMixin):  # type: ignore[misc]
    """Goes in by a method, into which nobody looks."""

    def __call__(self, request: Any) -> Any:
        """Go on."""
        return self._go_in(request)

    def _go_in(self, request: Any) -> Any:
        return self.get_response(request)


class Holds(MiddlewareMixin):  # type: ignore[misc]
    """Has a response in its hands, and does nothing with it."""

    def __call__(self, request: Any) -> Any:
        """Go in, and come out."""
        response = self.get_response(request)
        return response  # noqa: RET504 - as people write it


class OverOne(lab.TouchesResponse):
    """Leaves all to one that cannot be asynchronous."""

    def __call__(self, request: Any) -> Any:
        """Go on."""
        return super().__call__(request)


class SaysSo(lab.TouchesResponse):
    """Says what it is."""

    async_capable: ClassVar[bool] = False


class Looks(MiddlewareMixin):  # type: ignore[misc]
    """Is either, by looking itself."""

    def __call__(self, request: Any) -> Any:
        """Go in, on the loop or not."""
        if iscoroutinefunction(self.get_response):
            return self._go_in(request)
        response = self.get_response(request)
        response["X-Seen"] = "looks"
        return response

    async def _go_in(self, request: Any) -> Any:
        response = await self.get_response(request)
        response["X-Seen"] = "looks"
        return response


def _changing(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def changed(self: Any, request: Any) -> Any:
        response = call(self, request)
        response["X-Seen"] = "changed"
        return response

    return changed


class Decorated(MiddlewareMixin):  # type: ignore[misc]
    """Passes on, within something that does not."""

    @_changing
    def __call__(self, request: Any) -> Any:
        """Go on."""
        return self.get_response(request)


def _call(self: Any, request: Any) -> Any:
    return self.get_response(request)


class Assigned(MiddlewareMixin):  # type: ignore[misc]
    """Has a call that its source does not show."""

    __call__ = _call


class Initialised(MiddlewareMixin):  # type: ignore[misc]
    """Has an `__init__` as it should be."""

    def __init__(self, get_response: Respond) -> None:
        super().__init__(get_response)
        self.seen = 0


@sync_and_async_middleware  # type: ignore[untyped-decorator]
def function(get_response: Respond) -> Respond:
    """Be no class."""
    return get_response


@pytest.mark.parametrize(
    ("middleware", "problem"),
    [
        *((each, "__call__") for each in (lab.TouchesResponse, lab.TouchesOfSuper, Answers, OverOne)),
        *((each, "__call__") for each in (Elsewhere, Decorated, Assigned)),
        (lab.NoInit, "__init__"),
        *((each, "") for each in (lab.Both, lab.CallsSuper, lab.PassesOn, Holds, SaysSo, Looks, Initialised)),
        *((each, "") for each in (lab.DualClass, lab.SyncClass, lab.AsyncClass, lab.dual_function, function)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_synchronous_is_found(middleware: object, problem: str) -> None:
    """A call of its own that does anything with what is inside, or cannot be looked into, unless it is ready
    for both; an `__init__` that leaves out the one that counts.
    """
    assert (problem in problem_of(middleware)) if problem else not problem_of(middleware)


def test_who_watches_middleware_goes_on_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that has replaced the function by which Django finds middleware is called, and stays."""
    base: Any = import_module("django.core.handlers.base")
    seen: list[str] = []
    find: Callable[[str], Any] = base.import_string

    def watching(path: str) -> Any:
        seen.append(path)
        return find(path)

    monkeypatch.setattr(base, "import_string", watching)
    paths = [f"{lab.__name__}.{name}" for name in ("TouchesResponse", "Both")]
    with taken_for_what_they_are():
        found = [base.import_string(path) for path in paths]
    assert seen == paths
    assert [each.async_capable for each in found] == [False, True]
    assert base.import_string is watching


def test_each_is_named_once_at_the_start(tmp_path: Path) -> None:
    """With what is to be done about it; what works as it is, is not."""
    chain = " ".join(f"{TRAIL}.{name}" for name in ("SyncCall", "NoSuper", "PassesOn", "OwnCall"))
    with desk(tmp_path, env={"DESK_MIDDLEWARE": chain}) as server:
        for path in ("/async", "/sync", "/async"):
            assert httpx.get(f"{server.url}{path}", timeout=DEADLINE).status_code == 200
        assert server.terminate() == 0
    told = [line for line in server.stderr.splitlines() if "HM104" in line]
    for line, name in zip(sorted(told), ("NoSuper", "SyncCall"), strict=True):
        assert "WARNING" in line
        assert f"middleware {TRAIL}.{name} has " in line
        assert "async_capable = False" in line


def test_more_requests_than_threads(tmp_path: Path) -> None:
    """They take turns with the threads of the lane, which the middleware keeps while coroutines wait."""
    env = {"DESK_MIDDLEWARE": f"{TRAIL}.SyncCall"}
    with desk(tmp_path, env=env, django_threads=2) as server, ThreadPoolExecutor(20) as callers:
        answers = callers.map(lambda _: httpx.get(f"{server.url}/async/users", timeout=DEADLINE), range(60))
        assert {each.status_code for each in answers} == {200}


def test_a_client_that_leaves_frees_the_thread(tmp_path: Path) -> None:
    """The view is cancelled, as without such middleware."""
    env = {"DESK_MIDDLEWARE": f"{TRAIL}.SyncCall"}
    with desk(tmp_path, env=env, django_threads=1) as server:
        with asking(server, "/async/waits"):
            until(lambda: '"waiting": 1' in get(server, "/signals"))
        until(lambda: '"cancelled": 1' in get(server, "/signals"))
        assert httpx.get(f"{server.url}/async/users", timeout=DEADLINE).status_code == 200
        assert server.terminate() == 0

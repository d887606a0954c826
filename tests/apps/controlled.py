"""An application with lanes that can be asked and told things: `app`; `plain` has the same lanes and cannot.

A command for each behaviour: `test.echo` answers its arguments, `test.who` says which process it is, whether
that leads and how far its life has come, `test.all` asks all processes for that, `test.note` and `test.notes`
keep texts in a file that the processes share. `test.fail`, `test.refuse`, `test.wait` and `test.odd` do not
answer as they should; `test.stop` keeps the loop. The `lanes.…` are those of a Django project, whose answers
are recorded.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.control import Command, ControlError, Fleet
from hybrid.bridge.gateway import Gateway, Target
from hybrid.bridge.lanes import Lanes, TwoLanes
from hybrid.bridge.types import ASGIApp, Receive, Scope, Send
from hybrid.bridge.wsgi.threadpool import ThreadPool

RECORDED = Path(__file__).with_name("lanes_answers.json")


class PlainLanes(Lanes):
    """Sends every request to the threads."""

    def __init__(self, threaded: ASGIApp) -> None:
        self.parts = threaded, threaded
        self.runs_on = "thread pool"
        self._threaded = threaded

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Choose the threads; a lifespan has nothing to do."""
        return (self._threaded if scope["type"] == "http" else _lifespan), scope


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    for end in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{end}.complete"})


class ControlledLanes(PlainLanes):
    """What can be asked and told things."""

    def __init__(self, threaded: ASGIApp) -> None:
        super().__init__(threaded)
        self.fleet: Fleet | None = None

    async def join(self, fleet: Fleet) -> None:
        """Take part."""
        if "JOIN_FAILS" in os.environ:
            raise RuntimeError("cannot join on purpose")
        self.fleet = fleet

    async def leave(self) -> None:
        """Take no part any more."""
        self.fleet = None

    def commands(self) -> Mapping[str, Command]:
        """Return its commands."""
        own = {name: getattr(self, f"_{name}") for name in ("who", "all", "note", "notes")}
        return {
            **{f"test.{name}": command for name, command in own.items()},
            **{f"test.{command.__name__}": command for command in (echo, fail, refuse, wait, odd, stop)},
            **{
                f"lanes.{name}": _recorded(name) for name in ("show", "set", "percent", "rollback", "history")
            },
        }

    async def _who(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self.fleet is not None
        return {"pid": os.getpid(), "leads": self.fleet.leads, "directory": str(self.fleet.directory)}

    async def _all(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self.fleet is not None
        answers = await self.fleet.ask(arguments.get("command", "test.who"), arguments)
        return {"answers": [*answers], "missing": answers.missing}

    async def _note(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._notes_file.open("a", encoding="utf-8") as file:
            file.write(f"{arguments['text']}\n")
        return {}

    async def _notes(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        file = self._notes_file
        return {"notes": file.read_text(encoding="utf-8").splitlines() if file.exists() else []}

    @property
    def _notes_file(self) -> Path:
        assert self.fleet is not None
        return self.fleet.directory / "notes"


async def echo(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer what was said."""
    return arguments


async def fail(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have a defect."""
    raise KeyError("a secret")


async def refuse(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse it, where it is this process that is meant."""
    if arguments.get("pid", os.getpid()) == os.getpid():
        raise ControlError("not today")
    return {}


async def wait(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer never, where it is this process that is meant."""
    if arguments.get("pid", os.getpid()) == os.getpid():
        await asyncio.Event().wait()
    return {"pid": os.getpid()}


async def odd(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer what JSON cannot say."""
    return {"odd": object()}


async def stop(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep the loop for a while, where it is this process that is meant."""
    if arguments.get("pid", os.getpid()) == os.getpid():
        time.sleep(arguments["seconds"])  # noqa: ASYNC251 - what must not be done
    return {"pid": os.getpid()}


def _recorded(name: str) -> Command:
    async def answer(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if arguments.get("view") == "no:such":
            raise ControlError("there is no view 'no:such'; did you mean desk:systems?")
        answers: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
        answer: dict[str, Any] = answers[name]
        if "change" in answer:
            said = {key: arguments[key] for key in ("by", "reason")}
            answer = {**answer, "change": {**answer["change"], **said}}
        return answer

    return answer


class Application(TwoLanes):
    """An application with such lanes."""

    sockets = None
    sockets_name = ""

    def __init__(self, kind: type[PlainLanes]) -> None:
        self.wsgi = answer_pid
        self._kind = kind

    def lanes(self, threaded: ASGIApp, threads: int, stuck: int) -> Lanes:
        """Return what chooses."""
        return self._kind(threaded)


def answer_pid(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer which process it is; for `/held`, not before the file `$RELEASE` is gone, which it makes."""
    if environ["PATH_INFO"] == "/held":
        held = Path(os.environ["RELEASE"])
        held.touch()
        while held.exists():
            time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def _served(kind: type[PlainLanes]) -> Gateway:
    return Gateway([Target(Application(kind))], pool=ThreadPool(4))


app = _served(ControlledLanes)
plain = _served(PlainLanes)

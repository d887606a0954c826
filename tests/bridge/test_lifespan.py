import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from hybrid.bridge import lifespan as lifespan_module
from hybrid.bridge import lifespan_run as run_module
from hybrid.bridge.errors import LifespanError, ProtocolError
from hybrid.bridge.lifespan import Lifespan, lifespan_app
from hybrid.bridge.types import ASGIApp, LifespanMode, Message, Receive, Scope, Send

STARTED: Message = {"type": "lifespan.startup.complete"}
STOPPED: Message = {"type": "lifespan.shutdown.complete"}

Part = Callable[[Scope, Receive, Send], Awaitable[None]]


class App:
    """An application with a lifespan that notes what happens in a list that may be shared.

    `start` and `stop` may each do something of their own in place of the good answer.
    """

    def __init__(
        self,
        name: str,
        notes: list[str] | None = None,
        *,
        start: Part | None = None,
        stop: Part | None = None,
    ) -> None:
        self.name = name
        self.notes = [] if notes is None else notes
        self._start = start
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take part in the lifespan from start to end."""
        assert scope["type"] == "lifespan"
        try:
            assert await receive() == {"type": "lifespan.startup"}
            self.notes.append(f"{self.name} starts")
            await (self._start(scope, receive, send) if self._start else send(STARTED))
            assert await receive() == {"type": "lifespan.shutdown"}
            self.notes.append(f"{self.name} stops")
            await (self._stop(scope, receive, send) if self._stop else send(STOPPED))
        except asyncio.CancelledError:
            self.notes.append(f"{self.name} is cancelled")
            raise


def saying(kind: str, message: str | None = None) -> Part:
    """Make a part of an application that sends one message."""

    async def part(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": kind} if message is None else {"type": kind, "message": message})

    return part


def raising(error: BaseException, *, after: Message | None = None) -> Part:
    """Make a part of an application that raises, perhaps after it sent something."""

    async def part(scope: Scope, receive: Receive, send: Send) -> None:
        if after is not None:
            await send(after)
        raise error

    return part


def blocking(reached: asyncio.Event) -> Part:
    """Make a part of an application that tells that it was reached and then waits for ever."""

    async def part(scope: Scope, receive: Receive, send: Send) -> None:
        reached.set()
        await asyncio.Event().wait()

    return part


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Know nothing of lifespans, and say nothing."""


async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
    """Know nothing of lifespans, and say so, as Django and the ASGI specification do."""
    raise ValueError("only HTTP here")


async def careless(scope: Scope, receive: Receive, send: Send) -> None:
    """Take every scope for HTTP, as the smallest examples do."""
    await send({"type": "http.response.start", "status": 200, "headers": []})


def run(lifespan: Lifespan, state: dict[str, Any] | None = None) -> None:
    """Take a lifespan through startup and shutdown, and see that no task is left."""

    async def main() -> None:
        await lifespan.startup(state)
        await lifespan.shutdown()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def failure(lifespan: Lifespan) -> LifespanError:
    """Start a lifespan that cannot start, see that no task is left, and return the error."""

    async def main() -> LifespanError:
        with pytest.raises(LifespanError) as caught:
            await lifespan.startup({})
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await lifespan.shutdown()
        return caught.value

    return asyncio.run(main())


# Order, state and modes


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_applications_start_in_order_and_stop_in_reverse(mode: LifespanMode) -> None:
    """The next one starts when the one before has, so that it may rely on it, and stops before it."""
    notes: list[str] = []
    run(Lifespan([App("a", notes), App("b", notes), App("c", notes)], mode))
    assert notes == ["a starts", "b starts", "c starts", "c stops", "b stops", "a stops"]


def test_off_runs_nothing() -> None:
    """Mode "off" does not even call the application."""
    app = App("a")
    run(Lifespan([app], "off"))
    assert app.notes == []


def test_without_applications_nothing_happens() -> None:
    """A site of WSGI applications alone has nothing to start, even in mode "on"."""
    run(Lifespan([], "on"))


def test_all_applications_share_one_state() -> None:
    """What an application puts into `scope["state"]` is there for the others and for the server."""

    def keeping(key: str) -> Part:
        async def part(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"][key] = sorted(scope["state"])
            await send(STARTED)

        return part

    state: dict[str, Any] = {"server": []}
    run(Lifespan([App("a", start=keeping("a")), App("b", start=keeping("b"))]), state)
    assert state == {"server": [], "a": ["server"], "b": ["a", "server"]}


def test_the_scope_is_that_of_the_specification() -> None:
    """The type, the versions and the state; each application has a scope of its own to write into."""
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(dict(scope))
        scope.clear()

    run(Lifespan([app, app]), {})
    asgi = {"version": "3.0", "spec_version": "2.0"}
    assert scopes == [{"type": "lifespan", "asgi": asgi, "state": {}}] * 2


def test_a_server_without_state_leaves_it_out() -> None:
    """Frameworks tell by the key whether they may use state."""
    found: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append("state" in scope)

    run(Lifespan([app]))
    assert found == [False]


def test_each_application_has_a_task_and_a_context_of_its_own() -> None:
    """Starting and stopping happen in the same task, which cancel scopes and context variables rely on."""
    tasks: list[Any] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await send(STARTED if len(tasks) < 3 else STOPPED)

    run(Lifespan([App("a", start=note, stop=note), App("b", start=note, stop=note)]))
    a, b, b_again, a_again = tasks
    assert (a, b) == (a_again, b_again)
    assert a is not b


# Applications without a lifespan


@pytest.mark.parametrize("app", [silent, refusing, careless])
def test_auto_goes_on_without_an_application_that_has_no_lifespan(
    app: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    """It returned or raised before it said anything; that is no reason for a warning."""
    neighbour = App("b")
    with caplog.at_level(logging.INFO):
        run(Lifespan([app, neighbour], "auto"))
    assert neighbour.notes == ["b starts", "b stops"]
    assert caplog.records == []


def test_auto_warns_when_an_application_raised_while_it_started(caplog: pytest.LogCaptureFixture) -> None:
    """It has asked for the startup event, so it may have a lifespan, and a mistake in it."""
    run(Lifespan([App("a", start=raising(RuntimeError("no database")))], names=["shop.asgi:app"]))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "shop.asgi:app: runs without lifespan: it raised RuntimeError: no database"
    assert record.exc_info is not None


@pytest.mark.parametrize(
    ("app", "end"),
    [
        (silent, "returned without an answer"),
        (refusing, "raised ValueError: only HTTP here"),
        (App("a", start=raising(RuntimeError())), "raised RuntimeError"),
    ],
)
def test_on_takes_an_application_without_lifespan_for_a_failure(app: ASGIApp, end: str) -> None:
    """Mode "on" is a promise that every application has one."""
    error = failure(Lifespan([app], "on", names=["shop.asgi:app"]))
    assert str(error) == f"shop.asgi:app: lifespan is required, but it {end}"


# Failures at startup


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_a_failed_startup_stops_what_was_started(mode: LifespanMode) -> None:
    """The error has the application's words; those after it never start; those before it stop in reverse."""
    notes: list[str] = []
    failing = App("c", notes, start=saying("lifespan.startup.failed", "no database"))
    lifespan = Lifespan(
        [App("a", notes), App("b", notes), failing, App("d", notes)], mode, names=list("abcd")
    )
    assert str(failure(lifespan)) == "c: lifespan startup failed: no database"
    assert notes[:3] == ["a starts", "b starts", "c starts"]
    assert notes[-2:] == ["b stops", "a stops"]
    assert "d starts" not in notes


def test_a_failure_while_rolling_back_does_not_hide_the_first() -> None:
    """The startup's error is the one to mend; every other application is still asked to stop."""
    notes: list[str] = []
    first, broken = App("a", notes), App("b", notes, stop=saying("lifespan.shutdown.failed", "stuck"))
    failing = App("c", notes, start=saying("lifespan.startup.failed", "no database"))
    error = failure(Lifespan([first, broken, failing], names=list("abc")))
    assert str(error) == "c: lifespan startup failed: no database"
    assert "a stops" in notes


@pytest.mark.parametrize("message", [None, "", " \n"])
def test_a_failure_without_words_says_so(message: str | None) -> None:
    """The message is optional in ASGI."""
    error = failure(Lifespan([App("a", start=saying("lifespan.startup.failed", message))], names=["a"]))
    assert str(error) == "a: lifespan startup failed: it gave no reason"


def test_a_traceback_as_message_is_logged_whole_and_told_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Starlette sends its traceback and raises after it; the last line of one says what happened."""
    words = "Traceback (most recent call last):\n  File …\nRuntimeError: no database\n"
    part = raising(RuntimeError("no database"), after={"type": "lifespan.startup.failed", "message": words})
    error = failure(Lifespan([App("a", start=part)], names=["a"]))
    assert str(error) == "a: lifespan startup failed: RuntimeError: no database"
    assert isinstance(error.__cause__, RuntimeError)
    (record,) = caplog.records
    assert words.strip() in record.getMessage()


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize("stop", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_an_application_that_wants_to_end_everything_fails_the_start(
    mode: LifespanMode, stop: BaseException
) -> None:
    """A SystemExit in a task would end the event loop at once, with every application left as it is."""
    notes: list[str] = []
    lifespan = Lifespan([App("a", notes), App("b", notes, start=raising(stop))], mode, names=["a", "b"])
    error = failure(lifespan)
    assert str(error).startswith("b: ")
    assert type(stop).__name__ in str(error)
    assert notes[-1] == "a stops"


@pytest.mark.parametrize("listens", [True, False])
def test_an_application_that_stays_after_its_failure_is_cancelled(
    listens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits for another event is cancelled at once, any other after a moment."""
    for module in (lifespan_module, run_module):
        monkeypatch.setattr(module, "GRACE", 60.0 if listens else 0.001)

    async def part(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        await (receive() if listens else asyncio.Event().wait())

    app = App("a", start=part)
    failure(Lifespan([app]))
    assert app.notes == ["a starts", "a is cancelled"]


# While it runs


def test_an_exception_after_the_start_is_logged_at_once_and_reported_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server goes on; at shutdown the application is not asked again, and the others stop."""
    notes: list[str] = []
    crashing = App("b", notes, start=raising(RuntimeError("gone"), after=STARTED))

    async def main() -> None:
        lifespan = Lifespan([App("a", notes), crashing, App("c", notes)], names=list("abc"))
        await lifespan.startup({})
        (record,) = caplog.records
        assert record.getMessage() == "b: raised RuntimeError: gone in its lifespan"
        with pytest.raises(LifespanError, match=r"^b: raised RuntimeError: gone in its lifespan$"):
            await lifespan.shutdown()

    asyncio.run(main())
    assert notes[-2:] == ["c stops", "a stops"]


def test_a_system_exit_after_the_start_does_not_end_the_loop() -> None:
    """It is reported like any other exception."""

    async def main() -> None:
        lifespan = Lifespan([App("a", start=raising(SystemExit(1), after=STARTED))], names=["a"])
        await lifespan.startup({})
        with pytest.raises(LifespanError, match="raised SystemExit: 1"):
            await lifespan.shutdown()

    asyncio.run(main())


def test_an_application_may_leave_after_its_start() -> None:
    """Some have nothing to do at shutdown and return."""

    async def brief(scope: Scope, receive: Receive, send: Send) -> None:
        await send(STARTED)

    run(Lifespan([brief], "on"))


# Breaking the protocol


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("lifespan.startup.complete", "sent 'lifespan.startup.complete' while its lifespan was running"),
        ("lifespan.startup.failed", "sent 'lifespan.startup.failed' while its lifespan was running"),
        ("lifespan.shutdown.complete", "sent 'lifespan.shutdown.complete' while its lifespan was running"),
        ("http.response.start", "sent 'http.response.start' while its lifespan was running"),
    ],
)
def test_a_message_out_of_turn_raises_inside_the_application(kind: str, said: str) -> None:
    """The error appears where the mistake is, names the message, and breaks nothing."""
    caught: list[str] = []

    async def twice(scope: Scope, receive: Receive, send: Send) -> None:
        await send(STARTED)
        try:
            await send({"type": kind})
        except ProtocolError as error:
            caught.append(str(error))

    run(Lifespan([App("a", start=twice)], names=["a"]))
    assert caught == [f"a: {said}"]


def test_a_message_without_a_type_raises_inside_the_application() -> None:
    """The application that does not catch it has, in mode "on", failed to start."""

    async def nameless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({})

    error = failure(Lifespan([nameless], "on", names=["a"]))
    assert "sent 'None' while its lifespan was starting" in str(error)


def test_an_application_that_asks_for_more_in_place_of_an_answer_is_told() -> None:
    """Nothing follows `lifespan.shutdown`: it would wait, and the server with it, for ever."""

    async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    async def main() -> None:
        lifespan = Lifespan([App("a", stop=deaf)], names=["a"])
        await lifespan.startup({})
        with pytest.raises(LifespanError, match="called receive\\(\\) again instead of answering"):
            await lifespan.shutdown()

    asyncio.run(main())


# Shutdown


def shutdown_failure(*apps: App) -> LifespanError:
    """Start applications that start well, stop them, and return the error."""

    async def main() -> LifespanError:
        lifespan = Lifespan(apps, names=[app.name for app in apps])
        await lifespan.startup({})
        with pytest.raises(LifespanError) as caught:
            await lifespan.shutdown()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await lifespan.shutdown()
        return caught.value

    return asyncio.run(main())


def test_a_failed_shutdown_is_reported_after_all_others_have_stopped() -> None:
    """One application's trouble is no reason to leave another without its shutdown."""
    notes: list[str] = []
    broken = App("b", notes, stop=saying("lifespan.shutdown.failed", "disk full"))
    error = shutdown_failure(App("a", notes), broken, App("c", notes))
    assert str(error) == "b: lifespan shutdown failed: disk full"
    assert notes[-1] == "a stops"


def test_an_exception_during_shutdown_is_a_failure_too() -> None:
    """All failures are told, in the order in which they happened."""
    error = shutdown_failure(
        App("a", stop=saying("lifespan.shutdown.failed", "disk full")),
        App("b", stop=raising(OSError("unplugged"))),
    )
    assert str(error) == (
        "b: raised OSError: unplugged in its lifespan; a: lifespan shutdown failed: disk full"
    )


def test_an_exception_after_the_last_word_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The application has said that it stopped well."""
    run(Lifespan([App("a", stop=raising(RuntimeError("late"), after=STOPPED))], names=["a"]))
    assert [record.getMessage() for record in caplog.records] == [
        "a: raised RuntimeError: late in its lifespan"
    ]


def test_an_application_that_returns_without_an_answer_does_not_hold_up_the_shutdown() -> None:
    """The specification wants an answer, but nobody needs one from a task that has ended."""
    run(Lifespan([App("a", stop=silent), App("b", stop=silent)], "on"))


@pytest.mark.parametrize("listens", [True, False])
def test_an_application_that_stays_after_its_last_word_is_cancelled(
    listens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop around `receive` is a frequent slip: it ends at once, without an error and without a wait."""
    for module in (lifespan_module, run_module):
        monkeypatch.setattr(module, "GRACE", 60.0 if listens else 0.001)

    async def part(scope: Scope, receive: Receive, send: Send) -> None:
        await send(STOPPED)
        await (receive() if listens else asyncio.Event().wait())

    app = App("a", stop=part)
    run(Lifespan([app]))
    assert app.notes == ["a starts", "a stops", "a is cancelled"]


# Being cancelled


async def cancel_when(reached: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Begin something, cancel it as soon as `reached` is set, and see that no task is left."""
    task = asyncio.create_task(work)
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_cancelling_the_startup_cancels_every_application() -> None:
    """No task goes on alone when the server gives up while one application takes its time."""
    notes: list[str] = []

    async def main() -> None:
        reached = asyncio.Event()
        lifespan = Lifespan([App("a", notes), App("b", notes, start=blocking(reached))])
        await cancel_when(reached, lifespan.startup({}))
        await lifespan.shutdown()

    asyncio.run(main())
    assert notes[:2] == ["a starts", "b starts"]
    assert sorted(notes[2:]) == ["a is cancelled", "b is cancelled"]


def test_cancelling_the_shutdown_cancels_every_application() -> None:
    """A server whose time is up leaves nothing behind."""
    notes: list[str] = []

    async def main() -> None:
        reached = asyncio.Event()
        lifespan = Lifespan([App("a", notes), App("b", notes, stop=blocking(reached))])
        await lifespan.startup({})
        await cancel_when(reached, lifespan.shutdown())

    asyncio.run(main())
    assert notes[2] == "b stops"
    assert sorted(notes[3:]) == ["a is cancelled", "b is cancelled"]


def test_cancel_ends_the_applications_without_asking() -> None:
    """A server that is forced to stop can give up at any time."""
    app = App("a")

    async def main() -> None:
        lifespan = Lifespan([app])
        await lifespan.cancel()
        await lifespan.startup({})
        await lifespan.cancel()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert app.notes == ["a starts", "a is cancelled"]


# As one ASGI application


async def serve(app: ASGIApp, scope: Scope, *, give_up: bool = False) -> list[Message]:
    """Run a lifespan application as a server does, which perhaps gives up, and return what it sent."""
    events: asyncio.Queue[Message] = asyncio.Queue()
    started = asyncio.Event()
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        started.set()

    events.put_nowait({"type": "lifespan.startup"})
    task = asyncio.ensure_future(app(scope, events.get, send))
    await started.wait()
    if give_up:
        task.cancel()
        await asyncio.wait({task})
    else:
        events.put_nowait({"type": "lifespan.shutdown"})
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return sent


def test_several_lifespans_pass_for_one() -> None:
    """Under any ASGI server, routers run the lifespans of what they hold, again for every lifespan scope."""
    notes: list[str] = []
    app = lifespan_app([App("a", notes), silent, App("b", notes)])
    for _ in range(2):
        assert asyncio.run(serve(app, {"type": "lifespan", "state": {}})) == [STARTED, STOPPED]
    assert notes == ["a starts", "b starts", "b stops", "a stops"] * 2


def test_the_state_of_the_server_is_the_state_of_the_applications() -> None:
    """What they put there reaches the requests, which the server gives a copy."""

    async def keep(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["database"] = "open"
        await send(STARTED)

    state: dict[str, Any] = {}
    asyncio.run(serve(lifespan_app([App("a", start=keep)]), {"type": "lifespan", "state": state}))
    assert state == {"database": "open"}


def test_failures_are_sent_to_the_server() -> None:
    """With the name of the application that failed."""
    starts_badly = lifespan_app([App("a", start=saying("lifespan.startup.failed", "no disk"))], names=["a"])
    stops_badly = lifespan_app([App("a", stop=saying("lifespan.shutdown.failed", "no disk"))], names=["a"])
    scope: Scope = {"type": "lifespan"}
    assert asyncio.run(serve(starts_badly, scope)) == [
        {"type": "lifespan.startup.failed", "message": "a: lifespan startup failed: no disk"}
    ]
    assert asyncio.run(serve(stops_badly, scope)) == [
        STARTED,
        {"type": "lifespan.shutdown.failed", "message": "a: lifespan shutdown failed: no disk"},
    ]


def test_a_server_that_gives_up_cancels_the_applications() -> None:
    """As at the end of `asyncio.run`, which cancels what is left."""
    app = App("a")
    asyncio.run(serve(lifespan_app([app]), {"type": "lifespan"}, give_up=True))
    assert app.notes == ["a starts", "a is cancelled"]


def test_a_lifespan_shows_what_is_running() -> None:
    """A repr in a log or a debugger tells the mode and the phase of each application."""

    async def main() -> str:
        lifespan = Lifespan([App("a")], names=["shop.asgi:app"])
        await lifespan.startup({})
        text = repr(lifespan)
        await lifespan.shutdown()
        return text

    assert asyncio.run(main()) == "<Lifespan auto of 1, open: [<shop.asgi:app running>]>"


def test_an_application_without_a_name_is_called_by_its_class() -> None:
    """Messages always name the application."""
    error = failure(Lifespan([App("a", start=saying("lifespan.startup.failed", "no disk"))]))
    assert str(error) == f"{__name__}.App: lifespan startup failed: no disk"

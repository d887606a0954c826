"""The threads of the asgi lane."""

import asyncio
import threading
from concurrent.futures import Future

import pytest

from hybrid.adapters.django.lanes.threads import RequestThread, StickyThreads
from tests.support.waiting import until


def ended() -> list[str]:
    """Make a list, for the names of threads that end."""
    return []


def test_a_request_keeps_its_thread_and_two_have_two() -> None:
    """Calls of one request run in order on one thread; another request gets one with less to do."""
    threads = StickyThreads(2, ended, ended)
    one, other = RequestThread(threads), RequestThread(threads)
    gate = threading.Event()
    first = one.submit(gate.wait)
    second = one.submit(threading.get_ident)
    elsewhere = other.submit(threading.get_ident).result()
    gate.set()
    assert first.result()
    assert second.result() != elsewhere
    assert one.submit(threading.get_ident).result() == second.result()
    assert threads.close(5)


def test_requests_one_after_the_other_share_a_thread() -> None:
    """So few threads, and few database connections, are used."""
    threads = StickyThreads(8, ended, ended)
    seen: set[int] = set()
    for _ in range(10):
        request = RequestThread(threads)
        seen.add(request.submit(threading.get_ident).result())
        request.release()
        until(lambda: threads.choose().name == "asgi-1")  # its call is done for the thread, too
    assert len(seen) == 1
    assert threads.close(5)


def test_a_call_is_made_although_nobody_waits_any_more() -> None:
    """What it undoes must be undone: it cannot be cancelled before it runs."""
    threads = StickyThreads(1, ended, ended)
    request = RequestThread(threads)
    gate = threading.Event()
    request.submit(gate.wait)
    future: Future[str] = request.submit(lambda: "done")
    assert not future.cancel()
    gate.set()
    assert future.result() == "done"
    assert threads.close(5)


def test_an_error_is_raised_where_it_is_waited_for() -> None:
    """The thread goes on."""
    threads = StickyThreads(1, ended, ended)
    request = RequestThread(threads)
    with pytest.raises(ZeroDivisionError):
        request.submit(lambda: 1 / 0).result()
    assert request.submit(lambda: 1).result() == 1
    assert threads.close(5)


def test_what_a_call_has_broken_is_closed_before_the_next_one() -> None:
    """On the thread itself, and only after calls that raise; an error there does not end the thread."""
    seen: list[str] = []

    def close() -> None:
        seen.append(f"closed on {threading.current_thread().name}")
        raise ValueError("in closing")

    threads = StickyThreads(1, close, ended)
    request = RequestThread(threads)
    calls = [request.submit(call) for call in (lambda: 1, lambda: 1 / 0, lambda: seen.append("next"))]
    calls[-1].result()
    assert seen == ["closed on asgi-1", "next"]
    assert threads.close(5)


def test_what_is_to_be_closed_is_closed_on_each_thread_that_was_used() -> None:
    """On the thread itself, after its last call."""
    names: list[str] = []
    threads = StickyThreads(3, ended, lambda: names.append(threading.current_thread().name))
    requests = [RequestThread(threads) for _ in range(2)]
    gate = threading.Event()
    for request in requests:
        request.submit(gate.wait)
    gate.set()
    assert threads.close(5)
    assert sorted(names) == ["asgi-1", "asgi-2"]
    again = RequestThread(threads)
    assert again.submit(lambda: 1).result() == 1, "others take their place"
    assert threads.close(5)


def test_a_thread_that_is_busy_is_left_behind_in_time() -> None:
    """Closing says so."""
    threads = StickyThreads(1, ended, ended)
    gate = threading.Event()
    RequestThread(threads).submit(gate.wait)
    assert not threads.close(0.01)
    gate.set()


def test_all_threads_together_have_the_time_that_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several that are busy do not keep the end of the server for as long each."""
    threads = StickyThreads(3, ended, ended)
    requests = [RequestThread(threads) for _ in range(3)]
    gate = threading.Event()
    calls = [request.submit(gate.wait) for request in requests]
    now, granted = [100.0], []

    def join(thread: threading.Thread, timeout: float) -> None:
        granted.append(timeout)
        now[0] += timeout

    with monkeypatch.context() as patch:
        patch.setattr("hybrid.adapters.django.lanes.threads.monotonic", lambda: now[0], raising=False)
        patch.setattr(threading.Thread, "join", join)
        assert not threads.close(5)
    assert sum(granted) == 5
    gate.set()
    assert all(call.result() for call in calls)


def test_asgiref_takes_a_request_thread() -> None:
    """Thread-sensitive code in its context runs there."""
    from asgiref.sync import ThreadSensitiveContext, sync_to_async

    async def names() -> list[str]:
        request = RequestThread(threads)
        async with ThreadSensitiveContext(executor=request):
            return [await sync_to_async(lambda: threading.current_thread().name)() for _ in range(2)]

    threads = StickyThreads(2, ended, ended)
    assert asyncio.run(names()) == ["asgi-1", "asgi-1"]
    assert threads.close(5)

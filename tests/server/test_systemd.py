"""What systemd and a service say to each other."""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.server.errors import BindError
from hybrid.server.systemd import Notifier, PassedSocket, take_passed_sockets
from tests.support.embedded import on_each_loop, until

PID = str(os.getpid())


class Manager:
    """Systemd's end of the socket that services notify."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def messages(self) -> list[list[str]]:
        """Take what has come."""
        found = []
        try:
            while True:
                found.append(self.socket.recv(4096).decode().split("\n"))
        except BlockingIOError:
            return found


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Manager, str]]:
    """Give a manager, and what `NOTIFY_SOCKET` says of it, for either kind of address."""
    if request.param == "path":
        there = Manager(str(tmp_path / "notify"))
        address = str(tmp_path / "notify")
    else:
        there = Manager("")  # the system picks a name
        address = "@" + there.socket.getsockname()[1:].decode()
    with there.socket:
        yield there, address


# Sockets.


def test_nothing_passed() -> None:
    """Without systemd there are no sockets."""
    assert take_passed_sockets({}) == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", ["unknown", "unknown"]),
        ("web", ["web", "unknown"]),
        ("web:", ["web", ""]),
        ("web:admin", ["web", "admin"]),
    ],
)
def test_passed(names: str, expected: list[str]) -> None:
    """The descriptors from 3 on are ours, with the names that they were given; children are not told."""
    environ = {
        "LISTEN_PID": PID,
        "LISTEN_FDS": "2",
        "LISTEN_FDNAMES": names,
        "LISTEN_PIDFDID": "7",
        "HOME": "/",
    }
    if not names:
        del environ["LISTEN_FDNAMES"]
    assert take_passed_sockets(environ) == [PassedSocket(3 + n, name) for n, name in enumerate(expected)]
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize("pid", ["1", "", "x" + PID], ids=["another", "none", "no number"])
def test_passed_to_another_process(pid: str) -> None:
    """What was meant for another process is not taken, and not handed on."""
    environ = {"LISTEN_PID": pid, "LISTEN_FDS": "1"}
    assert take_passed_sockets(environ) == []
    assert environ == {}


@pytest.mark.parametrize("count", ["", "-1", "two", "\u0662"])
def test_count_that_is_none(count: str) -> None:
    """A count that cannot be read is refused by the name of its variable."""
    with pytest.raises(BindError, match=r"^LISTEN_FDS: .* is not a number of descriptors$"):
        take_passed_sockets({"LISTEN_PID": PID, "LISTEN_FDS": count})


# Notifications.


def test_life(manager: tuple[Manager, str]) -> None:
    """Systemd hears when the service is ready, reloads and stops, and which process it is."""
    there, address = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready("listening")
    notifier.reloading("again")
    notifier.stopping("done")
    notifier.close()
    notifier.ready("nobody hears this")
    ready, reloading, stopping = there.messages()
    assert ready == ["READY=1", f"MAINPID={PID}", "STATUS=listening"]
    assert reloading[0] == "RELOADING=1"
    assert reloading[1].startswith("MONOTONIC_USEC=")
    assert stopping == ["STOPPING=1", "STATUS=done"]


@on_each_loop
async def test_watchdog(manager: tuple[Manager, str]) -> None:
    """Systemd hears again and again that the loop turns, until the end."""
    there, address = manager
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": PID})
    notifier.start_watchdog(asyncio.get_running_loop())
    for _ in range(3):
        heard: list[list[str]] = []
        await until(lambda: heard.__iadd__(there.messages()))  # noqa: B023 - waited for at once
        assert heard[0] == ["WATCHDOG=1"]
    notifier.close()
    there.messages()
    await asyncio.sleep(0.03)
    assert there.messages() == []


async def _unwatched(address: str, extra: dict[str, str]) -> Notifier:
    notifier = Notifier({"NOTIFY_SOCKET": address, **extra})
    notifier.start_watchdog(asyncio.get_running_loop())
    return notifier


@pytest.mark.parametrize(
    "extra", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}], ids=str
)
def test_no_watchdog(manager: tuple[Manager, str], extra: dict[str, str]) -> None:
    """Who does not ask, or asks another process, does not hear that the loop turns."""
    there, address = manager
    asyncio.run(_unwatched(address, extra)).close()
    assert there.messages() == []


def test_no_systemd() -> None:
    """Without systemd nothing is opened and nothing happens."""
    notifier = Notifier({})
    notifier.ready("listening")
    notifier.close()
    assert repr(notifier) == "<Notifier None closed>"


def test_address_of_another_kind(caplog: pytest.LogCaptureFixture) -> None:
    """An address that is no Unix socket's is said in the log, and is no reason not to serve."""
    notifier = Notifier({"NOTIFY_SOCKET": "vsock:2:1"})
    notifier.ready("listening")
    assert [record.message for record in caplog.records] == [
        "NOTIFY_SOCKET: 'vsock:2:1' is not the address of a Unix socket"
    ]


def test_nobody_listens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be said is in the log, once, and is no reason to stop."""
    caplog.set_level(logging.WARNING)
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "missing")})
    notifier.ready("listening")
    notifier.stopping("done")
    notifier.close()
    assert [record.message for record in caplog.records] == [
        "cannot tell systemd READY=1: No such file or directory"
    ]

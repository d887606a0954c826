"""Drives a headless Chromium through the DevTools protocol: open pages, type, look, take a picture.

Protocol: https://chromedevtools.github.io/devtools-protocol/. Every page has a connection of its own, and
every call waits for its answer, so that a test reads from top to bottom.
"""

import base64
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from websockets.sync.client import connect

from tests.support.needs import require_program

#: Seconds within which the browser starts, answers, or shows what is waited for.
DEADLINE = 60.0

# Without the background and update switches it tries to reach the network at every start.
_SWITCHES = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-port=0",
)

#: The parts of a key event that the browser needs beside the name of the key.
_KEYS = {"Tab": 9, "Enter": 13}


class PageError(AssertionError):
    """The page did not do what was expected of it."""


class PageLeft(PageError):
    """The window went to another page while it was asked something."""


class Page:
    """One window of the browser."""

    def __init__(self, address: str) -> None:
        self._open = ExitStack()
        self._connection = self._open.enter_context(connect(address, max_size=None, open_timeout=DEADLINE))
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """Close the connection; the window goes with the browser."""
        self._open.close()

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        end = time.monotonic() + DEADLINE
        while True:
            message = json.loads(self._connection.recv(timeout=max(0.0, end - time.monotonic())))
            if "method" in message:
                self._events.append(message)
            elif message["id"] == number:
                if "error" in message:
                    raise _error(method, message["error"]["message"])
                return message["result"]

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, of a promise when it has settled."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise PageError(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Return the value of an expression once it is true; fail with the page's text if it never is."""
        end = time.monotonic() + DEADLINE
        while not (value := self._value_so_far(expression)):
            if time.monotonic() > end:
                text = self.evaluate("document.body.innerText")
                raise PageError(f"it never came true: {expression}\n{text}\n{self.complaints()}")
            time.sleep(0.02)
        return value

    def _value_so_far(self, expression: str) -> Any:
        with suppress(PageLeft):
            return self.evaluate(expression)

    def go(self, url: str) -> Self:
        """Load an address and wait until the document is complete."""
        if error := self.call("Page.navigate", url=url).get("errorText"):
            raise PageError(f"{url}: {error}")
        self.wait_for(f"location.href.startsWith({url!r}) && document.readyState === 'complete'")
        return self

    def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, *, control: bool = False) -> None:
        """Press and let go of Tab or Enter."""
        parts = {
            "key": key,
            "code": key,
            "windowsVirtualKeyCode": _KEYS[key],
            "modifiers": 2 if control else 0,
        }
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **parts, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **parts)

    def screenshot(self, path: Path) -> None:
        """Write a PNG of what the window shows."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since ``Network.enable`` was called."""
        self.evaluate("0")
        sent = (each for each in self._events if each["method"] == "Network.requestWillBeSent")
        return [each["params"]["request"]["url"] for each in sent]

    def complaints(self) -> list[str]:
        """Return the errors so far: exceptions, refused resources, breaches of the page's security policy."""
        self.evaluate("0")  # what has happened before this call has been told by its answer
        found = []
        for event in self._events:
            details = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(details["exceptionDetails"].get("exception", details)))
            elif event["method"] == "Log.entryAdded" and details["entry"]["level"] == "error":
                found.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")
        return found


def _error(method: str, reason: str) -> PageError:
    left = "navigated" in reason or "context" in reason
    return (PageLeft if left else PageError)(f"{method}: {reason}")


class Chromium:
    """A browser with a new profile, which ends with the `with` block. Skips the test where there is none.

    Args:
        profile: an empty folder of its own.
        switches: for its command line, beside those that every test needs.
    """

    def __init__(self, profile: Path, *switches: str) -> None:
        program = require_program("chromium", "chromium-browser", "google-chrome")
        self._profile = profile
        self._pages = ExitStack()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to use one as root
        with Path(profile, "stderr").open("wb") as log:
            self._process = subprocess.Popen(
                [program, *_SWITCHES, *switches, *sandbox, f"--user-data-dir={profile}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pages.close()
        self._process.terminate()
        try:
            self._process.wait(DEADLINE)
        finally:
            # Its helpers are in its process group, and end with it unless something went wrong.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def open(self, url: str, width: int = 800, height: int = 700) -> Page:
        """Open a window of this size and load an address in it."""
        host = self._address()
        with urlopen(
            Request(f"http://{host}/json/new?about:blank", method="PUT"), timeout=DEADLINE
        ) as answer:
            address = json.load(answer)["webSocketDebuggerUrl"]
        page = Page(address)
        self._pages.callback(page.close)
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        return page.go(url)

    def _address(self) -> str:
        """Return host and port of the protocol, which a browser that is ready writes into its profile."""
        ready = self._profile / "DevToolsActivePort"
        end = time.monotonic() + DEADLINE
        while not (ready.exists() and ready.read_text().count("\n")):
            if self._process.poll() is not None or time.monotonic() > end:
                raise PageError(f"the browser did not start:\n{Path(self._profile, 'stderr').read_text()}")
            time.sleep(0.02)
        return f"127.0.0.1:{ready.read_text().splitlines()[0]}"


#: Starts a browser.
Open = Callable[[], Chromium]


@contextmanager
def browsers(folder: Path) -> Iterator[Open]:
    """Start as many browsers as are asked for, each with a profile of its own in a folder, and end them."""
    with ExitStack() as started:

        def start() -> Chromium:
            profile = folder / f"profile {len(list(folder.glob('profile *')))}"
            profile.mkdir()
            return started.enter_context(Chromium(profile))

        yield start

"""What the load generator is told: which server, for how long, and which kind of load."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PATIENCE = 10.0  # seconds a server gets to give its first answer, and its last ones
REQUESTS = 10_000_000  # no measurement goes on beyond this many answers


@dataclass(frozen=True)
class Steady:
    """Every connection has one request under way, until the time is up.

    `protocol` is "http", "https" or "websocket", `expected` the body or message that returns. The certificate
    is not looked at. `path` is what HTTP asks for.
    """

    protocol: str
    expected: str
    connections: int = 64
    requests: int = REQUESTS
    path: str = "/"


@dataclass(frozen=True)
class Echoes:
    """Messages of 32 bytes on one WebSocket, `rate` a second, sent whether or not the last one is back."""

    rate: float


@dataclass(frozen=True)
class Batch:
    """HTTP requests, `rate` for each second of the measurement, timed from the first to the last answer.

    Every connection has one request under way until none is left to send. The rate is what a server can do
    at best, so that the ideal server needs just the time of the measurement. `echoes` go on meanwhile.
    """

    expected: str
    connections: int
    rate: float
    echoes: Echoes | None = None


@dataclass(frozen=True)
class Arrivals:
    """HTTP requests at fixed times, `rate` a second, each on a connection that has no request under way."""

    expected: str
    connections: int
    rate: float


@dataclass(frozen=True)
class Download:
    """`GET /SIZE` on one connection, answered with so many bytes.

    With a `pace`, in bytes a second, it is one download, read at that pace for the time of the measurement
    and the rest as fast as it comes; without, one after the other until the time is up.
    """

    size: int
    pace: float = 0.0


@dataclass(frozen=True)
class Downloads:
    """`GET PATH?size=SIZE` on several connections at once, each answered with so many bytes.

    Each is read at `pace` bytes a second. Whether a length is announced is the server's affair, as it is for
    streams: the connection ends with the body.
    """

    path: str
    size: int
    pace: float
    connections: int = 4


@dataclass(frozen=True)
class Upload:
    """`POST /` with a body of this size, answered with the size in digits, one after the other until the time
    is up.
    """

    size: int


@dataclass(frozen=True)
class RoundTrip:
    """`POST /` with a body of this size, answered with the same body; every connection has one under way."""

    size: int
    connections: int = 8


@dataclass(frozen=True)
class Multiplexed:
    """HTTP/2 in clear, with prior knowledge, by h2load: each connection has so many requests under way.

    Each of them is answered with a body of `size` bytes. Until the time is up; or until so many `requests`
    have been answered, if a number is given.
    """

    size: int
    connections: int = 10
    streams: int = 10
    requests: int = 0
    path: str = "/"


@dataclass(frozen=True)
class StreamEchoes:
    """WebSockets on streams of HTTP/2 in clear (RFC 8441): each has one message under way, as in `Steady`."""

    expected: str
    connections: int = 8
    streams: int = 8


@dataclass(frozen=True)
class Broadcast:
    """WebSockets, one of which sends a text message of so many bytes, which all of them must receive.

    When they have, it sends the next one.
    """

    size: int
    connections: int


@dataclass(frozen=True)
class Idle:
    """Connections that are used once, as `Steady` ones are, and then do nothing.

    Also "deflate" is a protocol here: WebSockets that compress (RFC 7692) the message and its echo.
    """

    protocol: str
    expected: str
    connections: int


@dataclass(frozen=True)
class Start:
    """The first request that the server answers, counted from the start of its process."""

    expected: str


@dataclass(frozen=True)
class Calls:
    """Calls that the contestant makes itself, for the time of the measurement; nothing is served."""


Load = (
    Steady
    | Batch
    | Arrivals
    | Download
    | Downloads
    | Upload
    | RoundTrip
    | Multiplexed
    | StreamEchoes
    | Broadcast
    | Idle
    | Start
    | Calls
)
KINDS: Mapping[str, type[Load]] = {
    kind.__name__: kind
    for kind in (
        Steady,
        Batch,
        Arrivals,
        Download,
        Downloads,
        Upload,
        RoundTrip,
        Multiplexed,
        StreamEchoes,
        Broadcast,
        Idle,
    )
}


@dataclass(frozen=True)
class Plan:
    """What to measure: `pid` serves on `port`; after `warm_up` seconds of load, `seconds` count."""

    pid: int
    port: int
    warm_up: float
    seconds: float
    load: Load

    def to_json(self) -> str:
        """Write the plan for the command line of the generator."""
        return json.dumps({**asdict(self), "kind": type(self.load).__name__})

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` has written."""
        fields: dict[str, Any] = json.loads(text)
        kind = KINDS[fields.pop("kind")]
        load: dict[str, Any] = fields.pop("load")
        if load.get("echoes"):
            load["echoes"] = Echoes(**load["echoes"])
        return cls(**fields, load=kind(**load))

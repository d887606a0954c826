"""Every option of uvicorn 0.54, and what somebody who comes from there should know about ours."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """An option of uvicorn's, or a setting of its `Config` that has no option.

    Attributes:
        ours: what it is called here, where that is another name; what is no option is written as it is.
        remark: what is different, or why there is none here.
    """

    option: str
    remark: str = ""
    ours: str = ""


#: In the order of uvicorn's help, then the settings that only a program can give there.
OPTIONS = (
    Peer("APP", "Several of them, of any interface, each with a prefix: see the README.", "TARGET..."),
    Peer("--host"),
    Peer("--port"),
    Peer("--uds"),
    Peer("--fd"),
    Peer("--reload", "Also restarts within a second when WebSockets or event streams are open."),
    Peer("--reload-dir"),
    Peer("--reload-include"),
    Peer("--reload-exclude"),
    Peer("--reload-delay"),
    Peer("--workers"),
    Peer(
        "--loop", "No `zuvloop`, and no import string: a program runs `Server.serve()` on a loop of its own."
    ),
    Peer("--http", "Says which versions are spoken; of each there is one implementation."),
    Peer(
        "--http2", "Over TLS, and with `--http2-cleartext` in clear; for WSGI and WebSockets too.", "--http"
    ),
    Peer(
        "--ws",
        'There is one implementation; `protocols = ["http"]` in a route refuses WebSockets, as `none` does.',
    ),
    Peer("--ws-max-size"),
    Peer("--ws-max-queue"),
    Peer("--ws-ping-interval", "0 sends no pings."),
    Peer(
        "--ws-ping-timeout",
        "Anything that the client sends is a sign of life, and time counts only while a pong could be seen.",
    ),
    Peer(
        "--ws-per-message-deflate",
        "With uvicorn's window, and tunable; messages below `--ws-deflate-threshold` are sent as they are.",
    ),
    Peer("--lifespan"),
    Peer(
        "--interface",
        "Seldom needed: what an application is, WSGI included, is found out without calling it.",
    ),
    Peer("--env-file", "`HYBRID_` variables in it count; uvicorn passes over its own."),
    Peer("--log-config"),
    Peer("--log-level", "No `trace`: `debug` is the lowest."),
    Peer("--access-log"),
    Peer("--use-colors"),
    Peer("--proxy-headers", "More than the client and the scheme can be believed: `--forwarded-fields`."),
    Peer("--server-header"),
    Peer("--date-header"),
    Peer(
        "--forwarded-allow-ips",
        "Believes Unix sockets by default (`unix`). With `*` the client is the right-most address, not the "
        "left-most, which anybody can choose.",
    ),
    Peer("--root-path", "WSGI applications find it in SCRIPT_NAME."),
    Peer(
        "--limit-concurrency",
        "Counts requests that are being answered, not connections. Others wait first, in a bounded queue; "
        "`--limit-concurrency-queue 0` answers 503 at once.",
    ),
    Peer("--backlog"),
    Peer("--limit-max-requests", "0 and not `None` is no limit, as for the others."),
    Peer("--limit-max-requests-jitter"),
    Peer("--timeout-keep-alive"),
    Peer("--timeout-graceful-shutdown", "30 s and not for ever, unless it is set."),
    Peer("--timeout-worker-healthcheck"),
    Peer("--ssl-keyfile"),
    Peer("--ssl-certfile"),
    Peer("--ssl-keyfile-password"),
    Peer(
        "--ssl-version",
        "The protocol is always negotiated, TLS 1.2 or newer; a constant of the `ssl` module could only "
        "narrow it.",
        "--ssl-minimum-version",
    ),
    Peer("--ssl-cert-reqs"),
    Peer("--ssl-ca-certs"),
    Peer("--ssl-ciphers"),
    Peer("--header", "A field that an application sends itself is not sent twice."),
    Peer("--version", "", "hybrid --version"),
    Peer("--app-dir", "`.` and not the empty text; it means the same."),
    Peer(
        "--h11-max-incomplete-event-size",
        "For a head as a whole; its line, the number of its fields and each of them have limits, too.",
        "--limit-request-head",
    ),
    Peer("--reset-contextvars"),
    Peer("--factory", "For all targets; `factory = true` in a route is for one."),
    Peer("callback_notify", "Programs only, as there."),
    Peer("timeout_notify"),
    Peer("ssl_context_factory", "Programs only, as there; called with the same arguments."),
    Peer("headers", "`--header` on the command line; a program gives the same texts, `Name: value`."),
)

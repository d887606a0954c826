"""What a "no" or a "partly" in the table needs in words, so that it is read as what it is."""

from dataclasses import dataclass

_ASGI = ("uvicorn + hybrid", "uvicorn + a2wsgi", "uvicorn + asgiref", "Hypercorn")


@dataclass(frozen=True)
class Remark:
    """A remark, and the places in the table, contestant and check, that it is about."""

    text: str
    places: frozenset[tuple[str, str]]


def _about(checks: str, *names: str) -> frozenset[tuple[str, str]]:
    return frozenset((name, check) for name in names for check in checks.split())


REMARKS = (
    Remark(
        "A reason phrase: ASGI has no place for it, so that no bridge can pass it on.",
        _about("reason injected-status", *_ASGI),
    ),
    Remark(
        "Early hints under uvicorn: with HTTP/1.1 it has no way to send them. The bridge offers them to "
        "applications all the same where it can, and where it cannot they have no effect.",
        _about("early-hints", "uvicorn + hybrid"),
    ),
    Remark(
        "asgiref runs one request at a time on purpose: `sync_to_async` has one thread for all of them, for "
        "code that is not safe with several.",
        _about("multithread", "uvicorn + asgiref"),
    ),
    Remark(
        "granian looks at status and header fields when the application returns, and only then at the body: "
        "what an iterator does with them comes too late.",
        _about("late held error-first", "granian"),
    ),
    Remark(
        "gunicorn leaves hop-by-hop header fields out and goes on, which harms the connection as little.",
        _about("hop-by-hop", "gunicorn"),
    ),
    Remark(
        "PEP 3333 says nothing of cookies in several lines, underscores and `Proxy`. There are good reasons "
        "for these rules, but a server without them breaks no PEP, and a proxy in front may see to them.",
        _about("cookie underscores httpoxy", *_ASGI, "granian", "gunicorn", "waitress"),
    ),
    Remark(
        "Hypercorn keeps a request body in memory on purpose, and refuses more than 16 MiB unless its "
        "`wsgi_max_body_size` is raised, as it is here.",
        _about("upload-memory", "Hypercorn"),
    ),
)

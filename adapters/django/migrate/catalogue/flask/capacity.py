"""What costs more, or holds more, on threads."""

from typing import Final

from hybrid.adapters.django.migrate.catalogue.flask.addresses import FLASK, GUNICORN
from hybrid.adapters.django.migrate.catalogue.shorthand import (
    IMPORT,
    NONE,
    NOTE,
    SETTING,
    STATIC,
    SUGGEST,
    WARNING,
    WSGI,
)
from hybrid.adapters.django.migrate.rule import Rule

CAPACITY: Final = (
    Rule(
        "HF301",
        WARNING,
        WSGI,
        (STATIC,),
        SETTING,
        "It is served by greenlets now",
        "Hundreds of requests that wait cost little there. On threads each of them has one of "
        "--threads: set it to as many as wait at once.",
        f"{GUNICORN}design.html#async-workers",
    ),
    Rule(
        "HF302",
        WARNING,
        WSGI,
        (STATIC,),
        SUGGEST,
        "An asynchronous view makes the event loop wait",
        "hybrid runs asynchronous views of Flask on the server's own event loop: everybody waits for a "
        "call that blocks. Make the view synchronous, or await something that does not block.",
        f"{FLASK}async-await/#performance",
    ),
    Rule(
        "HF303",
        WARNING,
        WSGI,
        (STATIC,),
        SUGGEST,
        "A stream without an end holds a thread for each client",
        "As many clients as there are threads, and nothing else is answered. Serve it by an ASGI "
        "application or a WebSocket beside Flask, or take as many --threads as there are clients.",
        f"{FLASK}patterns/streaming/",
    ),
    Rule(
        "HF304",
        NOTE,
        WSGI,
        (IMPORT,),
        NONE,
        "An asynchronous view holds a thread as well",
        "It runs on the event loop, and a thread waits for it with Flask's contexts: it saves no "
        "threads. What only waits is better off as an ASGI application beside Flask.",
        f"{FLASK}async-await/#performance",
    ),
    Rule(
        "HF305",
        NOTE,
        WSGI,
        (STATIC,),
        NONE,
        "A streamed response holds a thread until its end",
        "The thread writes for as long as the client reads, within --timeout-write. The iterator is "
        "closed when the client leaves.",
        f"{FLASK}patterns/streaming/",
    ),
    Rule(
        "HF306",
        WARNING,
        WSGI,
        (STATIC,),
        SUGGEST,
        "Importing the application starts a thread or a scheduler",
        "Each worker process imports the application, and has one: jobs run several times. Start it in "
        "a process of its own, or take one worker.",
        "https://apscheduler.readthedocs.io/en/3.x/faq.html",
    ),
    Rule(
        "HF307",
        NOTE,
        WSGI,
        (IMPORT,),
        SETTING,
        "The server has a limit of its own for bodies",
        "hybrid takes a body up to --limit-request-body (1 GiB) before Flask sees the request, and "
        "Flask refuses it then. Set both to the same.",
        f"{FLASK}config/#MAX_CONTENT_LENGTH",
    ),
    Rule(
        "HF308",
        WARNING,
        WSGI,
        (STATIC,),
        SUGGEST,
        "An adapter makes an ASGI application of it",
        "asgiref's WsgiToAsgi runs one request at a time, and others have no bounds. hybrid serves the "
        "Flask application itself, beside ASGI applications.",
        f"{FLASK}deploying/asgi/",
    ),
)

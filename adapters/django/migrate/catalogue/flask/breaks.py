"""What breaks on threads, or is insecure."""

from typing import Final

from hybrid.adapters.django.migrate.catalogue.flask.addresses import FLASK, PYTHON, SOCKETIO
from hybrid.adapters.django.migrate.catalogue.shorthand import (
    BOTH,
    ERROR,
    IMPORT,
    SETTING,
    STATIC,
    SUGGEST,
    WARNING,
    WSGI,
)
from hybrid.adapters.django.migrate.rule import Rule

BREAKS: Final = (
    Rule(
        "HF101",
        ERROR,
        WSGI,
        (STATIC, IMPORT),
        SUGGEST,
        "A WebSocket extension that only works in one server",
        "Flask-Sockets needs gevent-websocket, and Flask-uWSGI-WebSocket uWSGI, as the server. "
        "hybrid.adapters.flask.WebSockets has the same routes; flask-sock works as well.",
        "https://github.com/heroku-python/flask-sockets#readme",
    ),
    Rule(
        "HF102",
        ERROR,
        WSGI,
        (STATIC,),
        SUGGEST,
        "A variable of the environ is used that one server alone sets",
        "PEP 3333 has none of them: elsewhere the key is missing. So is the module uwsgi, which uWSGI makes.",
        "https://peps.python.org/pep-3333/#environ-variables",
    ),
    Rule(
        "HF103",
        ERROR,
        WSGI,
        (STATIC,),
        SUGGEST,
        "A view uses what works in the main thread alone",
        "signal.signal() and signal.set_wakeup_fd() raise ValueError on a thread, so that a limit by "
        "signal.alarm() cannot be set there; gunicorn's synchronous workers run views in the main one.",
        f"{PYTHON}signal.html#signals-and-threads",
    ),
    Rule(
        "HF104",
        ERROR,
        WSGI,
        (STATIC, IMPORT),
        SUGGEST,
        "gevent or eventlet patches the process",
        "The server's event loop does not work with patched sockets and threads. Leave the patch to "
        "the server that needs it.",
        "https://github.com/benoitc/gunicorn/issues/3000",
    ),
    Rule(
        "HF105",
        ERROR,
        WSGI,
        (STATIC, IMPORT),
        SETTING,
        "Flask-SocketIO runs on greenlets",
        "async_mode is eventlet or gevent, by what it is given or because that is installed. Give it "
        "async_mode='threading': hybrid serves that, WebSockets too.",
        f"{SOCKETIO}intro.html#requirements",
    ),
    Rule(
        "HF106",
        ERROR,
        WSGI,
        (IMPORT,),
        SETTING,
        "An asynchronous view without flask[async]",
        "Flask raises RuntimeError for each request. Install Flask with its extra async.",
        f"{FLASK}async-await/",
    ),
    Rule(
        "HF107",
        ERROR,
        WSGI,
        (STATIC,),
        SUGGEST,
        "Synchronous code asks for the event loop of its thread",
        "asyncio.get_event_loop() raises RuntimeError on a thread other than the main one, and one "
        "loop of a module cannot run for two threads at once. Use asyncio.run().",
        f"{PYTHON}asyncio-eventloop.html#asyncio.get_event_loop",
    ),
    Rule(
        "HF108",
        WARNING,
        WSGI,
        (STATIC,),
        SUGGEST,
        "Something is used that Flask does not have any more",
        "Flask 2.3 and 3 have taken it away: the application does not start with them, on any server.",
        f"{FLASK}changes/#version-2-3-0",
    ),
    Rule(
        "HF109",
        ERROR,
        WSGI,
        (STATIC,),
        SUGGEST,
        "A connection of sqlite3 is made for all threads",
        "It belongs to the thread that has made it, and raises ProgrammingError on others. Make it for "
        "each request, in flask.g.",
        f"{FLASK}patterns/sqlite3/",
    ),
    Rule(
        "HF110",
        ERROR,
        WSGI,
        (STATIC,),
        SUGGEST,
        "A Session of SQLAlchemy is shared by all threads",
        "A Session is for one thread at a time: requests that run at once see each other's "
        "transactions, or fail. Use scoped_session, or Flask-SQLAlchemy.",
        "https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks",
    ),
    Rule(
        "HF111",
        ERROR,
        WSGI,
        (STATIC,),
        SUGGEST,
        "Importing the module starts a server",
        "app.run() at the top of a module never returns, so that no other server gets the application. "
        'Put it below if __name__ == "__main__".',
        f"{FLASK}api/#flask.Flask.run",
    ),
    Rule(
        "HF201",
        ERROR,
        BOTH,
        (STATIC,),
        SUGGEST,
        "Something of a request is kept in a global",
        "Requests that run at once on other threads read it, as if it were theirs. Keep it in flask.g, "
        "or in the session.",
        f"{FLASK}api/#flask.g",
    ),
    Rule(
        "HF202",
        WARNING,
        WSGI,
        (STATIC, IMPORT),
        SETTING,
        "ProxyFix believes whoever connects",
        "It does not look at who sends the fields. hybrid does what it does, for the proxies of "
        "--forwarded-allow-ips alone: leave it out, or let nobody but the proxy reach the port.",
        f"{FLASK}deploying/proxy_fix/",
    ),
)

"""What means something else on threads or in Quart, and WebSockets."""

from typing import Final

from hybrid.adapters.django.migrate.catalogue.flask.addresses import FLASK, PYTHON, SOCKETIO
from hybrid.adapters.django.migrate.catalogue.shorthand import (
    ASGI,
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

MEANING: Final = (
    Rule(
        "HF401",
        WARNING,
        WSGI,
        (STATIC,),
        SUGGEST,
        "A request changes the process for all requests",
        "The working directory, the environment, the locale and standard output are the process's: "
        "requests that run at once see the change.",
        f"{PYTHON}os.html#os.chdir",
    ),
    Rule(
        "HF402",
        WARNING,
        WSGI,
        (STATIC,),
        SUGGEST,
        "A global is read, changed and written by requests",
        "Two threads that do so at once lose one of the changes, and each process has its own. Hold a "
        "threading.Lock meanwhile, or keep it in a database.",
        f"{PYTHON}threading.html#lock-objects",
    ),
    Rule(
        "HF403",
        WARNING,
        WSGI,
        (STATIC,),
        SUGGEST,
        "Something of a request is kept in a threading.local",
        "Threads serve one request after another, and each sees what the one before has left; "
        "asynchronous views run on another thread and see nothing. Keep it in flask.g.",
        f"{FLASK}api/#flask.g",
    ),
    Rule(
        "HF404",
        NOTE,
        WSGI,
        (STATIC,),
        NONE,
        "Code asks whether it runs on several threads or processes",
        "On hybrid wsgi.multithread is true, and wsgi.multiprocess with several workers.",
        "https://peps.python.org/pep-3333/#environ-variables",
    ),
    Rule(
        "HF405",
        NOTE,
        WSGI,
        (IMPORT,),
        SUGGEST,
        "The target is something around the Flask object",
        "Its WebSockets are not found by themselves then, and its test client and command pass it by. "
        "Put middleware around app.wsgi_app; what is mounted beside it can be a target of its own.",
        f"{FLASK}quickstart/#hooking-in-wsgi-middleware",
    ),
    Rule(
        "HF406",
        NOTE,
        WSGI,
        (STATIC,),
        SETTING,
        "Middleware sets SCRIPT_NAME",
        "WebSockets do not follow it. --root-path says a fixed prefix, and --forwarded-fields "
        "for,proto,prefix lets a proxy say it.",
        f"{FLASK}deploying/proxy_fix/",
    ),
    Rule(
        "HF407",
        NOTE,
        WSGI,
        (STATIC,),
        NONE,
        "Something lives on behind an asynchronous view",
        "hybrid runs all of them on one event loop, so that tasks go on and clients can be shared. "
        "Elsewhere each request has a loop of its own: tasks are cancelled, and clients fail with the "
        "second request.",
        f"{FLASK}async-await/#background-tasks",
    ),
    Rule(
        "HF408",
        NOTE,
        ASGI,
        (STATIC,),
        NONE,
        "What would have to be awaited in Quart",
        "There request.form, get_json(), render_template() and others are asynchronous, and so is "
        "every view that uses them. Threads ask for none of this.",
        "https://quart.palletsprojects.com/en/latest/how_to_guides/flask_migration.html",
    ),
    Rule(
        "HF501",
        NOTE,
        WSGI,
        (STATIC,),
        NONE,
        "flask-sock holds a thread for each WebSocket",
        "It is served as it is, with --websocket-threads (100). hybrid.adapters.flask.WebSockets has "
        "the same routes, and coroutine functions that hold none; it also refuses pages of other "
        "sites.",
        "https://flask-sock.readthedocs.io/en/latest/web_servers.html",
    ),
    Rule(
        "HF502",
        NOTE,
        WSGI,
        (STATIC,),
        SETTING,
        "Flask-SocketIO without a message queue knows one process",
        "What one worker process emits does not reach clients of another. Give it a message_queue, and "
        "a proxy that keeps a client at its worker, or take one worker.",
        f"{SOCKETIO}deployment.html#using-multiple-workers",
    ),
)
